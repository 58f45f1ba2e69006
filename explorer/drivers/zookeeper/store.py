"""The ZooKeeper driver: the contract of a store, spoken to ZooKeeper 3.5 and newer."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import ClassVar
from weakref import WeakSet

from explorer.drivers.base import LOCK_TTL, PAGE_SIZE, PROOF_TIME, Lock, Store
from explorer.drivers.locking import Terms
from explorer.drivers.tasks import Tasks
from explorer.drivers.unfinished import Unfinished
from explorer.drivers.watching import Watch
from explorer.drivers.zookeeper import locks, status
from explorer.drivers.zookeeper.connection import Connection
from explorer.drivers.zookeeper.erasing import Erasure
from explorer.drivers.zookeeper.layout import Layout
from explorer.drivers.zookeeper.lock import ZooKeeperLock
from explorer.drivers.zookeeper.reading import Reader, Walk
from explorer.drivers.zookeeper.settings import gather
from explorer.drivers.zookeeper.watch import NodeWatch
from explorer.drivers.zookeeper.writer import Writer
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import ExplorerError, KeyNotFound, NotReachable
from explorer.model.keys import directory
from explorer.model.locks import LockInfo


class ZooKeeperStore(Store):
    """ZooKeeper's nodes, or those below the address's path. A revision is a node's creation and version."""

    capabilities: ClassVar[Capability] = (
        Capability.ATOMIC
        | Capability.CREATED
        | Capability.DIRECTORIES
        | Capability.KEEP_ALIVE
        | Capability.LOCK
        | Capability.LOCKS
        | Capability.STALE_READS
        | Capability.TTL
        | Capability.WAITERS
        | Capability.WATCH
    )
    reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.BINARY_KEYS: "the names of ZooKeeper's nodes are text",
        Capability.EVERY_CHANGE: "ZooKeeper tells that a node changed, not to what",
        Capability.GUARDED_DELETE: "ZooKeeper knows no revision of a whole subtree",
        Capability.HISTORY: "ZooKeeper keeps no earlier values",
        Capability.PREVIOUS: "ZooKeeper tells which node changed, not what it was",
        Capability.RESUME: "ZooKeeper keeps no history that a watch could begin in",
        Capability.TIME_LEFT: "ZooKeeper tells nobody which nodes have a time to live",
        Capability.SNAPSHOT: "ZooKeeper reads a listing node by node, each as it is at that moment",
    }

    def __init__(self, address: Address, access: Access) -> None:
        settings = gather(address, access)
        super().__init__(address)
        self._settings = settings
        self._layout = Layout(settings.root, settings.shown)
        self._tasks = Tasks()
        self._listings: Unfinished[Walk] = Unfinished()
        self._levels: Unfinished[Sequence[str]] = Unfinished()
        self._locks: WeakSet[ZooKeeperLock] = WeakSet()
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The connection, for what the contract has no call for."""
        if self._connection is None:
            raise NotReachable(
                "the store is not open", hint="async with explorer.open(url) as store: ...", address=self._layout.shown
            )
        return self._connection

    @property
    def _writer(self) -> Writer:
        return Writer(self.connection, self._layout)

    # Opening and closing

    async def connect(self) -> None:
        if self._connection is None:
            self._connection = Connection(self._settings)
            await self._connection.open()

    async def close(self) -> None:
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        for lock in tuple(self._locks):
            with suppress(ExplorerError, TimeoutError):
                async with asyncio.timeout(min(1.0, connection.timeout)):
                    await lock.release()
        await self._tasks.close()
        await connection.close()

    async def status(self) -> Status:
        return await status.ask(self.connection)

    async def prove(self) -> Revision | None:
        await status.prove(self.connection, min(PROOF_TIME, self.connection.timeout))
        return None

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        found = await self._reader(key).node(self._layout.locate(key), consistent=consistent)
        if found is None:
            raise self._layout.absent(key)
        return self._layout.entry(found.path, found.value, found.stat, found.acl)

    async def exists(self, key: str) -> bool:
        return await self._reader(key).stat(self._layout.locate(key)) is not None

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        base, above, reader = self._layout.base(prefix), directory(prefix), self._reader(prefix)
        names = self._levels.take(base, after)
        if names is None:
            names = await self._names(base, prefix)
            if after is not None:
                behind = after.key if isinstance(after, Cursor) else after
                names = [name for name in names if above + name > behind]
        told, rest = names[:limit], names[limit:]
        nodes = await reader.nodes([f"{base}/{name}" for name in told], values=False)
        children = tuple(
            Child(name, above + name, has_value=True, has_children=node.stat.children > 0)
            for node in nodes
            for name in (node.path.rpartition("/")[2],)
        )
        return Page(children, self._levels.keep(base, above + told[-1], rest) if rest else None, None)

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        base, reader = self._layout.base(prefix), self._reader(prefix)
        walk = self._listings.take(base, after)
        if walk is None:
            begin = after.key if isinstance(after, Cursor) else after
            if prefix and after is None and await reader.stat(base) is None:
                raise self._missing(prefix)
            walk = Walk(reader, base, values=values, after=None if begin is None else f"{self._layout.root}/{begin}")
        nodes = await walk.take(limit)
        entries = tuple(self._layout.entry(node.path, node.value, node.stat) for node in nodes)
        return Page(entries, self._listings.keep(base, entries[-1].key, walk) if await walk.more() else None, None)

    # Writing

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        del is_dir  # every node can have children
        return await self._writer.put(key, value, ttl=ttl, keep_alive=keep_alive)

    async def atomic_put(
        self, key: str, value: bytes, previous: Entry | Revision | None, *, ttl: float | None = None
    ) -> Entry:
        return await self._writer.atomic_put(key, value, previous, ttl=ttl)

    async def delete(self, key: str) -> None:
        await self._writer.delete(key)

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        await self._writer.atomic_delete(key, previous)

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        if guard is not None:
            self._refuse(Capability.GUARDED_DELETE, prefix)
        return await Erasure(self.connection, prefix, self._layout.base(prefix)).commit()

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
        return Watch(self._tasks, watch.run, name=f"watch of the tree {prefix}")

    # Locks

    def lock(self, key: str, *, value: bytes = b"", ttl: float = LOCK_TTL, delete_on_unlock: bool = False) -> Lock:
        lock = ZooKeeperLock(self.connection, self._layout, self._tasks, Terms(key, value, ttl, delete_on_unlock))
        self._locks.add(lock)
        return lock

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        return await locks.tell(self.connection, self._layout, prefix)

    def _reader(self, subject: str) -> Reader:
        return Reader(self.connection, subject)

    async def _names(self, base: str, prefix: str) -> Sequence[str]:
        try:
            return await self.connection.children(base, key=prefix)
        except KeyNotFound as error:
            if prefix:
                raise self._missing(prefix) from error
            return []  # the top is never missing

    def _missing(self, prefix: str) -> KeyNotFound:
        return KeyNotFound("no such node, and nothing below it", address=self.address.shown, key=prefix)
