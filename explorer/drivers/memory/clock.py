"""Manual clock: time that moves only when a test moves it."""

import asyncio
import heapq
from collections.abc import Callable

from explorer.model.clock import Timer

_SETTLE_ROUNDS = 25
"""Rounds of the event loop that woken tasks get before time moves on."""


class _ManualTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """A clock that is moved by `advance`, which runs the timers on the way in order."""

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[tuple[float, int, _ManualTimer]] = []
        self._count = 0

    def now(self) -> float:
        """Return the time that the clock was moved to."""
        return self._now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Schedule a call for when the clock reaches a time."""
        timer = _ManualTimer(callback)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, timer))
        return timer

    async def advance(self, seconds: float) -> None:
        """Move on, and stop at each timer until the tasks that it woke have done their work."""
        end = self._now + seconds
        await self._settle()
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, when)
            if timer.callback is not None:
                timer.callback()
                await self._settle()
        self._now = end
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(_SETTLE_ROUNDS):
            await asyncio.sleep(0)
