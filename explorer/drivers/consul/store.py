"""Store for Consul's key-value data, by the HTTP API of its agents (1.8 and newer)."""

from bisect import bisect_right
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import ClassVar

from explorer.drivers.base import PAGE_SIZE, PING_TIMEOUT
from explorer.drivers.common.connected_store import ConnectedStore, LockOptions
from explorer.drivers.common.created_meta import flags_refusal
from explorer.drivers.common.errors import key_not_found
from explorer.drivers.common.pagination import LevelPages, WalkPages
from explorer.drivers.common.reverse_pages import last_before
from explorer.drivers.common.transaction import Transacted
from explorer.drivers.consul import lock_inspect, status
from explorer.drivers.consul.children import KeyWalk, to_children
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.delete_tree import ConsulTreeDeletion
from explorer.drivers.consul.keyspace import ConsulKeyspace
from explorer.drivers.consul.lock import ConsulLock
from explorer.drivers.consul.reader import ConsulReader
from explorer.drivers.consul.settings import load
from explorer.drivers.consul.transaction import MAX_WRITES, ConsulTransaction
from explorer.drivers.consul.tree_parts import read_in_parts
from explorer.drivers.consul.tree_watch import ConsulTreeWatch
from explorer.drivers.consul.watch import ConsulKeyWatch
from explorer.drivers.consul.writer import ConsulWriter, lease_ttl
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Meta, Page, Revision, Status
from explorer.model.keys import directory, first_key
from explorer.model.locks import LockInfo
from explorer.model.operations import Operation


