"""Writes whose outcome is known, or said not to be.

Every write is a transaction that checks the key's ModifyIndex first, and so can be sent again when its answer is lost:
two of them on the same index cannot both win. A write that Consul would take for no change (same value, flags and
session) changes the flags to and fro within the transaction, so that it makes an index as every write does.

Consul keeps no history. If the repetition loses, what the key is now has to tell: our value means that it was ours (or
equal to ours, which nobody could tell and nobody need); an unchanged index means that neither took effect; anything
else leaves the outcome unknown. A create that is sent again can win although the first sending had won, when somebody
deleted the key in the moment between; it is then there once more.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from explorer.drivers.common.json_fields import Fields
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.consul import requests
from explorer.drivers.consul.answers import Stored, TxnResult
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.errors import SessionEndedError
from explorer.drivers.consul.keyspace import is_url_safe
from explorer.drivers.consul.reader import ConsulReader
from explorer.model.errors import ExplorerError, TooLarge

Attempt: TypeAlias = Callable[[float], Awaitable[TxnResult]]

TRANSACTION_BYTES: Final = 512 * 1024
"""The largest transaction, as sent, that Consul takes by default; what is larger is sent another way first."""


@dataclass(frozen=True, slots=True)
class ConsulCasWrite:
    """One guarded write of one key: the key is as `before`, then it is as `after` (None: absent).

    Args:
        connection: Is asked.
        subject: The key as the caller wrote it.
        key: The key as the store spells it.
        before: What was read.
        after: What is to be; its indexes do not matter.
        besides: Further conditions, as operations.
    """

    connection: ConsulConnection
    subject: str
    key: str
    before: Stored | None
    after: Stored | None
    besides: Sequence[Fields] = ()

    async def commit(self) -> Stored | None:
        """Write, and give what is stored now (what was, for a deletion); None if a condition did not hold.

        Raises:
            TooLarge: The agent refuses the size; nothing was written.
            SessionEndedError: The session that the entry was to live by has ended; nothing was written.
            OutcomeUnknown: The store cannot tell.
            NotReachable: Nothing was sent.
        """
        operations = self._operations()
        size = len(requests.transaction(operations).body or b"")
        delivery = WriteAttempt(self.connection.timeout, self.connection.redacted, self.subject)
        ways = [self._transaction(operations), *self._replacement()]
        if size > TRANSACTION_BYTES:
            ways.reverse()
        verdict = None
        while verdict is None:
            try:
                verdict = await delivery.send(ways[0])
            except TooLarge:  # each way has a limit of its own, which the agents' configuration sets
                if len(ways) == 1:
                    raise
                del ways[0]
        if verdict.won:
            return await self._written(verdict)
        return None if delivery.lost_reply is None else await self._found_out(delivery)

    def _transaction(self, operations: list[Fields]) -> Attempt:
        async def attempt(left: float) -> TxnResult:
            try:
                return await self.connection.commit(operations, key=self.subject, within=left)
            except SessionEndedError as error:
                if self.before is None or self.after is None or self.after.session != self.before.session:
                    raise
                return TxnResult([], {0: error.message})  # the entry lost its session: it is no longer what was read

        return attempt

    def _replacement(self) -> Sequence[Attempt]:
        """Return the way to write without a transaction, which takes larger values, if that is as safe."""
        before, after = self.before, self.after
        session = before.session if before else None
        if after is None or self.besides or after.session != session or not is_url_safe(self.key):
            return ()
        index = before.modified if before else 0
        question = requests.replacement(self.key, after.value, index=index, flags=after.flags)

        async def attempt(left: float) -> TxnResult:
            won = await self.connection.ask(question, key=self.subject, within=left, repeat=False)
            return TxnResult([], {} if won else {0: "index is stale"})

        return (attempt,)

    def _operations(self) -> list[Fields]:
        return [*guard(self.key, self.before), *self.besides, *self._changes()]

    def _changes(self) -> list[Fields]:
        before, after = self.before, self.after
        if after is None:
            return [{"Verb": "delete", "Key": self.key}]
        fields = {"Key": self.key, "Value": base64.b64encode(after.value).decode(), "Flags": after.flags}
        had = before.session if before else None
        changes: list[Fields] = []
        if had and had != after.session:
            changes.append({**fields, "Verb": "unlock", "Session": had})
        if after.session:
            changes.append({**fields, "Verb": "lock", "Session": after.session})
        elif not had:
            changes.append({**fields, "Verb": "set"})
        if before and had == after.session and (before.value, before.flags) == (after.value, after.flags):
            changes.insert(0, {**changes[0], "Flags": after.flags ^ 1})
        return changes

    async def _written(self, verdict: TxnResult) -> Stored:
        if self.after is None:
            return self.before or absence(self.key)
        if verdict.results:
            return replace(verdict.results[-1], value=self.after.value)
        try:
            now = await ConsulReader(self.connection, "/", self.subject).entry(self.key)
        except ExplorerError:
            now = None
        return now if now and now.value == self.after.value else replace(self.after, modified=-1)

    async def _found_out(self, delivery: WriteAttempt) -> Stored | None:
        """Tell from what the key is now what became of a write whose answer was lost."""
        try:
            async with asyncio.timeout(delivery.seconds_left()):
                now = await ConsulReader(self.connection, "/", self.subject).entry(self.key)
        except (ExplorerError, TimeoutError) as error:
            raise delivery.outcome_unknown() from error
        before, after = self.before, self.after
        if before and now and (now.created, now.modified) == (before.created, before.modified):
            return None  # some other condition was refused, and is for whatever is still under way
        if after and now and (now.value, now.flags, now.session) == (after.value, after.flags, after.session):
            return now
        if before and after is None and now is None:
            return before
        if before and after is None and now and now.created == before.created:
            return None
        raise delivery.outcome_unknown()


def guard(key: str, before: Stored | None) -> list[Fields]:
    """Hold only while the key is as it was."""
    if before is None:
        return [{"Verb": "check-not-exists", "Key": key}]
    return [{"Verb": "check-index", "Key": key, "Index": before.modified}]


def absence(key: str) -> Stored:
    """Give what stands for a key that is not there."""
    return Stored(key, b"", flags=0, session=None, created=0, modified=0, locked=0)
