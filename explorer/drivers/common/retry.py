"""How all network drivers try again: pauses that grow, with jitter, and never past the time allowed."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from explorer.model.errors import ExplorerError, NotReachable

Answer = TypeVar("Answer")

_LOG: Final = logging.getLogger(__package__)

_SECOND_CHANCE = 0.2
"""Seconds before the endpoints are tried a second time at a first contact."""
_JITTER = random.SystemRandom()


@dataclass(slots=True)
class Backoff:
    """Pauses that double from `first` to `most` seconds, each drawn evenly between nothing and its full length.

    Full jitter keeps many clients from coming back to a restarted server at the same moment.
    """

    first: float = 0.1
    most: float = 5.0
    tries: int = 0

    def reset(self) -> None:
        """Start from the shortest pause again, after a success."""
        self.tries = 0

    def next_pause(self) -> float:
        """Give the next pause, in seconds."""
        longest: float = min(self.most, self.first * 2.0 ** min(self.tries, 32))
        self.tries += 1
        return _JITTER.uniform(0, longest)

    async def pause(self) -> None:
        """Wait for the next pause."""
        await asyncio.sleep(self.next_pause())


async def retry(
    attempt: Callable[[float], Awaitable[Answer]], *, within: float, backoff: Backoff | None = None
) -> Answer:
    """Repeat a request that may safely be sent twice until it is answered.

    Args:
        attempt: Sends it once; is given the seconds that are left.
        within: Seconds for everything together. When they are over, the last error is raised.
        backoff: The pauses between attempts.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + within
    pauses = backoff or Backoff(most=1.0)
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
    """Make the first contact. Each endpoint is tried twice, so that a wrong address is reported at once.

    Args:
        attempt: Asks one endpoint, the next one after a failure; is given the seconds that are left for all of them.
        endpoints: How many there are.
        within: Seconds for everything together.

    Raises:
        NotReachable: None of them answered.
    """
    clock = asyncio.get_running_loop().time
    until = clock() + within
    for number in range(2 * endpoints):
        try:
            await attempt(until - clock())
        except NotReachable as error:
            tries = endpoints if error.sent else 2 * endpoints
            pause = _SECOND_CHANCE if (number + 1) % endpoints == 0 else 0.0  # another endpoint is asked at once
            if not error.retryable or number + 1 >= tries or clock() + pause >= until:
                raise
            _LOG.debug("%s at the first contact; trying again in %.2f s", type(error).__name__, pause)
            await asyncio.sleep(pause)
        else:
            return
