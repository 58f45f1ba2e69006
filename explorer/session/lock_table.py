"""Lock table: locks with holders and waiters, read again when an event may have changed one."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.clock import SystemClock
from explorer.model.entries import Entry
from explorer.model.errors import CallNotSupported, ExplorerError
from explorer.model.events import Deleted, Put
from explorer.model.locks import Contender, LockInfo
from explorer.session.internal_errors import as_failure
from explorer.session.states import Empty, Failed, Loading, LoadState, Part, Ready

MIN_REFRESH_INTERVAL: Final = 2.0
"""Minimum number of seconds between two readings."""
READ_TIME_FACTOR: Final = 10.0
"""Factor from the time that a reading took to the delay after it. After a reading of the whole table, only the next
such reading is delayed; changed prefixes are read earlier."""

_MAX_LEASED: Final = 100_000
"""Maximum number of remembered leased keys, whose renewal is not taken for a new contender."""
_MAX_TOUCHED: Final = 8
"""Maximum number of prefixes read one by one; if more have changed, the whole table is read."""


@dataclass(frozen=True, slots=True)
class LoadedLocks:
    """Locks and when they were read."""

    locks: tuple[LockInfo, ...]
    read_at: float
    """Moment of reading, in seconds of the session's clock."""
    time: datetime

    def ttl_left(self, contender: Contender, now: float) -> float | None:
        """Return the seconds until a contender's session expires unless it was renewed; None if it does not expire."""
        return None if contender.ttl is None else max(0.0, contender.ttl - (now - self.read_at))


