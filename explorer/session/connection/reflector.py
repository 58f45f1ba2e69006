"""Following a store: its events are folded into what is shown once per frame, and what was missed is read again."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Revision
from explorer.model.errors import CallNotSupported, Compacted, ExplorerError, Forbidden
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
from explorer.session.clock import Clock, wait_until
from explorer.session.connection.coalescer import EventCoalescer
from explorer.session.connection.liveness import LivenessTracker
from explorer.session.states import newest

MOST_WAITING: Final = 20_000
"""Events taken in one frame; beyond it they stay with the driver, and beyond what that holds with the store."""
REREADING: Final = 3.0
"""Seconds between two readings of a store that tells no changes."""
LAG: Final = 1.0
"""Seconds that changes may wait to be shown before that is said."""
_WINDOW: Final = 5.0
"""Seconds that the rate of events is taken over."""
_PAUSES: Final = (0.2, 0.5, 1.0, 2.0)
"""Seconds before reading again is tried again."""


class EventRate:
    """Events per second, over the last seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: deque[tuple[float, int]] = deque()

    def count(self, events: int) -> None:
        """Count events of this moment."""
        if events:
            self._counts.append((self._clock.now(), events))
            self._forget()

    def per_second(self) -> float:
        """Give the rate now."""
        self._forget()
        return sum(count for _, count in self._counts) / _WINDOW

    def _forget(self) -> None:
        since = self._clock.now() - _WINDOW
        while self._counts and self._counts[0][0] < since:
            self._counts.popleft()


class ReflectorStore(Protocol):
    """What follows the events of a store."""

    def apply(self, events: list[Event], folded: Iterable[Put | Deleted]) -> None:
        """Take in what was told since the last frame, and what of the folded changes this frame has time for."""

    async def read_again(self) -> None:
        """Read everything that is shown once more."""


class Reflector:
    """Hears a store and keeps what is shown true; one for a session, over all its connections."""

    def __init__(
        self,
        shown: ReflectorStore,
        pulse: LivenessTracker,
        clock: Clock,
        *,
        wake: Callable[[], None],
        notice: Callable[[], None],
        ask: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            shown: What follows.
            pulse: Is told what is heard.
            clock: What the rate is taken by.
            wake: Is called when there is something to fold.
            notice: Is called when the pulse was told something.
            ask: Is called when a proof of life is wanted at once.
        """
        self.revision: Revision | None = None
        self.rate = EventRate(clock)
        self._shown = shown
        self._pulse = pulse
        self._clock = clock
        self._wake = wake
        self._notice = notice
        self._ask = ask
        self._fold = EventCoalescer()
        self._method = ""
        """How changes are found out."""
        self._told: list[Event] = []
        self._room = asyncio.Event()
        self._going = asyncio.Event()
        self._going.set()
        self._again = asyncio.Event()
        self._read = asyncio.Event()
        self._read.set()

    @property
    def settled(self) -> bool:
        """Whether nothing is being read again, or it failed and waits to be tried again."""
        return self._read.is_set()

    @property
    def frozen(self) -> bool:
        """Whether events are left waiting."""
        return not self._going.is_set()

    def freeze(self, *, frozen: bool) -> None:
        """Hold what is shown still: events stay with the driver and the store. Or let it go on."""
        if frozen:
            self._going.clear()
            self._pulse.frozen = self._clock.now()
        else:
            self._going.set()
            self._pulse.frozen = None
        self._notice()

    def read_again(self) -> None:
        """Have everything that is shown read once more; until then it is not live."""
        self._pulse.reading()
        self._read.clear()
        self._again.set()
        self._notice()

    # Each frame

    def fold(self) -> bool:
        """Have the events that were told taken in; tell whether some still wait."""
        told, self._told = self._told, []
        self._room.set()
        if self._fold.overflowed:
            self._fold.reset()
            self.read_again()
        if told or self._fold:
            self._shown.apply(told, self._fold.drain())  # drained while it is applied: the budget is for both
        self.rate.count(sum(not (isinstance(event, Put | Deleted) and event.inferred) for event in told))
        waiting = len(self._fold)
        lagging = f"{waiting:,} changes wait to be shown" if self._fold.lag() > LAG else None
        if lagging != self._pulse.lagging:
            self._pulse.lagging = lagging
            self._notice()
        return waiting > 0

    # Hearing

    async def run(self, store: Store) -> None:
        """Follow a store, until cancelled.

        Raises:
            ExplorerError: What the watch ended with.
        """
        self._told.clear()
        self._fold.reset()
        self._method = "every change is heard"
        if Capability.EVERY_CHANGE not in store.capabilities:
            self._method = store.unsupported_reasons.get(
                Capability.EVERY_CHANGE, "what changes is heard, though not every step"
            )
        if Capability.WATCH not in store.capabilities:
            await self._reread(store.unsupported_reasons.get(Capability.WATCH, "the store tells no changes"))
        try:
            async with store.watch_tree("") as events:
                async for event in events:
                    await self._hear(event)
        except (CallNotSupported, Forbidden) as error:
            self._pulse.refusal = error
            await self._reread(error.message)

    async def _hear(self, event: Event) -> None:
        await self._going.wait()
        while len(self._told) >= MOST_WAITING:
            self._room.clear()
            await self._room.wait()
        match event:
            case Put() | Deleted():
                self.revision = newest(self.revision, event.revision)
                self._fold.add(event)
            case Started(revision=revision):
                self.revision = revision
                self._pulse.established(self._method)
                self._ask()
                self.read_again()
            case Resync(revision=revision):
                self.revision = revision
                self._pulse.established()
                self._ask()
                self.read_again()
            case Restored(revision=revision):
                self.revision = newest(self.revision, revision)
                self._pulse.established()
                self._ask()
                self.read_again()  # what happened meanwhile is still on its way, and nothing says when all has come
            case Lost(reason=reason):
                self._pulse.fell_silent(reason, self._clock.now())
                self._notice()
        self._told.append(event)
        self._wake()

    async def _reread(self, reason: str) -> None:
        """Stand in for a watch by reading again and again."""
        self._pulse.established(f"read again every {REREADING:.0f} s: {reason}")
        self.read_again()
        while True:
            await wait_until(self._clock, self._clock.now() + REREADING)
            await self._going.wait()
            self._again.set()

    async def keep_reading(self) -> None:
        """Read everything shown again whenever that is asked for, until cancelled."""
        try:
            while True:
                await self._again.wait()
                self._again.clear()
                await self._read_until_done()
                if not self._again.is_set():
                    self._pulse.caught_up()
                    self._read.set()
                    self._notice()
        finally:
            self._read.set()

    async def _read_until_done(self) -> None:
        """Read until it succeeds, with pauses. What is refused counts as read: where it is missing, that is said."""
        tries = 0
        while True:
            try:
                await self._shown.read_again()
            except ExplorerError as error:
                if not (error.retryable or isinstance(error, Compacted)):
                    self._pulse.refusal = error
                    return
            else:
                return
            self._read.set()
            await asyncio.sleep(_PAUSES[min(tries, len(_PAUSES) - 1)])
            tries += 1
