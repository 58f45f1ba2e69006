"""The time that proofs, ages and lifetimes are counted by: it goes on while the machine sleeps."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

_SLEEPLESS: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Alarm(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Let it not happen."""


class Clock:
    """The machine's own clocks. Tests and pictures have clocks that move only when they are told to."""

    def now(self) -> float:
        """Give the seconds from some start, time asleep included (CLOCK_BOOTTIME, where the system has it)."""
        return time.clock_gettime(_SLEEPLESS)

    def asleep(self) -> float:
        """Give the seconds that the machine has been asleep since it was started."""
        return time.clock_gettime(_SLEEPLESS) - time.clock_gettime(time.CLOCK_MONOTONIC)

    def wall(self) -> datetime:
        """Give the time of day, to show."""
        return datetime.now(UTC)

    def call_at(self, moment: float, act: Callable[[], None]) -> Alarm:
        """Call `act` from the running event loop once the moment has come."""
        return asyncio.get_running_loop().call_later(max(0.0, moment - self.now()), act)


async def wait_until(clock: Clock, moment: float, bell: asyncio.Event | None = None) -> None:
    """Wait for a moment; what has passed is not waited for.

    Args:
        clock: Whose moment it is.
        moment: In seconds of the clock.
        bell: Set by somebody, it ends the waiting earlier. It is cleared at the end.
    """
    bell = bell or asyncio.Event()
    if clock.now() < moment and not bell.is_set():
        alarm = clock.call_at(moment, bell.set)
        try:
            await bell.wait()
        finally:
            alarm.cancel()
    bell.clear()
