"""Locks as ZooKeeper's clients take them: a node below the locked one, that lives as long as a session of its own.

The lock's TTL is that session's time-out, so each lock has a connection of its own. The node is named in the layout
that was asked for, kazoo's unless told otherwise; it never stands beside one of another layout.

A lock counts as held only until the session's time-out has passed since the sending of the last request that was
answered. Its fence is the transaction that created the contender's node; a fenced write checks that the node is there.
"""

from collections.abc import Sequence
from contextlib import suppress

from explorer.drivers.common.errors import key_not_found, other_layout
from explorer.drivers.common.lease_lock import LeaseLock
from explorer.drivers.common.leases import holder_id
from explorer.drivers.common.network_store import LockOptions
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.keyspace import OPEN, Stat, ZooKeeperKeyspace
from explorer.drivers.zookeeper.lock_queue import (
    KAZOO,
    LEASES,
    Contestant,
    ZooKeeperLockQueue,
    fresh_name,
    looks_like_permit,
    permit,
    queue,
)
from explorer.drivers.zookeeper.messages import Mode, OpError
from explorer.drivers.zookeeper.reader import ZooKeeperReader
from explorer.drivers.zookeeper.writer import ZooKeeperWriter
from explorer.model.clock import boottime
from explorer.model.entries import Entry
from explorer.model.errors import KeyNotFound, NotReachable

_EARS = 16


class ZooKeeperLock(LeaseLock[ZooKeeperConnection]):
    """A lock on a node, see `Lock`."""

    lease_noun = "place in the queue"

    def __init__(
        self, store: ZooKeeperConnection, layout: ZooKeeperKeyspace, tasks: Tasks, options: LockOptions
    ) -> None:
        super().__init__(options, tasks, ZooKeeperConnection(store.settings, options.ttl))
        self._layout = layout
        self._layout_name = options.layout or KAZOO
        self._path = layout.locate(options.key)
        self._contender = ""
        self._made = False
        """Whether the node came to be by being locked, and holds nothing."""

    @property
    def _writer(self) -> ZooKeeperWriter:
        return ZooKeeperWriter(self._connection, self._layout)

    # Obtaining

    async def _enqueue(self) -> None:
        await self._connection.open()
        name = fresh_name(self._layout_name, await self._contenders())
        while True:
            self._made = await self._writer.make(self._path, self.key) or self._made
            sent = boottime()
            try:
                self._contender, stat = await self._stand(name)
            except KeyNotFound:
                continue  # the last to leave took the node along
            break
        self._fence = stat.czxid
        self._start_keepalive(sent, self._connection.lifetime)
        self._watch_ownership(lambda: self._until_gone(self._contender))

    async def _stand(self, name: str) -> tuple[str, Stat]:
        """Create the contender's node; one whose answer was lost is found by its name."""
        request = messages.create(f"{self._path}/{name}", holder_id().encode(), OPEN, Mode.EPHEMERAL_SEQUENTIAL)
        try:
            return await self._connection.send(request, key=self.key)
        except NotReachable as error:
            if not error.sent:
                raise
            for child in await ZooKeeperReader(self._connection, self.key).names(self._path):
                path = f"{self._path}/{child}"
                if child.startswith(name):
                    stat = await self._connection.ask(messages.exists(path), key=self.key)
                    if stat is not None:
                        return path, stat
            raise

    async def _contenders(self) -> ZooKeeperLockQueue | None:
        """Read the queue, without the Stat of those in it, which their order does not need.

        It is read before our contender stands in it and after, so that of two layouts that come at the same time at
        least one sees the other.

        Raises:
            CannotLock: Somebody stands in it in another layout.
        """
        names = await ZooKeeperReader(self._connection, self.key).names(self._path)
        found = _queue(self._path, names)
        other = found.of_another_layout(self._layout_name) if found else None
        if other := other or await self._unit(names):
            raise other_layout(
                f"{other.client} semaphore" if other.is_permit else other.layout,
                f"{self._layout.relative(other.path)} is there",
                takeable=not other.is_permit,
            )
        return found

    async def _unit(self, names: Sequence[str]) -> Contestant | None:
        """Return a unit that somebody holds of a semaphore on the node, given the names below it."""
        reader = ZooKeeperReader(self._connection, self.key)
        if LEASES.removeprefix("/") in names:
            below = f"{self._path}{LEASES}"
            leases = _queue(below, await reader.names(below))
            if leases is not None and leases.semaphore:
                return leases.parties[0]
        for name in filter(looks_like_permit, names):
            path = f"{self._path}/{name}"
            stat = await reader.stat(path)
            if stat is not None and (found := permit(path, stat)) is not None:
                return found
        return None

    async def _ahead(self) -> str | None:
        """Give the node of the contender right before us, None if we are first."""
        found = await self._contenders()
        ahead = found.ahead(self._contender) if found else None
        return ahead.path if ahead else None

    async def _try_acquire(self) -> bool:
        return await self._ahead() is None

    async def _wait_turn(self) -> None:
        while (ahead := await self._ahead()) is not None:
            await self._until_gone(ahead)

    async def _until_gone(self, path: str) -> None:
        with self._connection.listen(path, below=False, capacity=_EARS) as mailbox:
            while True:
                with suppress(NotReachable):  # whether the place is lost meanwhile is looked after elsewhere
                    if await self._connection.ask(messages.exists(path, watch=True), key=self.key) is None:
                        return
                    await mailbox.take()

    async def _confirm(self) -> bool:
        if await self._connection.ask(messages.exists(self._contender), key=self.key) is None:
            return False
        if self._options.value:
            self._made = False
            return await self._write(self.key, self._options.value) is not None
        return True

    # Keeping

    async def _renew(self, left: float) -> float:
        own = await self._connection.ask(messages.exists(self._contender), key=self.key, within=left)
        if own is None or own.czxid != self._fence:
            raise key_not_found()
        return self._connection.lifetime

    async def _write(self, key: str, value: bytes) -> Entry | None:
        return await self._writer.put_if(key, value, messages.check(self._contender))

    # Giving up

    async def _unlock(self) -> None:
        """Leave the queue, and take along what came to be by the lock, unless others stand there."""
        with suppress(NotReachable):
            if self._options.delete_on_unlock or self._made:
                version = messages.ANY_VERSION if self._options.delete_on_unlock else 0
                both: list[messages.Request[object]] = [
                    messages.delete(self._contender),
                    messages.delete(self._path, version),
                ]
                results = await self._connection.send(messages.multi(both), key=self.key)
                if not any(isinstance(result, OpError) for result in results):
                    return
                if self._options.delete_on_unlock:  # others wait below it: it can be emptied only
                    both[1:] = [messages.put(self._path, b"")]
                    await self._connection.send(messages.multi(both), key=self.key)
                    return
            with suppress(KeyNotFound):
                await self._connection.send(messages.delete(self._contender), key=self.key)

    async def _end_session(self) -> None:
        left, self._connection = self._connection, ZooKeeperConnection(self._connection.settings, self._options.ttl)
        self._made = False
        await left.close()


def _queue(path: str, names: Sequence[str]) -> ZooKeeperLockQueue | None:
    """Return the queue that nodes of these names are, without their Stat."""
    unread = Stat(*(0,) * 11)
    return queue(path, [(f"{path}/{name}", unread) for name in names])
