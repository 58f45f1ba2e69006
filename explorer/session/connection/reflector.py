"""Reflector: watches the store, applies its events once per frame, and reads again what the watch may have missed."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from explorer.drivers.base import Store
from explorer.drivers.common.retry import Backoff
from explorer.model.capabilities import Capability
from explorer.model.clock import SystemClock, wait_until
from explorer.model.entries import Revision
from explorer.model.errors import CallNotSupported, Compacted, ExplorerError, Forbidden
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
from explorer.session.connection.coalescer import EventCoalescer
from explorer.session.connection.liveness import LivenessTracker
from explorer.session.connection.watch_lag import WatchLag
from explorer.session.event_batch import EventBatch
from explorer.session.states import newest
from explorer.session.view_model import ViewModel

MAX_PENDING_EVENTS: Final = 20_000
"""Maximum number of events taken in one frame; more stay with the driver, and then with the store."""
POLL_INTERVAL: Final = 3.0
"""Seconds between two readings of a store that cannot be watched."""
LAG_THRESHOLD: Final = 1.0
"""Seconds for which changes may be pending, or late, before the session is CATCHING UP."""
_RATE_WINDOW: Final = 5.0
"""Seconds over which the event rate is taken."""
_MIN_RETRY_DELAY: Final = 0.2
_MAX_RETRY_DELAY: Final = 2.0
"""Seconds before another attempt to read again; they double with each."""


class EventRate:
    """Events per second over the last seconds."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._counts: deque[tuple[float, int]] = deque()

    def count(self, events: int) -> None:
        """Count events that came now."""
        if events:
            self._counts.append((self._clock.now(), events))
            self._expire()

    def per_second(self) -> float:
        """Return the rate now."""
        self._expire()
        return sum(count for _, count in self._counts) / _RATE_WINDOW

    def _expire(self) -> None:
        since = self._clock.now() - _RATE_WINDOW
        while self._counts and self._counts[0][0] < since:
            self._counts.popleft()


