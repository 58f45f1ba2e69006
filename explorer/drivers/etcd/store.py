"""The etcd driver: the contract of a store, spoken to etcd 3.4 and newer."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import ClassVar

from explorer.drivers.base import PAGE_SIZE, PING_TIMEOUT
from explorer.drivers.common.errors import key_not_found
from explorer.drivers.common.network_store import LockOptions, NetworkStore
from explorer.drivers.common.request_log import logged_write
from explorer.drivers.common.watch import Watch
from explorer.drivers.etcd import leases, lock_inspect, messages
from explorer.drivers.etcd.children import Names, complete, gallop
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.delete_tree import EtcdTreeDeletion
from explorer.drivers.etcd.history import earlier
from explorer.drivers.etcd.keyspace import EtcdKeyspace
from explorer.drivers.etcd.lock import EtcdLock
from explorer.drivers.etcd.methods import RANGE, RANGE_STREAM
from explorer.drivers.etcd.reader import NO_END, EtcdReader, Windows, ahead
from explorer.drivers.etcd.settings import load
from explorer.drivers.etcd.status import ask
from explorer.drivers.etcd.watch import RangeWatch
from explorer.drivers.etcd.writer import EtcdWriter
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import CallNotSupported
from explorer.model.keys import decode, encode, range_end
from explorer.model.locks import LockInfo


class EtcdStore(NetworkStore[EtcdConnection]):
    """An etcd cluster, or the part of it below the address's path. A revision is etcd's mod revision."""

    capabilities = ~Capability.DIRECTORIES
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.DIRECTORIES: "etcd's keys are flat; a directory is there as long as something is below it"
    }
    lock_layouts: ClassVar[tuple[str, ...]] = (lock_inspect.CONCURRENCY,)

    def __init__(self, address: Address, access: Access) -> None:
        settings = load(address, access)
        super().__init__(settings.address, settings.redacted, settings.separator)
        self._settings = settings
        self._layout = EtcdKeyspace(settings.root, settings.separator, settings.redacted)
        self._streams = True

    # The connection

    def _make_connection(self) -> EtcdConnection:
        return EtcdConnection(self._settings)

    async def _handshake(self) -> None:
        await self.connection.greet(messages.RangeRequest(key=self._layout.root or NO_END, keys_only=True, limit=1))

    @property
    def _writer(self) -> EtcdWriter:
        return EtcdWriter(self.connection, self._layout, self._tasks)

    def _lock(self, options: LockOptions) -> EtcdLock:
        return EtcdLock(self._writer, options)

    async def status(self) -> Status:
        return await ask(self.connection, self._layout.root)

    async def ping(self) -> Revision | None:
        question = messages.RangeRequest(key=self._layout.root or NO_END, keys_only=True, limit=1)
        answer = await self.connection.call(RANGE, question, within=min(PING_TIMEOUT, self.connection.timeout))
        return answer.header.revision

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        question = messages.RangeRequest(key=self._layout.locate(key), serializable=not consistent)
        answer = await self.connection.call(RANGE, question, key=key)
        if not answer.kvs:
            raise key_not_found()
        found = answer.kvs[0]
        lease = await leases.remaining(self.connection, found.lease) if found.lease else None
        return self._layout.spell(found) if lease is None else self._layout.spell(found)._replace(ttl=float(lease.TTL))

    async def exists(self, key: str) -> bool:
        question = messages.RangeRequest(key=self._layout.locate(key), count_only=True)
        return (await self.connection.call(RANGE, question, key=key)).count > 0

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        start, _ = self._layout.range(prefix)
        reader = self._reader(prefix, after, values=False)
        names = Names(start, encode(self.separator), start)
        if after is not None:
            names.begun = await self._behind(Cursor.key_of(after), reader)
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

    async def _behind(self, after: str, reader: EtcdReader) -> bytes:
        """Move a search for children behind one that was told, and give the place.

        A child with a value was told at that value's place in the order, which is before that of what lies below it.
        """
        key = self._layout.root + encode(after)
        question = messages.RangeRequest(key=key, count_only=True, revision=reader.revision)
        has_value = bool(key) and (await self.connection.call(RANGE, question, key=after)).count > 0
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
            reader.windows.jump(self._layout.root + encode(Cursor.key_of(after)) + b"\0", None)
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
                own = False
                async for answer in self.connection.download(RANGE_STREAM, question, key=prefix):
                    own = own or answer.range_response.HasField("header")
                    yield answer.range_response.kvs
                if not own:
                    await self.ping()  # whatever answered so, etcd has to say that there is nothing
            except CallNotSupported:
                self._streams = False
            else:
                return
        reader = self._reader(prefix, None, values=values)
        async with aclosing(ahead(self._tasks, reader.pages())) as pages:
            async for page in pages:
                yield page

    def history(self, key: str) -> AsyncGenerator[Entry, None]:
        return earlier(self.connection, self._layout.locate(key), spell=self._layout.spell, subject=key)

    # Writing

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        start, end = self._layout.range(prefix)
        number = None if guard is None else self._layout.number(guard)
        return await logged_write(
            EtcdTreeDeletion(self.connection, prefix, start or NO_END, end, number).commit(),
            "delete tree",
            self.redacted,
            prefix,
        )

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
            self.connection, start, end, spell=self._layout.spell, subject=subject, since=revision, known=known
        )
        return Watch(self._tasks, watch.run, name=f"watch of {subject or 'all keys'}")

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        start, end = self._layout.range(prefix)
        return await lock_inspect.list_locks(self.connection, start, end, self._layout.root, subject=prefix)

    def _reader(self, prefix: str, after: Cursor | str | None, *, values: bool) -> EtcdReader:
        start, end = self._layout.range(prefix)
        revision = (
            self._layout.number(after.revision) if isinstance(after, Cursor) and after.revision is not None else 0
        )
        return EtcdReader(
            self.connection, Windows(start, end, len(start)), revision=revision, values=values, subject=prefix
        )
