"""Store for ZooKeeper's znodes (3.5 and newer)."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import ClassVar

from explorer.drivers.base import PAGE_SIZE, PING_TIMEOUT
from explorer.drivers.common.connected_store import ConnectedStore, LockOptions
from explorer.drivers.common.errors import key_not_found, prefix_not_found
from explorer.drivers.common.pagination import LevelPages, WalkPages
from explorer.drivers.common.transaction import Transacted
from explorer.drivers.zookeeper import lock_inspect, status
from explorer.drivers.zookeeper.acl import acl_refusal
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.delete_tree import ZooKeeperTreeDeletion
from explorer.drivers.zookeeper.keyspace import ZooKeeperKeyspace, version_of
from explorer.drivers.zookeeper.lock import ZooKeeperLock
from explorer.drivers.zookeeper.lock_queue import LAYOUTS
from explorer.drivers.zookeeper.reader import ZNode, ZNodeLevel, ZNodeWalk, ZooKeeperReader
from explorer.drivers.zookeeper.settings import load
from explorer.drivers.zookeeper.transaction import ZooKeeperTransaction
from explorer.drivers.zookeeper.watch import ZooKeeperWatch
from explorer.drivers.zookeeper.writer import ZooKeeperWriter
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Meta, Page, Revision, Status
from explorer.model.errors import KeyNotFound
from explorer.model.keys import directory
from explorer.model.locks import LockInfo
from explorer.model.operations import Operation


class ZooKeeperStore(ConnectedStore[ZooKeeperConnection]):
    """The znodes below the path of the address. A revision is a znode's creation and version."""

    lists_whole_entries = False  # access control lists take a request each
    capabilities = (
        Capability.ATOMIC
        | Capability.BINARY_VALUES
        | Capability.CREATED
        | Capability.DIRECTORIES
        | Capability.DISTINCT_REVISIONS
        | Capability.EVERY_DELETION
        | Capability.FENCING
        | Capability.KEEP_ALIVE
        | Capability.LOCK
        | Capability.LOCKS
        | Capability.NESTING
        | Capability.STALE_READS
        | Capability.TRANSACTIONS
        | Capability.TTL
        | Capability.WAITERS
        | Capability.WATCH
    )
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.BINARY_KEYS: "the names of ZooKeeper's nodes are text",
        Capability.EVERY_CHANGE: "ZooKeeper reports that a node changed, without its value",
        Capability.GUARDED_DELETE: "ZooKeeper has no revision of a whole subtree",
        Capability.HISTORY: "ZooKeeper keeps no earlier values",
        Capability.PREVIOUS: "ZooKeeper reports which node changed, without its previous value",
        Capability.RESUME: "ZooKeeper keeps no history from which a watch could resume",
        Capability.TIME_LEFT: "ZooKeeper does not report which nodes have a TTL",
        Capability.SNAPSHOT: "ZooKeeper has no snapshot reads; a listing is read node by node",
    }
    keeps_first_slash = False
    settable_meta = frozenset({"acl"})
    lock_layouts: ClassVar[tuple[str, ...]] = LAYOUTS

    def __init__(self, address: Address, access: Access) -> None:
        settings = load(address, access)
        super().__init__(address, settings.redacted, "/")
        self._settings = settings
        self._keyspace = ZooKeeperKeyspace(settings.root)
        self._walk_pages: WalkPages[ZNode] = WalkPages()
        self._level_pages: LevelPages[ZNodeLevel] = LevelPages()

    # The connection

    def _make_connection(self) -> ZooKeeperConnection:
        return ZooKeeperConnection(self._settings, on_legacy_server=self._on_legacy_server)

    def _on_legacy_server(self) -> None:
        self.capabilities &= ~Capability.EVERY_DELETION  # one-shot watches miss a node that is created and deleted

    async def _handshake(self) -> None:
        await self.connection.open()

    @property
    def _writer(self) -> ZooKeeperWriter:
        return ZooKeeperWriter(self.connection, self._keyspace)

    def _lock(self, options: LockOptions) -> ZooKeeperLock:
        return ZooKeeperLock(self.connection, self._keyspace, self._tasks, options)

    async def status(self) -> Status:
        return await status.read_status(self.connection)

    async def ping(self) -> Revision | None:
        await status.ping(self.connection, min(PING_TIMEOUT, self.connection.timeout))
        return None

    def require_key(self, key: str) -> None:
        self._keyspace.to_store_key(key)

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        node = await self._reader.read_node(self._keyspace.to_store_key(key), consistent=consistent)
        if node is None:
            raise key_not_found()
        return self._keyspace.to_entry(node.path, node.value, node.stat, node.acl)

    async def exists(self, key: str) -> bool:
        return await self._reader.read_stat(self._keyspace.to_store_key(key)) is not None

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        base, above = self._keyspace.to_store_prefix(prefix), directory(prefix)
        level, cursor = await self._level_pages.page(
            base,
            after,
            limit,
            read=lambda: self._read_level(base, prefix),
            index_after=lambda level, key: bisect_right(level.names, key, key=above.__add__),
            last_key=lambda level: above + level.names[-1],
        )
        return Page(await self._to_children(level, base, above), cursor, None)

    async def children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        del after  # one answer has the whole level
        base, above = self._keyspace.to_store_prefix(prefix), directory(prefix)
        level = await self._read_level(base, prefix)
        end = len(level) if before is None else bisect_left(level.names, before, key=above.__add__)
        return Page(await self._to_children(level[max(end - limit, 0) : end], base, above), None, None)

    async def _to_children(self, level: ZNodeLevel, base: str, above: str) -> tuple[Child, ...]:
        """Return the children of a level; those that were deleted since it was read are left out.

        Args:
            level: Names of the children.
            base: Path of the znode above them.
            above: The caller's directory.
        """
        if level.are_leaves:
            return tuple(Child(name, above + name, has_value=True, has_children=False) for name in level.names)
        nodes = await self._reader.read_nodes([f"{base}/{name}" for name in level.names], values=False)
        return tuple(
            Child(name, above + name, has_value=True, has_children=node.stat.num_children > 0)
            for node in nodes
            for name in (node.path.rpartition("/")[2],)
        )

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        base, root = self._keyspace.to_store_prefix(prefix), self._keyspace.root
        if after is None:
            await self._require(prefix)
        nodes, cursor = await self._walk_pages.page(
            base,
            after,
            limit,
            start=lambda key: ZNodeWalk(
                self._reader, base, values=values, after=None if key is None else f"{root}/{key}"
            ),
            key_of=lambda node: self._keyspace.to_key(node.path),
        )
        return Page(tuple(self._keyspace.to_entry(node.path, node.value, node.stat) for node in nodes), cursor, None)

    async def complete(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        paths = [self._keyspace.to_store_key(entry.key) for entry in entries]
        found = zip(entries, paths, await self._reader.read_acls(paths), strict=True)
        return [
            entry
            if acl is None or version_of(entry) != (acl.stat.czxid, acl.stat.version)
            else self._keyspace.to_entry(path, entry.value, acl.stat, acl.acl)
            for entry, path, acl in found
        ]

    # Writing

    def meta_refusal(self, meta: Meta, *, has_children: bool = False) -> str:
        refusal = super().meta_refusal(meta, has_children=has_children)
        if refusal or "acl" not in meta:
            return refusal
        return acl_refusal(meta["acl"], self._settings.identities, has_children=has_children)

    async def _transact(self, operations: Sequence[Operation]) -> Transacted:
        return await ZooKeeperTransaction(self._writer).commit(operations)

    async def _delete_tree(self, prefix: str, guard: Revision | None) -> int:
        del guard  # see `unsupported_reasons`
        return await ZooKeeperTreeDeletion(self.connection, prefix, self._keyspace.to_store_prefix(prefix)).commit()

    # Watches and locks

    def _key_watch(self, key: str, since: Revision | None) -> ZooKeeperWatch:
        del since  # see `unsupported_reasons`
        return ZooKeeperWatch(self.connection, self._keyspace, self._keyspace.to_store_key(key), is_tree=False)

    def _tree_watch(self, prefix: str, since: Revision | None, known: Mapping[str, Revision] | None) -> ZooKeeperWatch:
        del since  # see `unsupported_reasons`
        path = self._keyspace.to_store_prefix(prefix)
        return ZooKeeperWatch(self.connection, self._keyspace, path, is_tree=True, known=known)

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        return await lock_inspect.list_locks(self.connection, self._keyspace, prefix)

    @property
    def _reader(self) -> ZooKeeperReader:
        return ZooKeeperReader(self.connection)

    async def _read_level(self, base: str, prefix: str) -> ZNodeLevel:
        try:
            return await self._reader.read_level(base)
        except KeyNotFound as error:
            if prefix:
                raise prefix_not_found() from error
            return ZNodeLevel([], are_leaves=True)  # the root of the store always exists
