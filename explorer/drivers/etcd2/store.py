"""Store of etcd's v2 API."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import ClassVar

from explorer.drivers.base import PAGE_SIZE, PING_TIMEOUT
from explorer.drivers.common.connected_store import ConnectedStore, LockOptions
from explorer.drivers.common.errors import key_not_found
from explorer.drivers.common.pagination import LevelPages, WalkPages
from explorer.drivers.common.request_log import logged_write
from explorer.drivers.etcd2 import lock_inspect
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.delete_tree import Etcd2TreeDeletion
from explorer.drivers.etcd2.keyspace import Etcd2Keyspace, Etcd2Node
from explorer.drivers.etcd2.lock import LIBKV, NO_FENCING, VALKEYRIE, Etcd2Lock
from explorer.drivers.etcd2.reader import Etcd2Reader, NodeWalk
from explorer.drivers.etcd2.settings import load
from explorer.drivers.etcd2.status import read_status
from explorer.drivers.etcd2.tree_watch import Etcd2TreeWatch
from explorer.drivers.etcd2.watch import Etcd2KeyWatch
from explorer.drivers.etcd2.writer import Etcd2Writer
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import InvalidKey
from explorer.model.keys import directory
from explorer.model.locks import LockInfo


class Etcd2Store(ConnectedStore[Etcd2Connection]):
    """An etcd cluster's v2 store, or the part of it below the address's path. A revision is a node's modifiedIndex.

    A directory is an entry without a value. Names that begin with `_` are hidden: they can be read and written by their
    key; listings, watches from above and tree deletions leave them out.
    """

    capabilities = (
        Capability.ATOMIC
        | Capability.CREATED
        | Capability.DIRECTORIES
        | Capability.DISTINCT_REVISIONS
        | Capability.EVERY_CHANGE
        | Capability.EVERY_DELETION
        | Capability.KEEP_ALIVE
        | Capability.LOCK
        | Capability.LOCKS
        | Capability.PREVIOUS
        | Capability.RESUME
        | Capability.STALE_READS
        | Capability.TIME_LEFT
        | Capability.TTL
        | Capability.WATCH
    )
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.BINARY_KEYS: "keys in etcd's v2 API are UTF-8 text",
        Capability.BINARY_VALUES: "values in etcd's v2 API are UTF-8 text; other bytes are replaced",
        Capability.FENCING: NO_FENCING,
        Capability.GUARDED_DELETE: "etcd's v2 API has no conditional tree deletion; each key is compared by itself",
        Capability.HISTORY: "etcd's v2 API returns no earlier values, only its last 1000 changes",
        Capability.NESTING: "in etcd's v2 API a key has a value or is a directory, never both",
        Capability.SNAPSHOT: "a listing is read directory by directory, each at another moment",
        Capability.TRANSACTIONS: "etcd's v2 API writes one key at a time",
        Capability.WAITERS: "locks have no queue: waiters leave no trace in the store",
    }
    keeps_first_slash = False
    lock_layouts: ClassVar[tuple[str, ...]] = (VALKEYRIE, LIBKV)
    possible_layouts: ClassVar[tuple[str, ...]] = (LIBKV,)

    def __init__(self, address: Address, access: Access) -> None:
        settings = load(address, access)
        super().__init__(settings.address, settings.redacted, "/")
        self._settings = settings
        self._keyspace = Etcd2Keyspace(settings.root)
        self._walks: WalkPages[Etcd2Node] = WalkPages()
        self._levels: LevelPages[Sequence[Etcd2Node]] = LevelPages()

    # The connection

    def _make_connection(self) -> Etcd2Connection:
        return Etcd2Connection(self._settings)

    async def _handshake(self) -> None:
        await self.connection.handshake()

    @property
    def _writer(self) -> Etcd2Writer:
        return Etcd2Writer(self.connection, self._keyspace, self._tasks)

    def _lock(self, options: LockOptions) -> Etcd2Lock:
        return Etcd2Lock(self._writer, options)

    async def status(self) -> Status:
        return await read_status(self.connection)

    async def ping(self) -> Revision | None:
        return (await self.connection.ping(min(PING_TIMEOUT, self.connection.timeout))).index

    def require_key(self, key: str) -> None:
        self._keyspace.to_store_key(key)

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        node = await self._reader.read_node(self._keyspace.to_store_key(key), consistent=consistent)
        if node is None:
            raise key_not_found()
        return self._keyspace.to_entry(node)

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        path, parent = self._keyspace.to_store_prefix(prefix), directory(prefix)

        async def read() -> Sequence[Etcd2Node]:
            return await self._read_level(prefix, path)

        nodes, cursor = await self._levels.page(
            path,
            after,
            limit,
            read=read,
            index_after=lambda level, key: bisect_right(level, key, key=self._key_of),
            last_key=lambda page: self._key_of(page[-1]),
        )
        return Page(_children(parent, nodes), cursor, None)

    async def children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        del after  # the whole level is read anyway
        path, parent = self._keyspace.to_store_prefix(prefix), directory(prefix)
        nodes = await self._read_level(prefix, path)
        nodes = [node for node in nodes if before is None or self._key_of(node) < before]
        return Page(_children(parent, nodes[-limit:]), None, None)

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        path = self._keyspace.to_store_prefix(prefix)

        def start(key: str | None) -> NodeWalk:
            return NodeWalk(self._reader, path, after=None if key is None else f"{self._keyspace.root}/{key}")

        nodes, cursor = await self._walks.page(path, after, limit, start=start, key_of=self._key_of)
        if not nodes and after is None:
            await self._require(prefix)
        return Page(tuple(self._keyspace.to_entry(node, values=values) for node in nodes), cursor, None)

    async def _read_level(self, prefix: str, path: str) -> Sequence[Etcd2Node]:
        """Return the nodes in a directory; raise KeyNotFound if there is none."""
        nodes = await self._reader.read_children(path)
        if not nodes:
            await self._require(prefix)
        return nodes

    def _key_of(self, node: Etcd2Node) -> str:
        return self._keyspace.to_key(node.path)

    # Writing

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        if not is_dir:
            return await super().put(key, value, ttl=ttl, keep_alive=keep_alive)
        if value or keep_alive:
            raise InvalidKey(
                "a directory has no value, and its TTL cannot be kept alive",
                hint="write the value to a key below it",
            )
        with logged_write("make directory", self.redacted, key) as record:
            return record.done(await self._writer.make_directory(key, ttl))

    async def _delete_tree(self, prefix: str, guard: Revision | None) -> int:
        del guard  # refused for the lack of GUARDED_DELETE
        path = self._keyspace.to_store_prefix(prefix)
        return await Etcd2TreeDeletion(self.connection, self._keyspace, prefix, path).commit()

    # Watching and locks

    def _key_watch(self, key: str, since: Revision | None) -> Etcd2KeyWatch:
        return Etcd2KeyWatch(self.connection, self._keyspace, key, since)

    def _tree_watch(self, prefix: str, since: Revision | None, known: Mapping[str, Revision] | None) -> Etcd2TreeWatch:
        return Etcd2TreeWatch(self.connection, self._keyspace, prefix, since, known)

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        return await lock_inspect.list_locks(self.connection, self._keyspace, prefix)

    @property
    def _reader(self) -> Etcd2Reader:
        return Etcd2Reader(self.connection)


def _children(parent: str, nodes: Sequence[Etcd2Node]) -> tuple[Child, ...]:
    """Return nodes as children. A directory may be empty: only a read of its own would show that."""
    names = [(node, node.path.rpartition("/")[2]) for node in nodes]
    return tuple(Child(name, parent + name, has_value=True, has_children=node.is_directory) for node, name in names)
