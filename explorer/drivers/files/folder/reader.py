"""Reader of a folder. All functions here block, and run in the thread of the connection."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from explorer.drivers.files.atomic_file import FileTag, digest, is_reserved, read_file, too_large
from explorer.drivers.files.errors import display_path, translate, translated
from explorer.drivers.files.folder.keyspace import DIRECTORY_REVISION, FileKind, FileNode, FolderKeyspace
from explorer.model.entries import Entry
from explorer.model.errors import CallNotSupported, ExplorerError, InvalidKey, KeyNotFound, NotReachable
from explorer.model.keys import decode

MAX_DIGEST_SIZE: Final = 8 << 20
"""Bytes up to which the revision of a file is the digest of its bytes; beyond, its inode, size and time."""
_GONE: Final = (errno.ENOENT, errno.ENOTDIR)
_OUTSIDE: Final = "the symlink leads outside; ?follow=true follows it"
_LINKED_FOLDER: Final = "a symlink to a folder; ?follow=true follows it"
_BROKEN: Final = "the symlink leads nowhere"
_SPECIAL: Final = "a fifo, a socket or a device is never opened"


@dataclass(frozen=True, slots=True)
class FolderReader:
    """Reads the files below a folder.

    Args:
        keyspace: The keys of the folder.
        follow: True to follow symlinks wherever they lead.
        max_value: Bytes of the largest value that is read.
    """

    keyspace: FolderKeyspace
    follow: bool
    max_value: int

    def find(self, key: str) -> FileNode | None:
        """Return the file of a key; None if there is none."""
        path = self.keyspace.to_path(key)
        if not self.follow and not self._has_plain_parents(path):
            return None
        return self._node(key, path)

    def require_root(self) -> None:
        """Raise NotReachable if the folder itself is gone, as on a file system that is no longer mounted."""
        if not os.path.isdir(self.keyspace.root):
            raise NotReachable(f"the folder is gone: {display_path(self.keyspace.root)}", sent=False)

    def names(self, folder: bytes) -> list[tuple[bytes, bool]] | None:
        """Return the names in a folder in order, and whether each is a folder; None if it is none.

        Raises:
            Forbidden: The folder may not be listed.
        """
        try:
            if not self.follow and folder != self.keyspace.root and not self._is_plain_folder(folder):
                return None
            with os.scandir(folder) as entries:
                found = [(entry.name, self._is_folder(entry)) for entry in entries if not is_reserved(entry.name)]
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise translate(error, folder) from error
        found.sort()
        return found

    def nodes(self, folder: bytes) -> list[FileNode]:
        """Return the files in a folder in the order of their names; none if it is gone or may not be listed."""
        try:
            names = self.names(folder) or []
        except ExplorerError:
            return []
        base = self.keyspace.to_key(folder)
        found = []
        for name, _ in names:
            child = decode(name)
            if node := self._node(f"{base}/{child}" if base else child, os.path.join(folder, name)):
                found.append(node)
        return found

    def walk(self, folder: bytes) -> Iterator[FileNode]:
        """Yield all files below a folder, each before those below it."""
        pending = [(iter(self.nodes(folder)), frozenset[tuple[int, int]]())]
        while pending:
            nodes, above = pending[-1]
            node = next(nodes, None)
            if node is None:
                pending.pop()
                continue
            yield node
            identity = (node.status.st_dev, node.status.st_ino)
            if node.kind is FileKind.DIRECTORY and identity not in above:
                pending.append((iter(self.nodes(self.keyspace.to_folder(node.key))), above | {identity}))

    def entry(self, node: FileNode) -> Entry:
        """Return the entry of a file with its value.

        Raises:
            TooLarge: The value is larger than the limit.
            Forbidden: The file may not be read.
            KeyNotFound: It is gone.
            CallNotSupported: It is a special file, or a symlink that is not followed.
        """
        if node.kind is FileKind.DIRECTORY:
            return node.entry(None, DIRECTORY_REVISION)
        if node.kind is not FileKind.FILE:
            raise CallNotSupported(node.note or "the file has no value", hint="its folder lists it; it can be deleted")
        return self._read(node)[1]

    def listed(self, nodes: Iterable[FileNode], *, values: bool) -> list[Entry]:
        """Return the entries of files; one that cannot be read says so, and one that is gone is left out."""
        return [entry for _, entry in self.read(nodes, values=values)]

    def read(self, nodes: Iterable[FileNode], *, values: bool) -> list[tuple[FileNode, Entry]]:
        """Return the files as they were when they were read, which may be later than they were found, as `listed`."""
        found: list[tuple[FileNode, Entry]] = []
        for node in nodes:
            try:
                if node.kind is FileKind.FILE and node.status.st_size > (self.max_value if values else MAX_DIGEST_SIZE):
                    note = too_large(node.status.st_size, self.max_value).message if values else None
                    found.append((node, node.entry(None, _tag_revision(FileTag.of(node.status)), note)))
                    continue
                read, entry = self._read(node) if node.kind is FileKind.FILE else (node, self.entry(node))
            except KeyNotFound:
                continue
            except ExplorerError as error:
                found.append((node, node.entry(None, _revision_of(node), error.message)))
                continue
            found.append((read, entry if values else entry._replace(value=None)))
        return found

    def _read(self, node: FileNode) -> tuple[FileNode, Entry]:
        with translated(node.path):
            content = read_file(node.path, self.max_value)
        read = FileNode(node.key, node.path, node.kind, content.status, node.target)
        return read, read.entry(content.data, revision(content.data, content.tag))

    # Symlinks

    def _node(self, key: str, path: bytes) -> FileNode | None:
        """Return the file at a path, whose parents are known to be no symlinks that must not be followed."""
        try:
            status = os.lstat(path)
            if not stat.S_ISLNK(status.st_mode):
                return _plain(key, path, status, None)
            target, real = decode(os.readlink(path)), os.path.realpath(path)
            if not self.follow and not self._is_inside(real):
                return FileNode(key, path, FileKind.SYMLINK, status, target, _OUTSIDE)
            try:
                behind = os.stat(real)
            except OSError:
                return FileNode(key, path, FileKind.SYMLINK, status, target, _BROKEN)
            if stat.S_ISDIR(behind.st_mode) and not self.follow:
                return FileNode(key, path, FileKind.SYMLINK, status, target, _LINKED_FOLDER)
            return _plain(key, real, behind, target)
        except OSError as error:
            if error.errno in _GONE:
                return None
            raise translate(error, path) from error

    def _is_inside(self, path: bytes) -> bool:
        return path.startswith(self.keyspace.root.rstrip(b"/") + b"/")

    def _has_plain_parents(self, path: bytes) -> bool:
        parent = os.path.dirname(path)
        return parent == self.keyspace.root or self._is_plain_folder(parent)

    def _is_plain_folder(self, folder: bytes) -> bool:
        """Return whether a path has no symlink in it; the root has none."""
        return os.path.realpath(folder) == folder

    def _is_folder(self, entry: os.DirEntry[bytes]) -> bool:
        try:
            return entry.is_dir(follow_symlinks=self.follow)
        except OSError:
            return False


def revision(data: bytes, tag: FileTag) -> str:
    """Return the revision of a file."""
    return digest(data) if len(data) <= MAX_DIGEST_SIZE else _tag_revision(tag)


def _tag_revision(tag: FileTag) -> str:
    return f"{tag.inode:x}-{tag.size:x}-{tag.modified:x}"


def _revision_of(node: FileNode) -> str:
    """Return the revision of a file whose value is not read."""
    return f"{node.kind.value} {node.target or ''} {_tag_revision(FileTag.of(node.status))}".replace("  ", " ")


def _plain(key: str, path: bytes, status: os.stat_result, target: str | None) -> FileNode:
    """Return a file that is no symlink, or what a symlink leads to."""
    if stat.S_ISREG(status.st_mode):
        return FileNode(key, path, FileKind.FILE, status, target)
    if stat.S_ISDIR(status.st_mode):
        return FileNode(key, path, FileKind.DIRECTORY, status, target)
    return FileNode(key, path, FileKind.SPECIAL, status, target, _SPECIAL)


def require_plain_parents(reader: FolderReader, path: bytes) -> None:
    """Raise InvalidKey if a parent of a path is a symlink that is not followed."""
    parent = os.path.dirname(path)
    while parent != reader.keyspace.root and not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    if not reader.follow and parent != reader.keyspace.root and os.path.realpath(parent) != parent:
        raise InvalidKey("a parent of this key is a symlink", hint="?follow=true follows it")
