"""Locks: a key that is created if absent, with a token that no other contender has, and expires after the TTL.

In the layout redis, the lock of a key is `KEY___lock` beside it; its value has the fence, the token and the holder's
identity. The layout redis-py is the key itself with a token, as redis-py's Lock has it (`SET KEY TOKEN NX PX`); a value
that the caller gives is stored instead of the token, as valkeyrie does, and has to be the contender's own.

The fence is the server's time when the lock was taken, in microseconds, read while the lock is held: it orders the
holders as long as the clock of the server is not set back. There is no queue: the first to create the key once it is
gone holds the lock.
"""

import asyncio
import re
import uuid
from contextlib import suppress
from typing import Final

from explorer.drivers.common.connected_store import LockOptions
from explorer.drivers.common.errors import other_layout
from explorer.drivers.common.lease_lock import LeaseLock
from explorer.drivers.common.leases import holder_id
from explorer.drivers.common.watch import Watch
from explorer.drivers.redis.cas import ABSENT, Condition, GuardedCommands, RedisCasWrite
from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.errors import foreign_reply
from explorer.drivers.redis.node import Command
from explorer.drivers.redis.reader import RedisReader
from explorer.drivers.redis.values import STRING, RedisValue
from explorer.drivers.redis.watch import RedisKeyWatch
from explorer.drivers.redis.writer import RedisLease, RedisWriter, renew
from explorer.model.clock import boottime
from explorer.model.entries import Entry
from explorer.model.errors import CallNotSupported, KeyNotFound
from explorer.model.events import Deleted, Put, Started

REDIS: Final = "redis"
REDIS_PY: Final = "redis-py"
"""Names of the layouts."""
SUFFIX: Final = "___lock"
_TOKEN: Final = re.compile(rb"[0-9a-f]{12}1[0-9a-f]{3}[89ab][0-9a-f]{15}")
"""A token of redis-py: a UUID of version 1 in hexadecimal digits."""
_MAX_WAIT: Final = 5.0
"""Seconds after which a waiter tries again without a change that was reported."""


def is_token(value: RedisValue | None) -> bool:
    """Return whether a value is a token as redis-py makes them."""
    return value is not None and value.type == STRING and _TOKEN.fullmatch(value.data) is not None


class RedisLock(LeaseLock[RedisConnection]):
    """Lock in one of the layouts, see `Lock`."""

    lease_noun = "key of the lock"

    def __init__(self, writer: RedisWriter, options: LockOptions) -> None:
        super().__init__(options, writer.tasks, writer.connection)
        self._writer = writer
        self._is_own_layout = options.layout != REDIS_PY
        self._lock_key = options.key + SUFFIX if self._is_own_layout else options.key
        self._store_key = writer.keyspace.to_store_key(self._lock_key)
        self._lease = RedisLease(options.ttl)
        self._value = b""
        """Value of the lock's key while it is ours; empty otherwise."""

    # Obtaining

    async def _refuse_other_layouts(self) -> None:
        """Raise CannotLock if the key is locked in the other layout, or cannot be a lock."""
        reader = RedisReader(self._connection.call_each)
        found = await reader.get(self._writer.keyspace.to_store_key(self.key))
        if self._is_own_layout:
            if is_token(found):
                raise other_layout(REDIS_PY, "the key has a token as its value")
            return
        if await reader.get(self._writer.keyspace.to_store_key(self.key + SUFFIX)):
            raise other_layout(REDIS, f"{self.key}{SUFFIX} exists")
        if found is not None and found.ttl is None and not is_token(found) and not self._value:
            raise self._cannot_lock(
                "the key exists and never expires: in the layout redis-py the key itself is the lock",
                f"lock another key, or use the layout {REDIS}",
            )

    async def _enqueue(self) -> None:
        """Do nothing: there is no queue."""

    async def _try_acquire(self) -> bool:
        sent, token = boottime(), uuid.uuid1().hex
        own, plain = f"{token} {holder_id(self._options.value)}".encode(), self._options.value or token.encode()
        value = own if self._is_own_layout else plain
        if not await self._set(ABSENT, value, "PX", self._lease.milliseconds):
            return False
        if self._is_own_layout:
            fence = await self._server_time()
            if not await self._set(self._lease.revision, f"{fence} ".encode() + value, "KEEPTTL"):
                return False
            self._fence = fence
        self._start_keepalive(sent, self._lease.ttl)
        return True

    async def _set(self, before: str, value: bytes, *life: str | int) -> bool:
        """Write the lock's key if it has a revision; return whether it did."""
        command: Command = ("SET", value, *life)
        is_unique = self._is_own_layout or not self._options.value

        def is_done(found: RedisValue | None) -> bool:
            return is_unique and found is not None and found.type == STRING and found.data == value

        guarded = GuardedCommands(self._store_key, before, [command])
        written = await RedisCasWrite(self._connection, self._lock_key, guarded, is_done).commit()
        if written is None:
            return False
        self._value, self._lease.revision = value, written.revision
        return True

    async def _server_time(self) -> int:
        match await self._connection.call("TIME", key=self._store_key):
            case [bytes(seconds), bytes(micros)] if seconds.isdigit() and micros.isdigit():
                return int(seconds) * 1_000_000 + int(micros)
            case reply:
                raise foreign_reply(reply)

    async def _wait_turn(self) -> None:
        while True:
            found = await RedisReader(self._connection.call_each).get(self._store_key)
            left = _MAX_WAIT if found is None or found.ttl is None else min(found.ttl + 0.01, _MAX_WAIT)
            with suppress(TimeoutError):  # a key that has expired may go unnoticed until somebody asks for it
                async with asyncio.timeout(left):
                    await self._until_other(b"")
            if await self._try_acquire():
                return

    async def _confirm(self) -> bool:
        value = self._value
        self._watch_ownership(lambda: self._until_other(value))
        if self._options.value and self._is_own_layout:
            await self._writer.put(self.key, self._options.value)
        return True

    # Keeping

    async def _renew(self, left: float) -> float:
        return await renew(self._connection, self._store_key, self._lease, left)

    async def _write(self, key: str, value: bytes) -> Entry | None:
        if not self._is_own_layout and key == self.key:
            raise CallNotSupported("the key is the lock itself", hint=f"write another key, or use the layout {REDIS}")
        return await self._writer.put_if(key, value, Condition(self._store_key, self._value))

    async def _until_other(self, value: bytes) -> None:
        """Wait until the lock's key has another value than this, or while this is empty, until it does not exist."""
        watch = RedisKeyWatch(self._connection, self._writer.keyspace, self._tasks, self._lock_key)
        async with Watch(self._tasks, watch.run, name=f"watch of the lock on {self.key}") as events:
            async for event in events:
                match event:
                    case Started(entry=None) | Deleted():
                        return
                    case Started(entry=Entry(value=found)) | Put(entry=Entry(value=found)) if value and found != value:
                        return
                    case _:
                        continue

    # Giving up

    async def _unlock(self) -> None:
        if self._options.delete_on_unlock and self._is_own_layout:
            with suppress(KeyNotFound):
                await self._writer.delete(self.key)

    async def _end_session(self) -> None:
        """Delete the lock's key if it is still ours."""
        if not self._value:
            return
        revision, self._value = self._lease.revision, b""
        guarded = GuardedCommands(self._store_key, revision, [("DEL",)])
        await RedisCasWrite(self._connection, self._lock_key, guarded, lambda found: found is None).commit()
