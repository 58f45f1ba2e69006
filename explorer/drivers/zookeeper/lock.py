"""Locks as ZooKeeper's clients take them: a node below the locked one, that lives as long as a session of its own.

The lock's TTL is that session's time-out, so each lock has a connection of its own. The node is named as those that
stand in the queue are, and as kazoo's where there are none: kazoo's Lock, and with it go-zookeeper's, heed it.

A lock counts as held only until the session's time-out has passed since the sending of the last request that was
answered. Its fence is the transaction that created the contender's node; a fenced write checks that the node is there.
"""

import asyncio
from contextlib import suppress

from explorer.drivers.base import Lock
from explorer.drivers.holding import MARGIN, boottime, identity
from explorer.drivers.retry import Unsent
from explorer.drivers.tasks import Tasks
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.connection import Connection
from explorer.drivers.zookeeper.layout import OPEN, Layout, Stat
from explorer.drivers.zookeeper.messages import Mode, Refusal
from explorer.drivers.zookeeper.queues import Queue, fresh_name, queue
from explorer.drivers.zookeeper.reading import Reader
from explorer.drivers.zookeeper.settings import Settings
from explorer.drivers.zookeeper.writer import Writer
from explorer.model.entries import Entry
from explorer.model.errors import CannotLock, ExplorerError, KeyNotFound, LockLost, NotReachable

_RENEWALS = 3
_EARS = 16


