"""Locks as valkeyrie and libkv take them on etcd's v2 API: a key that is made if there is none and lives for the TTL.

Valkeyrie's is `name___lock` beside the key that is locked, without a value; libkv's is the locked key itself, with the
lock's value. Where there is no value we write who we are, which nobody compares. The key is renewed on its own index,
so only by who made it. Its creation is the fence. Nothing in the API makes a write depend on another key, so there is
no fenced write; and there is no queue: whoever makes the key first once it is gone has the lock.
"""

from contextlib import suppress
from typing import Final

from explorer.drivers.common.errors import other_layout
from explorer.drivers.common.lease_lock import LeaseLock
from explorer.drivers.common.leases import holder_id
from explorer.drivers.common.network_store import LockOptions
from explorer.drivers.common.watch import Watch
from explorer.drivers.etcd2 import errors
from explorer.drivers.etcd2.cas import Etcd2CasWrite
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.errors import NOT_A_FILE
from explorer.drivers.etcd2.keyspace import Node
from explorer.drivers.etcd2.reader import Etcd2Reader
from explorer.drivers.etcd2.watch import Etcd2KeyWatch
from explorer.drivers.etcd2.writer import Etcd2Lease, Etcd2Writer, renew
from explorer.model.clock import boottime
from explorer.model.entries import Entry
from explorer.model.errors import CallNotSupported, KeyNotFound
from explorer.model.events import Deleted, Put, Started

VALKEYRIE: Final = "valkeyrie"
LIBKV: Final = "libkv"
"""Names of the layouts."""
SUFFIX: Final = "___lock"
UNFENCED: Final = "etcd's v2 API makes no write depend on another key, such as that of a lock"


class Etcd2Lock(LeaseLock[Etcd2Connection]):
    """A lock on a key, see `Lock`."""

    lease_noun = "key of the lock"

    def __init__(self, writer: Etcd2Writer, options: LockOptions) -> None:
        super().__init__(options, writer.tasks, writer.connection)
        self._writer = writer
        self._libkv = options.layout == LIBKV
        self._lock_key = options.key if self._libkv else options.key + SUFFIX
        self._path = writer.layout.locate(self._lock_key)
        self._life = Etcd2Lease(max(1, round(options.ttl)))

    # Obtaining

    async def _refuse_other_layouts(self) -> None:
        """Raise CannotLock if the key is locked in the other layout, or is what no lock can be made of."""
        reader, redacted = Etcd2Reader(self._connection, self.key), self._connection.redacted
        if self._libkv and await reader.node(self._path + SUFFIX):
            raise other_layout(VALKEYRIE, f"{self.key}{SUFFIX} exists")
        node = await reader.node(self._writer.layout.locate(self.key))
        if node is None or self._fence == node.created:
            return
        if node.ttl is not None and not self._libkv and not node.directory:
            raise other_layout(LIBKV, "the key exists and expires, as that lock does")
        if self._libkv and node.directory:
            raise errors.refused(NOT_A_FILE, redacted, self.key)
        if self._libkv and node.ttl is None:
            raise self._cannot_lock(
                "the key exists and never expires: in the layout libkv the key itself is the lock",
                f"lock another key, or use the layout {VALKEYRIE}",
            )

    async def _enqueue(self) -> None:
        """Nobody stands in a queue here."""

    async def _try_acquire(self) -> bool:
        sent, ttl = boottime(), self._life.ttl
        value = (self._options.value if self._libkv else b"") or holder_id().encode()
        save = Etcd2CasWrite(self._connection, self._lock_key, self._path, None, value, ttl)
        made = await save.commit()
        if made is None:
            return False
        self._fence = self._life.created = made.created
        self._start_keepalive(sent, ttl or 0)
        return True

    async def _wait_turn(self) -> None:
        while True:
            await self._until_gone(0)
            if await self._try_acquire():
                return

    async def _confirm(self) -> bool:
        fence = self._fence or 0
        self._watch_ownership(lambda: self._until_gone(fence))
        if self._options.value and not self._libkv:
            await self._writer.put(self.key, self._options.value)
        return True

    # Keeping

    async def _renew(self, left: float) -> float:
        return await renew(self._connection, self.key, self._path, self._life, left)

    async def _write(self, key: str, value: bytes) -> Entry | None:
        del value
        raise CallNotSupported(
            f"no fenced write: {UNFENCED}",
            hint="save by compare-and-swap on what was read",
            address=self._connection.redacted,
            key=key,
        )

    async def _until_gone(self, created: int) -> None:
        """Wait until the key is gone, or is another one than that of this creation, if one is given."""
        watch = Etcd2KeyWatch(self._connection, self._writer.layout, self._lock_key, None)
        async with Watch(self._tasks, watch.run, name=f"watch of the lock on {self.key}") as events:
            first = True
            async for event in events:
                match event:
                    case Started(entry=entry) if first:
                        first = False
                        there = entry is not None and (not created or entry.created == created)
                    case Put(entry=entry):
                        there = not created or entry.created == created
                    case Deleted():
                        there = False
                    case _:
                        continue
                if not there:
                    return

    # Giving up

    async def _unlock(self) -> None:
        if self._options.delete_on_unlock and not self._libkv:
            with suppress(KeyNotFound):
                await self._writer.delete(self.key)

    async def _end_session(self) -> None:
        """Delete the key of the lock if it still is ours."""
        while self._fence and (now := await self._current()) is not None and now.created == self._fence:
            if await Etcd2CasWrite(self._connection, self._lock_key, self._path, now, None).commit():
                return

    async def _current(self) -> Node | None:
        return await Etcd2Reader(self._connection, self.key).node(self._path)
