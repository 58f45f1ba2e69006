"""Sending one write until it is answered, and remembering whether an earlier sending may have taken effect."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from explorer.drivers.common.retry import Backoff
from explorer.model.address import Access
from explorer.model.errors import ExplorerError, NotReachable, OutcomeUnknown
from explorer.model.sanitize import sanitize

Answer = TypeVar("Answer")

_LOG: Final = logging.getLogger(__package__)
_RESOLVING = 10.0
"""Seconds that are spent on finding out what became of a write, beyond the time limit of the request itself.

A time limit that the person set, other than the default, holds for this as well.
"""
_LAST_LOOK = 1.0
"""Seconds that the last look at what became of it may take."""


@dataclass(slots=True)
class WriteAttempt:
    """One write on its way.

    Args:
        timeout: Seconds within which it has to be sent.
        redacted: The address for messages.
        subject: The key or prefix as the caller wrote it.
    """

    timeout: float
    redacted: str
    subject: str
    doubt: NotReachable | None = None
    """Why an answer was lost; None as long as nothing can have happened."""
    _until: float = 0.0
    _pauses: Backoff = field(default_factory=lambda: Backoff(most=1.0))

    async def send(self, attempt: Callable[[float], Awaitable[Answer]]) -> Answer | None:
        """Send it; None when the answer was lost, so that it may or may not take effect.

        Args:
            attempt: Sends it once; is given the seconds that are left.

        Raises:
            NotReachable: Nothing was sent within the time limit.
            OutcomeUnknown: An answer was lost, now or before, and the time to find out is over.
        """
        clock = asyncio.get_running_loop().time
        self._until = self._until or clock() + self.timeout
        while True:
            try:
                return await attempt(max(self._until - clock(), 0.1))
            except NotReachable as error:
                if error.retryable and not error.sent:
                    if clock() >= self._until:
                        raise (self.unknown() if self.doubt else error) from self.doubt
                    await self._pauses.pause()
                    continue
                if not error.retryable and self.doubt is None:
                    raise
                if self.doubt is None:
                    self.doubt = error
                    _LOG.info(
                        "write of %s in %s: the answer was lost, finding out", sanitize(self.subject), self.redacted
                    )
                    limit = _RESOLVING if self.timeout == Access().timeout else min(self.timeout, _RESOLVING)
                    self._until = clock() + limit
                if not error.retryable or clock() >= self._until:
                    raise self.unknown() from self.doubt
                await self._pauses.pause()
                return None
            except ExplorerError as error:
                if self.doubt is None:
                    raise
                raise self.unknown() from error

    def left(self) -> float:
        """Give the seconds that are left to find out what became of it."""
        return max(self._until - asyncio.get_running_loop().time(), min(_LAST_LOOK, self.timeout / 2))

    def unknown(self) -> OutcomeUnknown:
        """Give the error that says so."""
        return OutcomeUnknown(
            "the write was sent and its answer was lost: it may or may not have taken effect",
            hint="read the key before writing again",
            address=self.redacted,
            key=self.subject,
        )
