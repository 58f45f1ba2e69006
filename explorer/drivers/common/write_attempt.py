"""One write that is sent until it is answered, with the reply that was lost, if one was."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from explorer.drivers.common.retry import Backoff
from explorer.model.address import Access
from explorer.model.errors import ExplorerError, NotReachable, OutcomeUnknown
from explorer.model.sanitize import sanitize

Result = TypeVar("Result")

_LOG: Final = logging.getLogger(__package__)
_RESOLVE_TIMEOUT = 10.0
"""Seconds to find out the outcome of a write after its reply was lost.

A request timeout that the user set, other than the default, limits this as well.
"""
_LAST_READ_TIMEOUT = 1.0
"""Seconds for the last read that finds out the outcome."""


@dataclass(slots=True)
class WriteAttempt:
    """One write and whether it may have taken effect.

    Args:
        timeout: Seconds within which it has to be sent.
        redacted: The address for the log.
        subject: The key or prefix as the caller wrote it, for the log.
    """

    timeout: float
    redacted: str
    subject: str
    lost_reply: NotReachable | None = None
    """Why a reply was lost; None as long as the write cannot have taken effect."""
    _deadline: float = 0.0
    _pauses: Backoff = field(default_factory=lambda: Backoff(maximum=1.0))

    async def send(self, attempt: Callable[[float], Awaitable[Result]]) -> Result | None:
        """Send the write and return its result; None if the reply was lost, so that it may have taken effect.

        Args:
            attempt: Sends it once, within the seconds that are left.

        Raises:
            NotReachable: Nothing was sent within the time limit.
            OutcomeUnknown: A reply was lost, now or before, and the time to find out the outcome is over.
        """
        clock = asyncio.get_running_loop().time
        self._deadline = self._deadline or clock() + self.timeout
        while True:
            try:
                return await attempt(max(self._deadline - clock(), 0.1))
            except NotReachable as error:
                if error.retryable and not error.sent:
                    if clock() >= self._deadline:
                        raise (self.outcome_unknown() if self.lost_reply else error) from self.lost_reply
                    await self._pauses.pause()
                    continue
                if not error.retryable and self.lost_reply is None:
                    raise
                if self.lost_reply is None:
                    self.lost_reply = error
                    _LOG.info(
                        "write of %s in %s: the reply was lost, reading the outcome",
                        sanitize(self.subject),
                        self.redacted,
                    )
                    limit = (
                        _RESOLVE_TIMEOUT if self.timeout == Access().timeout else min(self.timeout, _RESOLVE_TIMEOUT)
                    )
                    self._deadline = clock() + limit
                if not error.retryable or clock() >= self._deadline:
                    raise self.outcome_unknown() from self.lost_reply
                await self._pauses.pause()
                return None
            except ExplorerError as error:
                if self.lost_reply is None:
                    raise
                raise self.outcome_unknown() from error

    def seconds_left(self) -> float:
        """Return the seconds left to find out the outcome."""
        return max(self._deadline - asyncio.get_running_loop().time(), min(_LAST_READ_TIMEOUT, self.timeout / 2))

    def outcome_unknown(self) -> OutcomeUnknown:
        """Return the error of a write that may or may not have taken effect."""
        return OutcomeUnknown(
            "the write was sent and its reply was lost: it may or may not have taken effect",
            hint="read the key before writing again",
        )
