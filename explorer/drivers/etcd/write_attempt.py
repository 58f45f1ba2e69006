"""Sending one transaction until it is answered, and finding out from history whether it took effect."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from explorer.drivers.common import write_attempt
from explorer.drivers.common.retry import retry
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.methods import RANGE, TXN, WATCH
from explorer.model.errors import Compacted, ExplorerError, NotReachable


class TransactionAttempt(write_attempt.WriteAttempt):
    """One transaction on its way, and the history that tells what became of it.

    Args:
        cluster: The connection.
        subject: The key or prefix as the caller wrote it.
    """

    def __init__(self, cluster: EtcdConnection, subject: str) -> None:
        super().__init__(cluster.timeout, cluster.redacted, subject)
        self.cluster = cluster

    async def commit(self, request: messages.TxnRequest) -> messages.TxnResponse | None:
        """Send a transaction; None when its answer was lost, see `delivery.Delivery.send`."""

        async def attempt(left: float) -> messages.TxnResponse:
            return await self.cluster.call(TXN, request, key=self.subject, within=left, repeat=False)

        return await self.send(attempt)

    async def look(self, question: messages.RangeRequest) -> messages.RangeResponse:
        """Read what became of a write.

        Raises:
            OutcomeUnknown: It cannot be read.
        """
        try:
            return await self.cluster.call(RANGE, question, key=self.subject, within=self.seconds_left())
        except ExplorerError as error:
            raise self.outcome_unknown() from error

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
            return await retry(attempt, within=self.seconds_left())
        except (TimeoutError, ExplorerError) as error:
            raise self.outcome_unknown() from error

    async def _replay(self, key: bytes, base: int, until: int, *, quiet: bool) -> list[messages.Event]:
        found: list[messages.Event] = []
        async with aclosing(self._history(key, base, quiet=quiet)) as answers:
            async for answer in answers:
                if answer.canceled:
                    raise Compacted("the history of the key is gone", address=self.cluster.redacted, key=self.subject)
                found += [event for event in answer.events if event.kv.mod_revision > base]
                if found and found[-1].kv.mod_revision >= until:
                    return found
                if quiet and not (answer.events or answer.created) and answer.header.revision >= until:
                    return found
        raise NotReachable("the store ended the watch", address=self.cluster.redacted, key=self.subject)

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
