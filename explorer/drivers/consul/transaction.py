"""Transactions (`/v1/txn`): every key is checked at its ModifyIndex, and all are written at one index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from explorer.drivers.common.cas_writer import ExpectedVersion
from explorer.drivers.common.created_meta import flags_of
from explorer.drivers.common.errors import key_modified
from explorer.drivers.common.json_fields import Fields
from explorer.drivers.common.transaction import (
    GuardedOperation,
    Transacted,
    Transaction,
    combined_outcome,
    too_many,
)
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.consul.answers import KVPair, TxnResult
from explorer.drivers.consul.cas import ConsulCasWrite, compare_operations, missing_pair
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.errors import SessionEndedError
from explorer.drivers.consul.keyspace import ConsulKeyspace
from explorer.drivers.consul.reader import MAX_OPERATIONS, ConsulReader
from explorer.model.entries import Entry, Revision
from explorer.model.errors import ExplorerError

MAX_WRITES: Final = MAX_OPERATIONS // 3
"""Writes that always fit: each is checked, and one that changes nothing takes two operations more."""


@dataclass(frozen=True, slots=True)
class ConsulTransaction(Transaction[KVPair]):
    """Transactions on the keys of an address."""

    connection: ConsulConnection
    keyspace: ConsulKeyspace

    async def _read_guards(self, keys: Sequence[str]) -> Sequence[KVPair | None]:
        store_keys = [self.keyspace.to_store_key(key) for key in keys]
        found = await self._read_pairs(store_keys)
        return [found.get(store_key) for store_key in store_keys]

    async def _read_pairs(self, store_keys: Sequence[str]) -> dict[str, KVPair]:
        reader = ConsulReader(self.connection, self.keyspace.separator)
        pairs = await reader.get_pairs(store_keys, skip_unreadable=False)
        return {pair.key: pair for pair in pairs}

    def _is_expected(self, guard: KVPair, expected: Entry | Revision) -> bool:
        revision, created = ExpectedVersion.of(expected)
        return guard.modify_index == revision and created in (None, guard.create_index)

    async def _commit(self, operations: Sequence[GuardedOperation[KVPair]]) -> Transacted:
        writes = [self._to_write(each) for each in operations if each.writes]
        requests = [request for write in writes for request in write.operations()]
        for each in operations:
            if not each.writes:
                requests += compare_operations(self.keyspace.to_store_key(each.key), None)
        if len(requests) > MAX_OPERATIONS:
            raise too_many(len(operations), MAX_WRITES)
        attempt = WriteAttempt(self.connection.timeout, self.connection.redacted, writes[0].key)
        while (result := await attempt.send(lambda left: self._send(requests, left))) is None:
            continue
        if result.succeeded:
            written = {pair.key: pair for pair in result.results}
        elif attempt.lost_reply is not None:
            written = await self._resolve_outcome(attempt, writes)
        else:
            raise key_modified()
        return tuple(self._to_entry(each, written) for each in operations)

    def _to_entry(self, operation: GuardedOperation[KVPair], written: Mapping[str, KVPair]) -> Entry | None:
        if operation.value is None:
            return None
        pair = written[self.keyspace.to_store_key(operation.key)]
        return self.keyspace.to_entry(replace(pair, value=operation.value))

    def _to_write(self, operation: GuardedOperation[KVPair]) -> ConsulCasWrite:
        store_key = self.keyspace.to_store_key(operation.key)
        after = None
        if operation.value is not None:
            before = operation.guard or missing_pair(store_key, flags_of(operation.meta))
            after = replace(before, value=operation.value)
        return ConsulCasWrite(self.connection, operation.key, store_key, operation.guard, after)

    async def _send(self, requests: list[Fields], left: float) -> TxnResult:
        try:
            return await self.connection.commit(requests, within=left)
        except SessionEndedError as error:
            return TxnResult([], {0: error.message})  # a key lost its session, so it is not as it was read

    async def _resolve_outcome(self, attempt: WriteAttempt, writes: Sequence[ConsulCasWrite]) -> dict[str, KVPair]:
        """Return the pairs of a transaction whose answer was lost and whose repetition was refused.

        Raises:
            KeyModified: It was not applied.
            OutcomeUnknown: The keys do not show whether it was.
        """
        try:
            now = await self._read_pairs([write.store_key for write in writes])
        except ExplorerError as error:
            raise attempt.outcome_unknown() from error
        applied = combined_outcome(write.was_applied(now.get(write.store_key)) for write in writes)
        if applied is False:
            raise key_modified()
        if applied is None or len({pair.modify_index for pair in now.values()}) > 1:
            raise attempt.outcome_unknown()
        return now
