"""Transactions (multi): every znode is written at its version, all with one zxid.

Parents that are missing are created before, as for a single write; they stay if the transaction is refused. A key that
is to be deleted and does not exist is left out: ZooKeeper cannot check that.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from explorer.drivers.common.errors import key_modified
from explorer.drivers.common.transaction import (
    GuardedOperation,
    Transacted,
    Transaction,
    combined_outcome,
    with_key,
)
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.acl import acl_of
from explorer.drivers.zookeeper.cas import CreateOptions, ZooKeeperCasWrite
from explorer.drivers.zookeeper.keyspace import Stat, version_of
from explorer.drivers.zookeeper.reader import ZooKeeperReader
from explorer.drivers.zookeeper.writer import ZooKeeperWriter
from explorer.model.entries import Entry, Revision
from explorer.model.errors import Conflict, ExplorerError, KeyNotFound


@dataclass(frozen=True, slots=True)
class ZooKeeperTransaction(Transaction[Stat]):
    """Transactions on the znodes of an address."""

    writer: ZooKeeperWriter

    async def _read_guards(self, keys: Sequence[str]) -> Sequence[Stat | None]:
        paths = [self.writer.keyspace.to_store_key(key) for key in keys]
        requests = [messages.sync(paths[0]), *(messages.exists(path) for path in paths)]
        _, *stats = await self.writer.connection.query_all(cast("list[messages.ZooKeeperRequest[object]]", requests))
        for key, stat in zip(keys, stats, strict=True):
            if isinstance(stat, ExplorerError):
                raise with_key(stat, key)
        return cast("list[Stat | None]", stats)

    def _is_expected(self, guard: Stat, expected: Entry | Revision) -> bool:
        return (guard.czxid, guard.version) == version_of(expected)

    async def _commit(self, operations: Sequence[GuardedOperation[Stat]]) -> Transacted:
        writes = [self._to_write(each) for each in _in_tree_order(operations)]
        await self._ensure_parents(writes)
        attempt = WriteAttempt(self.writer.connection.timeout, self.writer.connection.redacted, writes[0].key)
        requests = [request for write in writes for request in write.operations()]
        while (results := await attempt.send(lambda left: writes[0].send_once(requests, left))) is None:
            continue
        failed = next((number for number, result in enumerate(results) if isinstance(result, ExplorerError)), None)
        if failed is None:
            stats: Sequence[Stat | None] = [
                await write.written_stat(result) for write, result in zip(writes, results, strict=True)
            ]
        elif attempt.lost_reply is not None:
            stats = await self._resolve_outcome(attempt, writes)
        else:
            raise self._error(writes[failed].key, cast("ExplorerError", results[failed]))
        return await self._to_entries(operations, dict(zip((write.key for write in writes), stats, strict=True)))

    def _to_write(self, operation: GuardedOperation[Stat]) -> ZooKeeperCasWrite:
        path = self.writer.keyspace.to_store_key(operation.key)
        options = CreateOptions(acl=acl_of(operation.meta)) if operation.meta else None
        return ZooKeeperCasWrite(self.writer.connection, operation.key, path, operation.guard, operation.value, options)

    async def _ensure_parents(self, writes: Iterable[ZooKeeperCasWrite]) -> None:
        """Create the znodes above those that are created, except for what the transaction itself creates."""
        created: set[str] = set()
        for write in writes:
            parent = write.path.rpartition("/")[0]
            if write.before is None:
                if parent not in created:
                    await self.writer.ensure_path(parent, write.key)
                created |= {parent, write.path}

    def _error(self, key: str, refusal: ExplorerError) -> ExplorerError:
        """Return the error for the operation that failed; a Conflict if the znodes have to be read again."""
        match refusal:
            case Conflict():
                return refusal
            case KeyNotFound():  # the znode, or one above it, was deleted meanwhile
                return key_modified()
            case _:
                return with_key(refusal, key)

    async def _resolve_outcome(
        self, attempt: WriteAttempt, writes: Sequence[ZooKeeperCasWrite]
    ) -> Sequence[Stat | None]:
        """Return the Stats of a transaction whose answer was lost and whose repetition was refused.

        Raises:
            KeyModified: It was not applied.
            OutcomeUnknown: The znodes do not show whether it was.
        """
        reader = ZooKeeperReader(self.writer.connection)
        try:
            nodes = [await reader.read_node(write.path) for write in writes]
        except ExplorerError as error:
            raise attempt.outcome_unknown() from error
        applied = combined_outcome(write.was_applied(node) for write, node in zip(writes, nodes, strict=True))
        if applied is False:
            raise key_modified()
        if applied is None or len({node.stat.mzxid for node in nodes if node}) > 1:
            raise attempt.outcome_unknown()
        return [node.stat if node else None for node in nodes]

    async def _to_entries(
        self, operations: Sequence[GuardedOperation[Stat]], stats: dict[str, Stat | None]
    ) -> Transacted:
        async def entry(operation: GuardedOperation[Stat]) -> Entry | None:
            stat = stats.get(operation.key)
            if operation.value is None or stat is None:
                return None
            path = self.writer.keyspace.to_store_key(operation.key)
            return await self.writer.written_entry(path, operation.value, stat)

        return tuple(await asyncio.gather(*map(entry, operations)))


def _in_tree_order(operations: Iterable[GuardedOperation[Stat]]) -> list[GuardedOperation[Stat]]:
    """Return the operations that write, so that a node is created before and deleted after those below it."""
    puts = sorted((each for each in operations if each.value is not None), key=lambda each: each.key)
    deletions = sorted((each for each in operations if each.value is None and each.writes), key=lambda each: each.key)
    return [*deletions[::-1], *puts]
