"""Locks in the layouts of valkeyrie and libkv: a key that is created if absent and expires after the TTL.

Valkeyrie's is `name___lock` beside the locked key, without a value; libkv's is the locked key itself, with the lock's
value. Where there is no value, Keyscope writes the holder's identity, which no client compares. The key is renewed on
its own index, so only by its creator. Its creation index is the fence. The API has no write that depends on another
key, so there is no fenced write; and there is no queue: the first to create the key once it is gone holds the lock.
"""

from contextlib import suppress
from typing import Final

from explorer.drivers.common.connected_store import LockOptions
from explorer.drivers.common.errors import other_layout
from explorer.drivers.common.lease_lock import LeaseLock
from explorer.drivers.common.leases import holder_id
from explorer.drivers.common.watch import Watch
from explorer.drivers.etcd2 import errors
from explorer.drivers.etcd2.cas import Etcd2CasWrite
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.errors import Etcd2ErrorCode
from explorer.drivers.etcd2.keyspace import Etcd2Node
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
VALKEYRIE_SUFFIX: Final = "___lock"
NO_FENCING: Final = "in etcd's v2 API no write can depend on another key, such as a lock's"


class Etcd2Lock(LeaseLock[Etcd2Connection]):
    """Lock of valkeyrie or libkv, see `Lock`."""

    lease_noun = "key of the lock"

    def __init__(self, writer: Etcd2Writer, options: LockOptions) -> None:
        super().__init__(options, writer.tasks, writer.connection)
        self._writer = writer
        self._is_libkv = options.layout == LIBKV
        self._lock_key = options.key if self._is_libkv else options.key + VALKEYRIE_SUFFIX
        self._path = writer.keyspace.to_store_key(self._lock_key)
        self._lease = Etcd2Lease(max(1, round(options.ttl)))

    # Obtaining

    async def _refuse_other_layouts(self) -> None:
        """Raise CannotLock if the key is locked in the other layout, or cannot be a lock."""
        reader = Etcd2Reader(self._connection)
        if self._is_libkv and await reader.read_node(self._path + VALKEYRIE_SUFFIX):
            raise other_layout(VALKEYRIE, f"{self.key}{VALKEYRIE_SUFFIX} exists")
        node = await reader.read_node(self._writer.keyspace.to_store_key(self.key))
        if node is None or self._fence == node.created:
            return
        if node.ttl is not None and not self._is_libkv and not node.is_directory:
            raise other_layout(LIBKV, "the key exists and expires, as that lock does")
        if self._is_libkv and node.is_directory:
            raise errors.error_for(Etcd2ErrorCode.NOT_A_FILE)
        if self._is_libkv and node.ttl is None:
            raise self._cannot_lock(
                "the key exists and never expires: in the layout libkv the key itself is the lock",
                f"lock another key, or use the layout {VALKEYRIE}",
            )

    async def _enqueue(self) -> None:
        """Do nothing: there is no queue."""

    async def _try_acquire(self) -> bool:
        sent, ttl = boottime(), self._lease.ttl
        value = (self._options.value if self._is_libkv else b"") or holder_id(self._options.value).encode()
        write = Etcd2CasWrite(self._connection, self._lock_key, self._path, None, value, ttl)
        node = await write.commit()
        if node is None:
            return False
        self._fence = self._lease.created = node.created
        self._start_keepalive(sent, ttl or 0)
        return True

    async def _wait_turn(self) -> None:
        while True:
            await self._until_deleted(0)
            if await self._try_acquire():
                return

    async def _confirm(self) -> bool:
        fence = self._fence or 0
        self._watch_ownership(lambda: self._until_deleted(fence))
        if self._options.value and not self._is_libkv:
            await self._writer.put(self.key, self._options.value)
        return True

    # Keeping

    async def _renew(self, left: float) -> float:
        return await renew(self._connection, self._path, self._lease, left)

    async def _write(self, key: str, value: bytes) -> Entry | None:
        del key, value
        raise CallNotSupported(f"no fenced write: {NO_FENCING}", hint="save by compare-and-swap on what was read")

    async def _until_deleted(self, created: int) -> None:
        """Wait until the lock's key does not exist, or was created at another index than this, unless it is 0."""
        watch = Etcd2KeyWatch(self._connection, self._writer.keyspace, self._lock_key, None)
        async with Watch(self._tasks, watch.run, name=f"watch of the lock on {self.key}") as events:
            is_first = True
            async for event in events:
                match event:
                    case Started(entry=entry) if is_first:
                        is_first = False
                        exists = entry is not None and (not created or entry.created == created)
                    case Put(entry=entry):
                        exists = not created or entry.created == created
                    case Deleted():
                        exists = False
                    case _:
                        continue
                if not exists:
                    return

    # Giving up

    async def _unlock(self) -> None:
        if self._options.delete_on_unlock and not self._is_libkv:
            with suppress(KeyNotFound):
                await self._writer.delete(self.key)

    async def _end_session(self) -> None:
        """Delete the lock's key if it is still ours."""
        while self._fence and (now := await self._current()) is not None and now.created == self._fence:
            if await Etcd2CasWrite(self._connection, self._lock_key, self._path, now, None).commit():
                return

    async def _current(self) -> Etcd2Node | None:
        return await Etcd2Reader(self._connection).read_node(self._path)
