"""Guarded writes (compare-and-swap) that find out their outcome when the response is lost.

When the response to a compare-and-swap is lost, the same request is sent again: two of them on the same revision
cannot both succeed, so this is safe, and it fences a request that is still under way. If the repetition fails, the
first write after the compared revision decides: if it wrote our value it was ours (or equal to ours, which nobody can
or need distinguish). Only a gap in the history leaves the outcome unknown.

A create differs: an absent key has no revision to compare, so a repetition can succeed although the first sending had
succeeded, if another client deleted the key meanwhile. So the history is read before a create is sent again, and once
more after the repetition has succeeded; a key that it created a second time is deleted again.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from explorer.drivers.common.retry import retry
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import RANGE, TXN, WATCH
from explorer.model.errors import Compacted, ExplorerError, NotReachable

EQUAL = messages.Compare.EQUAL


def unchanged(key: bytes, revision: int, created: int | None) -> list[messages.Compare]:
    """Return the comparisons that hold only while a key is at a revision; 0 means absent."""
    if revision == 0:
        return [created_at(key, 0)]
    compares = [messages.Compare(result=EQUAL, target=messages.Compare.MOD, key=key, mod_revision=revision)]
    if created is not None:
        compares.append(created_at(key, created))
    return compares


def created_at(key: bytes, revision: int) -> messages.Compare:
    """Return the comparison that holds only while a key has this creation revision; 0 means absent."""
    return messages.Compare(result=EQUAL, target=messages.Compare.CREATE, key=key, create_revision=revision)


def delete_request(key: bytes, revision: int, created: int | None) -> messages.TxnRequest:
    """Return the request that deletes a key only while it is at a revision."""
    return messages.TxnRequest(
        compare=unchanged(key, revision, created),
        success=[messages.RequestOp(request_delete_range=messages.DeleteRangeRequest(key=key))],
    )


class TxnAttempt(WriteAttempt):
    """A transaction being sent, with the reads that find out its outcome.

    Args:
        connection: The connection to the cluster.
        subject: The key or prefix for the log.
    """

    def __init__(self, connection: EtcdConnection, subject: str) -> None:
        super().__init__(connection.timeout, connection.redacted, subject)
        self.connection = connection

    async def read(self, request: messages.RangeRequest) -> messages.RangeResponse:
        """Read what a write may have changed.

        Raises:
            OutcomeUnknown: It cannot be read.
        """
        try:
            return await self.connection.call(RANGE, request, within=self.seconds_left())
        except ExplorerError as error:
            raise self.outcome_unknown() from error

    async def read_events(
        self, key: bytes, after: int, until: int, *, may_be_unchanged: bool = False
    ) -> list[messages.Event]:
        """Read the events of a key.

        Args:
            key: The key in the store.
            after: The revision after which to read.
            until: The revision up to which events matter; the key changed at or after it.
            may_be_unchanged: The key need not have changed; progress requests then show that all events have come.

        Raises:
            OutcomeUnknown: The history cannot be read, or does not reach back so far.
        """
        if may_be_unchanged and until <= after:
            return []

        async def attempt(left: float) -> list[messages.Event]:
            async with asyncio.timeout(left):
                return await self._replay(key, after, until, may_be_unchanged=may_be_unchanged)

        try:
            return await retry(attempt, within=self.seconds_left())
        except (TimeoutError, ExplorerError) as error:
            raise self.outcome_unknown() from error

    async def _replay(self, key: bytes, after: int, until: int, *, may_be_unchanged: bool) -> list[messages.Event]:
        found: list[messages.Event] = []
        async with aclosing(self._watch(key, after, with_progress=may_be_unchanged)) as responses:
            async for response in responses:
                if response.canceled:
                    raise Compacted("the history of the key is gone")
                found += [event for event in response.events if event.kv.mod_revision > after]
                if found and found[-1].kv.mod_revision >= until:
                    return found
                is_progress = not (response.events or response.created)
                if may_be_unchanged and is_progress and response.header.revision >= until:
                    return found
        raise NotReachable("the store ended the watch")

    def _watch(self, key: bytes, after: int, *, with_progress: bool) -> AsyncGenerator[messages.WatchResponse, None]:
        create = messages.WatchCreateRequest(key=key, start_revision=after + 1)
        progress = messages.WatchRequest(progress_request=messages.WatchProgressRequest())
        return self.connection.open_stream(
            WATCH,
            messages.WatchRequest(create_request=create),
            progress_request=progress if with_progress else None,
        )


@dataclass(frozen=True, slots=True)
class CasOutcome:
    """Outcome of a guarded write."""

    succeeded: bool
    revision: int = 0
    """Revision of the write."""
    responses: tuple[messages.ResponseOp, ...] = ()
    written: messages.KeyValue | None = None
    """Our write as the history has it, if the response was lost."""


@dataclass(slots=True)
class EtcdCasWrite:
    """One guarded write of one key, and of others with it.

    As all or nothing is written, the first key shows the outcome for the others; they are looked at only to tell this
    write from another one that wrote the same to the first key alone.

    Args:
        connection: The connection to the cluster.
        subject: The key for the log.
        key: The first key in the store.
        revision: The revision that the key has to be at; 0 means absent, also that every other key has to be.
        request: The transaction; its first operation puts or deletes the key.
    """

    connection: EtcdConnection
    subject: str
    key: bytes
    revision: int
    request: messages.TxnRequest

    async def commit(self) -> CasOutcome:
        """Send the write and return its outcome.

        Raises:
            OutcomeUnknown: The store cannot tell (yet).
            NotReachable: Nothing was sent.
        """
        attempt = TxnAttempt(self.connection, self.subject)
        if not self.revision:
            return await self._create(attempt)
        while (response := await attempt.send(partial(self.connection.call_once, TXN, self.request))) is None:
            continue
        if response.succeeded or attempt.lost_reply is None:
            return self._outcome(response)
        refused = response.header.revision
        now = await attempt.read(messages.RangeRequest(key=self.key, keys_only=True, revision=refused))
        if self.revision < 0 or (now.kvs and now.kvs[0].mod_revision == self.revision):
            return CasOutcome(succeeded=False)  # another comparison failed, and fails for what is still under way
        first, *_ = await attempt.read_events(self.key, self.revision, self.revision + 1)
        return self._found(first) if await self._is_ours(attempt, first) else CasOutcome(succeeded=False)

    async def _create(self, attempt: TxnAttempt) -> CasOutcome:
        count = messages.RangeRequest(key=self.key, count_only=True)
        before = await self.connection.call(RANGE, count)
        if before.count:
            return CasOutcome(succeeded=False)
        start = before.header.revision
        while True:
            response = await attempt.send(partial(self.connection.call_once, TXN, self.request))
            if response is not None and attempt.lost_reply is None:
                return self._outcome(response)
            if response is not None and response.succeeded:
                return await self._keep_first(attempt, start, response)
            now = await attempt.read(messages.RangeRequest(key=self.key, keys_only=True))
            until = now.kvs[0].mod_revision if now.kvs else now.header.revision
            for event in await attempt.read_events(self.key, start, until, may_be_unchanged=not now.kvs):
                if await self._is_ours(attempt, event):
                    return self._found(event)
            if response is not None:
                return CasOutcome(succeeded=False)

    async def _keep_first(self, attempt: TxnAttempt, start: int, response: messages.TxnResponse) -> CasOutcome:
        """Delete what the repetition of a create made if the first sending had succeeded, too."""
        repeated = response.header.revision
        for event in await attempt.read_events(self.key, start, repeated):
            if event.kv.mod_revision < repeated and await self._is_ours(attempt, event):
                for operation in self.request.success:
                    if key := operation.request_put.key:
                        deletion = delete_request(key, repeated, repeated)
                        await EtcdCasWrite(self.connection, self.subject, key, repeated, deletion).commit()
                return self._found(event)
        return self._outcome(response)

    def _outcome(self, response: messages.TxnResponse) -> CasOutcome:
        return CasOutcome(response.succeeded, response.header.revision, tuple(response.responses))

    def _found(self, event: messages.Event) -> CasOutcome:
        """Return the outcome of a write whose effect is in the history."""
        return CasOutcome(succeeded=True, revision=event.kv.mod_revision, written=event.kv)

    async def _is_ours(self, attempt: TxnAttempt, event: messages.Event) -> bool:
        """Return whether an event is the effect of this write; a create makes the key as well."""
        if not self._matches(event):
            return False
        revision = event.kv.mod_revision
        for operation in self.request.success[1:]:
            put, deletion = operation.request_put, operation.request_delete_range
            if not (put.key or deletion.key):
                continue  # a read
            request = messages.RangeRequest(key=put.key or deletion.key, revision=revision)
            kvs = (await attempt.read(request)).kvs
            if deletion.key and kvs:
                return False
            if put.key and not (kvs and kvs[0].mod_revision == revision and kvs[0].value == put.value):
                return False
        return True

    def _matches(self, event: messages.Event) -> bool:
        """Return whether an event has the effect of the first operation."""
        operation = self.request.success[0]
        if operation.HasField("request_delete_range"):
            return event.type == messages.Event.DELETE
        put, kv = operation.request_put, event.kv
        is_created = self.revision > 0 or kv.create_revision == kv.mod_revision
        has_lease = put.ignore_lease or kv.lease == put.lease
        return event.type == messages.Event.PUT and is_created and has_lease and kv.value == put.value
