"""Transactions (Txn): every key is compared with its mod revision, and all are written at one revision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from explorer.drivers.common.cas_writer import ExpectedVersion
from explorer.drivers.common.errors import key_modified
from explorer.drivers.common.transaction import GuardedOperation, Transacted, Transaction, too_many
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.cas import EtcdCasWrite, unchanged
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import TXN
from explorer.drivers.etcd.keyspace import EtcdKeyspace
from explorer.model.entries import Entry, Revision

MAX_OPERATIONS: Final = 128
"""Operations that a server takes in one transaction (--max-txn-ops)."""

EtcdOperation = GuardedOperation[messages.KeyValue]


@dataclass(frozen=True, slots=True)
class EtcdTransaction(Transaction[messages.KeyValue]):
    """Transactions on the keys of an address.

    Args:
        connection: The connection to the cluster.
        keyspace: Converts keys and entries.
    """

    connection: EtcdConnection
    keyspace: EtcdKeyspace

    async def _read_guards(self, keys: Sequence[str]) -> Sequence[messages.KeyValue | None]:
        if len(keys) > MAX_OPERATIONS:
            raise too_many(len(keys), MAX_OPERATIONS)
        ranges = [messages.RangeRequest(key=self.keyspace.to_store_key(key), keys_only=True) for key in keys]
        request = messages.TxnRequest(success=[messages.RequestOp(request_range=each) for each in ranges])
        response = await self.connection.call(TXN, request)
        return [next(iter(result.response_range.kvs), None) for result in response.responses]

    def _is_expected(self, guard: messages.KeyValue, expected: Entry | Revision) -> bool:
        revision, created = ExpectedVersion.of(expected)
        return guard.mod_revision == revision and created in (None, guard.create_revision)

    async def _commit(self, operations: Sequence[EtcdOperation]) -> Transacted:
        # A key that exists goes first: its revision never comes again, so that a repetition is refused for certain.
        first, *others = sorted((each for each in operations if each.writes), key=lambda each: each.guard is None)
        request = messages.TxnRequest(
            compare=[compare for each in operations for compare in self._compare(each)],
            success=[self._to_request(each) for each in (first, *others)],
        )
        revision = first.guard.mod_revision if first.guard else 0
        store_key = self.keyspace.to_store_key(first.key)
        outcome = await EtcdCasWrite(self.connection, first.key, store_key, revision, request).commit()
        if not outcome.succeeded:
            raise key_modified()
        return tuple(self._to_entry(each, outcome.revision) for each in operations)

    def _compare(self, operation: EtcdOperation) -> list[messages.Compare]:
        revision = operation.guard.mod_revision if operation.guard else 0
        return unchanged(self.keyspace.to_store_key(operation.key), revision, None)

    def _to_request(self, operation: EtcdOperation) -> messages.RequestOp:
        store_key = self.keyspace.to_store_key(operation.key)
        if operation.value is None:
            return messages.RequestOp(request_delete_range=messages.DeleteRangeRequest(key=store_key))
        keeps_lease = operation.guard is not None
        put = messages.PutRequest(key=store_key, value=operation.value, ignore_lease=keeps_lease)
        return messages.RequestOp(request_put=put)

    def _to_entry(self, operation: EtcdOperation, revision: int) -> Entry | None:
        """Return the entry that was written; its metadata follows from what it was before."""
        if operation.value is None:
            return None
        before = operation.guard or messages.KeyValue()
        written = messages.KeyValue(
            key=self.keyspace.to_store_key(operation.key),
            value=operation.value,
            mod_revision=revision,
            create_revision=before.create_revision or revision,
            version=before.version + 1,
            lease=before.lease,
        )
        return self.keyspace.to_entry(written)
