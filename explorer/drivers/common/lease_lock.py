"""The way of a lock that a network lies between: asked for, waited for, held while that is provable, given up.

What a driver supplies is what it sends. A contender lives by a lease, a session or the like, which ends by itself when
it is no longer renewed; until then its lock is held, by the clock of the sending of the last renewal that was answered.
"""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import ClassVar, Final, Generic

from explorer.drivers.base import Lock
from explorer.drivers.common.connections import Connected
from explorer.drivers.common.leases import CLOCK_DRIFT, RENEWALS, boottime
from explorer.drivers.common.request_log import logged_write
from explorer.drivers.common.tasks import Tasks
from explorer.model.entries import Entry
from explorer.model.errors import CannotLock, ExplorerError, KeyNotFound, LockLost, NotReachable, OutcomeUnknown
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)


@dataclass(frozen=True, slots=True)
class LockOptions:
    """What a lock is asked for by, see `Store.lock`."""

    key: str
    value: bytes
    ttl: float
    delete_on_unlock: bool
    layout: str | None = None
    """The name of the layout as it was asked for; None for the default."""


class _Stage(Enum):
    FREE = auto()
    CONTENDING = auto()
    OBTAINED = auto()
    LEAVING = auto()


class LeaseLock(Lock, Generic[Connected]):
    """A lock that counts as held only while that is provable, see `Lock`."""

    lifeline: ClassVar[str]
    """What a contender lives by, for messages."""

    def __init__(self, terms: LockOptions, tasks: Tasks, connection: Connected) -> None:
        self.key = terms.key
        self.lost = asyncio.Event()
        self._terms = terms
        self._tasks = tasks
        self._connection = connection
        self._fence: int | None = None
        self._stage = _Stage.FREE
        self._ttl = terms.ttl
        self._proved_until = 0.0
        self._waiting: asyncio.Task[None] | None = None
        self._guards: list[asyncio.Task[None]] = []

    @property
    def held(self) -> bool:
        return self._stage is _Stage.OBTAINED and not self.lost.is_set() and boottime() < self._proved_until

    @property
    def fence(self) -> int | None:
        return self._fence if self._stage is _Stage.OBTAINED else None

    async def acquire(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the contract's word
        if self._stage is not _Stage.FREE:
            raise self._cannot("this lock is held or being acquired already")
        self._stage, self.lost = _Stage.CONTENDING, asyncio.Event()
        self._log("asked for")
        try:
            async with asyncio.timeout(None if timeout is None else max(timeout, 0) + self._connection.timeout):
                await self._contend(timeout)
        except TimeoutError:
            self._log("not obtained in time")
            await self._leave()
            raise self._cannot("not obtained in time") from None
        except BaseException as error:
            self._log(f"not obtained: {type(error).__name__}")
            await self._leave()
            raise

    async def _contend(self, timeout: float | None) -> None:  # noqa: ASYNC109 - as the contract has it
        await self._refuse_other_layouts()
        await self._join()
        if not await self._try():
            self._log("waiting")
            try:
                async with asyncio.timeout(timeout):
                    await self._wait()
            except TimeoutError:
                raise self._cannot("somebody else holds the lock", "`keyscope locks` shows who") from None
        await self._refuse_other_layouts()
        if not await self._take() or self.lost.is_set() or self._stage is not _Stage.CONTENDING:
            raise self._ended()
        self._stage = _Stage.OBTAINED
        self._log(f"held, fence {self._fence}")

    async def release(self) -> None:
        if self._stage is _Stage.FREE:
            return
        if self._waiting is not None:
            self._waiting.cancel()  # somebody waits by this very object, and is not to wait any longer
        ours = self._stage is _Stage.OBTAINED and not self.lost.is_set()
        self._stage = _Stage.LEAVING
        try:
            if ours:
                await self._unlock()
        finally:
            await self._leave()
            self._log("released")

    async def put(self, key: str, value: bytes) -> Entry:
        if self.held:
            entry = await logged_write(self._write(key, value), "fenced put", self._connection.redacted, key)
            if entry is not None:
                return entry
            self._lose()
        raise LockLost(
            f"the lock on {self.key!r} is not held (any more); nothing was written",
            hint="acquire it again and read before writing",
            address=self._connection.redacted,
            key=key,
        )

    # What a driver supplies

    async def _refuse_other_layouts(self) -> None:
        """Raise CannotLock (`refusals.other_layout`) if a lock of another layout is on the same key.

        Called before the contender exists, and again when its turn has come: of two that come at the same time, at
        least one sees the other.
        """

    @abstractmethod
    async def _join(self) -> None:
        """Get what a contender lives by, hand its proof to `_keep`, and stand in the queue where there is one."""

    @abstractmethod
    async def _try(self) -> bool:
        """Take the lock if it is free, or tell whether it is our turn; then `_fence` is set."""

    @abstractmethod
    async def _turn(self) -> None:
        """Wait until `_try` gives True."""

    async def _take(self) -> bool:
        """Make sure that the lock is ours, and write its value, unless trying did; False if it is not ours."""
        return True

    @abstractmethod
    async def _renew(self, left: float) -> float:
        """Renew what the contender lives by within so many seconds, and give its TTL in seconds.

        Raises:
            KeyNotFound: It has ended.
        """

    @abstractmethod
    async def _write(self, key: str, value: bytes) -> Entry | None:
        """Put an entry under the condition that the lock is ours; None when it is not."""

    @abstractmethod
    async def _unlock(self) -> None:
        """Give up the lock that is held, with what `delete_on_unlock` asks for."""

    @abstractmethod
    async def _depart(self) -> None:
        """End what the contender lives by, if it ever was; does not matter if the store cannot be reached."""

    # What a driver uses

    def _keep(self, sent: float, ttl: float) -> None:
        """Keep alive from now on what was proved to live, for a TTL in seconds, by a request sent at this time."""
        self._prove(sent, ttl)
        self._guard(self._renewing(), self.lifeline)

    def _heed(self, departure: Callable[[], Awaitable[None]]) -> None:
        """Say at once that the lock is lost when this is over: it waits until the store shows the lock as not ours."""
        self._guard(self._noticing(departure), "guard")

    def _cannot(self, why: str, hint: str = "") -> CannotLock:
        return CannotLock(why, hint=hint, address=self._connection.redacted, key=self.key)

    # What all do alike

    def _guard(self, work: Coroutine[object, object, None], what: str) -> None:
        self._guards.append(self._tasks.start(work, name=f"{what} of the lock on {self.key}"))

    def _prove(self, sent: float, ttl: float) -> None:
        self._ttl, self._proved_until = ttl, sent + ttl * (1 - CLOCK_DRIFT)

    async def _renewing(self) -> None:
        """Renew again and again; say at once when that is no longer possible or the proof has run out."""
        while True:
            await asyncio.sleep(max(0.0, min(self._ttl / RENEWALS, self._proved_until - boottime())))
            left = self._proved_until - boottime()
            if left <= 0:
                break
            sent = boottime()
            try:
                async with asyncio.timeout(left):
                    ttl = await self._renew(left)
            except KeyNotFound:
                break
            except (ExplorerError, TimeoutError):
                continue
            self._prove(sent, ttl)
        self._lose()

    async def _noticing(self, departure: Callable[[], Awaitable[None]]) -> None:
        with suppress(ExplorerError):  # without it, the proof runs out all the same
            await departure()
            self._lose()

    def _lose(self) -> None:
        if self._stage is not _Stage.LEAVING:  # else it is we who give it up
            if not self.lost.is_set():
                self._log("lost")
            self.lost.set()

    def _log(self, state: str) -> None:
        _LOG.info("lock %s in %s: %s", sanitize(self.key), self._connection.redacted, state)

    async def _wait(self) -> None:
        """Wait for our turn, or until it can no longer come."""
        turn = self._waiting = self._tasks.start(self._turn(), name=f"turn for the lock on {self.key}")
        lost = self._tasks.start(self.lost.wait(), name=f"{self.lifeline} of who waits for the lock on {self.key}")
        try:
            await asyncio.wait((turn, lost), return_when=asyncio.FIRST_COMPLETED)
            if turn.cancelled():
                raise self._cannot("it was released while it was waited for")
            if not turn.done():
                raise self._ended()
            turn.result()
        finally:
            self._waiting = None
            await self._tasks.end(turn)
            await self._tasks.end(lost)

    def _ended(self) -> CannotLock:
        return self._cannot(f"the {self.lifeline} ended while waiting", "try again, with a longer TTL")

    async def _leave(self) -> None:
        """End the guards and what the contender lives by; if the store cannot be reached, that ends by itself."""
        self._stage = _Stage.LEAVING
        guards, self._guards = self._guards, []
        for guard in guards:
            await self._tasks.end(guard)
        try:
            with suppress(NotReachable, OutcomeUnknown):
                await self._depart()
        finally:
            self._fence = None
            self._stage = _Stage.FREE
