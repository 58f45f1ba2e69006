"""Locks in the layout of etcd's own concurrency package, so that `etcdctl lock` and we respect each other.

Every contender puts `<key>/<lease in hex>` with its lease; the one created first holds the lock, each waits for the
one before it. The creation revision of the contender's key is its fence: a write guarded by it is refused once the key
is gone. That a lock was obtained proves nothing by itself (etcd#11456, Jepsen 3.4.3): after waiting, the contender's
own key is looked at again, and the lock counts as held only while its lease provably lives.
"""

import asyncio
from contextlib import suppress

from explorer.drivers.base import Lock
from explorer.drivers.etcd import leases, messages
from explorer.drivers.etcd.cluster import Cluster
from explorer.drivers.etcd.locks import stands_for_party
from explorer.drivers.etcd.methods import RANGE, TXN
from explorer.drivers.etcd.watch import RangeWatch
from explorer.drivers.etcd.writer import Writer
from explorer.drivers.holding import MARGIN, boottime, identity
from explorer.drivers.tasks import Tasks
from explorer.drivers.watching import Watch
from explorer.model.entries import Entry
from explorer.model.errors import CannotLock, ExplorerError, KeyNotFound, LockLost, NotReachable, OutcomeUnknown
from explorer.model.events import Deleted, Started
from explorer.model.keys import range_end

_AT_ONCE = 64


