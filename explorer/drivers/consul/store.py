"""The Consul driver: the contract of a store, spoken to the HTTP API of Consul's agents (1.8 and newer)."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import ClassVar

from explorer.drivers.base import PAGE_SIZE, PING_TIMEOUT
from explorer.drivers.common.errors import key_not_found
from explorer.drivers.common.network_store import LockOptions, NetworkStore
from explorer.drivers.common.pagination import PageCache
from explorer.drivers.common.request_log import logged_write
from explorer.drivers.common.reverse_pages import last_before
from explorer.drivers.common.watch import Watch
from explorer.drivers.consul import lock_inspect, status
from explorer.drivers.consul.children import Keys, children
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.delete_tree import ConsulTreeDeletion
from explorer.drivers.consul.keyspace import ConsulKeyspace
from explorer.drivers.consul.lock import ConsulLock
from explorer.drivers.consul.reader import ConsulReader
from explorer.drivers.consul.settings import load
from explorer.drivers.consul.tree_parts import read_in_parts
from explorer.drivers.consul.tree_watch import ConsulTreeWatch
from explorer.drivers.consul.watch import ConsulKeyWatch
from explorer.drivers.consul.writer import ConsulWriter, remaining
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.keys import directory, first_key
from explorer.model.locks import LockInfo


class ConsulStore(NetworkStore[ConsulConnection]):
    """Consul's key-value store, or the part of it below the address's path. A revision is the ModifyIndex."""

    capabilities = (
        Capability.ATOMIC
        | Capability.BINARY_VALUES
        | Capability.CREATED
        | Capability.FENCING
        | Capability.KEEP_ALIVE
        | Capability.LOCK
        | Capability.LOCKS
        | Capability.NESTING
        | Capability.STALE_READS
        | Capability.TIME_LEFT
        | Capability.TTL
        | Capability.WATCH
    )
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.BINARY_KEYS: "Consul's JSON carries keys as UTF-8 text",
        Capability.DIRECTORIES: "Consul's keys are flat; a directory is there as long as something is below it",
        Capability.EVERY_CHANGE: "Consul tells what is; changes between two looks are folded, and counted at most",
        Capability.EVERY_DELETION: "Consul tells what is; of what came and went between two looks it tells nothing",
        Capability.GUARDED_DELETE: "Consul deletes a tree without any condition",
        Capability.HISTORY: "Consul keeps no earlier entries",
        Capability.PREVIOUS: "Consul tells what is, not what was",
        Capability.RESUME: "Consul keeps no history that a watch could begin in",
        Capability.SNAPSHOT: "Consul reads a listing level by level, each as it is at that moment",
        Capability.WAITERS: "Consul keeps no queue: who waits for a lock leaves no trace",
    }
    lock_layouts: ClassVar[tuple[str, ...]] = (lock_inspect.CONSUL,)

    def __init__(self, address: Address, access: Access) -> None:
        settings = load(address, access)
        super().__init__(settings.address, settings.redacted, settings.separator)
        self._settings = settings
        self._layout = ConsulKeyspace(settings.root, settings.separator, settings.redacted)
        self._listings: PageCache[Keys] = PageCache()
        self._levels: PageCache[list[Child]] = PageCache()

    # The connection

    def _make_connection(self) -> ConsulConnection:
        return ConsulConnection(self._settings)

    async def _handshake(self) -> None:
        await status.greet(self.connection)

    @property
    def _writer(self) -> ConsulWriter:
        return ConsulWriter(self.connection, self._layout, self._tasks)

    def _lock(self, options: LockOptions) -> ConsulLock:
        return ConsulLock(self._writer, options)

    async def status(self) -> Status:
        return await status.ask(self.connection)

    async def ping(self) -> Revision | None:
        return await status.ping(self.connection, min(PING_TIMEOUT, self.connection.timeout))

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        found = await self._reader(key).entry(self._layout.locate(key), consistent=consistent)
        if found is None:
            raise key_not_found()
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
                behind = Cursor.key_of(after)
                known = next((child for child in found if child.key == behind), None)
                place = self._first_key(behind, has_value=known is None or known.has_value)
                found = [child for child in found if self._first_key(child.key, has_value=child.has_value) > place]
        told, rest = found[:limit], found[limit:]
        return Page(tuple(told), self._levels.keep(base, told[-1].key, rest) if rest else None, None)

    async def children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        del after  # all names come at once
        base, above = self._layout.base(prefix), directory(prefix, self.separator)
        found = children(await self._reader(prefix).level(base), base, above, self.separator)
        if not found:
            await self._require(prefix)
        return Page(last_before(found, before, base=above, limit=limit, separator=self.separator), None, None)

    def _first_key(self, key: str, *, has_value: bool) -> bytes:
        return first_key(key, self.separator, has_value=has_value)

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        base, reader = self._layout.base(prefix), self._reader(prefix)
        keys = self._listings.take(base, after)
        if keys is None:
            keys = Keys(reader, base, None if after is None else self._layout.root + Cursor.key_of(after))
        wanted = await keys.take(limit)
        if not wanted and after is None:
            await self._require(prefix)
        entries = tuple(self._layout.entry(found, values=values) for found in await reader.entries(wanted))
        following = self._listings.keep(base, self._layout.relative(wanted[-1]), keys) if await keys.more() else None
        return Page(entries, following, None)

    async def walk(self, prefix: str, *, values: bool = True) -> AsyncGenerator[Entry, None]:
        base, reader = self._layout.base(prefix), self._reader(prefix)
        keys = await reader.everything(base)
        if not keys:
            await self._require(prefix)
            return
        async with aclosing(read_in_parts(reader, base, keys)) as parts:
            async for part in parts:
                for found in part:
                    yield self._layout.entry(found, values=values)

    # Writing

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        if guard is not None:
            self._refuse(Capability.GUARDED_DELETE, prefix)
        return await logged_write(
            ConsulTreeDeletion(self.connection, prefix, self._layout.base(prefix), self.separator).commit(),
            "delete tree",
            self.redacted,
            prefix,
        )

    # Watching and locks

    def watch(self, key: str, *, since: Revision | None = None) -> Watch:
        if since is not None:
            self._refuse(Capability.RESUME, key)
        return Watch(self._tasks, ConsulKeyWatch(self.connection, self._layout, key).run, name=f"watch of {key}")

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> Watch:
        if since is not None:
            self._refuse(Capability.RESUME, prefix)
        watch = ConsulTreeWatch(self.connection, self._layout, prefix, known)
        return Watch(self._tasks, watch.run, name=f"watch of {prefix or 'all keys'}")

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        return await lock_inspect.list_locks(self.connection, self._layout, prefix)

    def _reader(self, subject: str) -> ConsulReader:
        return ConsulReader(self.connection, self.separator, subject)
