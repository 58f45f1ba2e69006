"""Writer of single keys, see `cas_writer.CasWriter`; the guard is the value that was read.

A string is replaced, a collection is changed by the smallest commands. The type of a key never changes by a write, and
its TTL is kept.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from explorer.drivers.common.cas_writer import ConditionalCasWriter
from explorer.drivers.common.errors import key_exists, key_modified
from explorer.drivers.common.leases import keep_alive
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.redis.cas import ABSENT, Condition, GuardedCommands, RedisCasWrite, Written, apply
from explorer.drivers.redis.collection_diff import changes, is_same
from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.document import parse_document
from explorer.drivers.redis.keyspace import RedisKeyspace
from explorer.drivers.redis.node import Command
from explorer.drivers.redis.reader import RedisReader
from explorer.drivers.redis.values import STRING, RedisValue
from explorer.model.entries import Entry, Revision
from explorer.model.errors import CallNotSupported, KeyNotFound, TooLarge


@dataclass(slots=True)
class RedisLease:
    """TTL of an entry."""

    ttl: float
    """Seconds to live; infinite for ever."""
    revision: str = ABSENT
    """Revision of the entry, once it is written."""

    @property
    def milliseconds(self) -> int:
        """The TTL as the server counts it."""
        return max(1, round(self.ttl * 1000))


class RedisWriter(ConditionalCasWriter[RedisValue, RedisLease, Condition]):
    """Writer of the keys of an address.

    Args:
        connection: The connection.
        keyspace: Converts keys and values.
        tasks: Owns the renewal of TTLs.
        kept: Leases that are kept alive by keys.
    """

    def __init__(
        self, connection: RedisConnection, keyspace: RedisKeyspace, tasks: Tasks, kept: dict[bytes, RedisLease]
    ) -> None:
        self.connection = connection
        self.keyspace = keyspace
        self.tasks = tasks
        self._kept = kept

    async def current(self, key: str) -> RedisValue | None:
        return await RedisReader(self.connection.call_each).get(self.keyspace.to_store_key(key))

    async def _guard_for(self, key: str, previous: Entry | Revision) -> RedisValue | None:
        now = await self.current(key)
        revision = previous.revision if isinstance(previous, Entry) else previous
        return now if now and now.revision == revision else None

    async def _write(
        self,
        key: str,
        value: bytes,
        guard: RedisValue | None,
        lease: RedisLease | None,
        *,
        extra_conditions: Sequence[Condition] = (),
    ) -> Entry:
        store_key = self.keyspace.to_store_key(key)
        after, commands = plan(value, guard, lease)
        guarded = GuardedCommands(store_key, guard.revision if guard else ABSENT, commands, _text(guard))
        write = RedisCasWrite(
            self.connection, key, guarded, lambda found: found is not None and is_same(found, after), *extra_conditions
        )
        written = await write.commit()
        if written is None:
            raise key_exists() if guard is None else key_modified()
        for kept in (lease, self._kept.get(store_key)):
            if kept is not None:
                kept.revision = written.revision
        return await self.written_entry(store_key, after, written)

    async def written_entry(self, store_key: bytes, after: RedisValue, written: Written) -> Entry:
        """Return an entry as it was written; the server has its own way to write numbers and order elements."""
        found = replace(after, ttl=written.ttl, encoding=written.encoding)
        if found.is_collection or found.revision != written.revision:
            found = await RedisReader(self.connection.call_each).get(store_key) or found
        return self.keyspace.to_entry(store_key, found)

    async def _delete(self, key: str, guard: RedisValue) -> None:
        if guard.is_partial:
            raise too_large(guard)
        guarded = GuardedCommands(self.keyspace.to_store_key(key), guard.revision, [("DEL",)], _text(guard))
        if await RedisCasWrite(self.connection, key, guarded, lambda found: found is None).commit() is None:
            raise key_modified()

    async def _condition_holds(self, key: str, condition: Condition) -> bool:
        del key
        return await self.connection.call("GET", condition.key, key=condition.key) == condition.value

    async def _grant(self, key: str, ttl: float, *, keep_alive: bool) -> RedisLease:
        del key, keep_alive
        return RedisLease(ttl)

    def _keep_alive(self, key: str, lease: RedisLease) -> None:
        if math.isinf(lease.ttl):
            return
        store_key = self.keyspace.to_store_key(key)
        self._kept[store_key] = lease
        renewing = keep_alive(lambda left: renew(self.connection, store_key, lease, left), lease.ttl)
        self.tasks.start(renewing, name=f"TTL of {key}")


async def renew(connection: RedisConnection, key: bytes, lease: RedisLease, within: float) -> float:
    """Renew the TTL of a key if it still has the value that was written, and return the TTL in seconds.

    Raises:
        KeyNotFound: The key is gone or has another value.
    """
    guarded = GuardedCommands(key, lease.revision, [("PEXPIRE", lease.milliseconds)])
    if await apply(connection, (guarded,), within) is None:
        raise KeyNotFound("the key no longer exists, or was changed")
    return lease.ttl


def plan(value: bytes, guard: RedisValue | None, lease: RedisLease | None) -> tuple[RedisValue, list[Command]]:
    """Return the value to be, and the commands that make it."""
    if guard is None or guard.type == STRING:
        life: Command = ("KEEPTTL",) if lease is None else () if math.isinf(lease.ttl) else ("PX", lease.milliseconds)
        return RedisValue.string(value), [("SET", value, *life)]
    if not guard.is_collection:
        raise CallNotSupported(
            f"a value of the type {guard.type} is shown as the bytes of DUMP and cannot be edited",
            hint="use the commands of the server's module",
        )
    if guard.is_partial:
        raise too_large(guard)
    after = parse_document(guard.type, value)
    commands = changes(guard, after)
    if lease is not None:
        commands.append(("PERSIST",) if math.isinf(lease.ttl) else ("PEXPIRE", lease.milliseconds))
    return after, commands


def _text(value: RedisValue | None) -> bytes | None:
    return value.data if value is not None and value.type == STRING and not value.is_partial else None


def too_large(value: RedisValue) -> TooLarge:
    """Return the error for a collection of which only a part was read."""
    return TooLarge(
        f"only {len(value.rows)} of {value.length} elements were read: the {value.type} cannot be compared",
        hint="change single elements by redis-cli",
    )
