"""State machine of a distributed lock: waiting, held while that is provable, releasing.

A driver supplies the requests. A contender has a lease, a session or the like, which expires unless it is renewed. The
lock counts as held until the TTL has passed since the last renewal that was answered was sent.
"""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from enum import Enum, auto
from typing import ClassVar, Final, Generic

from explorer.drivers.common.connected_store import Connected, LockOptions
from explorer.drivers.common.error_context import with_error_context
from explorer.drivers.common.leases import CLOCK_DRIFT, RENEWALS
from explorer.drivers.common.request_log import logged_write
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.lock import Lock
from explorer.model.clock import Clock, SystemClock, sleep_until
from explorer.model.entries import Entry
from explorer.model.errors import CannotLock, ExplorerError, KeyNotFound, LockLost, NotReachable, OutcomeUnknown
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)


class _Stage(Enum):
    FREE = auto()
    WAITING = auto()
    HELD = auto()
    RELEASING = auto()


class LeaseLock(Lock, Generic[Connected]):
    """A lock whose contender has a lease, see `Lock`.

    Args:
        options: Options of the lock.
        tasks: Owner of its background tasks.
        connection: Connection that its requests are sent on.
        clock: Clock that leases are counted by.
    """

    lease_noun: ClassVar[str]
    """Name of a contender's lease in this store, for messages: lease, session or the like."""
    clock_drift: ClassVar[float] = CLOCK_DRIFT
    """Part of the TTL that is not relied on."""

    def __init__(
        self, options: LockOptions, tasks: Tasks, connection: Connected, *, clock: Clock | None = None
    ) -> None:
        self.key = options.key
        self.lost = asyncio.Event()
        self._options = options
        self._tasks = tasks
        self._connection = connection
        self._clock: Clock = clock or SystemClock()
        self._fence: int | None = None
        self._stage = _Stage.FREE
        self._ttl = options.ttl
        self._expires_at = 0.0
        self._turn_task: asyncio.Task[None] | None = None
        self._held_tasks: list[asyncio.Task[None]] = []

    @property
    def redacted(self) -> str:
        """The address for messages."""
        return self._connection.redacted

    @property
    def held(self) -> bool:
        return self._stage is _Stage.HELD and not self.lost.is_set() and self._clock.now() < self._expires_at

    @property
    def fence(self) -> int | None:
        return self._fence if self.held else None

    @with_error_context
    async def acquire(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the contract's word
        if self._stage is not _Stage.FREE:
            raise self._cannot_lock("this lock is held or being acquired already")
        self._stage, self.lost = _Stage.WAITING, asyncio.Event()
        self._log("asked for")
        try:
            async with asyncio.timeout(None if timeout is None else max(timeout, 0) + self._connection.timeout):
                await self._contend(timeout)
        except TimeoutError:
            self._log("not obtained in time")
            await self._end()
            raise self._cannot_lock("not obtained in time") from None
        except BaseException as error:
            self._log(f"not obtained: {type(error).__name__}")
            await self._end()
            raise

    async def _contend(self, timeout: float | None) -> None:  # noqa: ASYNC109 - as the contract has it
        await self._refuse_other_layouts()
        await self._enqueue()
        if not await self._try_acquire():
            self._log("waiting")
            try:
                async with asyncio.timeout(timeout):
                    await self._wait()
            except TimeoutError:
                raise self._cannot_lock("another client holds the lock", "`keyscope locks` shows which") from None
        await self._refuse_other_layouts()
        if not await self._confirm() or self.lost.is_set() or self._stage is not _Stage.WAITING:
            raise self._lease_ended()
        self._stage = _Stage.HELD
        self._log(f"held, fence {self._fence}")

    @with_error_context
    async def release(self) -> None:
        if self._stage is _Stage.FREE:
            return
        if self._turn_task is not None:
            self._turn_task.cancel()  # `acquire` of this object still waits
        is_held = self.held  # otherwise another client may hold it, and `delete_on_unlock` is not ours to do
        self._stage = _Stage.RELEASING
        try:
            if is_held:
                await self._unlock()
        finally:
            await self._end()
            self._log("released")

    @with_error_context
    async def put(self, key: str, value: bytes) -> Entry:
        if self.held:
            with logged_write("fenced put", self.redacted, key) as record:
                entry = record.done(await self._write(key, value))
            if entry is not None:
                return entry
            self._mark_lost()
        raise LockLost(
            f"the lock on {self.key!r} is not held (any more); nothing was written",
            hint="acquire it again and read before writing",
        )

    # What a driver supplies

    async def _refuse_other_layouts(self) -> None:
        """Raise CannotLock (`errors.other_layout`) if a lock of another layout is on the same key.

        Called before the contender exists, and again when its turn has come: of two that come at the same time, at
        least one sees the other.
        """

    @abstractmethod
    async def _enqueue(self) -> None:
        """Get a lease, call `_start_keepalive`, and enter the queue where there is one."""

    @abstractmethod
    async def _try_acquire(self) -> bool:
        """Take the lock if it is free, or return whether it is our turn; then `_fence` is set."""

    @abstractmethod
    async def _wait_turn(self) -> None:
        """Wait until `_try_acquire` returns True."""

    async def _confirm(self) -> bool:
        """Return whether the lock is ours for certain, after writing its value unless `_try_acquire` did."""
        return True

    @abstractmethod
    async def _renew(self, left: float) -> float:
        """Renew the lease within so many seconds, and return its TTL in seconds.

        Raises:
            KeyNotFound: It has expired.
        """

    @abstractmethod
    async def _write(self, key: str, value: bytes) -> Entry | None:
        """Write an entry if the lock is ours; None if it is not."""

    @abstractmethod
    async def _unlock(self) -> None:
        """Release the lock, which is held, and do what `delete_on_unlock` asks for."""

    @abstractmethod
    async def _end_session(self) -> None:
        """End the lease, if there is one (best effort)."""

    # What a driver uses

    def _start_keepalive(self, sent: float, ttl: float) -> None:
        """Renew the lease from now on; it was confirmed for a TTL in seconds by a request sent at this time."""
        self._extend(sent, ttl)
        self._start_task(self._renew_until_lost(), self.lease_noun)

    def _watch_ownership(self, until_lost: Callable[[], Awaitable[None]]) -> None:
        """Mark the lock as lost when this returns: it waits until the store shows the lock as not ours."""
        self._start_task(self._await_loss(until_lost), "owner")

    def _cannot_lock(self, why: str, hint: str = "") -> CannotLock:
        return CannotLock(why, hint=hint, address=self.redacted, key=self.key)

    # Shared

    def _start_task(self, work: Coroutine[object, object, None], what: str) -> None:
        self._held_tasks.append(self._tasks.start(work, name=f"{what} of the lock on {self.key}"))

    def _extend(self, sent: float, ttl: float) -> None:
        self._ttl, self._expires_at = ttl, sent + ttl * (1 - self.clock_drift)

    async def _renew_until_lost(self) -> None:
        """Renew the lease again and again, and mark the lock as lost when it has expired or may have."""
        while True:
            await sleep_until(self._clock, min(self._clock.now() + self._ttl / RENEWALS, self._expires_at))
            left = self._expires_at - self._clock.now()
            if left <= 0:
                break
            sent = self._clock.now()
            try:
                async with asyncio.timeout(left):
                    ttl = await self._renew(left)
            except KeyNotFound:
                break
            except (ExplorerError, TimeoutError):
                continue
            self._extend(sent, ttl)
        self._mark_lost()

    async def _await_loss(self, until_lost: Callable[[], Awaitable[None]]) -> None:
        with suppress(ExplorerError):  # without the watch, the lease expires all the same
            await until_lost()
            self._mark_lost()

    def _mark_lost(self) -> None:
        if self._stage is not _Stage.RELEASING:  # else we release it ourselves
            if not self.lost.is_set():
                self._log("lost")
            self.lost.set()

    def _log(self, state: str) -> None:
        _LOG.info("lock %s in %s: %s", sanitize(self.key), self.redacted, state)

    async def _wait(self) -> None:
        """Wait for our turn, or until the lease has expired."""
        turn = self._turn_task = self._tasks.start(self._wait_turn(), name=f"turn for the lock on {self.key}")
        lost = self._tasks.start(self.lost.wait(), name=f"{self.lease_noun} of the waiter for the lock on {self.key}")
        try:
            await asyncio.wait((turn, lost), return_when=asyncio.FIRST_COMPLETED)
            if turn.cancelled():
                raise self._cannot_lock("it was released while waiting")
            if not turn.done():
                raise self._lease_ended()
            turn.result()
        finally:
            self._turn_task = None
            await self._tasks.cancel(turn, lost)

    def _lease_ended(self) -> CannotLock:
        return self._cannot_lock(f"the {self.lease_noun} ended while waiting", "try again, with a longer TTL")

    async def _end(self) -> None:
        """End the background tasks and the lease; if the store cannot be reached, the lease expires by itself."""
        self._stage = _Stage.RELEASING
        tasks, self._held_tasks = self._held_tasks, []
        await self._tasks.cancel(*tasks)
        try:
            with suppress(NotReachable, OutcomeUnknown):
                await self._end_session()
        finally:
            self._fence = None
            self._stage = _Stage.FREE
