"""What all that is held for a time shares: its renewal, the clock that a proof is dated by, and the holder's name."""

import asyncio
import getpass
import os
import re
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from explorer.model.errors import ExplorerError

CLOCK_DRIFT = 0.1
"""Part of the TTL given away, for clocks that do not run alike."""
RENEWALS = 3
"""How often a lease or session is renewed within its TTL."""

_SINCE = re.compile(r" since (\S+)$")


def boottime() -> float:
    """Seconds on a clock that goes on while the machine sleeps, where the system has one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


async def keep_alive(renew: Callable[[float], Awaitable[float]], ttl: float) -> None:
    """Renew what an entry lives by until it ends or this task does.

    Args:
        renew: Renews it once within so many seconds, and gives its TTL in seconds.
        ttl: The TTL it was given, in seconds.
    """
    while True:
        await asyncio.sleep(ttl / RENEWALS)
        try:
            ttl = await renew(ttl)
        except ExplorerError as error:
            if not error.retryable:
                return


def holder_id() -> str:
    """Say who holds a lock, and since when, for those who look at it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return f"{user}@{socket.gethostname()} pid {os.getpid()} since {now}"


def parse_holder(text: str) -> tuple[str, datetime | None]:
    """Give the name in what a holder wrote of itself, and the time if there is one."""
    found = _SINCE.search(text)
    if found is None:
        return text, None
    try:
        return text[: found.start()], datetime.fromisoformat(found[1])
    except ValueError:
        return text[: found.start()], None