class ZooKeeperLock(Lock):
    """A lock on a node, see `Lock`."""

    def __init__(
        self,
        settings: Settings,
        layout: Layout,
        tasks: Tasks,
        key: str,
        *,
        value: bytes,
        ttl: float,
        delete_on_unlock: bool,
    ) -> None:
        self.key = key
        self.lost = asyncio.Event()
        self._settings = settings
        self._layout = layout
        self._tasks = tasks
        self._value = value
        self._ttl = ttl
        self._delete_on_unlock = delete_on_unlock
        self._path = layout.locate(key)
        self._connection: Connection | None = None
        self._contender = ""
        self._fence: int | None = None
        self._made = False
        """Whether the node came to be by being locked, and holds nothing."""
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
        if self._connection is not None:
            raise self._cannot("this lock is held or being acquired already")
        self.lost = asyncio.Event()
        self._connection = connection = Connection(self._settings, self._ttl)
        try:
            async with asyncio.timeout(None if timeout is None else max(timeout, 0) + connection.timeout):
                await self._join(connection)
                ahead = await self._ahead(connection)
                if ahead is not None:
                    try:
                        async with asyncio.timeout(timeout):
                            await self._wait_turn(connection, ahead)
                    except TimeoutError:
                        raise self._cannot("somebody else holds the lock", "`keyscope locks` shows who") from None
                await self._take(connection)
        except TimeoutError:
            await self._leave()
            raise self._cannot("not obtained in time") from None
        except BaseException:
            await self._leave()
            raise

    async def release(self) -> None:
        if self._connection is None:
            return
        acquired, self._acquired = self._acquired, False
        try:
            if acquired and not self.lost.is_set():
                await self._unlock(self._connection)
        finally:
            await self._leave()

    async def put(self, key: str, value: bytes) -> Entry:
        if not self.held or self._connection is None:
            raise self._gone(key)
        entry = await Writer(self._connection, self._layout).commit_put(key, value, messages.check(self._contender))
        if entry is None:
            self.lost.set()
            raise self._gone(key)
        return entry

    def _gone(self, key: str) -> LockLost:
        return LockLost(
            f"the lock on {self.key!r} is not held (any more); nothing was written",
            hint="acquire it again and read before writing",
            address=self._layout.shown,
            key=key,
        )

    def _cannot(self, why: str, hint: str = "") -> CannotLock:
        return CannotLock(why, hint=hint, address=self._layout.shown, key=self.key)

    # Obtaining

    async def _join(self, connection: Connection) -> None:
        """Get a session, and stand in the queue."""
        await connection.open()
        writer = Writer(connection, self._layout)
        name = fresh_name(await self._queue(connection))
        while True:
            self._made = await writer.make(self._path, self.key) or self._made
            sent = boottime()
            try:
                self._contender, stat = await self._stand(connection, name)
            except KeyNotFound:
                continue  # the last to leave took the node along
            break
        self._fence = stat.czxid
        self._prove(connection, sent)
        self._guards.append(self._tasks.start(self._keep(connection), name=f"session of the lock on {self.key}"))

    async def _stand(self, connection: Connection, name: str) -> tuple[str, Stat]:
        """Create the contender's node; one whose answer was lost is found by its name."""
        request = messages.create(f"{self._path}/{name}", identity().encode(), OPEN, Mode.EPHEMERAL_SEQUENTIAL)
        try:
            return await connection.send(request, key=self.key)
        except Unsent:
            raise
        except NotReachable:
            for child in await Reader(connection, self.key).names(self._path):
                path = f"{self._path}/{child}"
                stat = await connection.ask(messages.exists(path), key=self.key) if child.startswith(name) else None
                if stat is not None:
                    return path, stat
            raise

    async def _queue(self, connection: Connection) -> Queue | None:
        """Read the queue, without the Stat of those in it, which their order does not need."""
        nothing = Stat(*(0,) * 11)
        names = await Reader(connection, self.key).names(self._path)
        return queue(self._path, [(f"{self._path}/{name}", nothing) for name in names])

    async def _ahead(self, connection: Connection) -> str | None:
        """Give the node of the contender right before us, None if we are first."""
        found = await self._queue(connection)
        ahead = found.ahead(self._contender) if found else None
        return ahead.path if ahead else None

    async def _wait_turn(self, connection: Connection, ahead: str | None) -> None:
        """Wait until nobody is before us in the queue, or our own place in it is lost."""
        lost = self._tasks.start(self.lost.wait(), name=f"place in the queue of the lock on {self.key}")
        try:
            while ahead is not None:
                gone = self._tasks.start(self._until_gone(connection, ahead), name=f"turn for the lock on {self.key}")
                try:
                    await asyncio.wait((gone, lost), return_when=asyncio.FIRST_COMPLETED)
                    if self.lost.is_set():
                        raise self._cannot("the place in the queue was lost", "try again, with a longer TTL")
                    gone.result()
                finally:
                    await self._tasks.end(gone)
                ahead = await self._ahead(connection)
        finally:
            await self._tasks.end(lost)

    async def _until_gone(self, connection: Connection, path: str) -> None:
        with connection.listen(path, below=False, capacity=_EARS) as mailbox:
            while True:
                with suppress(NotReachable):  # whether the place is lost meanwhile is looked after elsewhere
                    if await connection.ask(messages.exists(path, watch=True), key=self.key) is None:
                        return
                    await mailbox.take()

    async def _take(self, connection: Connection) -> None:
        """Write the lock's value, if it is ours still."""
        own = await connection.ask(messages.exists(self._contender), key=self.key)
        if own is None or self.lost.is_set():
            raise self._cannot("the session ended while waiting", "try again, with a longer TTL")
        if self._value:
            check = messages.check(self._contender)
            if await Writer(connection, self._layout).commit_put(self.key, self._value, check) is None:
                raise self._cannot("the session ended while waiting", "try again")
            self._made = False
        self._acquired = True

    # Keeping

    def _prove(self, connection: Connection, sent: float) -> None:
        """Take note that a request sent at this time proved the session to live."""
        self._proved_until = sent + connection.lifetime * (1 - MARGIN)

    async def _keep(self, connection: Connection) -> None:
        """Ask for our own node again and again, and say at once when it is gone or the proof has run out."""
        path = self._contender
        with connection.listen(path, below=False, capacity=_EARS) as mailbox:
            while (left := self._proved_until - boottime()) > 0:
                sent = boottime()
                try:
                    async with asyncio.timeout(left):
                        own = await connection.send(messages.exists(path, watch=True), key=self.key, within=left)
                except (ExplorerError, TimeoutError):
                    await asyncio.sleep(min(0.1, left))
                    continue
                if own is None or own.czxid != self._fence:
                    break
                self._prove(connection, sent)
                with suppress(TimeoutError):
                    async with asyncio.timeout(connection.lifetime / _RENEWALS):
                        await mailbox.take()
        self.lost.set()

    # Giving up

    async def _unlock(self, connection: Connection) -> None:
        """Leave the queue, and take along what came to be by the lock, unless others stand there."""
        with suppress(NotReachable):
            if self._delete_on_unlock or self._made:
                version = messages.ANY_VERSION if self._delete_on_unlock else 0
                both: list[messages.Request[object]] = [
                    messages.delete(self._contender),
                    messages.delete(self._path, version),
                ]
                results = await connection.send(messages.multi(both), key=self.key)
                if not any(isinstance(result, Refusal) for result in results):
                    return
                if self._delete_on_unlock:  # others wait below it: it can be emptied only
                    both[1:] = [messages.put(self._path, b"")]
                    await connection.send(messages.multi(both), key=self.key)
                    return
            with suppress(KeyNotFound):
                await connection.send(messages.delete(self._contender), key=self.key)

    async def _leave(self) -> None:
        """End the guards and the session; if no server can be reached, it ends by itself."""
        self._acquired = False
        guards, self._guards = self._guards, []
        for guard in guards:
            await self._tasks.end(guard)
        connection, self._connection, self._fence, self._made = self._connection, None, None, False
        if connection is not None:
            await connection.close()
