"""Retries with exponential backoff and jitter, within a time limit."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from explorer.model.errors import ExplorerError, NotReachable, Timeout

Result = TypeVar("Result")

_LOG: Final = logging.getLogger(__package__)

_SECOND_ROUND_DELAY = 0.2
"""Seconds before all endpoints are tried a second time when a connection is made."""
_JITTER = random.SystemRandom()


@dataclass(slots=True)
class Backoff:
    """Exponential backoff from `initial` to `maximum` seconds, with full jitter.

    The jitter keeps many clients from coming back to a restarted server at the same moment.
    """

    initial: float = 0.1
    maximum: float = 5.0
    tries: int = 0
    jitter: bool = True
    """True if a pause is random between 0 and its full length."""

    def reset(self) -> None:
        """Start from the shortest pause again, after a success."""
        self.tries = 0

    def next_pause(self) -> float:
        """Return the next pause, in seconds."""
        longest: float = min(self.maximum, self.initial * 2.0 ** min(self.tries, 32))
        self.tries += 1
        return _JITTER.uniform(0, longest) if self.jitter else longest

    async def pause(self) -> None:
        """Wait for the next pause."""
        await asyncio.sleep(self.next_pause())


async def retry(
    attempt: Callable[[float], Awaitable[Result]], *, within: float, backoff: Backoff | None = None
) -> Result:
    """Repeat an idempotent request until it is answered.

    Args:
        attempt: Sends the request once, within the seconds that are left.
        within: Seconds for all attempts together. When they are over, the last error is raised.
        backoff: Pauses between attempts.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + within
    pauses = backoff or Backoff(maximum=1.0)
    while True:
        try:
            return await attempt(until - clock())
        except ExplorerError as error:
            pause = pauses.next_pause()
            if not error.retryable or clock() + pause >= until:
                raise
            _LOG.debug("%s; trying again in %.2f s", type(error).__name__, pause)
        await asyncio.sleep(pause)


async def connect_with_retry(attempt: Callable[[float], Awaitable[object]], endpoints: int, *, within: float) -> None:
    """Send the first request of a connection. Each endpoint is tried twice, so a wrong address is reported at once.

    Args:
        attempt: Queries one endpoint, the next one after a failure, within the seconds that are left for all.
        endpoints: Number of endpoints.
        within: Seconds for all attempts together.

    Raises:
        NotReachable: No endpoint answered.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + within
    failures: list[NotReachable] = []
    for number in range(2 * endpoints):
        try:
            await attempt(until - clock())
        except NotReachable as error:
            failures.append(error)
            tries = endpoints if error.sent else 2 * endpoints
            pause = _SECOND_ROUND_DELAY if (number + 1) % endpoints == 0 else 0.0  # the next endpoint is tried at once
            if not error.retryable or number + 1 >= tries or clock() + pause >= until:
                if isinstance(error, Timeout) and number >= endpoints:
                    raise failures[-1 - endpoints] from error  # of the same endpoint, when it had more time
                raise
            _LOG.debug("%s at the first request; trying again in %.2f s", type(error).__name__, pause)
            await asyncio.sleep(pause)
        else:
            return
