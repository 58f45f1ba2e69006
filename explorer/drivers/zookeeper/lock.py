"""Locks as ZooKeeper's clients take them: an ephemeral sequential znode below the locked one, in a session of its own.

The lock's TTL is the timeout of that session, so each lock has its own connection. The znode's name follows the
requested layout, by default kazoo's; a lock is refused while there are contenders of another layout.

A lock counts as held only until the session timeout has passed since the last answered request was sent. Its fence is
the transaction that created the contender's znode; a fenced write checks that this znode exists.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from explorer.drivers.common.connected_store import LockOptions
from explorer.drivers.common.errors import key_not_found, other_layout
from explorer.drivers.common.lease_lock import LeaseLock
from explorer.drivers.common.leases import holder_id
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.acl import OPEN_ACL
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.keyspace import Stat, ZooKeeperKeyspace
from explorer.drivers.zookeeper.lock_queue import (
    KAZOO,
    LEASES_SUFFIX,
    ContenderNode,
    ZooKeeperLockQueue,
    may_be_permit,
    new_node_prefix,
    parse_permit,
    to_queue,
)
from explorer.drivers.zookeeper.messages import CreateMode, OpError
from explorer.drivers.zookeeper.reader import ZooKeeperReader
from explorer.drivers.zookeeper.writer import ZooKeeperWriter
from explorer.model.clock import boottime
from explorer.model.entries import Entry
from explorer.model.errors import KeyNotFound, NotReachable

_MAX_EVENTS: Final = 16
"""Events of a watched contender that wait to be read; more are as good as one."""


class ZooKeeperLock(LeaseLock[ZooKeeperConnection]):
    """A lock on a znode, see `Lock`."""

    lease_noun = "place in the queue"

    def __init__(
        self, connection: ZooKeeperConnection, keyspace: ZooKeeperKeyspace, tasks: Tasks, options: LockOptions
    ) -> None:
        super().__init__(options, tasks, ZooKeeperConnection(connection.settings, options.ttl))
        self._keyspace = keyspace
        self._layout = options.layout or KAZOO
        self._path = keyspace.to_store_key(options.key)
        self._contender = ""
        """Path of our contender."""
        self._is_node_ours = False
        """True if acquiring the lock created the locked znode, without a value."""

    @property
    def _writer(self) -> ZooKeeperWriter:
        return ZooKeeperWriter(self._connection, self._keyspace)

    @property
    def _reader(self) -> ZooKeeperReader:
        return ZooKeeperReader(self._connection)

    # Acquiring

    async def _enqueue(self) -> None:
        await self._connection.open()
        prefix = new_node_prefix(self._layout, await self._read_queue())
        while True:
            self._is_node_ours = await self._writer.ensure_path(self._path, self.key) or self._is_node_ours
            sent = boottime()
            try:
                self._contender, stat = await self._create_contender(prefix)
            except KeyNotFound:
                continue  # the last contender that left deleted the locked znode
            break
        self._fence = stat.czxid
        self._start_keepalive(sent, self._connection.state.session_timeout)
        self._watch_ownership(lambda: self._wait_deleted(self._contender))

    async def _create_contender(self, prefix: str) -> tuple[str, Stat]:
        """Create the contender's znode, and return its path and Stat; if the answer was lost, find it by its name."""
        request = messages.create(
            f"{self._path}/{prefix}", holder_id(self._options.value).encode(), OPEN_ACL, CreateMode.EPHEMERAL_SEQUENTIAL
        )
        try:
            return await self._connection.send(request)
        except NotReachable as error:
            if not error.sent:
                raise
            for name in await self._reader.list_children(self._path):
                path = f"{self._path}/{name}"
                if name.startswith(prefix):
                    stat = await self._connection.query(messages.exists(path))
                    if stat is not None:
                        return path, stat
            raise

    async def _read_queue(self) -> ZooKeeperLockQueue | None:
        """Return the queue, without the Stat of its contenders, which their order does not need.

        It is read before our contender is created and after, so that of two layouts that come at the same time at least
        one sees the other.

        Raises:
            CannotLock: There is a contender of another layout.
        """
        names = await self._reader.list_children(self._path)
        queue = _queue_of(self._path, names)
        other = queue.first_of_other_layout(self._layout) if queue else None
        if other := other or await self._find_permit(names):
            raise other_layout(
                f"{other.client} semaphore" if other.is_permit else other.layout,
                f"{self._keyspace.to_key(other.path)} exists",
                takeable=not other.is_permit,
            )
        return queue

    async def _find_permit(self, names: Sequence[str]) -> ContenderNode | None:
        """Return a held permit of a semaphore on the znode; None if there is none.

        Args:
            names: The names of the znode's children.
        """
        if LEASES_SUFFIX.removeprefix("/") in names:
            path = f"{self._path}{LEASES_SUFFIX}"
            leases = _queue_of(path, await self._reader.list_children(path))
            if leases is not None and leases.is_semaphore:
                return leases.contenders[0]
        for name in filter(may_be_permit, names):
            path = f"{self._path}/{name}"
            stat = await self._reader.read_stat(path)
            if stat is not None and (permit := parse_permit(path, stat)) is not None:
                return permit
        return None

    async def _predecessor(self) -> str | None:
        """Return the path of the contender right before ours; None if ours is the first."""
        queue = await self._read_queue()
        predecessor = queue.predecessor(self._contender) if queue else None
        return predecessor.path if predecessor else None

    async def _try_acquire(self) -> bool:
        return await self._predecessor() is None

    async def _wait_turn(self) -> None:
        while (path := await self._predecessor()) is not None:
            await self._wait_deleted(path)

    async def _wait_deleted(self, path: str) -> None:
        with self._connection.state.subscribe(path, recursive=False, capacity=_MAX_EVENTS) as mailbox:
            while True:
                with suppress(NotReachable):  # the keep-alive notices if the session is lost meanwhile
                    if await self._connection.query(messages.exists(path, watch=True)) is None:
                        return
                    await mailbox.take()

    async def _confirm(self) -> bool:
        if await self._connection.query(messages.exists(self._contender)) is None:
            return False
        if self._options.value:
            self._is_node_ours = False
            return await self._write(self.key, self._options.value) is not None
        return True

    # Keeping

    async def _renew(self, left: float) -> float:
        stat = await self._connection.query(messages.exists(self._contender), within=left)
        if stat is None or stat.czxid != self._fence:
            raise key_not_found()
        return self._connection.state.session_timeout

    async def _write(self, key: str, value: bytes) -> Entry | None:
        return await self._writer.put_if(key, value, messages.check(self._contender))

    # Releasing

    async def _unlock(self) -> None:
        """Delete our contender, and the locked znode if the lock created it and there are no other contenders."""
        with suppress(NotReachable):
            if self._options.delete_on_unlock or self._is_node_ours:
                version = messages.ANY_VERSION if self._options.delete_on_unlock else 0
                operations: list[messages.ZooKeeperRequest[object]] = [
                    messages.delete(self._contender),
                    messages.delete(self._path, version),
                ]
                results = await self._connection.send(messages.multi(operations))
                if not any(isinstance(result, OpError) for result in results):
                    return
                if self._options.delete_on_unlock:  # with other contenders, only its value can be deleted
                    operations[1:] = [messages.set_data(self._path, b"")]
                    await self._connection.send(messages.multi(operations))
                    return
            with suppress(KeyNotFound):
                await self._connection.send(messages.delete(self._contender))

    async def _end_session(self) -> None:
        ended, self._connection = self._connection, ZooKeeperConnection(self._connection.settings, self._options.ttl)
        self._is_node_ours = False
        await ended.close()


def _queue_of(path: str, names: Sequence[str]) -> ZooKeeperLockQueue | None:
    """Return the queue that children with these names are, without their Stat."""
    unread = Stat(*(0,) * 11)
    return to_queue(path, [(f"{path}/{name}", unread) for name in names])
