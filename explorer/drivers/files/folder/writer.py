"""Writer of a folder: every write holds the lock of the folder that the file is in."""

import errno
import os
from contextlib import suppress
from typing import Final

from explorer.drivers.common.errors import key_exists, key_modified, key_not_found, previous_missing
from explorer.drivers.files.atomic_file import FileTag, remove_file, remove_stale_files, write_file
from explorer.drivers.files.connection import FilesConnection
from explorer.drivers.files.errors import translate, translated
from explorer.drivers.files.folder.keyspace import DIRECTORY_REVISION, FileKind, FileNode
from explorer.drivers.files.folder.reader import FolderReader, require_plain_parents, revision
from explorer.drivers.files.folder_lock import LOCK_FILE, locked
from explorer.model.entries import NO_META, Entry, Meta, Revision
from explorer.model.errors import Conflict, InvalidKey
from explorer.model.operations import ABSENT, Expected

_PARENT_IS_FILE: Final = "a parent of this key is a file and cannot be a directory"


class FolderWriter:
    """Writes files one at a time; see `Store`.

    Args:
        connection: The connection.
        reader: Reads what is there.
    """

    def __init__(self, connection: FilesConnection, reader: FolderReader) -> None:
        self._connection = connection
        self._reader = reader
        self._cleaned: set[bytes] = set()
        """Folders whose stale temporary files were removed."""

    async def put(self, key: str, value: bytes, *, ttl: float | None = None, keep_alive: bool = False) -> Entry:
        del ttl, keep_alive  # the store refuses them
        while True:
            with suppress(Conflict):
                return await self._connection.run_locked(lambda: self._write(key, value, None))

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        del ttl, meta  # the store refuses them
        expected = ABSENT if previous is None else previous
        return await self._connection.run_locked(lambda: self._write(key, value, expected))

    async def delete(self, key: str) -> None:
        while True:
            with suppress(Conflict):
                return await self._connection.run_locked(lambda: self._delete(key, None))

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        if previous is None:
            raise previous_missing()
        await self._connection.run_locked(lambda: self._delete(key, previous))

    async def make_directory(self, key: str) -> Entry:
        """Make a directory and those above it; one that exists stays as it is."""
        return await self._connection.run_locked(lambda: self._make_directory(key))

    # In the thread of the connection

    def _write(self, key: str, value: bytes, expected: Expected) -> Entry:
        path, reader = self._reader.keyspace.to_path(key), self._reader
        require_plain_parents(reader, path)
        self._require_expected(reader.find(key), expected)
        made = self._make_folders(os.path.dirname(path))
        try:
            found = reader.find(key)
            real = path if found is None else found.path
            with locked([os.path.dirname(real)]):
                self._clean(os.path.dirname(real))
                node = reader.find(key)
                self._require_expected(node, expected)
                _require_file(node)
                self._require_unchanged(key, found)
                write_file(real, value, create=node is None, check=lambda: self._require_unchanged(key, node))
                status = os.stat(real)
        except BaseException:
            _remove_folders(made)
            raise
        written = FileNode(key, real, FileKind.FILE, status, node.target if node else None)
        return written.entry(value, revision(value, FileTag.of(status)))

    def _delete(self, key: str, expected: Expected) -> None:
        path, reader = self._reader.keyspace.to_path(key), self._reader
        if reader.find(key) is None:
            raise key_not_found()
        with locked([os.path.dirname(path)]):
            node = reader.find(key)
            if node is None:
                raise key_not_found()
            self._require_expected(node, expected)
            self._require_unchanged(key, node)
            if node.kind is FileKind.DIRECTORY and node.target is None:
                _remove_own_files(path)
            remove_file(path)

    def _make_directory(self, key: str) -> Entry:
        path = self._reader.keyspace.to_path(key)
        require_plain_parents(self._reader, path)
        self._make_folders(path)
        node = self._reader.find(key)
        if node is None:
            raise key_modified()
        return node.entry(None, DIRECTORY_REVISION)

    def _require_expected(self, node: FileNode | None, expected: Expected) -> None:
        """Raise KeyExists or KeyModified if a file is not the one that was read."""
        if expected is None:
            return
        if expected is ABSENT:
            if node is not None:
                raise key_exists()
            return
        if node is None:
            raise key_modified()
        found = self._reader.listed([node], values=True)
        known = expected.revision if isinstance(expected, Entry) else expected
        if not found or found[0].revision != known:
            raise key_modified()
        if isinstance(expected, Entry) and expected.value is not None and found[0].value != expected.value:
            raise key_modified()

    def _require_unchanged(self, key: str, node: FileNode | None) -> None:
        """Raise KeyExists or KeyModified if a program that takes no lock wrote meanwhile."""
        now = self._reader.find(key)
        if (now and now.tag) != (node and node.tag):
            raise key_exists() if node is None else key_modified()

    def _make_folders(self, folder: bytes) -> list[bytes]:
        """Make a folder and those above it, and return those that were made."""
        missing = []
        while folder != self._reader.keyspace.root and not os.path.isdir(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        made: list[bytes] = []
        for path in reversed(missing):
            try:
                os.mkdir(path)
            except FileExistsError as error:
                if os.path.isdir(path):
                    continue
                _remove_folders(made)
                raise InvalidKey(_PARENT_IS_FILE, hint="choose another key") from error
            except OSError as error:
                _remove_folders(made)
                raise translate(error, path) from error
            made.append(path)
        return made

    def _clean(self, folder: bytes) -> None:
        if folder not in self._cleaned:
            self._cleaned.add(folder)
            remove_stale_files(folder)


def _require_file(node: FileNode | None) -> None:
    """Raise InvalidKey if a key is there and cannot have a value."""
    if node is None or node.kind is FileKind.FILE:
        return
    if node.kind is FileKind.DIRECTORY:
        raise InvalidKey("the key is a directory, which has no value", hint="write the value to a key below it")
    raise InvalidKey(node.note or "the key has no value", hint="nothing was written")


def _remove_folders(folders: list[bytes]) -> None:
    """Remove the empty folders that a failed write made."""
    for folder in reversed(folders):
        with suppress(OSError):
            os.rmdir(folder)


def _remove_own_files(folder: bytes) -> None:
    """Remove the lock and stale files of a folder that has no others, so that it is empty."""
    remove_stale_files(folder)
    with suppress(OSError):
        if os.listdir(folder) == [LOCK_FILE]:
            os.unlink(os.path.join(folder, LOCK_FILE))


def delete_unchanged(reader: FolderReader, nodes: list[FileNode]) -> tuple[int, bool]:
    """Delete files of one folder, each only as it was found.

    Args:
        reader: Reads what is there.
        nodes: Files in one folder.

    Returns:
        The number of deleted files, and whether a directory was not empty.
    """
    paths = [reader.keyspace.to_path(node.key) for node in nodes]
    folder, deleted, not_empty = os.path.dirname(paths[0]), 0, False
    if not os.path.isdir(folder):
        return 0, False
    with locked([folder]):
        for node, path in zip(nodes, paths, strict=True):
            now = reader.find(node.key)
            if now is None or now.tag != node.tag:
                continue
            if node.kind is FileKind.DIRECTORY and node.target is None:
                _remove_own_files(path)
            try:
                with translated(path):
                    _remove(node, path)
            except InvalidKey as error:
                if not (isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENOTEMPTY):
                    raise
                not_empty = True
            else:
                deleted += 1
    return deleted, not_empty


def _remove(node: FileNode, path: bytes) -> None:
    if node.kind is FileKind.DIRECTORY and node.target is None:
        os.rmdir(path)
    else:
        os.unlink(path)
