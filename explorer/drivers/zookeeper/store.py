"""The ZooKeeper driver: the contract of a store, spoken to ZooKeeper 3.5 and newer."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from explorer.drivers.base import PAGE_SIZE, PING_TIMEOUT
from explorer.drivers.common.errors import key_not_found, prefix_not_found
from explorer.drivers.common.network_store import LockOptions, NetworkStore
from explorer.drivers.common.pagination import PageCache
from explorer.drivers.common.request_log import logged_write
from explorer.drivers.common.watch import Watch
from explorer.drivers.zookeeper import lock_inspect, status
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.delete_tree import ZooKeeperTreeDeletion
from explorer.drivers.zookeeper.keyspace import ZooKeeperKeyspace
from explorer.drivers.zookeeper.lock import ZooKeeperLock
from explorer.drivers.zookeeper.lock_queue import LAYOUTS
from explorer.drivers.zookeeper.reader import Level, Walk, ZooKeeperReader
from explorer.drivers.zookeeper.settings import load
from explorer.drivers.zookeeper.watch import NodeWatch
from explorer.drivers.zookeeper.writer import ZooKeeperWriter
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import KeyNotFound
from explorer.model.keys import directory
from explorer.model.locks import LockInfo


class ZooKeeperStore(NetworkStore[ZooKeeperConnection]):
    """ZooKeeper's nodes, or those below the address's path. A revision is a node's creation and version."""

    capabilities = (
        Capability.ATOMIC
        | Capability.BINARY_VALUES
        | Capability.CREATED
        | Capability.DIRECTORIES
        | Capability.EVERY_DELETION
        | Capability.FENCING
        | Capability.KEEP_ALIVE
        | Capability.LOCK
        | Capability.LOCKS
        | Capability.NESTING
        | Capability.STALE_READS
        | Capability.TTL
        | Capability.WAITERS
        | Capability.WATCH
    )
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.BINARY_KEYS: "the names of ZooKeeper's nodes are text",
        Capability.EVERY_CHANGE: "ZooKeeper tells that a node changed, not to what",
        Capability.GUARDED_DELETE: "ZooKeeper knows no revision of a whole subtree",
        Capability.HISTORY: "ZooKeeper keeps no earlier values",
        Capability.PREVIOUS: "ZooKeeper tells which node changed, not what it was",
        Capability.RESUME: "ZooKeeper keeps no history that a watch could begin in",
        Capability.TIME_LEFT: "ZooKeeper tells nobody which nodes have a time to live",
        Capability.SNAPSHOT: "ZooKeeper reads a listing node by node, each as it is at that moment",
    }
    lock_layouts: ClassVar[tuple[str, ...]] = LAYOUTS

    def __init__(self, address: Address, access: Access) -> None:
        settings = load(address, access)
        super().__init__(address, settings.redacted, "/")
        self._settings = settings
        self._layout = ZooKeeperKeyspace(settings.root, settings.redacted)
        self._listings: PageCache[Walk] = PageCache()
        self._levels: PageCache[Level] = PageCache()

    # The connection

    def _make_connection(self) -> ZooKeeperConnection:
        return ZooKeeperConnection(self._settings, older=self._grow_older)

    def _grow_older(self) -> None:
        self.capabilities &= ~Capability.EVERY_DELETION  # of a node that came and went it tells nothing

    async def _handshake(self) -> None:
        await self.connection.open()

    @property
    def _writer(self) -> ZooKeeperWriter:
        return ZooKeeperWriter(self.connection, self._layout)

    def _lock(self, options: LockOptions) -> ZooKeeperLock:
        return ZooKeeperLock(self.connection, self._layout, self._tasks, options)

    async def status(self) -> Status:
        return await status.ask(self.connection)

    async def ping(self) -> Revision | None:
        await status.ping(self.connection, min(PING_TIMEOUT, self.connection.timeout))
        return None

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        found = await self._reader(key).node(self._layout.locate(key), consistent=consistent)
        if found is None:
            raise key_not_found()
        return self._layout.entry(found.path, found.value, found.stat, found.acl)

    async def exists(self, key: str) -> bool:
        return await self._reader(key).stat(self._layout.locate(key)) is not None

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        base, above = self._layout.base(prefix), directory(prefix)
        level = self._levels.take(base, after)
        if level is None:
            level = await self._level(base, prefix)
            if after is not None:
                behind = Cursor.key_of(after)
                level = replace(level, names=level.names[bisect_right(level.names, behind, key=above.__add__) :])
        told, rest = replace(level, names=level.names[:limit]), replace(level, names=level.names[limit:])
        children = await self._children(told, base, prefix)
        following = self._levels.keep(base, above + told.names[-1], rest) if rest.names else None
        return Page(children, following, None)

    async def children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        del after  # all names come at once
        base, above = self._layout.base(prefix), directory(prefix)
        level = await self._level(base, prefix)
        end = len(level.names) if before is None else bisect_left(level.names, before, key=above.__add__)
        told = replace(level, names=level.names[max(end - limit, 0) : end])
        return Page(await self._children(told, base, prefix), None, None)

    async def _children(self, level: Level, base: str, prefix: str) -> tuple[Child, ...]:
        above = directory(prefix)
        if level.are_leaves:
            return tuple(Child(name, above + name, has_value=True, has_children=False) for name in level.names)
        nodes = await self._reader(prefix).nodes([f"{base}/{name}" for name in level.names], values=False)
        return tuple(
            Child(name, above + name, has_value=True, has_children=node.stat.children > 0)
            for node in nodes
            for name in (node.path.rpartition("/")[2],)
        )

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        base, reader = self._layout.base(prefix), self._reader(prefix)
        walk = self._listings.take(base, after)
        if walk is None:
            if after is None:
                await self._require(prefix)
            begin = None if after is None else f"{self._layout.root}/{Cursor.key_of(after)}"
            walk = Walk(reader, base, values=values, after=begin)
        nodes = await walk.take(limit)
        entries = tuple(self._layout.entry(node.path, node.value, node.stat) for node in nodes)
        return Page(entries, self._listings.keep(base, entries[-1].key, walk) if await walk.more() else None, None)

    # Writing

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        if guard is not None:
            self._refuse(Capability.GUARDED_DELETE, prefix)
        return await logged_write(
            ZooKeeperTreeDeletion(self.connection, prefix, self._layout.base(prefix)).commit(),
            "delete tree",
            self.redacted,
            prefix,
        )

    # Watching

    def watch(self, key: str, *, since: Revision | None = None) -> Watch:
        if since is not None:
            self._refuse(Capability.RESUME, key)
        watch = NodeWatch(self.connection, self._layout, key, self._layout.locate(key), below=False)
        return Watch(self._tasks, watch.run, name=f"watch of {key}")

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> Watch:
        if since is not None:
            self._refuse(Capability.RESUME, prefix)
        watch = NodeWatch(self.connection, self._layout, prefix, self._layout.base(prefix), below=True, known=known)
        return Watch(self._tasks, watch.run, name=f"watch of {prefix or 'all keys'}")

    # Locks

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        return await lock_inspect.list_locks(self.connection, self._layout, prefix)

    def _reader(self, subject: str) -> ZooKeeperReader:
        return ZooKeeperReader(self.connection, subject)

    async def _level(self, base: str, prefix: str) -> Level:
        try:
            return await self._reader(prefix).level(base)
        except KeyNotFound as error:
            if prefix:
                raise prefix_not_found() from error
            return Level([], are_leaves=True)  # the top is never missing
