"""The session's clock: boot time, suspends of the machine, and the time of day."""

import asyncio
import time
from datetime import UTC, datetime

from explorer.model.clock import BootClock


class Clock(BootClock):
    """The machine's clocks. Tests and screenshots use clocks that they move themselves."""

    def suspended(self) -> float:
        """Return the seconds for which the machine was suspended since it started."""
        return self.now() - time.clock_gettime(time.CLOCK_MONOTONIC)

    def wall(self) -> datetime:
        """Return the time of day, for display."""
        return datetime.now(UTC)


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
