"""The Consul driver: the contract of a store, spoken to the HTTP API of Consul's agents (1.8 and newer)."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar
from weakref import WeakSet

from explorer.drivers.base import LOCK_TTL, PAGE_SIZE, PROOF_TIME, Lock, Store
from explorer.drivers.consul import locks, status
from explorer.drivers.consul.connection import Connection
from explorer.drivers.consul.erasing import Erasure
from explorer.drivers.consul.layout import Layout
from explorer.drivers.consul.listing import Keys, children
from explorer.drivers.consul.lock import ConsulLock
from explorer.drivers.consul.reading import Reader
from explorer.drivers.consul.settings import gather
from explorer.drivers.consul.treewatch import TreeWatch
from explorer.drivers.consul.watch import KeyWatch
from explorer.drivers.consul.writer import Writer, remaining
from explorer.drivers.locking import Terms
from explorer.drivers.tasks import Tasks
from explorer.drivers.unfinished import Unfinished
from explorer.drivers.watching import Watch
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import ExplorerError, Forbidden, KeyNotFound, NotReachable
from explorer.model.keys import directory
from explorer.model.locks import LockInfo


class ConsulStore(Store):
    """Consul's key-value store, or the part of it below the address's path. A revision is the ModifyIndex."""

    capabilities: ClassVar[Capability] = (
        Capability.ATOMIC
        | Capability.CREATED
        | Capability.KEEP_ALIVE
        | Capability.LOCK
        | Capability.LOCKS
        | Capability.STALE_READS
        | Capability.TIME_LEFT
        | Capability.TTL
        | Capability.WATCH
    )
    reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.BINARY_KEYS: "Consul's JSON carries keys as UTF-8 text",
        Capability.DIRECTORIES: "Consul's keys are flat; a directory is there as long as something is below it",
        Capability.EVERY_CHANGE: "Consul tells what is; changes between two looks are folded, and counted at most",
        Capability.GUARDED_DELETE: "Consul deletes a tree without any condition",
        Capability.HISTORY: "Consul keeps no earlier entries",
        Capability.PREVIOUS: "Consul tells what is, not what was",
        Capability.RESUME: "Consul keeps no history that a watch could begin in",
        Capability.SNAPSHOT: "Consul reads a listing level by level, each as it is at that moment",
        Capability.WAITERS: "Consul keeps no queue: who waits for a lock leaves no trace",
    }

    def __init__(self, address: Address, access: Access) -> None:
        settings = gather(address, access)
        super().__init__(address)
        self.separator = settings.separator
        self._settings = settings
        self._layout = Layout(settings.root, settings.separator, settings.shown)
        self._tasks = Tasks()
        self._locks: WeakSet[ConsulLock] = WeakSet()
        self._listings: Unfinished[Keys] = Unfinished()
        self._levels: Unfinished[list[Child]] = Unfinished()
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
        return Writer(self.connection, self._layout, self._tasks)

    # Opening and closing

    async def connect(self) -> None:
        if self._connection is not None:
            return
        self._connection = Connection(self._settings)
        with suppress(Forbidden):  # a token that may read a part only is welcome all the same
            await status.greet(self._connection)

    async def close(self) -> None:
        if self._connection is None:
            return
        for lock in tuple(self._locks):
            with suppress(ExplorerError, TimeoutError):
                async with asyncio.timeout(min(1.0, self._connection.timeout)):
                    await lock.release()
        await self._tasks.close()
        await self._connection.close()
        self._connection = None

    async def status(self) -> Status:
        return await status.ask(self.connection)

    async def prove(self) -> Revision | None:
        return await status.prove(self.connection, min(PROOF_TIME, self.connection.timeout))

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        found = await self._reader(key).entry(self._layout.locate(key), consistent=consistent)
        if found is None:
            raise self._layout.absent(key)
        return self._layout.entry(found, ttl=await remaining(self.connection, found))

    async def exists(self, key: str) -> bool:
        return await self._reader(key).entry(self._layout.locate(key)) is not None

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        base, above = self._layout.base(prefix), directory(prefix, self.separator)
        found = self._levels.take(base, after)
        if found is None:
            found = children(await self._reader(prefix).level(base), base, above, self.separator)
            if not found:
                await self._require(prefix)
            if after is not None:
                behind = after.key if isinstance(after, Cursor) else after
                found = [child for child in found if child.key > behind]
        told, rest = found[:limit], found[limit:]
        return Page(tuple(told), self._levels.keep(base, told[-1].key, rest) if rest else None, None)

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        base, reader = self._layout.base(prefix), self._reader(prefix)
        keys = self._listings.take(base, after)
        if keys is None:
            begin = after.key if isinstance(after, Cursor) else after
            keys = Keys(reader, base, None if begin is None else self._layout.root + begin)
        wanted = await keys.take(limit)
        if not wanted and after is None:
            await self._require(prefix)
        entries = tuple(self._layout.entry(found, values=values) for found in await reader.entries(wanted))
        following = self._listings.keep(base, self._layout.relative(wanted[-1]), keys) if await keys.more() else None
        return Page(entries, following, None)

    # Writing

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        del is_dir  # a directory is no kind of its own here
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
        return await Erasure(self.connection, prefix, self._layout.base(prefix), self.separator).commit()

    # Watching and locks

    def watch(self, key: str, *, since: Revision | None = None) -> Watch:
        if since is not None:
            self._refuse(Capability.RESUME, key)
        return Watch(self._tasks, KeyWatch(self.connection, self._layout, key).run, name=f"watch of {key}")

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> Watch:
        if since is not None:
            self._refuse(Capability.RESUME, prefix)
        watch = TreeWatch(self.connection, self._layout, prefix, known)
        return Watch(self._tasks, watch.run, name=f"watch of {prefix}")

    def lock(self, key: str, *, value: bytes = b"", ttl: float = LOCK_TTL, delete_on_unlock: bool = False) -> Lock:
        lock = ConsulLock(self._writer, Terms(key, value, ttl, delete_on_unlock))
        self._locks.add(lock)
        return lock

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        return await locks.tell(self.connection, self._layout, prefix)

    def _reader(self, subject: str) -> Reader:
        return Reader(self.connection, self.separator, subject)

    async def _require(self, prefix: str) -> None:
        """Refuse a prefix that is neither a key nor a directory; the top is always one."""
        key = prefix.removesuffix(self.separator)
        if key and not await self.exists(key):
            raise KeyNotFound("no such key, and nothing below it", address=self.address.shown, key=prefix)
