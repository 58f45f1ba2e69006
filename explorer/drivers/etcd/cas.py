"""Writes whose outcome is known, or said not to be.

When the answer to a compare-and-swap is lost, the very same request is sent again: two of them on the same revision
cannot both win, so this is safe, and it fences one that is still under way. If the repetition loses, the first write
after the revision that it compared decides: if it wrote our value it was ours (or equal to ours, which nobody could
tell and nobody need). Only a gap in the history leaves the outcome unknown.

A create is different: an absent key has no revision that could be compared, so a repetition can win although the first
sending had won, when somebody deleted the key meanwhile. So the history is looked at before a create is sent again, and
once more after the repetition has won; what it brought back in the moment between is taken away again.
"""

from dataclasses import dataclass

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.methods import RANGE
from explorer.drivers.etcd.write_attempt import TransactionAttempt

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


def erasure(key: bytes, revision: int, created: int | None) -> messages.TxnRequest:
    """Delete a key while it is as it was."""
    return messages.TxnRequest(
        compare=unchanged(key, revision, created),
        success=[messages.RequestOp(request_delete_range=messages.DeleteRangeRequest(key=key))],
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a guarded write."""

    won: bool
    responses: tuple[messages.ResponseOp, ...] = ()
    written: messages.KeyValue | None = None
    """What history tells of our own write, when its answer was lost."""


@dataclass(slots=True)
class EtcdCasWrite:
    """One guarded write of one key.

    Args:
        cluster: The connection.
        subject: The key as the caller wrote it.
        key: The key as the store spells it.
        revision: The revision that the key has to be at; 0 means absent.
        request: The transaction, which puts or deletes the key first of all.
    """

    cluster: EtcdConnection
    subject: str
    key: bytes
    revision: int
    request: messages.TxnRequest

    async def commit(self) -> Outcome:
        """Write, and find out what became of it.

        Raises:
            OutcomeUnknown: The store cannot tell (yet).
            NotReachable: Nothing was sent.
        """
        delivery = TransactionAttempt(self.cluster, self.subject)
        return await (self._replace(delivery) if self.revision else self._create(delivery))

    async def _replace(self, delivery: TransactionAttempt) -> Outcome:
        while (answer := await delivery.commit(self.request)) is None:
            continue
        if answer.succeeded or delivery.lost_reply is None:
            return Outcome(answer.succeeded, tuple(answer.responses))
        refused = answer.header.revision
        now = await delivery.look(messages.RangeRequest(key=self.key, keys_only=True, revision=refused))
        if self.revision < 0 or (now.kvs and now.kvs[0].mod_revision == self.revision):
            return Outcome(won=False)  # some other condition was refused, and is for whatever is still under way
        first, *_ = await delivery.events(self.key, self.revision, self.revision + 1)
        return Outcome(won=True, written=first.kv) if self._ours(first) else Outcome(won=False)

    async def _create(self, delivery: TransactionAttempt) -> Outcome:
        before = messages.RangeRequest(key=self.key, count_only=True)
        found = await self.cluster.call(RANGE, before, key=self.subject)
        if found.count:
            return Outcome(won=False)
        base = found.header.revision
        while True:
            answer = await delivery.commit(self.request)
            if answer is not None and delivery.lost_reply is None:
                return Outcome(answer.succeeded, tuple(answer.responses))
            if answer is not None and answer.succeeded:
                return await self._only_once(delivery, base, answer)
            now = await delivery.look(messages.RangeRequest(key=self.key, keys_only=True))
            until = now.kvs[0].mod_revision if now.kvs else now.header.revision
            for event in await delivery.events(self.key, base, until, quiet=not now.kvs):
                if self._ours(event):
                    return Outcome(won=True, written=event.kv)
            if answer is not None:
                return Outcome(won=False)

    async def _only_once(self, delivery: TransactionAttempt, base: int, answer: messages.TxnResponse) -> Outcome:
        """Take the repetition of a create back if the first sending had won, too."""
        again = answer.header.revision
        for event in await delivery.events(self.key, base, again):
            if self._ours(event) and event.kv.mod_revision < again:
                await EtcdCasWrite(
                    self.cluster, self.subject, self.key, again, erasure(self.key, again, again)
                ).commit()
                return Outcome(won=True, written=event.kv)
        return Outcome(won=True, responses=tuple(answer.responses))

    def _ours(self, event: messages.Event) -> bool:
        """Tell whether an event is what this write does; a create makes the key as well."""
        wanted = self.request.success[0]
        if wanted.HasField("request_delete_range"):
            return event.type == messages.Event.DELETE
        put, kv = wanted.request_put, event.kv
        created = self.revision > 0 or kv.create_revision == kv.mod_revision
        leased = put.ignore_lease or kv.lease == put.lease
        return event.type == messages.Event.PUT and created and leased and kv.value == put.value
