"""Store of Redis, and of servers that speak its protocol."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import ClassVar

from explorer.drivers.base import PAGE_SIZE, PING_TIMEOUT
from explorer.drivers.common.connected_store import ConnectedStore, LockOptions
from explorer.drivers.common.errors import key_not_found
from explorer.drivers.common.pagination import LevelPages
from explorer.drivers.common.reverse_pages import last_before
from explorer.drivers.common.transaction import Transacted
from explorer.drivers.redis import lock_inspect
from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.delete_tree import RedisTreeDeletion
from explorer.drivers.redis.keyspace import RedisKeyspace
from explorer.drivers.redis.levels import LevelCache, ScannedLevel
from explorer.drivers.redis.lock import REDIS, REDIS_PY, RedisLock
from explorer.drivers.redis.reader import RedisReader
from explorer.drivers.redis.scan import scan
from explorer.drivers.redis.settings import load
from explorer.drivers.redis.status import read_status
from explorer.drivers.redis.transaction import MAX_OPERATIONS, RedisTransaction
from explorer.drivers.redis.tree_watch import RedisTreeWatch
from explorer.drivers.redis.values import RedisValue
from explorer.drivers.redis.watch import RedisKeyWatch
from explorer.drivers.redis.writer import RedisLease, RedisWriter
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.keys import directory, first_key
from explorer.model.locks import LockInfo
from explorer.model.operations import Operation


class RedisStore(ConnectedStore[RedisConnection]):
    """A database of Redis, or the part of it below the address's prefix. A revision is the type and a digest.

    A string is its bytes; a hash, list, set, sorted set or stream is a JSON document with one element in each line,
    and saved by the smallest commands.
    """

    capabilities = (
        Capability.ATOMIC
        | Capability.BINARY_KEYS
        | Capability.BINARY_VALUES
        | Capability.EVERY_DELETION
        | Capability.FENCING
        | Capability.KEEP_ALIVE
        | Capability.LOCK
        | Capability.LOCKS
        | Capability.NESTING
        | Capability.TIME_LEFT
        | Capability.TRANSACTIONS
        | Capability.TTL
        | Capability.WATCH
    )
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = {
        Capability.CREATED: "Redis does not know when a key was created",
        Capability.DIRECTORIES: "Redis's keys are flat; a directory exists only while there are keys below it",
        Capability.DISTINCT_REVISIONS: "Redis counts no writes: a revision is a digest of the value",
        Capability.EVERY_CHANGE: "Redis names the keys that changed, and not each change",
        Capability.GUARDED_DELETE: "Redis has no revision of the whole database to compare",
        Capability.HISTORY: "Redis keeps no earlier values",
        Capability.PREVIOUS: "Redis names the keys that changed, without their values",
        Capability.RESUME: "Redis keeps no history from which a watch could resume",
        Capability.SNAPSHOT: "a listing is a scan, which others may write during",
        Capability.STALE_READS: "every read is answered by the primary",
        Capability.WAITERS: "locks have no queue: waiters leave no trace in the store",
    }
    max_operations = MAX_OPERATIONS
    lock_layouts: ClassVar[tuple[str, ...]] = (REDIS, REDIS_PY)
    possible_layouts: ClassVar[tuple[str, ...]] = (REDIS_PY,)

    def __init__(self, address: Address, access: Access) -> None:
        settings = load(address, access)
        super().__init__(settings.address, settings.redacted, settings.separator)
        self._settings = settings
        self._keyspace = RedisKeyspace(settings.root, settings.separator)
        self._levels = LevelCache(settings.separator)
        self._level_pages: LevelPages[list[Child]] = LevelPages()
        self._key_pages: LevelPages[Sequence[bytes]] = LevelPages()
        self._kept: dict[bytes, RedisLease] = {}

    @property
    def root_path(self) -> str:
        return self._settings.root  # without the database, which is in the path of the address

    # The connection

    def _make_connection(self) -> RedisConnection:
        return RedisConnection(self._settings)

    async def _handshake(self) -> None:
        await self.connection.handshake()
        if self.connection.is_cluster:
            self.capabilities &= ~Capability.TRANSACTIONS

    @property
    def _writer(self) -> RedisWriter:
        return RedisWriter(self.connection, self._keyspace, self._tasks, self._kept)

    def _lock(self, options: LockOptions) -> RedisLock:
        return RedisLock(self._writer, options)

    async def status(self) -> Status:
        return await read_status(self.connection)

    async def ping(self) -> Revision | None:
        await self.connection.ping(min(PING_TIMEOUT, self.connection.timeout))
        return None

    def require_key(self, key: str) -> None:
        self._keyspace.to_store_key(key)

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        del consistent  # see `unsupported_reasons`
        store_key = self._keyspace.to_store_key(key)
        value = await self._reader.get(store_key)
        if value is None:
            raise key_not_found()
        return self._keyspace.to_entry(store_key, value)

    async def exists(self, key: str) -> bool:
        store_key = self._keyspace.to_store_key(key)
        return await self.connection.call("EXISTS", store_key, key=store_key) == 1

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        base = self._keyspace.to_store_prefix(prefix)
        children, cursor = await self._level_pages.page(
            base.hex(),
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
        del after  # the whole level is read anyway
        children = await self._read_level(prefix, self._keyspace.to_store_prefix(prefix))
        above = directory(prefix, self.separator)
        return Page(last_before(children, before, base=above, limit=limit, separator=self.separator), None, None)

    async def _read_level(self, prefix: str, base: bytes) -> list[Child]:
        """Return the children of a directory.

        Raises:
            KeyNotFound: There is neither such a directory nor such a key.
        """
        level = self._levels.get(base) or await self._scan_level(base)
        if not len(level):
            await self._require(prefix)
        return level.children(directory(prefix, self.separator))

    async def _scan_level(self, base: bytes) -> ScannedLevel:
        with self._levels.scanning(base) as level:
            async with aclosing(scan(self.connection, base)) as pages:
                async for keys in pages:
                    for key in keys:
                        level.add(key)
        return level

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
        base = self._keyspace.to_store_prefix(prefix)
        keys, cursor = await self._key_pages.page(
            base.hex(),
            after,
            limit,
            read=lambda: self._read_keys(base),
            index_after=lambda keys, key: bisect_right(keys, self._keyspace.to_store_key(key)),
            last_key=lambda keys: self._keyspace.to_key(keys[-1]),
        )
        if not keys and after is None:
            await self._require(prefix)
        found = await self._reader.read(keys)
        entries = (
            self._keyspace.to_entry(key, value, values=values)
            for key in keys
            if isinstance(value := found.get(key), RedisValue)
        )
        return Page(tuple(entries), cursor, None)

    async def _read_keys(self, base: bytes) -> Sequence[bytes]:
        """Return all keys below a directory, in order."""
        found: set[bytes] = set()
        async for keys in scan(self.connection, base):
            found.update(keys)
        return sorted(found)

    # Writing

    async def _transact(self, operations: Sequence[Operation]) -> Transacted:
        return await RedisTransaction(self._writer).commit(operations)

    async def _delete_tree(self, prefix: str, guard: Revision | None) -> int:
        del guard  # refused for the lack of GUARDED_DELETE
        base = self._keyspace.to_store_prefix(prefix)
        return await RedisTreeDeletion(self.connection, prefix, base).commit()

    # Watching and locks

    def _key_watch(self, key: str, since: Revision | None) -> RedisKeyWatch:
        del since  # refused for the lack of RESUME
        return RedisKeyWatch(self.connection, self._keyspace, self._tasks, key)

    def _tree_watch(self, prefix: str, since: Revision | None, known: Mapping[str, Revision] | None) -> RedisTreeWatch:
        del since  # refused for the lack of RESUME
        return RedisTreeWatch(self.connection, self._keyspace, self._tasks, prefix, known, levels=self._levels)

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        return await lock_inspect.list_locks(self.connection, self._keyspace, prefix)

    @property
    def _reader(self) -> RedisReader:
        return RedisReader(self.connection.call_each)