class EtcdLock(Lock):
    """A lock of etcd's concurrency package, see `Lock`."""

    def __init__(
        self,
        cluster: Cluster,
        writer: Writer,
        tasks: Tasks,
        key: str,
        *,
        value: bytes,
        ttl: float,
        delete_on_unlock: bool,
    ) -> None:
        self.key = key
        self.lost = asyncio.Event()
        self._cluster = cluster
        self._writer = writer
        self._tasks = tasks
        self._value = value
        self._ttl = ttl
        self._delete_on_unlock = delete_on_unlock
        self._queue = writer.layout.locate(key) + b"/"
        self._lease = 0
        self._granted = 0.0
        self._contender = b""
        self._fence: int | None = None
        self._proved_until = 0.0
        self._acquired = False
        self._guards: list[asyncio.Task[None]] = []

    @property
    def held(self) -> bool:
        return self._acquired and not self.lost.is_set() and boottime() < self._proved_until

    @property
    def fence(self) -> int | None:
        return self._fence if self._acquired else None

    async def acquire(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the contract's word
        if self._lease:
            raise CannotLock("this lock is held or being acquired already", address=self._cluster.shown, key=self.key)
        self.lost = asyncio.Event()
        try:
            async with asyncio.timeout(None if timeout is None else max(timeout, 0) + self._cluster.timeout):
                await self._join()
                ahead = await self._ahead()
                if ahead is not None:
                    try:
                        async with asyncio.timeout(timeout):
                            await self._wait_turn(ahead)
                    except TimeoutError:
                        raise CannotLock(
                            "somebody else holds the lock",
                            hint="`keyscope locks` shows who",
                            address=self._cluster.shown,
                            key=self.key,
                        ) from None
                await self._take()
        except TimeoutError:
            await self._leave()
            raise CannotLock("not obtained in time", address=self._cluster.shown, key=self.key) from None
        except BaseException:
            await self._leave()
            raise

    async def release(self) -> None:
        if not self._lease:
            return
        acquired, self._acquired = self._acquired, False
        try:
            if acquired and self._delete_on_unlock and not self.lost.is_set():
                await self._delete_value()
        finally:
            await self._leave()

    async def put(self, key: str, value: bytes) -> Entry:
        if not self.held or self._fence is None:
            raise self._gone(key)
        entry = await self._writer.commit_put(key, value, self._mine())
        if entry is None:
            self.lost.set()
            raise self._gone(key)
        return entry

    def _gone(self, key: str) -> LockLost:
        return LockLost(
            f"the lock on {self.key!r} is not held (any more); nothing was written",
            hint="acquire it again and read before writing",
            address=self._cluster.shown,
            key=key,
        )

    def _mine(self) -> messages.Compare:
        return messages.Compare(
            result=messages.Compare.EQUAL,
            target=messages.Compare.CREATE,
            key=self._contender,
            create_revision=self._fence or 0,
        )

    async def _join(self) -> None:
        """Get a lease, keep it alive, and stand in the queue."""
        sent = boottime()
        granted = await leases.grant(self._cluster, self._ttl)
        self._lease, self._granted = granted.ID, float(granted.TTL)
        self._prove(sent)
        self._contender = self._queue + leases.name(self._lease).encode()
        self._guards.append(self._tasks.start(self._renew(), name=f"lease of the lock on {self.key}"))
        absent = messages.Compare(
            result=messages.Compare.EQUAL, target=messages.Compare.CREATE, key=self._contender, create_revision=0
        )
        own = messages.RequestOp(request_range=messages.RangeRequest(key=self._contender))
        stand = messages.PutRequest(key=self._contender, value=identity().encode(), lease=self._lease)
        answer = await self._cluster.call(
            # Sent again, it finds the key and changes nothing: the lease makes it ours alone.
            TXN,
            messages.TxnRequest(compare=[absent], success=[messages.RequestOp(request_put=stand), own], failure=[own]),
            key=self.key,
        )
        self._fence = answer.responses[-1].response_range.kvs[0].create_revision

    def _prove(self, sent: float) -> None:
        """Take note that a request sent at this time proved the lease to live."""
        self._proved_until = sent + self._granted * (1 - MARGIN)

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
            answer = await self._cluster.call(RANGE, question, key=self.key)
            for entry in answer.kvs:
                if stands_for_party(entry.key[len(self._queue) :]):
                    return entry.key
            newest = answer.kvs[-1].create_revision - 1 if answer.more else 0
        return None

    async def _wait_turn(self, ahead: bytes | None) -> None:
        """Wait until nobody is before us in the queue, or our own place in it is lost."""
        while ahead is not None:
            await self._until_gone(ahead)
            ahead = await self._ahead()

    async def _until_gone(self, key: bytes) -> None:
        gone = self._tasks.start(self._deleted(self._watch(key)), name=f"turn for the lock on {self.key}")
        lost = self._tasks.start(self._place_lost(), name=f"place in the queue of the lock on {self.key}")
        try:
            await asyncio.wait((gone, lost), return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                gone.result()
            else:
                lost.result()
        finally:
            await self._tasks.end(gone)
            await self._tasks.end(lost)

    async def _place_lost(self) -> None:
        await self.lost.wait()
        raise CannotLock("the place in the queue was lost", hint="try again", address=self._cluster.shown, key=self.key)

    def _watch(self, key: bytes) -> Watch:
        watch = RangeWatch(self._cluster, key, b"", spell=self._writer.layout.spell, subject=self.key, since=None)
        return Watch(self._tasks, watch.run, name=f"queue of the lock on {self.key}")

    async def _deleted(self, watch: Watch) -> None:
        """Wait until the watched key is not there."""
        async with watch as events:
            async for event in events:
                match event:
                    case Deleted() | Started(entry=None):
                        return
                    case _:
                        continue

    async def _take(self) -> None:
        """Prove that the lock is ours, write its value, and guard it from now on."""
        own = messages.RangeRequest(key=self._contender, keys_only=True)
        answer = await self._cluster.call(RANGE, own, key=self.key)
        if not answer.kvs or answer.kvs[0].create_revision != self._fence or self.lost.is_set():
            raise CannotLock(
                "the lease ended while waiting",
                hint="try again, with a longer TTL",
                address=self._cluster.shown,
                key=self.key,
            )
        if self._value and not await self._writer.commit_put(self.key, self._value, self._mine()):
            raise CannotLock(
                "the lease ended while waiting", hint="try again", address=self._cluster.shown, key=self.key
            )
        self._acquired = True
        self._guards.append(self._tasks.start(self._notice(), name=f"guard of the lock on {self.key}"))

    async def _renew(self) -> None:
        """Keep the lease alive; say at once when the proof has run out."""
        while True:
            await asyncio.sleep(max(0.0, min(self._granted / leases.RENEWALS, self._proved_until - boottime())))
            left = self._proved_until - boottime()
            if left <= 0:
                break
            sent = boottime()
            try:
                async with asyncio.timeout(left):
                    self._granted = float(await leases.renew(self._cluster, self._lease, within=left))
            except KeyNotFound:
                break
            except (ExplorerError, TimeoutError):
                await asyncio.sleep(min(0.1, left))
                continue
            self._prove(sent)
        self.lost.set()

    async def _notice(self) -> None:
        """Say at once when somebody removes our key: an operator, or whoever revokes the lease."""
        with suppress(ExplorerError):  # without the watch, the proof of the lease runs out all the same
            await self._deleted(self._watch(self._contender))
            self.lost.set()

    async def _delete_value(self) -> None:
        """Delete the key itself, only while the lock is still ours."""
        request = messages.DeleteRangeRequest(key=self._writer.layout.locate(self.key))
        await self._cluster.call(
            TXN,
            messages.TxnRequest(compare=[self._mine()], success=[messages.RequestOp(request_delete_range=request)]),
            key=self.key,
        )

    async def _leave(self) -> None:
        """End the guards and give the lease back; if the store cannot be reached, it ends by itself."""
        self._acquired = False
        guards, self._guards = self._guards, []
        for guard in guards:
            await self._tasks.end(guard)
        lease, self._lease, self._fence = self._lease, 0, None
        if lease:
            with suppress(NotReachable, OutcomeUnknown):
                await leases.revoke(self._cluster, lease)
