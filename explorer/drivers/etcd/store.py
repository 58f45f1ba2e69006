"""The etcd driver: the contract of a store, spoken to etcd 3.4 and newer."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import ClassVar
from weakref import WeakSet

from explorer.drivers.base import LOCK_TTL, PAGE_SIZE, PROOF_TIME, Store
from explorer.drivers.etcd import leases, locks, messages
from explorer.drivers.etcd.children import Names, complete, gallop
from explorer.drivers.etcd.cluster import Cluster
from explorer.drivers.etcd.erasing import Erasure
from explorer.drivers.etcd.history import earlier
from explorer.drivers.etcd.layout import Layout
from explorer.drivers.etcd.lock import EtcdLock
from explorer.drivers.etcd.methods import RANGE, RANGE_STREAM
from explorer.drivers.etcd.ranges import NO_END, Reader, Windows, ahead
from explorer.drivers.etcd.settings import gather
from explorer.drivers.etcd.status import ask
from explorer.drivers.etcd.watch import RangeWatch
from explorer.drivers.etcd.writer import Writer
from explorer.drivers.locking import Terms
from explorer.drivers.tasks import Tasks
from explorer.drivers.watching import Watch
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import (
    CallNotSupported,
    ExplorerError,
    Forbidden,
    KeyNotFound,
    NotReachable,
)
from explorer.model.keys import decode, encode, range_end
from explorer.model.locks import LockInfo


class EtcdStore(Store):
    """An etcd cluster, or the part of it below the address's path. A revision is etcd's mod revision."""

    capabilities: ClassVar[Capability] = ~Capability.DIRECTORIES
    reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.DIRECTORIES: "etcd's keys are flat; a directory is there as long as something is below it"
    }

    def __init__(self, address: Address, access: Access) -> None:
        settings = gather(address, access)
        super().__init__(address)
        self.separator = settings.separator
        self._settings = settings
        self._layout = Layout(settings.root, settings.separator, settings.shown)
        self._tasks = Tasks()
        self._locks: WeakSet[EtcdLock] = WeakSet()
        self._streams = True
        self._connection: Cluster | None = None

    @property
    def cluster(self) -> Cluster:
        """The connection, for what the contract has no call for."""
        if self._connection is None:
            raise NotReachable(
                "the store is not open", hint="async with explorer.open(url) as store: ...", address=self._layout.shown
            )
        return self._connection

    @property
    def _writer(self) -> Writer:
        return Writer(self.cluster, self._layout, self._tasks)

    # Opening and closing

    async def connect(self) -> None:
        if self._connection is not None:
            return
        self._connection = Cluster(self._settings)
        with suppress(Forbidden):  # a user who may read a part only is welcome all the same
            await self._connection.greet(
                messages.RangeRequest(key=self._layout.root or NO_END, keys_only=True, limit=1)
            )

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
        return await ask(self.cluster, self._layout.root)

    async def prove(self) -> Revision | None:
        question = messages.RangeRequest(key=self._layout.root or NO_END, keys_only=True, limit=1)
        answer = await self.cluster.call(RANGE, question, within=min(PROOF_TIME, self.cluster.timeout))
        return answer.header.revision

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        question = messages.RangeRequest(key=self._layout.locate(key), serializable=not consistent)
        answer = await self.cluster.call(RANGE, question, key=key)
        if not answer.kvs:
            raise self._layout.absent(key)
        found = answer.kvs[0]
        lease = await leases.remaining(self.cluster, found.lease) if found.lease else None
        return self._layout.spell(found) if lease is None else self._layout.spell(found)._replace(ttl=float(lease.TTL))

    async def exists(self, key: str) -> bool:
        question = messages.RangeRequest(key=self._layout.locate(key), count_only=True)
        return (await self.cluster.call(RANGE, question, key=key)).count > 0

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        start, _ = self._layout.range(prefix)
        reader = self._reader(prefix, after, values=False)
        names = Names(start, encode(self.separator), start)
        if after is not None:
            names.begun = await self._behind(after.key if isinstance(after, Cursor) else after, reader)
        await gallop(reader, names, limit)
        if not names.found and after is None:
            await self._require(prefix)
        told = list(names.found)[:limit]
        more = len(names.found) > limit
        await complete(reader, names, told)
        base = start[len(self._layout.root) :]
        items = [Child(decode(name), decode(base + name), *names.found[name]) for name in told]
        following = Cursor(decode(base + told[-1]), reader.revision) if more else None
        return Page(tuple(items), following, reader.revision)

    async def _behind(self, after: str, reader: Reader) -> bytes:
        """Move a search for children behind one that was told, and give the place.

        A child with a value was told at that value's place in the order, which is before that of what lies below it.
        """
        key = self._layout.root + encode(after)
        question = messages.RangeRequest(key=key, count_only=True, revision=reader.revision)
        has_value = bool(key) and (await self.cluster.call(RANGE, question, key=after)).count > 0
        place = key + b"\0" if has_value else range_end(key + encode(self.separator))
        if place == NO_END:
            reader.windows.leave(NO_END, sparse=True)
        else:
            reader.windows.jump(place)
        return place

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        reader = self._reader(prefix, after, values=values)
        if after is not None:
            reader.windows.jump(
                self._layout.root + encode(after.key if isinstance(after, Cursor) else after) + b"\0", None
            )
        found = await reader.page(limit)
        if not found and after is None:
            await self._require(prefix)
        entries = tuple(self._layout.entries(found, values=values))
        following = None if reader.windows.done else Cursor(entries[-1].key, reader.revision)
        return Page(entries, following, reader.revision)

    async def walk(self, prefix: str, *, values: bool = True) -> AsyncGenerator[Entry, None]:
        empty = True
        async with aclosing(self._everything(prefix, values=values)) as pages:
            async for page in pages:
                for entry in self._layout.entries(page, values=values):
                    empty = False
                    yield entry
        if empty:
            await self._require(prefix)

    async def _everything(self, prefix: str, *, values: bool) -> AsyncGenerator[Sequence[messages.KeyValue], None]:
        """Read a whole range: as one stream from a server that has it (3.7), in pages read ahead from others."""
        if self._streams:
            start, end = self._layout.range(prefix)
            question = messages.RangeRequest(key=start or NO_END, range_end=end, keys_only=not values)
            try:
                async for answer in self.cluster.download(RANGE_STREAM, question, key=prefix):
                    yield answer.range_response.kvs
            except CallNotSupported:
                self._streams = False
            else:
                return
        reader = self._reader(prefix, None, values=values)
        async with aclosing(ahead(self._tasks, reader.pages())) as pages:
            async for page in pages:
                yield page

    def history(self, key: str) -> AsyncGenerator[Entry, None]:
        return earlier(self.cluster, self._layout.locate(key), spell=self._layout.spell, subject=key)

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
        start, end = self._layout.range(prefix)
        number = None if guard is None else self._layout.number(guard)
        return await Erasure(self.cluster, prefix, start or NO_END, end, number).commit()

    # Watching and locks

    def watch(self, key: str, *, since: Revision | None = None) -> Watch:
        return self._watch(key, self._layout.locate(key), b"", since, None)

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> Watch:
        start, end = self._layout.range(prefix)
        return self._watch(prefix, start or NO_END, end, since, known)

    def _watch(
        self, subject: str, start: bytes, end: bytes, since: Revision | None, known: Mapping[str, Revision] | None
    ) -> Watch:
        revision = None if since is None else self._layout.number(since)
        watch = RangeWatch(
            self.cluster, start, end, spell=self._layout.spell, subject=subject, since=revision, known=known
        )
        return Watch(self._tasks, watch.run, name=f"watch of {subject}")

    def lock(self, key: str, *, value: bytes = b"", ttl: float = LOCK_TTL, delete_on_unlock: bool = False) -> EtcdLock:
        lock = EtcdLock(self._writer, Terms(key, value, ttl, delete_on_unlock))
        self._locks.add(lock)
        return lock

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        start, end = self._layout.range(prefix)
        return await locks.tell(self.cluster, start, end, self._layout.root, subject=prefix)

    def _reader(self, prefix: str, after: Cursor | str | None, *, values: bool) -> Reader:
        start, end = self._layout.range(prefix)
        revision = (
            self._layout.number(after.revision) if isinstance(after, Cursor) and after.revision is not None else 0
        )
        return Reader(self.cluster, Windows(start, end, len(start)), revision=revision, values=values, subject=prefix)

    async def _require(self, prefix: str) -> None:
        """Refuse a prefix that is neither a key nor a directory; the top is always one."""
        key = prefix.removesuffix(self.separator)
        if key and not await self.exists(key):
            raise KeyNotFound("no such key, and nothing below it", address=self.address.shown, key=prefix)