class LockTable:
    """Locks of a store. `run` reads them for as long as the store is connected."""

    def __init__(
        self, clock: SystemClock, mark_dirty: Callable[[Part], None], *, min_interval: float = MIN_REFRESH_INTERVAL
    ) -> None:
        self.state: LoadState[LoadedLocks] = Empty("not connected")
        self._clock = clock
        self._mark_dirty = mark_dirty
        self._interval = min_interval
        self._separator = "/"
        self._folder = ""
        """Prefix below which possible locks are listed, too."""
        self._has_possible_locks = False
        """True if the store has layouts of locks that look like data."""
        self._lock_of: dict[str, str] = {}
        """Lock key by each key of a lock or contender."""
        self._leased: set[str] = set()
        """Keys with a lease that the last reading found or an event reported."""
        self._touched: set[str] = set()
        """Prefixes at or below which locks may have changed."""
        self._read_all = False
        """True if the whole table is to be read."""
        self._ttls_outdated_at = math.inf
        """Moment, on the loop's clock, from which TTLs may be wrong because sessions were renewed."""
        self._requested = asyncio.Event()

    def request_refresh(self) -> None:
        """Read the whole table as soon as the delay allows."""
        self._read_all = True
        self._requested.set()

    def open_folder(self, prefix: str) -> None:
        """List the possible locks at or below a prefix, too, in stores whose locks can look like data."""
        if prefix != self._folder:
            self._folder = prefix
            if self._has_possible_locks:
                self.request_refresh()

    def on_events(self, events: Iterable[Put | Deleted]) -> None:
        """Read the locks again that some events may have changed."""
        for event in events:
            if self._affects_locks(event):
                self._touched.add(self._lock_of.get(event.key) or self._prefix_to_read(event.key))
                self._requested.set()

    def _prefix_to_read(self, key: str) -> str:
        """Return the prefix to read for a key that may be a new contender: its folder, or itself at the top."""
        folder, separator, _ = key.rpartition(self._separator)
        return folder if separator else key

    def _affects_locks(self, event: Put | Deleted) -> bool:
        if event.key in self._lock_of:
            return True
        if isinstance(event, Deleted):
            leased = event.previous is not None and _is_leased(event.previous)
            known = event.key in self._leased
            self._leased.discard(event.key)
            return leased or known
        if not _is_leased(event.entry) or event.key in self._leased:
            return False
        if len(self._leased) >= _MAX_LEASED:
            self._leased.clear()
        self._leased.add(event.key)
        return True

    async def run(self, store: Store, wait_turn: Callable[[], Awaitable[None]] | None = None) -> None:
        """Read the locks of a store, now and whenever that is requested, until cancelled.

        Args:
            store: The store.
            wait_turn: Waits until they may be read.
        """
        if Capability.LOCKS not in store.capabilities:
            reason = store.unsupported_reasons.get(Capability.LOCKS, "the store has nothing of the kind")
            self._set_state(Empty(f"no locks to show: {reason}"))
            return
        if self._loaded() is None:
            self._set_state(Loading(self._clock.now()))
        if wait_turn is not None:
            await wait_turn()
        self._separator = store.separator
        self._has_possible_locks = bool(store.possible_layouts)
        clock = asyncio.get_running_loop().time
        earliest = clock()
        self._read_all = True
        while True:
            whole = await self._wait(earliest)
            began = clock()
            if self._loaded() is None:
                self._set_state(Loading(self._clock.now()))
            try:
                await self._read(store, whole=whole)
            except CallNotSupported as error:
                self._set_state(Empty(f"no locks to show: {error.message}"))
                return
            except ExplorerError as error:
                self._set_state(Failed(error, self._loaded()))
                self._read_all = self._read_all or error.retryable
            except Exception as error:
                self._set_state(Failed(as_failure(error), self._loaded()))
                raise
            min_interval = READ_TIME_FACTOR * (clock() - began)
            if whole:
                earliest = clock() + min_interval
            await asyncio.sleep(self._interval if whole else max(self._interval, min_interval))

    async def _wait(self, earliest: float) -> bool:
        """Wait for something to read; return whether it is the whole table, which is not read before `earliest`."""
        clock = asyncio.get_running_loop().time
        while True:
            many = len(self._touched) > _MAX_TOUCHED or "" in self._touched
            self._read_all = self._read_all or many or clock() >= self._ttls_outdated_at
            if self._read_all and clock() >= earliest:
                return True
            if self._touched and not many:
                return False
            moment = earliest if self._read_all else self._ttls_outdated_at
            with suppress(TimeoutError):
                async with asyncio.timeout_at(None if moment == math.inf else moment):
                    await self._requested.wait()
            self._requested.clear()

    async def _read(self, store: Store, *, whole: bool) -> None:
        touched, self._touched = self._touched, set()
        moment, time = self._clock.now(), self._clock.wall()
        if whole:
            self._read_all = False
            locks, outdated = await self._all(store), math.inf
        else:
            locks, outdated = await self._changed(store, touched, moment), self._ttls_outdated_at
        soonest = min(
            (party.ttl for lock in locks for party in _contenders(lock) if party.ttl is not None), default=math.inf
        )
        self._ttls_outdated_at = min(outdated, asyncio.get_running_loop().time() + soonest / 2)
        self._lock_of = {
            key: lock.key for lock in locks for key in (lock.key, *(party.key for party in _contenders(lock)))
        }
        self._leased |= {key for lock in locks for party in _contenders(lock) for key in (party.key, *party.other_keys)}
        if locks:
            self._set_state(Ready(LoadedLocks(locks, moment, time)))
        else:
            self._set_state(Empty("nobody holds a lock or waits for one"))

    async def _all(self, store: Store) -> tuple[LockInfo, ...]:
        """Read every lock, and the possible ones in the open folder."""
        locks = await store.locks()
        if not (self._has_possible_locks and self._folder):
            return locks
        return _merged(locks, await store.locks(self._folder))

    async def _changed(self, store: Store, prefixes: Iterable[str], moment: float) -> tuple[LockInfo, ...]:
        """Read the locks at or below some prefixes; keep the others with their TTLs reduced to now."""
        found: list[LockInfo] = []
        for prefix in prefixes:
            found += await store.locks(prefix)
        read = self._loaded() or LoadedLocks((), moment, self._clock.wall())
        kept = [
            _aged(lock, read, moment)
            for lock in read.locks
            if not any(self._covers(prefix, lock.key) for prefix in prefixes)
        ]
        listed = [lock for lock in found if lock.certain or (self._folder and self._covers(self._folder, lock.key))]
        return _merged(kept, listed)

    def _covers(self, prefix: str, key: str) -> bool:
        return key == prefix or key.startswith(prefix.removesuffix(self._separator) + self._separator)

    def _loaded(self) -> LoadedLocks | None:
        match self.state:
            case Ready(value=value):
                return value
            case Failed(stale=stale):
                return stale
            case _:
                return None

    def _set_state(self, state: LoadState[LoadedLocks]) -> None:
        self.state = state
        self._mark_dirty(Part.LOCKS)


def _is_leased(entry: Entry) -> bool:
    """Return whether an entry expires unless it is renewed, as locks do."""
    return entry.lease is not None or entry.ttl is not None


def _contenders(lock: LockInfo) -> Iterator[Contender]:
    """Yield the holder and the waiters."""
    yield from (lock.holder, *lock.waiters) if lock.holder else lock.waiters


def _aged(lock: LockInfo, read: LoadedLocks, moment: float) -> LockInfo:
    """Return a lock with its TTLs reduced to a later moment than it was read."""
    holder, *waiters = [
        None if party is None else replace(party, ttl=read.ttl_left(party, moment))
        for party in (lock.holder, *lock.waiters)
    ]
    return replace(lock, holder=holder, waiters=tuple(waiter for waiter in waiters if waiter))


def _merged(one: Iterable[LockInfo], other: Iterable[LockInfo]) -> tuple[LockInfo, ...]:
    """Return the locks of both, ordered by key; `other` wins where both have one."""
    locks = {(lock.key, lock.layout): lock for lock in (*one, *other)}
    return tuple(locks[name] for name in sorted(locks))
