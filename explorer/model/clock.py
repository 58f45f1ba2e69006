"""Clocks: boot time, which goes on while the machine is suspended, where the system has that clock; the time of day."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

_CLOCK_ID: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boottime() -> float:
    """Return the seconds since the machine was started, time asleep included."""
    return time.clock_gettime(_CLOCK_ID)


class Timer(Protocol):
    """A scheduled call, such as an `asyncio.TimerHandle`."""

    def cancel(self) -> None:
        """Cancel the call."""


class Clock(Protocol):
    """A clock with timers. Tests have one that they move by hand."""

    def now(self) -> float:
        """Return the seconds since some start."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Schedule a call from the running event loop."""


class SystemClock:
    """The machine's clocks. Tests and screenshots use clocks that they move themselves."""

    def now(self) -> float:
        """Return the seconds since the machine was started, time asleep included."""
        return boottime()

    def suspended(self) -> float:
        """Return the seconds for which the machine was suspended since it started."""
        return self.now() - time.clock_gettime(time.CLOCK_MONOTONIC)

    def wall(self) -> datetime:
        """Return the time of day, for display."""
        return datetime.now(UTC)

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Schedule a call from the running event loop."""
        return asyncio.get_running_loop().call_later(max(0.0, when - self.now()), callback)


async def sleep_until(clock: Clock, when: float) -> None:
    """Sleep until a time on a clock."""
    while clock.now() < when:
        woken = asyncio.Event()
        timer = clock.call_at(when, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()
    await asyncio.sleep(0)


async def wait_until(clock: Clock, moment: float, event: asyncio.Event | None = None) -> None:
    """Wait until a moment, or until an event is set.

    Args:
        clock: Clock of the moment.
        moment: Seconds of the clock; one that has passed is not waited for.
        event: Ends the wait early. It is cleared at the end.
    """
    event = event or asyncio.Event()
    if clock.now() < moment and not event.is_set():
        timer = clock.call_at(moment, event.set)
        try:
            await event.wait()
        finally:
            timer.cancel()
    event.clear()
