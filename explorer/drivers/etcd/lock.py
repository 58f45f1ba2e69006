"""Locks in the layout of etcd's own concurrency package, so that `etcdctl lock` and we respect each other.

Every contender puts `<key>/<lease in hex>` with its lease; the one created first holds the lock, each waits for the
one before it. The creation revision of the contender's key is its fence: a write guarded by it is refused once the key
is gone. That a lock was obtained proves nothing by itself (etcd#11456, Jepsen 3.4.3): after waiting, the contender's
own key is looked at again, and the lock counts as held only while its lease provably lives.
"""

from explorer.drivers.common.errors import other_layout
from explorer.drivers.common.lease_lock import LeaseLock
from explorer.drivers.common.leases import holder_id
from explorer.drivers.common.network_store import LockOptions
from explorer.drivers.common.watch import Watch
from explorer.drivers.etcd import leases, messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.lock_inspect import VALKEYRIE, VALKEYRIE_SUFFIX, is_contender
from explorer.drivers.etcd.methods import RANGE, TXN
from explorer.drivers.etcd.watch import RangeWatch
from explorer.drivers.etcd.writer import EtcdWriter
from explorer.model.clock import boottime
from explorer.model.entries import Entry
from explorer.model.events import Deleted, Started
from explorer.model.keys import decode, range_end

_AT_ONCE = 64


class EtcdLock(LeaseLock[EtcdConnection]):
    """A lock of etcd's concurrency package, see `Lock`."""

    lease_noun = "lease"

    def __init__(self, writer: EtcdWriter, options: LockOptions) -> None:
        super().__init__(options, writer.tasks, writer.cluster)
        self._writer = writer
        self._queue = writer.layout.locate(options.key) + b"/"
        self._lease = 0
        self._contender = b""

    async def _refuse_other_layouts(self) -> None:
        """Raise CannotLock if valkeyrie holds a lock on the key: its contenders queue below `<key>___lock`."""
        beside = self._queue.removesuffix(b"/") + VALKEYRIE_SUFFIX
        below = beside + b"/"
        answer = await self._connection.call(
            TXN,
            messages.TxnRequest(
                success=[
                    messages.RequestOp(request_range=messages.RangeRequest(key=beside, keys_only=True)),
                    messages.RequestOp(
                        request_range=messages.RangeRequest(
                            key=below, range_end=range_end(below), keys_only=True, limit=_AT_ONCE
                        )
                    ),
                ]
            ),
            key=self.key,
        )
        itself, queue = (response.response_range.kvs for response in answer.responses)
        if itself or any(is_contender(entry.key[len(below) :]) for entry in queue):
            reason = f"{self.key}{decode(VALKEYRIE_SUFFIX)} exists"
            raise other_layout(VALKEYRIE, reason)

    async def _enqueue(self) -> None:
        sent = boottime()
        granted = await leases.grant(self._connection, self._options.ttl)
        self._lease = granted.ID
        self._start_keepalive(sent, float(granted.TTL))
        self._contender = self._queue + leases.name(self._lease).encode()
        absent = messages.Compare(
            result=messages.Compare.EQUAL, target=messages.Compare.CREATE, key=self._contender, create_revision=0
        )
        own = messages.RequestOp(request_range=messages.RangeRequest(key=self._contender))
        stand = messages.PutRequest(key=self._contender, value=holder_id().encode(), lease=self._lease)
        answer = await self._connection.call(
            # Sent again, it finds the key and changes nothing: the lease makes it ours alone.
            TXN,
            messages.TxnRequest(compare=[absent], success=[messages.RequestOp(request_put=stand), own], failure=[own]),
            key=self.key,
        )
        self._fence = answer.responses[-1].response_range.kvs[0].create_revision

    async def _try_acquire(self) -> bool:
        return await self._ahead() is None

    async def _wait_turn(self) -> None:
        while (ahead := await self._ahead()) is not None:
            await self._deleted(ahead)

    async def _ahead(self) -> bytes | None:
        """Give the key of the contender right before us, None if we are first.

        Entries that lie below the key for other reasons are no contenders.
        """
        newest = (self._fence or 1) - 1
        while newest > 0:
            question = messages.RangeRequest(
                key=self._queue,
                range_end=range_end(self._queue),
                limit=_AT_ONCE,
                keys_only=True,
                max_create_revision=newest,
                sort_order=messages.RangeRequest.DESCEND,
                sort_target=messages.RangeRequest.CREATE,
            )
            answer = await self._connection.call(RANGE, question, key=self.key)
            for entry in answer.kvs:
                if is_contender(entry.key[len(self._queue) :]):
                    return entry.key
            newest = answer.kvs[-1].create_revision - 1 if answer.more else 0
        return None

    async def _deleted(self, key: bytes) -> None:
        """Wait until a key of the queue is not there."""
        watch = RangeWatch(self._connection, key, b"", spell=self._writer.layout.spell, subject=self.key, since=None)
        async with Watch(self._tasks, watch.run, name=f"queue of the lock on {self.key}") as events:
            async for event in events:
                match event:
                    case Deleted() | Started(entry=None):
                        return
                    case _:
                        continue

    async def _confirm(self) -> bool:
        own = messages.RangeRequest(key=self._contender, keys_only=True)
        answer = await self._connection.call(RANGE, own, key=self.key)
        if not answer.kvs or answer.kvs[0].create_revision != self._fence:
            return False
        self._watch_ownership(lambda: self._deleted(self._contender))
        return not self._options.value or await self._write(self.key, self._options.value) is not None

    async def _renew(self, left: float) -> float:
        return await leases.renew(self._connection, self._lease, within=left)

    async def _write(self, key: str, value: bytes) -> Entry | None:
        return await self._writer.put_if(key, value, self._mine())

    def _mine(self) -> messages.Compare:
        return messages.Compare(
            result=messages.Compare.EQUAL,
            target=messages.Compare.CREATE,
            key=self._contender,
            create_revision=self._fence or 0,
        )

    async def _unlock(self) -> None:
        if self._options.delete_on_unlock:
            request = messages.DeleteRangeRequest(key=self._writer.layout.locate(self.key))
            await self._connection.call(
                TXN,
                messages.TxnRequest(compare=[self._mine()], success=[messages.RequestOp(request_delete_range=request)]),
                key=self.key,
            )

    async def _end_session(self) -> None:
        lease, self._lease = self._lease, 0
        if lease:
            await leases.revoke(self._connection, lease)
