"""What all locks share: the clock that a proof is dated by, and how a holder introduces itself."""

import getpass
import os
import re
import socket
import time
from datetime import UTC, datetime

MARGIN = 0.1
"""Part of the TTL given away, for clocks that do not run alike."""

_SINCE = re.compile(r" since (\S+)$")


def boottime() -> float:
    """Seconds on a clock that goes on while the machine sleeps, where the system has one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def identity() -> str:
    """Say who holds a lock, and since when, for those who look at it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return f"{user}@{socket.gethostname()} pid {os.getpid()} since {now}"


def introduction(text: str) -> tuple[str, datetime | None]:
    """Give the name in what a holder wrote of itself, and the time if there is one."""
    found = _SINCE.search(text)
    if found is None:
        return text, None
    try:
        return text[: found.start()], datetime.fromisoformat(found[1])
    except ValueError:
        return text[: found.start()], None
