"""The clock that leases run on: the machine's own, or one that moves only when it is told to."""

import asyncio
import heapq
import time
from collections.abc import Callable
from typing import Protocol

_SETTLING_TURNS = 25
"""Turns of the event loop that whoever was woken is given before the time moves on."""


class Alarm(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Let it not happen."""


class Clock(Protocol):
    """What tells the time, in seconds from some start."""

    def now(self) -> float:
        """Give the present moment."""

    def call_at(self, moment: float, act: Callable[[], None]) -> Alarm:
        """Call `act` once the moment has come."""


class RealClock:
    """The machine's own clock; it goes on while the machine sleeps, where the system has such a clock."""

    def now(self) -> float:
        """Give the seconds since the machine was started."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()

    def call_at(self, moment: float, act: Callable[[], None]) -> Alarm:
        """Call `act` from the running event loop once the moment has come."""
        return asyncio.get_running_loop().call_later(max(0.0, moment - self.now()), act)


class _ManualAlarm:
    def __init__(self, act: Callable[[], None]) -> None:
        self.act: Callable[[], None] | None = act

    def cancel(self) -> None:
        self.act = None


class ManualClock:
    """A clock that stands until it is moved; whoever waits for a moment is woken in order on the way there."""

    def __init__(self) -> None:
        self._now = 0.0
        self._alarms: list[tuple[float, int, _ManualAlarm]] = []
        self._count = 0

    def now(self) -> float:
        """Give the moment that the clock was moved to."""
        return self._now

    def call_at(self, moment: float, act: Callable[[], None]) -> Alarm:
        """Call `act` when the clock is moved to the moment or past it."""
        alarm = _ManualAlarm(act)
        self._count += 1
        heapq.heappush(self._alarms, (moment, self._count, alarm))
        return alarm

    async def advance(self, seconds: float) -> None:
        """Move on, stopping at each moment that somebody waits for until they have done what they do then."""
        until = self._now + seconds
        await self._settle()
        while self._alarms and self._alarms[0][0] <= until:
            moment, _, alarm = heapq.heappop(self._alarms)
            self._now = max(self._now, moment)
            if alarm.act is not None:
                alarm.act()
                await self._settle()
        self._now = until
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(_SETTLING_TURNS):
            await asyncio.sleep(0)
