"""Stores of files with many keys."""

from bisect import bisect_right
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import ClassVar

from explorer.drivers.base import PAGE_SIZE
from explorer.drivers.common.errors import key_not_found
from explorer.drivers.common.request_log import logged_write
from explorer.drivers.common.reverse_pages import last_before
from explorer.drivers.common.transaction import Transacted
from explorer.drivers.files.status import read_status
from explorer.drivers.files.store import REASONS, FileLayoutStore
from explorer.drivers.files.table.document import DocumentLayout
from explorer.drivers.files.table.filedb import FileDbLayout
from explorer.drivers.files.table.layout import Layout
from explorer.drivers.files.table.reader import Table, TableReader
from explorer.drivers.files.table.watch import TableWatch
from explorer.drivers.files.table.writer import TableWriter
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import InvalidKey
from explorer.model.keys import directory, encode, first_key
from explorer.model.operations import Operation
from explorer.model.sanitize import pluralize

_TEXT = {
    Capability.BINARY_KEYS: "keys in a JSON, YAML or TOML file are Unicode text",
    Capability.BINARY_VALUES: "values are the text of the file, which is UTF-8",
    Capability.GUARDED_DELETE: "a revision is that of one value, not of a file",
    Capability.SNAPSHOT: "each page is read from the file as it is then",
}


class TableStore(FileLayoutStore):
    """Keys in one file, or in several. A revision is the digest of a value."""

    layout: ClassVar[Layout]

    def __init__(self, address: Address, access: Access) -> None:
        super().__init__(address, access)
        self._reader = TableReader(self.settings, self.layout)
        self._table_writer: TableWriter | None = None

    async def _handshake(self) -> None:
        await super()._handshake()
        await self._table()

    async def close(self) -> None:
        await super().close()
        self._table_writer = None

    @property
    def _writer(self) -> TableWriter:
        if self._table_writer is None:
            self._table_writer = TableWriter(self.connection, self._reader)
        return self._table_writer

    async def status(self) -> Status:
        table = await self._table()
        complaints = list(table.problems)
        for file in table.files:
            complaints += [f"{file.name}: {complaint}" for complaint in file.places.complaints]
            complaints += [f"{file.name} has {key} {count} times" for key, count in file.places.repeated.items()]
        complaints += [f"{key} is in {name} and in {table.by_key[key].name}" for key, name in table.also_in.items()]
        facts = {"keys": len(table.keys)}
        if self.settings.is_folder:
            facts["files"] = len(table.files)
        return await read_status(self.connection, facts={**facts}, complaints=_shortened(complaints))

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        del consistent  # there is one copy
        entry = (await self._table()).entry(key)
        if entry is None:
            raise key_not_found()
        return entry

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        children = await self._level(prefix)
        start = 0
        if after is not None:
            key = Cursor.key_of(after)
            last = next((child for child in children if child.key == key), None)
            first = first_key(key, self.separator, has_value=last is None or last.has_value)
            start = bisect_right(
                children, first, key=lambda child: first_key(child.key, self.separator, has_value=child.has_value)
            )
        page = children[start : start + limit]
        return Page(tuple(page), Cursor(page[-1].key) if start + limit < len(children) else None, None)

    async def children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        del after  # the whole level is read anyway
        base = directory(prefix, self.separator)
        children = await self._level(prefix)
        return Page(last_before(children, before, base=base, limit=limit, separator=self.separator), None, None)

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        base = directory(prefix, self.separator)
        table = await self._table()
        start = None if after is None else Cursor.key_of(after)

        keys = islice(table.after(base, start), limit + 1)
        entries = await self.connection.run(partial(_entries, table, keys, values=values))
        if not entries and after is None:
            self._require_prefix(table, prefix)
        page = entries[:limit]
        return Page(tuple(page), Cursor(page[-1].key) if len(entries) > limit else None, None)

    async def _level(self, prefix: str) -> Sequence[Child]:
        table = await self._table()
        children = await self.connection.run(partial(table.children, directory(prefix, self.separator), self.separator))
        if not children:
            self._require_prefix(table, prefix)
        return children

    def _require_prefix(self, table: Table, prefix: str) -> None:
        """Raise KeyNotFound if a prefix is neither empty nor a key."""
        key = prefix.removesuffix(self.separator)
        if key and key not in table.by_key:
            raise key_not_found()

    async def walk_pages(self, prefix: str, *, values: bool = True) -> AsyncGenerator[Sequence[Entry], None]:
        table, base = await self._table(), directory(prefix, self.separator)
        keys = table.after(base, None)
        found = 0
        while entries := await self.connection.run(partial(_entries, table, islice(keys, PAGE_SIZE), values=values)):
            found += len(entries)
            yield entries
        if not found:
            self._require_prefix(table, prefix)

    async def _table(self) -> Table:
        return await self.connection.scan(self._reader.read)  # parsing has no time limit

    # Writing

    async def _transact(self, operations: Sequence[Operation]) -> Transacted:
        return await self._writer.transact(operations)

    async def _delete_tree(self, prefix: str, guard: Revision | None) -> int:
        del guard  # refused for the lack of GUARDED_DELETE
        return await self._writer.delete_tree(prefix)

    # Watching

    def _key_watch(self, key: str, since: Revision | None) -> TableWatch:
        del since  # refused for the lack of RESUME
        encode(key)
        return TableWatch(self.connection, self._reader, key, is_single=True)

    def _tree_watch(self, prefix: str, since: Revision | None, known: Mapping[str, Revision] | None) -> TableWatch:
        del since, known  # the watch knows all values itself, and compares with these
        base = directory(prefix, self.separator)
        return TableWatch(self.connection, self._reader, base, is_single=False)


