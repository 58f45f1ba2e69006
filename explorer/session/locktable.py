"""The lock table: who holds which lock and who waits, read when something about a lock may have changed."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Entry
from explorer.model.errors import CallNotSupported, ExplorerError
from explorer.model.events import Deleted, Put
from explorer.model.locks import Contender, LockInfo
from explorer.session.clock import Clock
from explorer.session.states import Empty, Failed, Loading, Pane, Part, Ready

PAUSE: Final = 2.0
"""Seconds between two readings at least."""
SHARE: Final = 10.0
"""A pause is at least so many times as long as the reading before it took."""

_MOST_LEASED: Final = 100_000
"""Keys that end by themselves and are remembered, so that their renewal is not taken for a new party."""


@dataclass(frozen=True, slots=True)
class LocksRead:
    """The locks as they were read."""

    locks: tuple[LockInfo, ...]
    read: float
    """The moment of reading, in seconds of the session's clock."""
    time: datetime

    def left(self, contender: Contender, now: float) -> float | None:
        """Give the seconds that a party's session has left at a moment unless it was renewed; None if it has no end."""
        return None if contender.ttl is None else max(0.0, contender.ttl - (now - self.read))


class LockTable:
    """The locks of a store. `run` reads them, again and again, for as long as the session has a store."""

    def __init__(self, clock: Clock, tell: Callable[[Part], None], *, pause: float = PAUSE) -> None:
        self.state: Pane[LocksRead] = Empty("not connected")
        self._clock = clock
        self._tell = tell
        self._pause = pause
        self._parties: set[str] = set()
        """Every key that stands for a party of a lock or for a lock."""
        self._leased: set[str] = set()
        """Keys that end by themselves and that the last reading knew of, or that were seen since."""
        self._wanted = asyncio.Event()

    def want(self) -> None:
        """Have the locks read as soon as that is allowed."""
        self._wanted.set()

    def touch(self, events: Iterable[Put | Deleted]) -> None:
        """Look whether changes may be about a lock."""
        for event in events:
            if self._concerns(event):
                self.want()
                return

    def _concerns(self, event: Put | Deleted) -> bool:
        if event.key in self._parties:
            return True
        if isinstance(event, Deleted):
            leased = event.previous is not None and _ends(event.previous)
            known = event.key in self._leased
            self._leased.discard(event.key)
            return leased or known
        if not _ends(event.entry) or event.key in self._leased:
            return False
        if len(self._leased) >= _MOST_LEASED:
            self._leased.clear()
        self._leased.add(event.key)
        return True

    async def run(self, store: Store) -> None:
        """Read the locks of a store now and whenever it is wanted, until cancelled."""
        if Capability.LOCKS not in store.capabilities:
            reason = store.reasons.get(Capability.LOCKS, "the store has nothing of the kind")
            self._become(Empty(f"no locks to show: {reason}"))
            return
        self._wanted.set()
        while True:
            await self._next()
            began = asyncio.get_running_loop().time()
            if self._shown() is None:
                self._become(Loading(self._clock.now()))
            try:
                await self._read(store)
            except CallNotSupported as error:
                self._become(Empty(f"no locks to show: {error.message}"))
                return
            except ExplorerError as error:
                self._become(Failed(error, self._shown()))
                if error.retryable:
                    self._wanted.set()
            took = asyncio.get_running_loop().time() - began
            await asyncio.sleep(max(self._pause, SHARE * took))

    async def _next(self) -> None:
        """Wait until a reading is wanted, or what was read is about to be out of date because sessions were renewed."""
        ends = [
            contender.ttl
            for lock in (self._shown() or LocksRead((), 0.0, self._clock.wall())).locks
            for contender in (lock.holder, *lock.waiters)
            if contender is not None and contender.ttl is not None
        ]
        try:
            async with asyncio.timeout(min(ends) / 2 if ends else None):
                await self._wanted.wait()
        except TimeoutError:
            pass
        self._wanted.clear()

    async def _read(self, store: Store) -> None:
        moment, time = self._clock.now(), self._clock.wall()
        locks = await store.locks()
        contenders = [
            contender for lock in locks for contender in (lock.holder, *lock.waiters) if contender is not None
        ]
        self._parties = {lock.key for lock in locks} | {contender.key for contender in contenders}
        self._leased |= {key for contender in contenders for key in (contender.key, *contender.other_keys)}
        if locks:
            self._become(Ready(LocksRead(locks, moment, time)))
        else:
            self._become(Empty("nobody holds a lock or waits for one"))

    def _shown(self) -> LocksRead | None:
        match self.state:
            case Ready(value=value):
                return value
            case Failed(stale=stale):
                return stale
            case _:
                return None

    def _become(self, state: Pane[LocksRead]) -> None:
        self.state = state
        self._tell(Part.LOCKS)


def _ends(entry: Entry) -> bool:
    """Tell whether an entry ends by itself, as a lock does that its holder no longer renews."""
    return entry.lease is not None or entry.ttl is not None
