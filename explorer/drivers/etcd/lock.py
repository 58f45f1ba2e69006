"""Locks in the layout of etcd's concurrency package, so that `etcdctl lock` and Keyscope respect each other.

Every contender puts `<key>/<lease in hex>` with its lease; the one created first holds the lock, each waits for its
predecessor. The creation revision of the contender's key is its fence: a write guarded by it fails once the key is
gone. Having obtained a lock proves nothing by itself (etcd#11456, Jepsen 3.4.3): after waiting, the contender's own key
is read again, and the lock counts as held only while its lease provably lives.
"""

from explorer.drivers.common.connected_store import LockOptions
from explorer.drivers.common.errors import other_layout
from explorer.drivers.common.lease_lock import LeaseLock
from explorer.drivers.common.leases import holder_id
from explorer.drivers.common.watch import Watch
from explorer.drivers.etcd import leases, messages
from explorer.drivers.etcd.cas import created_at
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import RANGE, TXN
from explorer.drivers.etcd.lock_inspect import VALKEYRIE, VALKEYRIE_SUFFIX, is_contender
from explorer.drivers.etcd.watch import EtcdWatch
from explorer.drivers.etcd.writer import EtcdWriter
from explorer.model.clock import boottime
from explorer.model.entries import Entry
from explorer.model.events import Deleted, Started
from explorer.model.keys import decode, range_end

_PAGE_SIZE = 64
"""Contenders read in one request."""


class EtcdLock(LeaseLock[EtcdConnection]):
    """Lock of etcd's concurrency package, see `Lock`."""

    lease_noun = "lease"

    def __init__(self, writer: EtcdWriter, options: LockOptions) -> None:
        super().__init__(options, writer.tasks, writer.connection)
        self._writer = writer
        self._queue = writer.keyspace.to_store_key(options.key) + b"/"
        self._lease = 0
        self._contender = b""

    async def _refuse_other_layouts(self) -> None:
        """Raise CannotLock if valkeyrie holds a lock on the key: its contenders queue below `<key>___lock`."""
        valkeyrie_key = self._queue.removesuffix(b"/") + VALKEYRIE_SUFFIX
        below = valkeyrie_key + b"/"
        response = await self._connection.call(
            TXN,
            messages.TxnRequest(
                success=[
                    messages.RequestOp(request_range=messages.RangeRequest(key=valkeyrie_key, keys_only=True)),
                    messages.RequestOp(
                        request_range=messages.RangeRequest(
                            key=below, range_end=range_end(below), keys_only=True, limit=_PAGE_SIZE
                        )
                    ),
                ]
            ),
        )
        itself, queue = (result.response_range.kvs for result in response.responses)
        if itself or any(is_contender(kv.key[len(below) :]) for kv in queue):
            reason = f"{self.key}{decode(VALKEYRIE_SUFFIX)} exists"
            raise other_layout(VALKEYRIE, reason)

    async def _enqueue(self) -> None:
        sent = boottime()
        granted = await leases.grant(self._connection, self._options.ttl)
        self._lease = granted.ID
        self._start_keepalive(sent, float(granted.TTL))
        self._contender = self._queue + leases.contender_name(self._lease).encode()
        own = messages.RequestOp(request_range=messages.RangeRequest(key=self._contender))
        put = messages.PutRequest(key=self._contender, value=holder_id(self._options.value).encode(), lease=self._lease)
        response = await self._connection.call(
            # Sent again, it finds the key and changes nothing: the lease makes it ours alone.
            TXN,
            messages.TxnRequest(
                compare=[created_at(self._contender, 0)],
                success=[messages.RequestOp(request_put=put), own],
                failure=[own],
            ),
        )
        self._fence = response.responses[-1].response_range.kvs[0].create_revision

    async def _try_acquire(self) -> bool:
        return await self._predecessor() is None

    async def _wait_turn(self) -> None:
        while (predecessor := await self._predecessor()) is not None:
            await self._until_deleted(predecessor)

    async def _predecessor(self) -> bytes | None:
        """Return the key of the contender right before this one, None if this is the first.

        Entries that lie below the key for other reasons are no contenders.
        """
        newest = (self._fence or 1) - 1
        while newest > 0:
            request = messages.RangeRequest(
                key=self._queue,
                range_end=range_end(self._queue),
                limit=_PAGE_SIZE,
                keys_only=True,
                max_create_revision=newest,
                sort_order=messages.RangeRequest.DESCEND,
                sort_target=messages.RangeRequest.CREATE,
            )
            response = await self._connection.call(RANGE, request)
            for kv in response.kvs:
                if is_contender(kv.key[len(self._queue) :]):
                    return kv.key
            newest = response.kvs[-1].create_revision - 1 if response.more else 0
        return None

    async def _until_deleted(self, key: bytes) -> None:
        """Wait until a key of the queue does not exist."""
        watch = EtcdWatch(self._connection, key, b"", keyspace=self._writer.keyspace, since=None)
        async with Watch(self._tasks, watch.run, name=f"queue of the lock on {self.key}") as events:
            async for event in events:
                match event:
                    case Deleted() | Started(entry=None):
                        return
                    case _:
                        continue

    async def _confirm(self) -> bool:
        request = messages.RangeRequest(key=self._contender, keys_only=True)
        response = await self._connection.call(RANGE, request)
        if not response.kvs or response.kvs[0].create_revision != self._fence:
            return False
        self._watch_ownership(lambda: self._until_deleted(self._contender))
        return not self._options.value or await self._write(self.key, self._options.value) is not None

    async def _renew(self, left: float) -> float:
        return await leases.renew(self._connection, self._lease, within=left)

    async def _write(self, key: str, value: bytes) -> Entry | None:
        return await self._writer.put_if(key, value, self._ownership())

    def _ownership(self) -> messages.Compare:
        """Return the comparison that holds only while this contender's key exists."""
        return created_at(self._contender, self._fence or 0)

    async def _unlock(self) -> None:
        if self._options.delete_on_unlock:
            deletion = messages.DeleteRangeRequest(key=self._writer.keyspace.to_store_key(self.key))
            operation = messages.RequestOp(request_delete_range=deletion)
            request = messages.TxnRequest(compare=[self._ownership()], success=[operation])
            await self._connection.call(TXN, request)

    async def _end_session(self) -> None:
        lease, self._lease = self._lease, 0
        if lease:
            await leases.revoke(self._connection, lease)