class FileDbStore(TableStore):
    """One file of cn-infra's FileDB."""

    layout = FileDbLayout()
    capabilities = Capability.ATOMIC | Capability.NESTING | Capability.TRANSACTIONS | Capability.WATCH
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = MappingProxyType(
        {**REASONS, **_TEXT, Capability.DIRECTORIES: "a prefix exists by the keys below it"}
    )


class FileDbFolderStore(FileDbStore):
    """A folder with files of cn-infra's FileDB."""

    capabilities = FileDbStore.capabilities & ~Capability.TRANSACTIONS
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = MappingProxyType(
        {**FileDbStore.unsupported_reasons, Capability.TRANSACTIONS: "several files cannot be replaced at once"}
    )


class DocumentStore(TableStore):
    """One JSON, YAML or TOML file as a tree of its values."""

    layout = DocumentLayout()
    capabilities = Capability.ATOMIC | Capability.DIRECTORIES | Capability.TRANSACTIONS | Capability.WATCH
    keeps_first_slash = False
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = MappingProxyType(
        {**REASONS, **_TEXT, Capability.NESTING: "an object or array has no value of its own"}
    )

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        if not is_dir:
            return await super().put(key, value, ttl=ttl, keep_alive=keep_alive)
        if value:
            raise InvalidKey("a directory has no value", hint="write the value to a key below it")
        with logged_write("make directory", self.redacted, key) as record:
            return record.done(await self._writer.make_directory(key))


_MAX_COMPLAINTS = 20


def _entries(table: Table, keys: Iterable[str], *, values: bool) -> list[Entry]:
    found = (table.entry(key, values=values) for key in keys)
    return [entry for entry in found if entry is not None]


def _shortened(complaints: list[str]) -> tuple[str, ...]:
    """Return the first complaints, and how many there are besides."""
    more = len(complaints) - _MAX_COMPLAINTS
    rest = [f"and {pluralize(more, 'further problem')}"] if more > 0 else []
    return (*complaints[:_MAX_COMPLAINTS], *rest)