class Reflector:
    """Keeps a view model equal to the store; one for a session, over all its connections."""

    def __init__(
        self,
        view_model: ViewModel,
        tracker: LivenessTracker,
        clock: SystemClock,
        *,
        request_frame: Callable[[], None],
        on_change: Callable[[], None],
        ping_now: Callable[[], None],
    ) -> None:
        """Prepare the reflector.

        Args:
            view_model: Receives the events.
            tracker: Records the state of the watch.
            clock: Clock of the event rate.
            request_frame: Called when events are pending.
            on_change: Called after each change of the tracker.
            ping_now: Called when a proof of liveness is needed at once.
        """
        self.revision: Revision | None = None
        """Newest revision of an event."""
        self.rate = EventRate(clock)
        self._view_model = view_model
        self._tracker = tracker
        self._clock = clock
        self._request_frame = request_frame
        self._on_change = on_change
        self._ping_now = ping_now
        self._coalescer = EventCoalescer()
        self._watch_lag = WatchLag(clock)
        self._method = ""
        """Way in which changes are detected."""
        self._pending = EventBatch()
        """Events since the last frame."""
        self._has_capacity = asyncio.Event()
        self._unfrozen = asyncio.Event()
        self._unfrozen.set()
        self._resync_requested = asyncio.Event()
        self._resync_idle = asyncio.Event()
        self._resync_idle.set()
        self._synced = asyncio.Event()
        """Set once everything shown was read over this connection."""

    @property
    def is_settled(self) -> bool:
        """True if nothing is being read again, or the next attempt is not due yet."""
        return self._resync_idle.is_set()

    async def wait_synced(self) -> None:
        """Wait until everything shown was read over this connection."""
        await self._synced.wait()

    @property
    def is_frozen(self) -> bool:
        """True if events are held back."""
        return not self._unfrozen.is_set()

    def freeze(self, *, frozen: bool) -> None:
        """Hold back events, which then stay with the driver and the store, or let them go on."""
        if frozen:
            self._unfrozen.clear()
            self._tracker.frozen_at = self._clock.now()
        else:
            self._unfrozen.set()
            self._tracker.frozen_at = None
        self._on_change()

    def request_resync(self) -> None:
        """Read everything shown again; the session is not LIVE until then."""
        self._tracker.on_resync()
        self._resync_idle.clear()
        self._resync_requested.set()
        self._on_change()

    # Each frame

    def apply_pending(self) -> bool:
        """Apply the pending events as far as the frame's budget allows; return whether some are left."""
        batch, self._pending = self._pending, EventBatch()
        self._has_capacity.set()
        if self._coalescer.overflowed:
            self._coalescer.reset()
            self.request_resync()
        if batch.size or self._coalescer:
            self._view_model.apply(batch, self._coalescer.drain())  # drained lazily: the budget includes applying
        self.rate.count(batch.reported)
        self._update_lag()
        return bool(self._coalescer)

    def on_ping(self, revision: Revision | None) -> None:
        """Compare the events of the watch with what a ping returned."""
        self._watch_lag.on_ping(revision)
        self._update_lag()

    def _update_lag(self) -> None:
        lag, seconds = None, self._watch_lag.update()
        if seconds > LAG_THRESHOLD:
            lag = f"changes are shown {seconds:.0f} s late"
        elif self._coalescer.lag() > LAG_THRESHOLD:
            lag = f"{len(self._coalescer):,} changes are not shown yet"
        if lag != self._tracker.lag:
            self._tracker.lag = lag
            self._on_change()

    # Watching

    async def run(self, store: Store) -> None:
        """Watch a store, or poll it where it has no watch, until cancelled.

        Raises:
            ExplorerError: The error that the watch ended with.
        """
        self._pending = EventBatch()
        self._coalescer.reset()
        self._watch_lag.reset()
        self._method = "every change is watched"
        if Capability.EVERY_CHANGE not in store.capabilities:
            self._method = store.unsupported_reasons.get(
                Capability.EVERY_CHANGE, "changes are watched, but not every step of them"
            )
        if Capability.WATCH not in store.capabilities:
            await self._poll(store.unsupported_reasons.get(Capability.WATCH, "the store has no watch"))
        try:
            async with store.watch_tree("") as events:
                async for event in events:
                    await self._on_event(event)
        except (CallNotSupported, Forbidden) as error:
            self._tracker.refusal = error
            await self._poll(error.message)

    async def _on_event(self, event: Event) -> None:
        await self._unfrozen.wait()
        while self._pending.size >= MAX_PENDING_EVENTS:
            self._has_capacity.clear()
            await self._has_capacity.wait()
        match event:
            case Put() | Deleted():
                self.revision = newest(self.revision, event.revision)
                self._coalescer.add(event)
                if not event.inferred:
                    self._watch_lag.on_event(event.revision)
            case Started(revision=revision):
                self.revision = revision
                self._on_watching(self._method)
            case Resync(revision=revision):
                self.revision = revision
                self._on_watching()
            case Restored(revision=revision):
                self.revision = newest(self.revision, revision)
                self._on_watching()  # events of the time between are under way, and nothing marks the last of them
            case Lost(reason=reason):
                self._tracker.on_watch_lost(reason, self._clock.now())
                self._on_change()
        self._pending.add(event)
        self._request_frame()

    def _on_watching(self, method: str | None = None) -> None:
        self._tracker.on_watching(method)
        self._ping_now()
        self.request_resync()

    async def _poll(self, reason: str) -> None:
        """Read again and again in place of a watch."""
        self._tracker.on_watching(f"read again every {POLL_INTERVAL:.0f} s: {reason}")
        self.request_resync()
        while True:
            await wait_until(self._clock, self._clock.now() + POLL_INTERVAL)
            await self._unfrozen.wait()
            self._resync_requested.set()

    # Reading again

    async def run_resyncs(self) -> None:
        """Read everything shown again whenever that is requested, until cancelled."""
        self._synced.clear()
        try:
            while True:
                await self._resync_requested.wait()
                self._resync_requested.clear()
                await self._resync()
                if not self._resync_requested.is_set():
                    self._tracker.on_synced()
                    self._synced.set()
                    self._resync_idle.set()
                    self._on_change()
        finally:
            self._resync_idle.set()

    async def _resync(self) -> None:
        """Read until it succeeds, with delays. A refusal ends it, too: the refused part shows the error."""
        backoff = Backoff(_MIN_RETRY_DELAY, _MAX_RETRY_DELAY, jitter=False)
        while True:
            try:
                await self._view_model.resync()
            except ExplorerError as error:
                if not (error.retryable or isinstance(error, Compacted)):
                    self._tracker.refusal = error
                    return
            else:
                return
            self._resync_idle.set()
            await backoff.pause()