class ConsulStore(ConnectedStore[ConsulConnection]):
    """Consul's key-value store, or the part of it below the address's path. A revision is the ModifyIndex."""

    capabilities = (
        Capability.ATOMIC
        | Capability.BINARY_VALUES
        | Capability.CREATED
        | Capability.DISTINCT_REVISIONS
        | Capability.FENCING
        | Capability.KEEP_ALIVE
        | Capability.LOCK
        | Capability.LOCKS
        | Capability.NESTING
        | Capability.STALE_READS
        | Capability.TIME_LEFT
        | Capability.TRANSACTIONS
        | Capability.TTL
        | Capability.WATCH
    )
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.BINARY_KEYS: "Consul's JSON carries keys as UTF-8 text",
        Capability.DIRECTORIES: "Consul's keys are flat; a directory exists only while there are keys below it",
        Capability.EVERY_CHANGE: "Consul returns the present state only: changes between two reads are coalesced",
        Capability.EVERY_DELETION: "Consul returns the present state only: brief keys between two reads are missed",
        Capability.GUARDED_DELETE: "Consul deletes a tree without any condition",
        Capability.HISTORY: "Consul keeps no earlier entries",
        Capability.PREVIOUS: "Consul returns the present state only",
        Capability.RESUME: "Consul keeps no history from which a watch could resume",
        Capability.SNAPSHOT: "Consul has no snapshot reads; a listing is read level by level",
        Capability.WAITERS: "Consul has no queue; clients that wait for a lock leave no trace",
    }
    max_operations = MAX_WRITES
    keeps_first_slash = False
    settable_meta = frozenset({"flags"})
    lock_layouts: ClassVar[tuple[str, ...]] = (lock_inspect.CONSUL,)

    def __init__(self, address: Address, access: Access) -> None:
        settings = load(address, access)
        super().__init__(settings.address, settings.redacted, settings.separator)
        self._settings = settings
        self._keyspace = ConsulKeyspace(settings.root, settings.separator)
        self._walk_pages: WalkPages[str] = WalkPages()
        self._level_pages: LevelPages[list[Child]] = LevelPages()

    # The connection

    def _make_connection(self) -> ConsulConnection:
        return ConsulConnection(self._settings)

    async def _handshake(self) -> None:
        await status.handshake(self.connection)

    @property
    def _writer(self) -> ConsulWriter:
        return ConsulWriter(self.connection, self._keyspace, self._tasks)

    def _lock(self, options: LockOptions) -> ConsulLock:
        return ConsulLock(self._writer, options)

    async def status(self) -> Status:
        return await status.read_status(self.connection)

    async def ping(self) -> Revision | None:
        return await status.ping(self.connection, min(PING_TIMEOUT, self.connection.timeout))

    def require_key(self, key: str) -> None:
        self._keyspace.to_store_key(key)

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        pair = await self._reader.get_pair(self._keyspace.to_store_key(key), consistent=consistent)
        if pair is None:
            raise key_not_found()
        return self._keyspace.to_entry(pair, ttl=await lease_ttl(self.connection, pair))

    async def exists(self, key: str) -> bool:
        return await self._reader.get_pair(self._keyspace.to_store_key(key)) is not None

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        base = self._keyspace.to_store_prefix(prefix)
        children, cursor = await self._level_pages.page(
            base,
            after,
            limit,
            read=lambda: self._read_level(prefix, base),
            index_after=self._index_after,
            last_key=lambda children: children[-1].key,
        )
        return Page(tuple(children), cursor, None)

    async def children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        del after  # one answer has the whole level
        base = self._keyspace.to_store_prefix(prefix)
        children = await self._read_level(prefix, base)
        above = directory(prefix, self.separator)
        return Page(last_before(children, before, base=above, limit=limit, separator=self.separator), None, None)

    async def _read_level(self, prefix: str, base: str) -> list[Child]:
        """Return the children of a directory.

        Raises:
            KeyNotFound: There is neither such a directory nor such a key.
        """
        level = await self._reader.list_level(base)
        if not level:
            await self._require(prefix)
        return to_children(level, base, directory(prefix, self.separator), self.separator)

    def _index_after(self, children: list[Child], key: str) -> int:
        """Return the index of the first child whose keys all come after those of another child."""
        last = next((child for child in children if child.key == key), None)
        start = self._first_key(key, has_value=last is None or last.has_value)
        return bisect_right(children, start, key=lambda child: self._first_key(child.key, has_value=child.has_value))

    def _first_key(self, key: str, *, has_value: bool) -> bytes:
        return first_key(key, self.separator, has_value=has_value)

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        base, reader = self._keyspace.to_store_prefix(prefix), self._reader
        keys, cursor = await self._walk_pages.page(
            base,
            after,
            limit,
            start=lambda key: KeyWalk(reader, base, None if key is None else self._keyspace.root + key),
            key_of=self._keyspace.to_key,
        )
        if not keys and after is None:
            await self._require(prefix)
        pairs = await reader.get_pairs(keys)
        return Page(tuple(self._keyspace.to_entry(pair, values=values) for pair in pairs), cursor, None)

    async def walk_pages(self, prefix: str, *, values: bool = True) -> AsyncGenerator[Sequence[Entry], None]:
        base, reader = self._keyspace.to_store_prefix(prefix), self._reader
        keys = await reader.list_keys(base)
        if not keys:
            await self._require(prefix)
            return
        async with aclosing(read_in_parts(reader, base, keys)) as parts:
            async for part in parts:
                yield [self._keyspace.to_entry(pair, values=values) for pair in part]

    # Writing

    def meta_refusal(self, meta: Meta, *, has_children: bool = False) -> str:
        return super().meta_refusal(meta, has_children=has_children) or flags_refusal(meta)

    async def _transact(self, operations: Sequence[Operation]) -> Transacted:
        return await ConsulTransaction(self.connection, self._keyspace).commit(operations)

    async def _delete_tree(self, prefix: str, guard: Revision | None) -> int:
        del guard  # see `unsupported_reasons`
        base = self._keyspace.to_store_prefix(prefix)
        return await ConsulTreeDeletion(self.connection, prefix, base, self.separator).commit()

    # Watches and locks

    def _key_watch(self, key: str, since: Revision | None) -> ConsulKeyWatch:
        del since  # see `unsupported_reasons`
        return ConsulKeyWatch(self.connection, self._keyspace, key)

    def _tree_watch(self, prefix: str, since: Revision | None, known: Mapping[str, Revision] | None) -> ConsulTreeWatch:
        del since  # see `unsupported_reasons`
        return ConsulTreeWatch(self.connection, self._keyspace, prefix, known)

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        return await lock_inspect.list_locks(self.connection, self._keyspace, prefix)

    @property
    def _reader(self) -> ConsulReader:
        return ConsulReader(self.connection, self.separator)
