"""Writes whose outcome is known, or said not to be.

When the answer to a compare-and-swap is lost, the very same request is sent again: two of them on the same revision
cannot both win, so this is safe, and it fences one that is still under way. If the repetition loses, the first write
after the revision that it compared decides: if it wrote our value it was ours (or equal to ours, which nobody could
tell and nobody need). Only a gap in the history leaves the outcome unknown.
"""

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.cluster import Cluster, Unsent
from explorer.drivers.etcd.methods import RANGE, TXN, WATCH
from explorer.drivers.retry import Backoff
from explorer.model.errors import ExplorerError, KeyModified, KeyNotFound, NotReachable, OutcomeUnknown

_RESOLVING = 10.0
"""Seconds that are spent on finding out what became of a write, beyond the time limit of the request itself."""

EQUAL = messages.Compare.EQUAL


def unchanged(key: bytes, revision: int, created: int | None) -> list[messages.Compare]:
    """Hold only while the key is as it was; revision 0 means absent."""
    if revision == 0:
        return [messages.Compare(result=EQUAL, target=messages.Compare.CREATE, key=key, create_revision=0)]
    compares = [messages.Compare(result=EQUAL, target=messages.Compare.MOD, key=key, mod_revision=revision)]
    if created is not None:
        compares.append(
            messages.Compare(result=EQUAL, target=messages.Compare.CREATE, key=key, create_revision=created)
        )
    return compares


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a guarded write."""

    won: bool
    responses: tuple[messages.ResponseOp, ...] = ()
    written: messages.KeyValue | None = None
    """What history tells of our own write, when its answer was lost."""


@dataclass(slots=True)
class Save:
    """One guarded write of one key.

    Args:
        cluster: The connection.
        subject: The key as the caller wrote it.
        key: The key as the store spells it.
        value: What is written; None deletes.
        base: The revision after which our own write would be the first of this key.
        request: The transaction, always the same.
    """

    cluster: Cluster
    subject: str
    key: bytes
    value: bytes | None
    base: int
    request: messages.TxnRequest

    async def commit(self) -> Outcome:
        """Write, and find out what became of it.

        Raises:
            OutcomeUnknown: The store cannot tell (yet).
            NotReachable: Nothing was sent.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + self.cluster.timeout
        backoff = Backoff(most=1.0)
        doubt: NotReachable | None = None
        while True:
            try:
                answer = await self.cluster.call(
                    TXN, self.request, key=self.subject, within=max(until - clock(), 0.1), repeat=False
                )
            except NotReachable as error:
                if doubt is None and error.retryable and not isinstance(error, Unsent):
                    doubt = error
                    until = clock() + _RESOLVING
                if not error.retryable or clock() >= until:
                    if doubt is None:
                        raise
                    raise self._unknown() from doubt
                await backoff.pause()
                continue
            except ExplorerError as error:
                if doubt is None:
                    raise
                raise self._unknown() from error
            if answer.succeeded or doubt is None:
                return Outcome(answer.succeeded, tuple(answer.responses))
            return await self._look_back(max(until - clock(), 1.0))

    async def _look_back(self, within: float) -> Outcome:
        """Find the first write after the base: ours if it says what we said."""
        try:
            async with asyncio.timeout(within):
                first = await first_event(self.cluster, self.key, self.base, subject=self.subject)
        except (TimeoutError, ExplorerError) as error:
            raise self._unknown() from error
        deleted = first.type == messages.Event.DELETE
        ours = deleted if self.value is None else not deleted and first.kv.value == self.value
        return Outcome(ours, written=first.kv if ours else None)

    def _unknown(self) -> OutcomeUnknown:
        return OutcomeUnknown(
            "the write was sent and its answer was lost: it may or may not have taken effect",
            hint="read the key before writing again",
            address=self.cluster.shown,
            key=self.subject,
        )


async def first_event(cluster: Cluster, key: bytes, base: int, *, subject: str) -> messages.Event:
    """Give the first event of a key after a revision; waits for it if there is none yet.

    Raises:
        ExplorerError: History no longer reaches back so far.
    """
    question = messages.WatchRequest(create_request=messages.WatchCreateRequest(key=key, start_revision=base + 1))
    stream = cluster.converse(WATCH, question, key=subject, first_within=cluster.timeout)
    async with aclosing(stream) as answers:
        async for answer in answers:
            if answer.canceled:
                raise ExplorerError("the history of the key cannot be read", address=cluster.shown, key=subject)
            if answer.events:
                return answer.events[0]
    raise NotReachable("the store ended the watch", address=cluster.shown, key=subject)


async def erase_tree(cluster: Cluster, start: bytes, end: bytes, *, subject: str, guard: int | None) -> int:
    """Delete a range in one transaction, and tell how many keys it held.

    A comparison over a range holds when it holds for every key in it, so what another client changed or added since
    the guard refuses the deletion; what it deleted since is not seen, and does no harm.

    Raises:
        KeyNotFound: The range is empty.
        KeyModified: Something in it was written since the guard.
        OutcomeUnknown: The answer was lost and the store cannot tell.
    """
    counting = messages.RangeRequest(key=start, range_end=end, count_only=True)
    counted = (await cluster.call(RANGE, counting, key=subject)).count
    if not counted:
        raise KeyNotFound("nothing lies below this prefix", address=cluster.shown, key=subject)
    compares = []
    if guard is not None:
        mod = messages.Compare.MOD
        compares.append(
            messages.Compare(result=messages.Compare.LESS, target=mod, key=start, range_end=end, mod_revision=guard + 1)
        )
    erase = messages.DeleteRangeRequest(key=start, range_end=end)
    request = messages.TxnRequest(compare=compares, success=[messages.RequestOp(request_delete_range=erase)])
    try:
        answer = await cluster.call(TXN, request, key=subject, repeat=False)
    except Unsent:
        raise
    except NotReachable as error:
        # Nothing is left: it happened, or others did the same.
        with suppress(ExplorerError):
            if not (await cluster.call(RANGE, counting, key=subject, within=_RESOLVING)).count:
                return counted
        raise OutcomeUnknown(
            "the deletion was sent and its answer was lost",
            hint="look what is left",
            address=cluster.shown,
            key=subject,
        ) from error
    if not answer.succeeded:
        raise KeyModified(
            "something below was written since the preview; nothing was deleted",
            hint="look at it again",
            address=cluster.shown,
            key=subject,
        )
    return answer.responses[0].response_delete_range.deleted
