"""Transactions: one script compares every key and writes all, or WATCH, MULTI and EXEC do.

The server runs it as one; it has no rollback. A command that it refuses in the middle would leave those before it, so
what could be refused is checked before: types and elements by the guards, and of streams, whose IDs the server checks
by itself, there can be only one, which comes first. In a cluster keys of different slots cannot be written together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from explorer.drivers.common.errors import key_modified
from explorer.drivers.common.transaction import (
    GuardedOperation,
    Transacted,
    Transaction,
    too_many,
)
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.redis.cas import ABSENT, GuardedCommands, Written, apply, as_written
from explorer.drivers.redis.collection_diff import is_same
from explorer.drivers.redis.reader import RedisReader
from explorer.drivers.redis.values import STREAM, RedisValue
from explorer.drivers.redis.writer import RedisWriter, plan, too_large
from explorer.model.entries import Entry, Revision
from explorer.model.errors import CallNotSupported, ExplorerError

MAX_OPERATIONS: Final = 500


@dataclass(frozen=True, slots=True)
class _Write:
    """One key of a transaction: what is sent, and the value to be, None for a deletion."""

    guarded: GuardedCommands
    after: RedisValue | None

    def is_done(self, found: RedisValue | None) -> bool:
        """Return whether a value that was read is the one to be."""
        return found is None if self.after is None else found is not None and is_same(found, self.after)

    def is_undone(self, found: RedisValue | None) -> bool:
        """Return whether a value that was read is the one before, which is not the one to be."""
        return (found.revision if found else ABSENT) == self.guarded.before and not self.is_done(found)


@dataclass(frozen=True, slots=True)
class RedisTransaction(Transaction[RedisValue]):
    """Transactions on the keys of an address."""

    writer: RedisWriter

    async def _read_guards(self, keys: Sequence[str]) -> Sequence[RedisValue | None]:
        store_keys = [self.writer.keyspace.to_store_key(key) for key in keys]
        found = await self._reader.read(store_keys)
        values = [found.get(key) for key in store_keys]
        for value in values:
            if isinstance(value, ExplorerError):
                raise value
        return [value for value in values if not isinstance(value, ExplorerError)]

    def _is_expected(self, guard: RedisValue, expected: Entry | Revision) -> bool:
        return guard.revision == (expected.revision if isinstance(expected, Entry) else expected)

    async def _commit(self, operations: Sequence[GuardedOperation[RedisValue]]) -> Transacted:
        if len(operations) > MAX_OPERATIONS:
            raise too_many(len(operations), MAX_OPERATIONS)
        writes = {each.key: self._to_write(each) for each in operations if each.writes}
        streams = [
            each.key for each in operations if each.guard and each.guard.type == STREAM and each.value is not None
        ]
        if len(streams) > 1:
            raise CallNotSupported("a transaction cannot append to several streams", hint="write them one by one")
        order = sorted(writes, key=lambda key: key not in streams)
        written = await self._send([writes[key] for key in order])
        by_key = dict(zip(order, written, strict=True))
        return tuple([await self._to_entry(writes.get(each.key), by_key.get(each.key)) for each in operations])

    def _to_write(self, operation: GuardedOperation[RedisValue]) -> _Write:
        key, guard = self.writer.keyspace.to_store_key(operation.key), operation.guard
        before = guard.revision if guard else ABSENT
        if operation.value is not None:
            after, commands = plan(operation.value, guard, None)
            return _Write(GuardedCommands(key, before, commands), after)
        if guard and guard.is_partial:
            raise too_large(guard)
        return _Write(GuardedCommands(key, before, [("DEL",)]), None)

    async def _send(self, writes: Sequence[_Write]) -> Sequence[Written]:
        connection = self.writer.connection
        attempt = WriteAttempt(connection.timeout, connection.redacted, f"{len(writes)} keys")

        async def send(left: float) -> tuple[Sequence[Written] | None]:
            return (await apply(connection, [write.guarded for write in writes], left),)

        while (sent := await attempt.send(send)) is None:
            continue
        if sent[0] is not None:
            return sent[0]
        if attempt.lost_reply is None:
            raise key_modified()
        try:
            found = await self._reader.read([write.guarded.key for write in writes], details=True)
        except ExplorerError as error:
            raise attempt.outcome_unknown() from error
        values = [found.get(write.guarded.key) for write in writes]
        pairs = [
            (write, value) for write, value in zip(writes, values, strict=True) if not isinstance(value, ExplorerError)
        ]
        if len(pairs) == len(writes) and all(write.is_done(value) for write, value in pairs):
            return [as_written(value) for _, value in pairs]
        if any(write.is_undone(value) for write, value in pairs):
            raise key_modified()  # all or none: one that is as it was before shows that none was written
        raise attempt.outcome_unknown() from attempt.lost_reply

    async def _to_entry(self, write: _Write | None, written: Written | None) -> Entry | None:
        if write is None or write.after is None or written is None:
            return None
        return await self.writer.written_entry(write.guarded.key, write.after, written)

    @property
    def _reader(self) -> RedisReader:
        return RedisReader(self.writer.connection.call_each)
