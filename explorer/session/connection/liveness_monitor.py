"""Recomputes liveness on every event and on a timer."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from explorer.model.clock import SystemClock, wait_until
from explorer.model.sanitize import sanitize
from explorer.session.connection.liveness import MIN_SUSPEND, LivenessTracker
from explorer.session.states import Liveness, LivenessStatus, Part

_LOG: Final = logging.getLogger(__package__)

UPDATE_INTERVAL: Final = 1.0
"""Seconds between two evaluations when nothing happens: ages are shown in seconds."""


class LivenessMonitor:
    """Evaluates the tracker, notifies of changes, and detects that the machine was suspended."""

    def __init__(
        self,
        tracker: LivenessTracker,
        clock: SystemClock,
        *,
        mark_dirty: Callable[[Part], None],
        on_wake: Callable[[], None],
    ) -> None:
        """Prepare the monitor.

        Args:
            tracker: State to evaluate.
            clock: Clock of the evaluation.
            mark_dirty: Called on a change of liveness, and each second while it is not LIVE.
            on_wake: Called after a suspend of the machine.
        """
        self._tracker = tracker
        self._clock = clock
        self._mark_dirty = mark_dirty
        self._on_wake = on_wake
        self._updated = asyncio.Event()
        self._suspended = clock.suspended()

    def update(self) -> None:
        """Evaluate soon, because something happened."""
        self._updated.set()

    def evaluate(self) -> Liveness:
        """Return the liveness now, a suspend until now included."""
        self._detect_suspend()
        return self._tracker.evaluate(self._clock.now())

    async def run(self) -> None:
        """Evaluate until cancelled."""
        previous: Liveness | None = None
        while True:
            liveness = self.evaluate()
            changed = previous is None or _visible(liveness) != _visible(previous)
            if changed or liveness.status is not LivenessStatus.LIVE:
                self._mark_dirty(Part.LIVENESS)
            if changed:
                _LOG.info("%s: %s", liveness.status.value, sanitize(liveness.reason))
            previous = liveness
            now = self._clock.now()
            change, tick = self._tracker.next_change(now), now + UPDATE_INTERVAL
            await wait_until(self._clock, tick if change is None else min(change, tick), self._updated)

    def _detect_suspend(self) -> None:
        total = self._clock.suspended()
        suspended, self._suspended = total - self._suspended, total
        if suspended > MIN_SUSPEND:
            self._tracker.on_wake(suspended, self._clock.now())
            self._on_wake()


def _visible(liveness: Liveness) -> tuple[object, ...]:
    return liveness.status, liveness.reason, liveness.error, liveness.refusal
