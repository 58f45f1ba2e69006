"""Store of a plain folder."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import ClassVar

from explorer.drivers.base import PAGE_SIZE
from explorer.drivers.common.errors import key_not_found
from explorer.drivers.common.pagination import LevelPages, TreeWalk, WalkPages
from explorer.drivers.common.request_log import logged_write
from explorer.drivers.files.connection import FilesConnection
from explorer.drivers.files.folder.delete_tree import FolderTreeDeletion
from explorer.drivers.files.folder.keyspace import FileNode, FolderKeyspace
from explorer.drivers.files.folder.reader import FolderReader
from explorer.drivers.files.folder.watch import FolderKeyWatch, FolderTreeWatch
from explorer.drivers.files.folder.writer import FolderWriter
from explorer.drivers.files.status import read_status
from explorer.drivers.files.store import REASONS, FileLayoutStore
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import InvalidKey
from explorer.model.keys import decode, directory, encode


class FolderStore(FileLayoutStore):
    """The files below a folder. A revision is the digest of a file's bytes."""

    capabilities = (
        Capability.ATOMIC
        | Capability.BINARY_KEYS
        | Capability.BINARY_VALUES
        | Capability.DIRECTORIES
        | Capability.WATCH
    )
    keeps_first_slash = False
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = MappingProxyType(
        {
            **REASONS,
            Capability.GUARDED_DELETE: "several files cannot be deleted at once; each is compared by itself",
            Capability.NESTING: "a file has bytes or is a folder, never both",
            Capability.SNAPSHOT: "a folder is read file by file, each at another moment",
            Capability.TRANSACTIONS: "several files cannot be replaced at once",
        }
    )

    def __init__(self, address: Address, access: Access) -> None:
        super().__init__(address, access)
        keyspace = FolderKeyspace(self.settings.root)
        self._reader = FolderReader(keyspace, self.settings.follow, self.settings.max_value)
        self._levels: LevelPages[Sequence[tuple[bytes, bool]]] = LevelPages()
        self._walks: WalkPages[FileNode] = WalkPages()
        self._folder_writer: FolderWriter | None = None

    @property
    def _writer(self) -> FolderWriter:
        if self._folder_writer is None:
            self._folder_writer = FolderWriter(self.connection, self._reader)
        return self._folder_writer

    async def close(self) -> None:
        await super().close()
        self._folder_writer = None

    async def status(self) -> Status:
        return await read_status(self.connection)

    def require_key(self, key: str) -> None:
        self._reader.keyspace.to_path(key)

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        del consistent  # there is one copy
        node = await self._find(key)
        return await self.connection.run(lambda: self._reader.entry(node))

    async def exists(self, key: str) -> bool:
        return await self.connection.run(lambda: self._reader.find(key)) is not None

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        parent = directory(prefix)
        names, cursor = await self._levels.page(
            prefix,
            after,
            limit,
            read=lambda: self._read_level(prefix),
            index_after=lambda level, key: bisect_right(level, _name(key, parent), key=lambda item: item[0]),
            last_key=lambda page: parent + decode(page[-1][0]),
        )
        return Page(_children(parent, names), cursor, None)

    async def children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        del after  # the whole level is read anyway
        parent, names = directory(prefix), await self._read_level(prefix)
        if before is not None:
            names = [item for item in names if item[0] < _name(before, parent)]
        return Page(_children(parent, names[-limit:]), None, None)

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        nodes, cursor = await self._walks.page(
            prefix,
            after,
            limit,
            start=lambda key: FolderWalk(self.connection, self._reader, prefix, after=key),
            key_of=lambda node: node.key,
        )
        if not nodes and after is None:
            await self._require(prefix)
        entries = await self.connection.run(partial(self._reader.listed, nodes, values=values))
        return Page(tuple(entries), cursor, None)

    async def _find(self, key: str) -> FileNode:
        node = await self.connection.run(lambda: self._reader.find(key))
        if node is None:
            raise key_not_found()
        return node

    async def _read_level(self, prefix: str) -> Sequence[tuple[bytes, bool]]:
        """Return the names in a directory; none below a file, and KeyNotFound if there is neither."""
        folder = self._reader.keyspace.to_folder(prefix)
        names = await self.connection.run(lambda: self._reader.names(folder))
        if not names:
            await self._require(prefix)
        return names or []

    async def _require(self, prefix: str) -> None:
        await self.connection.run(self._reader.require_root)
        await super()._require(prefix)

    # Writing

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        if not is_dir:
            return await super().put(key, value, ttl=ttl, keep_alive=keep_alive)
        if value:
            raise InvalidKey("a directory has no value", hint="write the value to a key below it")
        with logged_write("make directory", self.redacted, key) as record:
            return record.done(await self._writer.make_directory(key))

    async def _delete_tree(self, prefix: str, guard: Revision | None) -> int:
        del guard  # refused for the lack of GUARDED_DELETE
        return await FolderTreeDeletion(self.connection, self._reader, prefix).commit()

    # Watching

    def _key_watch(self, key: str, since: Revision | None) -> FolderKeyWatch:
        del since  # refused for the lack of RESUME
        return FolderKeyWatch(self.connection, self._reader, key)

    def _tree_watch(self, prefix: str, since: Revision | None, known: Mapping[str, Revision] | None) -> FolderTreeWatch:
        del since, known  # the watch knows all files itself, and compares with these
        return FolderTreeWatch(self.connection, self._reader, prefix)


class FolderWalk(TreeWalk[FileNode]):
    """All files below a directory, each before those below it.

    Args:
        connection: The connection.
        reader: Reads the folder.
        prefix: The directory.
        after: The key to start after; None starts at the first.
    """

    def __init__(
        self, connection: FilesConnection, reader: FolderReader, prefix: str, *, after: str | None = None
    ) -> None:
        super().__init__()
        self._connection = connection
        self._start = None if after is None else encode(after).split(b"/")
        folder = reader.keyspace.to_folder(prefix)
        self._nodes = reader.walk(folder)

    async def _fill(self, wanted: int) -> None:
        if wanted > len(self._pending):
            self._pending.extend(await self._connection.scan(partial(self._take, wanted - len(self._pending))))

    def _take(self, count: int) -> Iterable[FileNode]:
        found: list[FileNode] = []
        while len(found) < count and (node := next(self._nodes, None)) is not None:
            if self._start is None or encode(node.key).split(b"/") > self._start:
                found.append(node)
        return found


def _children(parent: str, names: Iterable[tuple[bytes, bool]]) -> tuple[Child, ...]:
    """Return names as children. A directory may be empty: only a read of its own would show that."""
    return tuple(
        Child(name, parent + name, has_value=True, has_children=is_folder)
        for name, is_folder in ((decode(data), is_folder) for data, is_folder in names)
    )


def _name(key: str, parent: str) -> bytes:
    """Return the name of a child by its key, with or without a slash at its end."""
    return encode(key.removeprefix(parent).removesuffix("/"))
