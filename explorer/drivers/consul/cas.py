"""Compare-and-swap writes whose outcome is known, or reported as unknown.

Every write is a transaction that checks the key's ModifyIndex first. So it can be sent again if its answer is lost: two
writes on the same index cannot both succeed. Consul does not count a write that changes nothing (same value, flags and
session); such a write changes the flags and changes them back within the transaction, so that it has an index of its
own as every other write.

Consul keeps no history. If the repeated write fails, the present state of the key decides: our value means that the
write was ours (or equal to ours, which makes no difference); an unchanged index means that neither was applied; any
other state leaves the outcome unknown. A create that is sent again can succeed twice, if another client deletes the key
in between; the key then exists again.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from explorer.drivers.common.json_fields import Fields
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.consul import requests
from explorer.drivers.consul.answers import KVPair, TxnResult
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.errors import SessionEndedError
from explorer.drivers.consul.keyspace import is_url_safe
from explorer.drivers.consul.reader import ConsulReader
from explorer.model.errors import ExplorerError, TooLarge

Attempt: TypeAlias = Callable[[float], Awaitable[TxnResult]]

MAX_TXN_BYTES: Final = 512 * 1024
"""Bytes of the largest transaction that Consul takes by default; a larger write is first sent without a transaction."""


@dataclass(frozen=True, slots=True)
class ConsulCasWrite:
    """A compare-and-swap of one key: if it is as `before`, it becomes `after` (None: it does not exist).

    Args:
        connection: The connection.
        key: The caller's key, for the log.
        store_key: The key in the store.
        before: The pair that was read.
        after: The pair to write; its indexes are ignored.
        extra_conditions: Further conditions, as operations of the transaction.
    """

    connection: ConsulConnection
    key: str
    store_key: str
    before: KVPair | None
    after: KVPair | None
    extra_conditions: Sequence[Fields] = ()

    async def commit(self) -> KVPair | None:
        """Write, and return the stored pair (for a deletion: the former one); None if a condition did not hold.

        Raises:
            TooLarge: The agent refuses the size; nothing was written.
            SessionEndedError: The session of the pair to write has ended; nothing was written.
            OutcomeUnknown: The answer was lost, and the store does not show what happened.
            NotReachable: Nothing was sent.
        """
        operations = self.operations()
        size = len(requests.txn(operations).body or b"")
        write_attempt = WriteAttempt(self.connection.timeout, self.connection.redacted, self.key)
        attempts = [self._txn_attempt(operations), *self._put_attempts()]
        if size > MAX_TXN_BYTES:
            attempts.reverse()
        result = None
        while result is None:
            try:
                result = await write_attempt.send(attempts[0])
            except TooLarge:  # the two requests have different limits in the agents' configuration
                if len(attempts) == 1:
                    raise
                del attempts[0]
        if result.succeeded:
            return await self._written_pair(result)
        return None if write_attempt.lost_reply is None else await self._resolve_outcome(write_attempt)

    def _txn_attempt(self, operations: list[Fields]) -> Attempt:
        async def attempt(left: float) -> TxnResult:
            try:
                return await self.connection.commit(operations, within=left)
            except SessionEndedError as error:
                if self.before is None or self.after is None or self.after.session != self.before.session:
                    raise
                return TxnResult([], {0: error.message})  # the key lost its session, so it is not as it was read

        return attempt

    def _put_attempts(self) -> Sequence[Attempt]:
        """Return the write without a transaction, which may have a larger value; none if that is less safe."""
        before, after = self.before, self.after
        session = before.session if before else None
        if after is None or self.extra_conditions or after.session != session or not is_url_safe(self.store_key):
            return ()
        index = before.modify_index if before else 0
        request = requests.cas_put(self.store_key, after.value, index=index, flags=after.flags)

        async def attempt(left: float) -> TxnResult:
            succeeded = await self.connection.send(request, within=left, repeat=False)
            return TxnResult([], {} if succeeded else {0: "index is stale"})

        return (attempt,)

    def operations(self) -> list[Fields]:
        """Return the operations that compare, the extra conditions and those that write."""
        return [*compare_operations(self.store_key, self.before), *self.extra_conditions, *self._changes()]

    def _changes(self) -> list[Fields]:
        before, after = self.before, self.after
        if after is None:
            return [{"Verb": "delete", "Key": self.store_key}]
        fields = {"Key": self.store_key, "Value": base64.b64encode(after.value).decode(), "Flags": after.flags}
        old_session = before.session if before else None
        changes: list[Fields] = []
        if old_session and old_session != after.session:
            changes.append({**fields, "Verb": "unlock", "Session": old_session})
        if after.session:
            changes.append({**fields, "Verb": "lock", "Session": after.session})
        elif not old_session:
            changes.append({**fields, "Verb": "set"})
        if before and old_session == after.session and (before.value, before.flags) == (after.value, after.flags):
            changes.insert(0, {**changes[0], "Flags": after.flags ^ 1})
        return changes

    async def _written_pair(self, result: TxnResult) -> KVPair:
        if self.after is None:
            return self.before or missing_pair(self.store_key)
        if result.results:
            return replace(result.results[-1], value=self.after.value)
        try:
            now = await ConsulReader(self.connection, "/").get_pair(self.store_key)
        except ExplorerError:
            now = None
        return now if now and now.value == self.after.value else replace(self.after, modify_index=-1)

    async def _resolve_outcome(self, write_attempt: WriteAttempt) -> KVPair | None:
        """Return the outcome of a write whose answer was lost, from the present state of the key."""
        try:
            async with asyncio.timeout(write_attempt.seconds_left()):
                now = await ConsulReader(self.connection, "/").get_pair(self.store_key)
        except (ExplorerError, TimeoutError) as error:
            raise write_attempt.outcome_unknown() from error
        match self.was_applied(now):
            case True:
                return now or self.before
            case False:
                return None
            case None:
                raise write_attempt.outcome_unknown()

    def was_applied(self, now: KVPair | None) -> bool | None:
        """Return whether a write whose answer was lost was applied, by what the key is now; None if unknown."""
        before, after = self.before, self.after
        if before and now and (now.create_index, now.modify_index) == (before.create_index, before.modify_index):
            return False  # another condition failed, and fails for a request that is still under way, too
        if after and now and (now.value, now.flags, now.session) == (after.value, after.flags, after.session):
            return True
        if before and after is None and now is None:
            return True
        if before and after is None and now and now.create_index == before.create_index:
            return False
        return None


def compare_operations(store_key: str, before: KVPair | None) -> list[Fields]:
    """Return the operations that fail unless a key is as it was read."""
    if before is None:
        return [{"Verb": "check-not-exists", "Key": store_key}]
    return [{"Verb": "check-index", "Key": store_key, "Index": before.modify_index}]


def missing_pair(store_key: str, flags: int = 0) -> KVPair:
    """Return the pair that stands for a key that does not exist, with the flags that it is created with."""
    return KVPair(store_key, b"", flags=flags, session=None, create_index=0, modify_index=0, lock_index=0)
