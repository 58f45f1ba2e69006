"""The etcd driver: the contract of a store, spoken to etcd 3.4 and newer."""

import asyncio
import math
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import ClassVar
from weakref import WeakSet

from explorer.drivers.base import LOCK_TTL, PAGE_SIZE, Store
from explorer.drivers.etcd import leases, locks, messages
from explorer.drivers.etcd.children import Names, complete, gallop
from explorer.drivers.etcd.cluster import Cluster
from explorer.drivers.etcd.history import earlier
from explorer.drivers.etcd.lock import EtcdLock
from explorer.drivers.etcd.methods import RANGE, RANGE_STREAM, TXN
from explorer.drivers.etcd.ranges import NO_END, Reader, Windows, ahead
from explorer.drivers.etcd.saving import Save, erase_tree, unchanged
from explorer.drivers.etcd.settings import gather
from explorer.drivers.etcd.status import ask
from explorer.drivers.etcd.watch import RangeWatch
from explorer.drivers.tasks import Tasks
from explorer.drivers.watching import Watch
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import (
    CallNotSupported,
    ExplorerError,
    Forbidden,
    InvalidKey,
    KeyExists,
    KeyModified,
    KeyNotFound,
    OutcomeUnknown,
    PreviousNotSpecified,
)
from explorer.model.keys import decode, directory, encode, range_end
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
        self._root = settings.root
        self._tasks = Tasks()
        self._locks: WeakSet[EtcdLock] = WeakSet()
        self._streams = True
        self._connection: Cluster | None = None

    @property
    def _cluster(self) -> Cluster:
        if self._connection is None:
            message = "the store is not open: use it in `async with explorer.open(url) as store`"
            raise RuntimeError(message)
        return self._connection

    # Opening and closing

    async def connect(self) -> None:
        if self._connection is not None:
            return
        self._connection = Cluster(self._settings)
        with suppress(Forbidden):  # a user who may read a part only is welcome all the same
            await self._connection.greet(messages.RangeRequest(key=self._root or NO_END, keys_only=True, limit=1))

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
        return await ask(self._cluster, self._root)

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        question = messages.RangeRequest(key=self.locate(key), serializable=not consistent)
        answer = await self._cluster.call(RANGE, question, key=key)
        if not answer.kvs:
            raise self._absent(key)
        found = answer.kvs[0]
        lease = await leases.remaining(self._cluster, found.lease) if found.lease else None
        return self.spell(found) if lease is None else replace(self.spell(found), ttl=float(lease.TTL))

    async def exists(self, key: str) -> bool:
        question = messages.RangeRequest(key=self.locate(key), count_only=True)
        return (await self._cluster.call(RANGE, question, key=key)).count > 0

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        start, _ = self._range(prefix)
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
        base = start[len(self._root) :]
        items = [Child(decode(name), decode(base + name), *names.found[name]) for name in told]
        following = Cursor(decode(base + told[-1]), reader.revision) if more else None
        return Page(tuple(items), following, reader.revision)

    async def _behind(self, after: str, reader: Reader) -> bytes:
        """Move a search for children behind one that was told, and give the place.

        A child with a value was told at that value's place in the order, which is before that of what lies below it.
        """
        key = self._root + encode(after)
        question = messages.RangeRequest(key=key, count_only=True, revision=reader.revision)
        has_value = bool(key) and (await self._cluster.call(RANGE, question, key=after)).count > 0
        place = key + b"\0" if has_value else range_end(key + encode(self.separator))
        if place == NO_END:
            reader.windows.leave(NO_END, sparse=True)
        else:
            reader.windows.jump(place, None)
        return place

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        reader = self._reader(prefix, after, values=values)
        if after is not None:
            reader.windows.jump(self._root + encode(after.key if isinstance(after, Cursor) else after) + b"\0", None)
        found = await reader.page(limit)
        if not found and after is None:
            await self._require(prefix)
        entries = tuple(self._entries(found, values=values))
        following = None if reader.windows.done else Cursor(entries[-1].key, reader.revision)
        return Page(entries, following, reader.revision)

    async def walk(self, prefix: str, *, values: bool = True) -> AsyncGenerator[Entry, None]:
        empty = True
        async with aclosing(self._everything(prefix, values=values)) as pages:
            async for page in pages:
                for entry in self._entries(page, values=values):
                    empty = False
                    yield entry
        if empty:
            await self._require(prefix)

    async def _everything(self, prefix: str, *, values: bool) -> AsyncGenerator[Sequence[messages.KeyValue], None]:
        """Read a whole range: as one stream from a server that has it (3.7), in pages read ahead from others."""
        if self._streams:
            start, end = self._range(prefix)
            question = messages.RangeRequest(key=start or NO_END, range_end=end, keys_only=not values)
            try:
                async for answer in self._cluster.download(RANGE_STREAM, question, key=prefix):
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
        return earlier(self._cluster, self.locate(key), spell=self.spell, subject=key)

    # Writing

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        del is_dir  # a directory is no kind of its own here
        place = self.locate(key)
        lease = await self._granted(ttl)
        try:
            while True:
                now = await self._current(place, key)
                entry = await self._write(key, value, *now, lease=lease)
                if entry is not None:
                    break
        except ExplorerError as error:
            await self._give_back(lease, error)
            raise
        if lease and keep_alive:
            self._tasks.start(leases.keep_alive(self._cluster, lease.ID, lease.TTL), name=f"lease of {key}")
        return entry

    async def atomic_put(
        self, key: str, value: bytes, previous: Entry | Revision | None, *, ttl: float | None = None
    ) -> Entry:
        self.locate(key)
        revision, created = (0, None) if previous is None else self._state(previous)
        lease = await self._granted(ttl)
        try:
            entry = await self._write(key, value, revision, created, lease=lease)
            if entry is None:
                raise self._taken(key) if previous is None else self._modified(key)
        except ExplorerError as error:
            await self._give_back(lease, error)
            raise
        return entry

    async def delete(self, key: str) -> None:
        place = self.locate(key)
        while True:
            revision, created = await self._current(place, key)
            if revision == 0:
                raise self._absent(key)
            if await self._erase(key, revision, created):
                return

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        if previous is None:
            raise PreviousNotSpecified("say which entry is to be deleted", address=self.address.shown, key=key)
        if await self._erase(key, *self._state(previous)):
            return
        if await self.exists(key):
            raise self._modified(key)
        raise self._absent(key)

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        start, end = self._range(prefix)
        return await erase_tree(
            self._cluster, start or NO_END, end, subject=prefix, guard=None if guard is None else self._number(guard)
        )

    async def commit_put(self, key: str, value: bytes, compare: messages.Compare) -> Entry | None:
        """Put under a further condition; None when that does not hold."""
        place = self.locate(key)
        while True:
            revision, created = await self._current(place, key)
            entry = await self._write(key, value, revision, created, lease=None, besides=(compare,))
            if entry is not None:
                return entry
            if not (await self._cluster.call(TXN, messages.TxnRequest(compare=[compare]), key=key)).succeeded:
                return None

    async def _write(
        self,
        key: str,
        value: bytes,
        revision: int,
        created: int | None,
        *,
        lease: messages.LeaseGrantResponse | None,
        besides: Sequence[messages.Compare] = (),
    ) -> Entry | None:
        """Put if the key is at this revision (0: absent), keeping its lease unless another is given; None if it is not."""
        place = self.locate(key)
        put = messages.PutRequest(key=place, value=value)
        if lease is not None:
            put.lease = lease.ID
        elif revision:
            put.ignore_lease = True
        request = messages.TxnRequest(
            compare=[*unchanged(place, revision, created), *besides],
            success=[
                messages.RequestOp(request_put=put),
                messages.RequestOp(request_range=messages.RangeRequest(key=place, keys_only=True)),
            ],
        )
        base = revision or self._cluster.revision
        outcome = await Save(self._cluster, key, place, value, base, request).commit()
        if not outcome.won:
            return None
        written = outcome.written or outcome.responses[-1].response_range.kvs[0]
        ttl = float(lease.TTL) if lease is not None and lease.ID else None
        return replace(self.spell(written), value=value, ttl=ttl)

    async def _erase(self, key: str, revision: int, created: int | None) -> bool:
        """Delete if the key is at this revision."""
        place = self.locate(key)
        request = messages.TxnRequest(
            compare=unchanged(place, revision, created),
            success=[messages.RequestOp(request_delete_range=messages.DeleteRangeRequest(key=place))],
        )
        return (await Save(self._cluster, key, place, None, revision, request).commit()).won

    async def _current(self, place: bytes, key: str) -> tuple[int, int | None]:
        """Give mod and create revision of a key; 0 if there is none."""
        answer = await self._cluster.call(RANGE, messages.RangeRequest(key=place, keys_only=True), key=key)
        return (answer.kvs[0].mod_revision, answer.kvs[0].create_revision) if answer.kvs else (0, None)

    async def _granted(self, ttl: float | None) -> messages.LeaseGrantResponse | None:
        """Get the lease that an entry is to live by: None to keep what it has, an empty one to free it."""
        if ttl is None:
            return None
        return messages.LeaseGrantResponse() if math.isinf(ttl) else await leases.grant(self._cluster, ttl)

    async def _give_back(self, lease: messages.LeaseGrantResponse | None, error: ExplorerError) -> None:
        """End a lease that nothing came to live by, unless that is not known."""
        if lease is not None and lease.ID and not isinstance(error, OutcomeUnknown):
            with suppress(ExplorerError):
                await leases.revoke(self._cluster, lease.ID)

    # Watching and locks

    def watch(self, key: str, *, since: Revision | None = None) -> Watch:
        return self._watch(key, self.locate(key), b"", since, None)

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> Watch:
        start, end = self._range(prefix)
        return self._watch(prefix, start or NO_END, end, since, known)

    def _watch(
        self, subject: str, start: bytes, end: bytes, since: Revision | None, known: Mapping[str, Revision] | None
    ) -> Watch:
        revision = None if since is None else self._number(since)
        watch = RangeWatch(self._cluster, start, end, spell=self.spell, subject=subject, since=revision, known=known)
        return Watch(self._tasks, watch.run, name=f"watch of {subject}")

    def lock(self, key: str, *, value: bytes = b"", ttl: float = LOCK_TTL, delete_on_unlock: bool = False) -> EtcdLock:
        lock = EtcdLock(self._cluster, self, self._tasks, key, value=value, ttl=ttl, delete_on_unlock=delete_on_unlock)
        self._locks.add(lock)
        return lock

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        start, end = self._range(prefix)
        return await locks.tell(self._cluster, start, end, self._root, subject=prefix)

    # Keys

    def locate(self, key: str) -> bytes:
        """Give a key as the store spells it."""
        place = self._root + encode(key)
        if not place:
            raise InvalidKey("etcd has no empty key", hint="name a key", address=self.address.shown, key=key)
        return place

    def spell(self, found: messages.KeyValue) -> Entry:
        """Give the Entry of what the store sent."""
        return next(self._entries((found,), values=True))

    def _entries(self, found: Iterable[messages.KeyValue], *, values: bool) -> Iterator[Entry]:
        """Give the Entries of what the store sent; by the million, so without any further call for each."""
        root = len(self._root)
        nothing: dict[str, str | int | bool] = {}
        for one in found:
            lease = one.lease
            yield Entry(
                one.key[root:].decode("utf-8", "surrogateescape"),
                one.value if values else None,
                one.mod_revision,
                one.create_revision or None,
                one.version or None,
                None,
                leases.spelled(lease) if lease else None,
                nothing,
            )

    def _range(self, prefix: str) -> tuple[bytes, bytes]:
        """Give start and end of what lies below a prefix; the start is empty for the whole store."""
        start = self._root + encode(directory(prefix, self.separator))
        return start, range_end(start)

    def _reader(self, prefix: str, after: Cursor | str | None, *, values: bool) -> Reader:
        start, end = self._range(prefix)
        revision = self._number(after.revision) if isinstance(after, Cursor) and after.revision is not None else 0
        return Reader(self._cluster, Windows(start, end, len(start)), revision=revision, values=values, subject=prefix)

    async def _require(self, prefix: str) -> None:
        """Refuse a prefix that is neither a key nor a directory; the top is always one."""
        key = prefix.removesuffix(self.separator)
        if key and not await self.exists(key):
            raise KeyNotFound("no such key, and nothing below it", address=self.address.shown, key=prefix)

    def _state(self, previous: Entry | Revision) -> tuple[int, int | None]:
        """Give mod and create revision of what the caller had read; -1, which never is, for what is no revision of etcd's."""
        revision = previous.revision if isinstance(previous, Entry) else previous
        created = previous.created if isinstance(previous, Entry) else None
        return (
            revision if isinstance(revision, int) and revision > 0 else -1,
            created if isinstance(created, int) else None,
        )

    def _number(self, revision: Revision) -> int:
        if isinstance(revision, int):
            return revision
        raise InvalidKey(f"{revision!r} is no revision: etcd's are numbers", address=self.address.shown)

    def _absent(self, key: str) -> KeyNotFound:
        return KeyNotFound("no such key", address=self.address.shown, key=key)

    def _taken(self, key: str) -> KeyExists:
        return KeyExists(
            "the key exists already", hint="read it and save against what you read", address=self.address.shown, key=key
        )

    def _modified(self, key: str) -> KeyModified:
        return KeyModified(
            "the key was changed since it was read", hint="read it again", address=self.address.shown, key=key
        )
