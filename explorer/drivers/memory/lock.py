"""Locks in the layout of etcd's mutex: one key for each contender, named for its lease; the oldest one holds."""

from collections.abc import Iterator
from typing import ClassVar

from explorer.drivers.common.connected_store import LockOptions
from explorer.drivers.common.lease_lock import LeaseLock
from explorer.drivers.memory.connection import MemoryConnection
from explorer.drivers.memory.database import KeyVersion
from explorer.drivers.memory.keyspace import MemoryKeyspace
from explorer.drivers.memory.leases import Lease
from explorer.model.entries import Entry
from explorer.model.errors import KeyNotFound
from explorer.model.keys import encode, range_end
from explorer.model.locks import Contender, LockInfo

KIND = "etcd mutex"
LAYOUT = "concurrency"
SLASH = b"/"
"""Separator of a lock's key and a contender's lease, whatever the separator of the keys."""


class MemoryLock(LeaseLock[MemoryConnection]):
    """A lock on a key, see `Lock`.

    Args:
        connection: The connection.
        options: Options of the lock.
    """

    lease_noun = "lease"
    clock_drift: ClassVar[float] = 0.0  # there is one clock

    def __init__(self, connection: MemoryConnection, options: LockOptions) -> None:
        super().__init__(options, connection.tasks, connection, clock=connection.database.clock)
        self._database = connection.database
        self._key = connection.keyspace.to_store_key(options.key)
        self._queue = self._key + SLASH
        self._lease = ""
        self._contender = b""

    async def _enqueue(self) -> None:
        self._connection.check()
        sent, lease = self._clock.now(), self._database.grant(self._options.ttl)
        self._lease = lease.name
        self._contender = self._queue + encode(lease.name)
        self._fence = self._database.put(self._contender, self._options.value, lease=lease.name).revision
        self._start_keepalive(sent, lease.ttl)
        self._watch_ownership(self._until_gone)

    async def _try_acquire(self) -> bool:
        self._connection.check()
        if not self._is_queued():
            raise self._lease_ended()
        fence = self._fence or 0
        return all(version.created >= fence for version in self._contenders())

    async def _wait_turn(self) -> None:
        while not await self._try_acquire():
            await self._database.wait_for_change()

    async def _confirm(self) -> bool:
        self._connection.check()
        return self._is_queued() and (not self._options.value or self._put(self._key, self._options.value) is not None)

    async def _renew(self, left: float) -> float:
        until = self._clock.now() + left
        while self._connection.down_reason is not None and self._clock.now() < until:
            await self._database.wait_for_change(until=until)
        self._connection.check()
        if not (self._is_queued() and self._database.renew(self._lease)):
            raise KeyNotFound("the lease has expired")
        return self._options.ttl

    async def _write(self, key: str, value: bytes) -> Entry | None:
        self._connection.check()
        return self._put(self._connection.keyspace.to_store_key(key), value)

    def _put(self, key: bytes, value: bytes) -> Entry | None:
        if not self._is_queued():
            return None
        current = self._database.at(key)
        version = self._database.put(key, value, lease=current.lease if current else None)
        return self._connection.keyspace.to_entry(key, version)

    async def _unlock(self) -> None:
        if self._options.delete_on_unlock and self._connection.down_reason is None and self._is_queued():
            self._database.delete([self._key])

    async def _end_session(self) -> None:
        if self._connection.down_reason is None:
            self._database.revoke(self._lease)

    def _contenders(self) -> Iterator[KeyVersion]:
        for key, version in self._database.scan(self._queue, range_end(self._queue)):
            if version.lease is not None and key == self._queue + encode(version.lease):
                yield version

    def _is_queued(self) -> bool:
        version = self._database.at(self._contender)
        return version is not None and version.created == self._fence

    async def _until_gone(self) -> None:
        while self._connection.down_reason is not None or self._is_queued():
            await self._database.wait_for_change()


def list_locks(keyspace: MemoryKeyspace, prefix: str) -> tuple[LockInfo, ...]:
    """Return the locks at or below a prefix, found by their contenders' keys."""
    start, _ = keyspace.key_range(prefix)
    itself = keyspace.root + encode(prefix)
    queues: dict[bytes, list[tuple[int, Contender]]] = {}
    for lease in keyspace.database.leases.all():
        for key in lease.keys:
            locked = key.removesuffix(SLASH + encode(lease.name))
            version = keyspace.database.at(key)
            if locked != key and (locked == itself or locked.startswith(start)) and version is not None:
                queues.setdefault(locked, []).append((version.created, _contender(keyspace, lease, key, version)))
    return tuple(_lock_info(keyspace.to_key(locked), queue) for locked, queue in sorted(queues.items()))


def _lock_info(key: str, queue: list[tuple[int, Contender]]) -> LockInfo:
    holder, *waiters = [contender for _, contender in sorted(queue, key=lambda item: item[0])]
    return LockInfo(key, KIND, LAYOUT, holder, tuple(waiters))


def _contender(keyspace: MemoryKeyspace, lease: Lease, key: bytes, version: KeyVersion) -> Contender:
    others = sorted(keyspace.to_key(other) for other in lease.keys if other != key and other.startswith(keyspace.root))
    return Contender(
        name=(version.value or b"").decode("utf-8", "replace") or f"{lease.name} {keyspace.to_key(key)}",
        key=keyspace.to_key(key),
        session=lease.name,
        ttl=keyspace.database.leases.time_left(lease.name),
        since=version.created,
        fence=version.created,
        other_keys=tuple(others),
    )
