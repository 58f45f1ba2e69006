"""Sending one transaction until it is answered, and remembering whether an earlier sending may have taken effect."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.cluster import Cluster, Unsent
from explorer.drivers.etcd.methods import RANGE, TXN, WATCH
from explorer.drivers.retry import Backoff, persist
from explorer.model.errors import Compacted, ExplorerError, NotReachable, OutcomeUnknown

_RESOLVING = 10.0
"""Seconds that are spent on finding out what became of a write, beyond the time limit of the request itself."""


@dataclass(slots=True)
class Delivery:
    """One write on its way.

    Args:
        cluster: The connection.
        subject: The key or prefix as the caller wrote it.
    """

    cluster: Cluster
    subject: str
    doubt: NotReachable | None = None
    """Why an answer was lost; None as long as nothing can have happened."""
    _until: float = 0.0
    _pauses: Backoff = field(default_factory=lambda: Backoff(most=1.0))

    async def send(self, request: messages.TxnRequest) -> messages.TxnResponse | None:
        """Send a transaction; None when its answer was lost, so that it may or may not take effect.

        Raises:
            NotReachable: Nothing was sent within the time limit.
            OutcomeUnknown: An answer was lost, now or before, and the time to find out is over.
        """
        clock = asyncio.get_running_loop().time
        self._until = self._until or clock() + self.cluster.timeout
        while True:
            try:
                left = max(self._until - clock(), 0.1)
                return await self.cluster.call(TXN, request, key=self.subject, within=left, repeat=False)
            except Unsent as error:
                if clock() >= self._until:
                    raise (self.unknown() if self.doubt else error) from self.doubt
            except NotReachable as error:
                if not error.retryable and self.doubt is None:
                    raise
                if self.doubt is None:
                    self.doubt = error
                    self._until = clock() + _RESOLVING
                if not error.retryable or clock() >= self._until:
                    raise self.unknown() from self.doubt
                await self._pauses.pause()
                return None
            except ExplorerError as error:
                if self.doubt is None:
                    raise
                raise self.unknown() from error
            await self._pauses.pause()

    async def look(self, question: messages.RangeRequest) -> messages.RangeResponse:
        """Read what became of a write.

        Raises:
            OutcomeUnknown: It cannot be read.
        """
        try:
            return await self.cluster.call(RANGE, question, key=self.subject, within=self._left())
        except ExplorerError as error:
            raise self.unknown() from error

    async def events(self, key: bytes, base: int, until: int, *, quiet: bool = False) -> list[messages.Event]:
        """Read the history of a key after a revision.

        Args:
            key: The key as the store spells it.
            base: The revision after which to read.
            until: The revision at or after which the key was changed last, as far as is of interest.
            quiet: It need not have changed at all; the store is asked, again and again, whether that was everything.

        Raises:
            OutcomeUnknown: It cannot be read, or no longer reaches back so far.
        """
        if quiet and until <= base:
            return []

        async def attempt(left: float) -> list[messages.Event]:
            async with asyncio.timeout(left):
                return await self._replay(key, base, until, quiet=quiet)

        try:
            return await persist(attempt, within=self._left())
        except (TimeoutError, ExplorerError) as error:
            raise self.unknown() from error

    async def _replay(self, key: bytes, base: int, until: int, *, quiet: bool) -> list[messages.Event]:
        found: list[messages.Event] = []
        async with aclosing(self._history(key, base, quiet=quiet)) as answers:
            async for answer in answers:
                if answer.canceled:
                    raise Compacted("the history of the key is gone", address=self.cluster.shown, key=self.subject)
                found += [event for event in answer.events if event.kv.mod_revision > base]
                if found and found[-1].kv.mod_revision >= until:
                    return found
                if quiet and not (answer.events or answer.created) and answer.header.revision >= until:
                    return found
        raise NotReachable("the store ended the watch", address=self.cluster.shown, key=self.subject)

    def _history(self, key: bytes, base: int, *, quiet: bool) -> AsyncGenerator[messages.WatchResponse, None]:
        create = messages.WatchCreateRequest(key=key, start_revision=base + 1)
        progress = messages.WatchRequest(progress_request=messages.WatchProgressRequest())
        return self.cluster.converse(
            WATCH,
            messages.WatchRequest(create_request=create),
            key=self.subject,
            first_within=self.cluster.timeout,
            nudge=progress if quiet else None,
        )

    def _left(self) -> float:
        return max(self._until - asyncio.get_running_loop().time(), 1.0)

    def unknown(self) -> OutcomeUnknown:
        """Give the error that says so."""
        return OutcomeUnknown(
            "the write was sent and its answer was lost: it may or may not have taken effect",
            hint="read the key before writing again",
            address=self.cluster.shown,
            key=self.subject,
        )
