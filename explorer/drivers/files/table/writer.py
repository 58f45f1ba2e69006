"""Writer of files with many keys: every write is one replacement of one file, compared and made under its lock."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from explorer.drivers.common.errors import (
    key_exists,
    key_modified,
    key_not_found,
    nothing_below,
    previous_missing,
)
from explorer.drivers.common.transaction import Transacted, with_key
from explorer.drivers.files.atomic_file import read_file, remove_stale_files, write_file
from explorer.drivers.files.connection import FilesConnection
from explorer.drivers.files.errors import UnreadableFileError
from explorer.drivers.files.folder_lock import locked
from explorer.drivers.files.table.reader import Table, TableReader
from explorer.drivers.files.table.table_file import EMPTY_DIRECTORY, TableFile
from explorer.model.entries import NO_META, Entry, Meta, Revision
from explorer.model.errors import CallNotSupported, ExplorerError, InvalidKey, InvalidText
from explorer.model.keys import directory, encode
from explorer.model.operations import ABSENT, DeleteOperation, Expected, Operation, PutOperation
from explorer.model.sanitize import sanitize

_MAX_TRIES: Final = 5
"""Times that a write begins anew because another program changed the file."""


class _WrittenMeanwhileError(Exception):
    """Another program changed the file."""


class TableWriter:
    """Writes keys; see `Store`.

    Args:
        connection: The connection.
        reader: Reads the files.
    """

    def __init__(self, connection: FilesConnection, reader: TableReader) -> None:
        self._connection = connection
        self._reader = reader
        self._cleaned: set[bytes] = set()
        """Folders whose stale temporary files were removed."""

    async def put(self, key: str, value: bytes, *, ttl: float | None = None, keep_alive: bool = False) -> Entry:
        del ttl, keep_alive  # the store refuses them
        return _entry(await self.transact([PutOperation(key, value)]))

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
        return _entry(await self.transact([PutOperation(key, value, ABSENT if previous is None else previous)]))

    async def delete(self, key: str) -> None:
        await self._connection.run_locked(lambda: self._apply([DeleteOperation(key)], must_exist=True))

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        if previous is None:
            raise previous_missing()
        operation = DeleteOperation(key, previous)
        await self._connection.run_locked(lambda: self._apply([operation], must_exist=True))

    async def transact(self, operations: Sequence[Operation]) -> Transacted:
        return await self._connection.run_locked(lambda: self._apply(operations))

    async def make_directory(self, key: str) -> Entry:
        """Make an empty object; a directory that exists stays as it is."""
        return await self._connection.run_locked(lambda: self._make_directory(key))

    async def delete_tree(self, prefix: str) -> int:
        """Delete everything below a directory, in each file at once, and return the number of entries."""
        return await self._connection.run_locked(lambda: self._delete_tree(prefix))

    # In the thread of the connection

    def _apply(self, operations: Sequence[Operation], *, must_exist: bool = False) -> Transacted:
        with locked([self._connection.settings.folder]):
            for tries in range(_MAX_TRIES):
                table = self._read(again=tries > 0)
                changes: dict[str, str | None] = {}
                for operation in operations:
                    self._check(table, operation, must_exist=must_exist)
                    if isinstance(operation, PutOperation):
                        changes[operation.key] = _value(operation)
                    elif operation.key in table.by_key:
                        changes[operation.key] = None
                self._require_leaves(table, changes)
                try:
                    self._write(table, changes)
                except _WrittenMeanwhileError:
                    continue
                after = self._read(again=False)
                return tuple(
                    after.entry(operation.key) if isinstance(operation, PutOperation) else None
                    for operation in operations
                )
        raise key_modified()

    def _read(self, *, again: bool) -> Table:
        """Return the table; with `again`, without trust in the times of files."""
        return self._reader.read(trust_times=self._connection.settings.is_folder and not again)

    def _make_directory(self, key: str) -> Entry:
        with locked([self._connection.settings.folder]):
            table = self._read(again=True)
            _require_key(key)
            if (found := table.entry(key)) is None:
                self._write(table, {key: EMPTY_DIRECTORY})
                found = self._read(again=True).entry(key)
            if found is None:
                raise key_modified()
            if found.value is not None:
                raise InvalidKey("the key has a value and cannot be a directory", hint="choose another key")
            return found

    def _delete_tree(self, prefix: str) -> int:
        base = directory(prefix, self._connection.settings.separator)
        with locked([self._connection.settings.folder]):
            table = self._read(again=True)
            found = [*table.after(base, None)]
            if not found:
                raise nothing_below()
            changes: dict[str, str | None] = dict.fromkeys(found)
            if table.files[0].layout.has_directories:  # what is below a deleted directory goes with it
                changes = {key: None for key in found if "/" not in key[len(base) :]}
            self._write(table, changes)
        return len(found)

    def _check(self, table: Table, operation: Operation, *, must_exist: bool) -> None:
        """Raise unless a key is as it is expected."""
        _require_key(operation.key)
        found = table.entry(operation.key)
        if must_exist and found is None:
            raise key_not_found()
        error = _conflict(found, operation.expected)
        if error is not None:
            raise with_key(error, operation.key)

    def _require_leaves(self, table: Table, changes: Mapping[str, str | None]) -> None:
        """Raise InvalidKey if a directory is deleted, but not all that is in it."""
        if not table.files or not table.files[0].layout.has_directories:
            return
        for key, value in changes.items():
            if value is None and any(below not in changes for below in table.after(f"{key}/", None)):
                raise with_key(InvalidKey("the directory is not empty", hint="delete what is below it first"), key)

    def _write(self, table: Table, changes: Mapping[str, str | None]) -> None:
        """Write changes, each to the file of its key."""
        by_file: dict[bytes, tuple[TableFile, dict[str, str | None]]] = {}
        for key, value in changes.items():
            file = self._file_for(table, key)
            by_file.setdefault(file.path, (file, {}))[1][table.prefix + key] = value
        if len(by_file) > 1 and any(value is not None for value in changes.values()):
            raise CallNotSupported("the keys are in several files, which cannot be replaced at once")
        for file, own in by_file.values():
            if file.problem:
                raise UnreadableFileError(f"{sanitize(file.problem)}; nothing was written", sent=False)
            after = file.edited(own)
            if after.data == file.data:
                continue
            folder = os.path.dirname(file.path)
            with locked({folder} - {self._connection.settings.folder}):  # a file may be in a folder below
                self._clean(folder)
                check = partial(self._require_unchanged, file)
                write_file(file.path, after.data, create=False, check=check)
            self._reader.replaced(file, after)

    def _require_unchanged(self, file: TableFile) -> None:
        """Raise if a program that takes no lock wrote the file meanwhile."""
        if read_file(file.path, self._connection.settings.max_value).data != file.data:
            raise _WrittenMeanwhileError

    def _file_for(self, table: Table, key: str) -> TableFile:
        """Return the file of a key; of a new one, the file of the key before it.

        Raises:
            InvalidKey: Several files have the key, or there is no file.
        """
        if key in table.also_in:
            raise InvalidKey(
                f"the key is in two files: {table.also_in[key]} and {table.by_key[key].name}",
                hint="remove it from one of them",
            )
        if (file := table.by_key.get(key)) is not None:
            return file
        near = table.neighbour(key)
        if near is not None:
            return table.by_key[near]
        file = next((file for file in table.files if not file.problem), None)
        if file is None:
            raise InvalidKey("the folder has no file to write to", hint='make one with {"data": []}')
        return file

    def _clean(self, folder: bytes) -> None:
        if folder not in self._cleaned:
            self._cleaned.add(folder)
            remove_stale_files(folder)


def _conflict(found: Entry | None, expected: Expected) -> ExplorerError | None:
    """Return the error if an entry is not the expected one."""
    if expected is None:
        return None
    if expected is ABSENT:
        return None if found is None else key_exists()
    known = expected.revision if isinstance(expected, Entry) else expected
    return None if found is not None and found.revision == known else key_modified()


def _value(operation: PutOperation) -> str:
    """Return the text of a value.

    Raises:
        InvalidKey: It is not UTF-8.
    """
    try:
        return operation.value.decode()
    except UnicodeDecodeError as error:
        raise InvalidKey("values in this file are UTF-8 text", hint="encode other bytes, as Base64") from error


def _require_key(key: str) -> None:
    """Raise InvalidKey if there can be no such key."""
    encode(key)
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise InvalidKey("keys in this file are UTF-8 text", hint="choose another key", key=ascii(key)) from error


def _entry(written: Transacted) -> Entry:
    (entry,) = written
    if entry is None:
        raise InvalidText("the key was not written")
    return entry
