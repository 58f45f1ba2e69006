"""The session's clock: boot time, which goes on while the machine is suspended."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

_BOOT_CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Timer(Protocol):
    """A scheduled call."""

    def cancel(self) -> None:
        """Cancel the call."""


class Clock:
    """The machine's clocks. Tests and screenshots use clocks that they move themselves."""

    def now(self) -> float:
        """Return the seconds since some start, time suspended included (CLOCK_BOOTTIME where there is one)."""
        return time.clock_gettime(_BOOT_CLOCK)

    def suspended(self) -> float:
        """Return the seconds for which the machine was suspended since it started."""
        return time.clock_gettime(_BOOT_CLOCK) - time.clock_gettime(time.CLOCK_MONOTONIC)

    def wall(self) -> datetime:
        """Return the time of day, for display."""
        return datetime.now(UTC)

    def call_at(self, moment: float, callback: Callable[[], None]) -> Timer:
        """Schedule a call from the running event loop."""
        return asyncio.get_running_loop().call_later(max(0.0, moment - self.now()), callback)


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
