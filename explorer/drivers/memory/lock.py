"""Locks in a keyspace, laid out as etcd's mutex: one key for each contender, named for its lease; the oldest holds."""

import asyncio
import logging
from math import inf
from typing import Final, Protocol

from explorer.drivers.base import Lock
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.memory.database import Database, Version
from explorer.drivers.memory.keyspace import MemoryKeyspace
from explorer.drivers.memory.leases import Lease
from explorer.model.address import Address
from explorer.model.entries import Entry
from explorer.model.errors import CannotLock, LockLost
from explorer.model.keys import encode, range_end
from explorer.model.locks import Contender, LockInfo
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)

KIND = "etcd mutex"
LAYOUT = "concurrency"
SLASH = b"/"
"""What stands between a lock's key and a contender's lease, whatever the separator of the keys."""

RENEWALS = 3
"""Renewals of a lease within its time to live."""


class Connection(Protocol):
    """What a lock needs of the connection that it was made by."""

    address: Address
    keyspace: Database
    view: MemoryKeyspace
    tasks: Tasks
    down: str | None
    locks_in_use: set["MemoryLock"]

    def check(self) -> None:
        """Bring the keyspace up to the present moment; raise NotReachable when the connection is cut or closed."""


class MemoryLock(Lock):
    """A lock with the store's own answers as its proof; the lease ends with the store."""

    def __init__(self, store: Connection, key: str, *, value: bytes, ttl: float, delete_on_unlock: bool) -> None:
        self.key = key
        self.lost = asyncio.Event()
        self._store = store
        self._keyspace = store.keyspace
        self._node = store.view.full(key)
        self._value = value
        self._ttl = ttl
        self._delete_on_unlock = delete_on_unlock
        self._lease = ""
        self._contender = b""
        self._joined = 0
        self._obtained = False
        self._proven_until = -inf
        self._keeper: asyncio.Task[None] | None = None

    @property
    def held(self) -> bool:
        """Whether the lock is provably held: its lease, as last renewed, cannot have ended."""
        return self._obtained and self._keyspace.clock.now() < self._proven_until

    @property
    def fence(self) -> int | None:
        """The revision that this holder's contender key was created at."""
        return self._joined if self.held else None

    async def acquire(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the contract's word
        """Join the queue and wait for the first place."""
        if self._keeper is not None and not self._keeper.done():
            raise self._cannot("this very lock object holds it or waits for it already")
        self._join()
        try:
            async with asyncio.timeout(timeout):
                while not self._first():
                    await self._keyspace.news()
                    self._store.check()
        except TimeoutError:
            await self._leave()
            raise self._cannot(f"somebody else held it all the time allowed, {timeout} s") from None
        except BaseException:
            await self._leave()
            raise
        self._obtained = True
        _LOG.info("lock %s in %s: held, fence %d", sanitize(self.key), self._store.address.redacted, self._joined)
        if self._value:
            current = self._keyspace.at(self._node)
            self._keyspace.put(self._node, self._value, lease=current.lease if current else None)

    async def release(self) -> None:
        """Give the lock up; the next in the queue has it at once, or when the lease ends if nobody can be told."""
        if not self.held:
            if self._keeper is not None and not self._obtained:
                await self._leave()  # somebody waits by this very object, and is not to wait any longer
            return
        self._obtained = False
        _LOG.info("lock %s in %s: released", sanitize(self.key), self._store.address.redacted)
        if self._delete_on_unlock and not self._store.down and self._present():
            self._keyspace.delete([self._node])
        await self._leave()

    async def put(self, key: str, value: bytes) -> Entry:
        """Write an entry while this lock is held, keeping the entry's lease."""
        node = self._store.view.full(key)
        self._store.check()
        if not (self.held and self._present()):
            raise LockLost(
                "the lock is not held; nothing was written", address=self._store.address.redacted, key=self.key
            )
        current = self._keyspace.at(node)
        return self._store.view.entry(node, self._keyspace.put(node, value, lease=current.lease if current else None))

    def _join(self) -> None:
        self._store.check()
        self.lost.clear()
        lease = self._keyspace.grant(self._ttl)
        self._lease = lease.name
        self._contender = self._node + SLASH + encode(lease.name)
        self._joined = self._keyspace.put(self._contender, self._value, lease=lease.name).revision
        self._proven_until = self._keyspace.clock.now() + self._ttl
        self._keeper = self._store.tasks.start(self._keep(), name=f"lock {self.key}")
        self._store.locks_in_use.add(self)

    def _first(self) -> bool:
        if not self._present():
            raise self._cannot("the lease ended while it waited")
        below = self._node + SLASH
        return all(
            version.created >= self._joined
            for key, version in self._keyspace.scan(below, range_end(below))
            if _is_contender(key, version, below)
        )

    def _present(self) -> bool:
        version = self._keyspace.at(self._contender)
        return version is not None and version.created == self._joined

    async def _keep(self) -> None:
        clock = self._keyspace.clock
        renewal = clock.now() + self._ttl / RENEWALS
        while clock.now() < self._proven_until:
            if not self._store.down:
                if not self._present():
                    break
                if clock.now() >= renewal and self._keyspace.renew(self._lease):
                    self._proven_until = clock.now() + self._ttl
                    renewal = clock.now() + self._ttl / RENEWALS
            await self._keyspace.news(
                until=self._proven_until if self._store.down else min(renewal, self._proven_until)
            )
        self.lose()

    async def _leave(self) -> None:
        if self._keeper is not None:
            await self._store.tasks.cancel(self._keeper)
        self._keeper = None
        self.lose()

    def lose(self) -> None:
        """Stop being a contender, told to the holder if it did not release the lock itself."""
        if self._obtained:
            _LOG.info("lock %s in %s: lost", sanitize(self.key), self._store.address.redacted)
            self.lost.set()
        self._obtained = False
        self._proven_until = -inf
        self._store.locks_in_use.discard(self)
        if not self._store.down:
            self._keyspace.revoke(self._lease)

    def _cannot(self, reason: str) -> CannotLock:
        return CannotLock(
            f"not locked: {reason}", hint="see who holds it", address=self._store.address.redacted, key=self.key
        )


def found_locks(view: MemoryKeyspace, prefix: str) -> tuple[LockInfo, ...]:
    """Find the locks at or below a prefix by their contenders' keys."""
    start, _ = view.span(prefix)
    itself = view.root + encode(prefix)
    queues: dict[bytes, list[tuple[int, Contender]]] = {}
    for lease in view.keyspace.leases.all():
        for key in lease.keys:
            node = key.removesuffix(SLASH + encode(lease.name))
            version = view.keyspace.at(key)
            if node != key and (node == itself or node.startswith(start)) and version is not None:
                queues.setdefault(node, []).append((version.created, _contender(view, lease, key, version)))
    return tuple(_lock(view.relative(node), queue) for node, queue in sorted(queues.items()))


def _lock(key: str, queue: list[tuple[int, Contender]]) -> LockInfo:
    holder, *waiters = [contender for _, contender in sorted(queue, key=lambda joined: joined[0])]
    return LockInfo(key, KIND, LAYOUT, holder, tuple(waiters))


def _contender(view: MemoryKeyspace, lease: Lease, key: bytes, version: Version) -> Contender:
    others = sorted(view.relative(other) for other in lease.keys if other != key and other.startswith(view.root))
    return Contender(
        name=(version.value or b"").decode("utf-8", "replace") or f"{lease.name} {view.relative(key)}",
        key=view.relative(key),
        session=lease.name,
        ttl=view.keyspace.leases.left(lease.name),
        since=version.created,
        fence=version.created,
        other_keys=tuple(others),
    )


def _is_contender(key: bytes, version: Version, below: bytes) -> bool:
    return version.lease is not None and key == below + encode(version.lease)
