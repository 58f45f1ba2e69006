"""Boot-time clock: it goes on while the machine sleeps, where the system has such a clock."""

import asyncio
import time
from collections.abc import Callable
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


class BootClock:
    """The machine's own clock."""

    def now(self) -> float:
        """Return the seconds since the machine was started, time asleep included."""
        return boottime()

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
