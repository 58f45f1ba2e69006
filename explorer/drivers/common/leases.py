"""Helpers for leases: keep-alive, boot-time clock, holder identity."""

import asyncio
import getpass
import os
import re
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from explorer.model.errors import ExplorerError

CLOCK_DRIFT = 0.1
"""Part of the TTL that is not relied on, because clocks do not run alike."""
RENEWALS = 3
"""Renewals of a lease or session within its TTL."""

_MAX_NAME_LENGTH = 60
"""Characters of a lock's value up to which it names the holder."""
_SINCE_PATTERN = re.compile(r" since (\S+)$")


async def keep_alive(renew: Callable[[float], Awaitable[float]], ttl: float) -> None:
    """Renew the lease of an entry until it has ended or this task is cancelled.

    Args:
        renew: Renews the lease once within so many seconds, and returns its TTL in seconds.
        ttl: The TTL that was granted, in seconds.
    """
    while True:
        await asyncio.sleep(ttl / RENEWALS)
        try:
            ttl = await renew(ttl)
        except ExplorerError as error:
            if not error.retryable:
                return


def holder_id(value: bytes = b"") -> str:
    """Return the identity that a lock's holder writes: user, host, process and time.

    Args:
        value: The lock's value, which comes first if it is a short text.
    """
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    now = datetime.now(UTC).isoformat(timespec="seconds")
    process = f"{user}@{socket.gethostname()} pid {os.getpid()}"
    name = value.decode("utf-8", "replace")
    is_name = 0 < len(name) <= _MAX_NAME_LENGTH and name.isprintable() and "\ufffd" not in name
    return f"{name} ({process}) since {now}" if is_name else f"{process} since {now}"


def parse_holder(text: str) -> tuple[str, datetime | None]:
    """Return the name in a holder's identity, and the time if there is one."""
    found = _SINCE_PATTERN.search(text)
    if found is None:
        return text, None
    try:
        return text[: found.start()], datetime.fromisoformat(found[1])
    except ValueError:
        return text[: found.start()], None
