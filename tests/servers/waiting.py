"""Waiting for a condition with a deadline: the one place in the tests that polls."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PAUSE = 0.02  # seconds between two looks
PATIENCE = 30.0  # seconds, on a busy machine


def wait_until(condition: Callable[[], bool], what: str, within: float = PATIENCE, *, pause: float = PAUSE) -> None:
    """Block until `condition`, looked at every `pause` seconds, holds; TimeoutError says `what` did not happen."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:.1f} s: {what}")
        time.sleep(pause)


async def eventually(condition: Callable[[], bool | Awaitable[bool]], what: str, within: float = PATIENCE) -> None:
    """Wait until `condition`, plain or a coroutine function, holds; TimeoutError says `what` did not happen."""
    try:
        async with asyncio.timeout(within):
            while True:
                holds = condition()
                if holds if isinstance(holds, bool) else await holds:
                    return
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        raise TimeoutError(f"not within {within:.1f} s: {what}") from None
