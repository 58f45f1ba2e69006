"""Transactions: one commit of the database, without an `await` between the comparison and the write."""

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.drivers.common.created_meta import flags_of
from explorer.drivers.common.transaction import GuardedOperation, Transacted, Transaction
from explorer.drivers.memory.database import KeyVersion
from explorer.drivers.memory.keyspace import MemoryKeyspace
from explorer.model.entries import Entry, Revision


@dataclass(frozen=True, slots=True)
class MemoryTransaction(Transaction[KeyVersion]):
    """Transactions on the keys of an address."""

    keyspace: MemoryKeyspace

    async def _read_guards(self, keys: Sequence[str]) -> Sequence[KeyVersion | None]:
        return [self.keyspace.database.at(self.keyspace.to_store_key(key)) for key in keys]

    def _is_expected(self, guard: KeyVersion, expected: Entry | Revision) -> bool:
        return is_same(guard, expected)

    async def _commit(self, operations: Sequence[GuardedOperation[KeyVersion]]) -> Transacted:
        keyspace, database = self.keyspace, self.keyspace.database
        keys = [keyspace.to_store_key(each.key) for each in operations]
        leases = {key: each.guard.lease for key, each in zip(keys, operations, strict=True) if each.guard}
        flags = {key: flags_of(each.meta) for key, each in zip(keys, operations, strict=True)}
        database.write(
            {key: each.value for key, each in zip(keys, operations, strict=True)}, leases=leases, flags=flags
        )
        versions = [database.at(key) for key in keys]
        return tuple(
            None if version is None else keyspace.to_entry(key, version)
            for key, version in zip(keys, versions, strict=True)
        )


def is_same(current: KeyVersion, previous: Entry | Revision) -> bool:
    """Return whether a version of a key is that of the entry or revision that was read."""
    match previous:
        case Entry(revision=revision, created=created):
            return current.revision == revision and created in (None, current.created)
        case _:
            return current.revision == previous
