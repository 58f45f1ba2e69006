"""Store of etcd 3.4 and newer."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import ClassVar

from explorer.drivers.base import PAGE_SIZE, PING_TIMEOUT
from explorer.drivers.common.connected_store import ConnectedStore, LockOptions
from explorer.drivers.common.errors import future_revision, key_not_found
from explorer.drivers.common.transaction import Transacted
from explorer.drivers.common.watch import FixedWatch, ReconnectingWatch
from explorer.drivers.etcd import leases, lock_inspect, messages
from explorer.drivers.etcd.children import ChildNames, find_children, resolve_has_children
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.delete_tree import EtcdTreeDeletion
from explorer.drivers.etcd.endpoint import RANGE, RANGE_STREAM
from explorer.drivers.etcd.history import earlier_entries
from explorer.drivers.etcd.keyspace import NO_END, EtcdKeyspace
from explorer.drivers.etcd.lock import EtcdLock
from explorer.drivers.etcd.reader import EtcdReader, Windows, read_ahead
from explorer.drivers.etcd.settings import load
from explorer.drivers.etcd.status import read_status
from explorer.drivers.etcd.transaction import MAX_OPERATIONS, EtcdTransaction
from explorer.drivers.etcd.watch import EtcdWatch
from explorer.drivers.etcd.writer import EtcdWriter
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import CallNotSupported, KeyNotFound
from explorer.model.keys import decode, encode, range_end
from explorer.model.locks import LockInfo
from explorer.model.operations import Operation


class EtcdStore(ConnectedStore[EtcdConnection]):
    """An etcd cluster, or the part of it below the address's path. A revision is etcd's mod revision."""

    capabilities = ~Capability.DIRECTORIES
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.DIRECTORIES: "etcd's keys are flat; a directory exists as long as a key is below it"
    }
    max_operations = MAX_OPERATIONS
    walks_in_key_order = True
    lock_layouts: ClassVar[tuple[str, ...]] = (lock_inspect.CONCURRENCY,)

    def __init__(self, address: Address, access: Access) -> None:
        settings = load(address, access)
        super().__init__(settings.address, settings.redacted, settings.separator)
        self._revision = settings.revision
        self.snapshot = f"revision {self._revision}" if self._revision else ""
        self._settings = settings
        self._keyspace = EtcdKeyspace(settings.root, settings.separator)
        self._has_range_stream = True

    # The connection

    def _make_connection(self) -> EtcdConnection:
        return EtcdConnection(self._settings)

    async def _handshake(self) -> None:
        await self.connection.handshake(self._first_key_request())
        if self._revision:
            await self._require_kept(self._revision)

    async def _require_kept(self, revision: int) -> None:
        """Raise if a revision is not there: compacted, or in the future."""
        newest = await self.ping()
        if isinstance(newest, int) and newest < revision:
            raise future_revision(revision, newest)
        request = messages.RangeRequest(key=self._keyspace.root or NO_END, keys_only=True, limit=1, revision=revision)
        await self.connection.call(RANGE, request)

    @property
    def _writer(self) -> EtcdWriter:
        return EtcdWriter(self.connection, self._keyspace, self._tasks)

    def _lock(self, options: LockOptions) -> EtcdLock:
        return EtcdLock(self._writer, options)

    async def status(self) -> Status:
        status = await read_status(self.connection, self._keyspace.root)
        if not self._revision:
            return status
        return replace(status, complaints=(f"shows revision {self._revision}, not the present", *status.complaints))

    async def ping(self) -> Revision | None:
        within = min(PING_TIMEOUT, self.connection.timeout)
        return (await self.connection.call(RANGE, self._first_key_request(), within=within)).header.revision

    def _first_key_request(self) -> messages.RangeRequest:
        """Return a request that needs the leader, whose response is small."""
        return messages.RangeRequest(key=self._keyspace.root or NO_END, keys_only=True, limit=1)

    def require_key(self, key: str) -> None:
        self._keyspace.to_store_key(key)

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        request = messages.RangeRequest(
            key=self._keyspace.to_store_key(key), serializable=not consistent, revision=self._revision
        )
        response = await self.connection.call(RANGE, request)
        if not response.kvs:
            raise key_not_found()
        kv = response.kvs[0]
        lease = await leases.time_to_live(self.connection, kv.lease) if kv.lease else None
        entry = self._keyspace.to_entry(kv)
        return entry if lease is None else entry._replace(ttl=float(lease.TTL))

    async def exists(self, key: str) -> bool:
        request = messages.RangeRequest(key=self._keyspace.to_store_key(key), count_only=True, revision=self._revision)
        return (await self.connection.call(RANGE, request)).count > 0

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        start, _ = self._keyspace.to_range(prefix)
        reader = self._reader(prefix, after, values=False)
        names = ChildNames(start, encode(self.separator), start)
        if after is not None:
            names.start = await self._jump_past(Cursor.key_of(after), reader)
        await find_children(reader, names, limit)
        if not names.found and after is None:
            await self._require(prefix)
        page = list(names.found)[:limit]
        has_more = len(names.found) > limit
        await resolve_has_children(reader, names, page)
        directory = start[len(self._keyspace.root) :]
        items = [Child(decode(name), decode(directory + name), *names.found[name]) for name in page]
        cursor = Cursor(decode(directory + page[-1]), reader.revision) if has_more else None
        return Page(tuple(items), cursor, reader.revision)

    async def _jump_past(self, after: str, reader: EtcdReader) -> bytes:
        """Move a search for children past one of the page before, and return its new position.

        A child with a value is listed at the position of that value's key, which is before the keys below it.
        """
        key = self._keyspace.root + encode(after)
        request = messages.RangeRequest(key=key, count_only=True, revision=reader.revision)
        has_value = bool(key) and (await self.connection.call(RANGE, request)).count > 0
        position = key + b"\0" if has_value else range_end(key + encode(self.separator))
        if position == NO_END:
            reader.windows.finish(NO_END, sparse=True)
        else:
            reader.windows.jump(position)
        return position

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        reader = self._reader(prefix, after, values=values)
        if after is not None:
            reader.windows.jump(self._keyspace.root + encode(Cursor.key_of(after)) + b"\0")
        kvs = await reader.page(limit)
        if not kvs and after is None:
            await self._require(prefix)
        entries = tuple(self._keyspace.to_entries(kvs, values=values))
        cursor = None if reader.windows.done else Cursor(entries[-1].key, reader.revision)
        return Page(entries, cursor, reader.revision)

    async def count(self, prefix: str) -> int:
        """Return the number of keys below a prefix, from any member: it is for a person who waits."""
        start, end = self._keyspace.to_range(prefix)
        request = messages.RangeRequest(
            key=start or NO_END, range_end=end, count_only=True, revision=self._revision, serializable=True
        )
        return int((await self.connection.call(RANGE, request)).count)

    async def walk_pages(self, prefix: str, *, values: bool = True) -> AsyncGenerator[Sequence[Entry], None]:
        is_empty = True
        async with aclosing(self._pages(prefix, values=values)) as pages:
            async for page in pages:
                entries = self._keyspace.to_entries(page, values=values)
                while part := list(islice(entries, PAGE_SIZE)):  # a response has up to 50,000 keys
                    is_empty = False
                    yield part
        if is_empty:
            await self._require(prefix)

    async def _pages(self, prefix: str, *, values: bool) -> AsyncGenerator[Sequence[messages.KeyValue], None]:
        """Yield a whole range: by RangeStream from a server that has it (3.7), else in pages that are read ahead."""
        if self._has_range_stream:
            start, end = self._keyspace.to_range(prefix)
            request = messages.RangeRequest(
                key=start or NO_END, range_end=end, keys_only=not values, revision=self._revision
            )
            try:
                has_header = False
                async for response in self.connection.open_stream(RANGE_STREAM, request):
                    has_header = has_header or response.range_response.HasField("header")
                    yield response.range_response.kvs
                if not has_header:
                    await self.ping()  # an empty stream may come from a proxy; etcd has to answer as well
            except CallNotSupported:
                self._has_range_stream = False
            else:
                return
        reader = self._reader(prefix, None, values=values)
        async with aclosing(read_ahead(self._tasks, reader.pages())) as pages:
            async for page in pages:
                yield page

    def history(self, key: str) -> AsyncGenerator[Entry, None]:
        store_key = self._keyspace.to_store_key(key)
        return earlier_entries(self.connection, store_key, to_entry=self._keyspace.to_entry, shown_at=self._revision)

    # Writing

    async def _transact(self, operations: Sequence[Operation]) -> Transacted:
        return await EtcdTransaction(self.connection, self._keyspace).commit(operations)

    async def _delete_tree(self, prefix: str, guard: Revision | None) -> int:
        start, end = self._keyspace.to_range(prefix)
        revision = None if guard is None else self._keyspace.to_revision(guard)
        return await EtcdTreeDeletion(self.connection, prefix, start or NO_END, end, revision).commit()

    # Watching and locks

    async def _find(self, key: str) -> Entry | None:
        with suppress(KeyNotFound):
            return await self.get(key)
        return None

    def _key_watch(self, key: str, since: Revision | None) -> ReconnectingWatch:
        if self._revision:
            return FixedWatch(self._revision, partial(self._find, key))
        return self._range_watch(self._keyspace.to_store_key(key), b"", since, None)

    def _tree_watch(
        self, prefix: str, since: Revision | None, known: Mapping[str, Revision] | None
    ) -> ReconnectingWatch:
        if self._revision:
            return FixedWatch(self._revision)
        start, end = self._keyspace.to_range(prefix)
        return self._range_watch(start or NO_END, end, since, known)

    def _range_watch(
        self, start: bytes, end: bytes, since: Revision | None, known: Mapping[str, Revision] | None
    ) -> EtcdWatch:
        revision = None if since is None else self._keyspace.to_revision(since)
        return EtcdWatch(self.connection, start, end, keyspace=self._keyspace, since=revision, known=known)

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        start, end = self._keyspace.to_range(prefix)
        return await lock_inspect.list_locks(self.connection, start, end, self._keyspace.root)

    def _reader(self, prefix: str, after: Cursor | str | None, *, values: bool) -> EtcdReader:
        start, end = self._keyspace.to_range(prefix)
        revision = (
            self._keyspace.to_revision(after.revision)
            if isinstance(after, Cursor) and after.revision is not None
            else self._revision
        )
        return EtcdReader(self.connection, Windows(start, end, len(start)), revision=revision, values=values)
