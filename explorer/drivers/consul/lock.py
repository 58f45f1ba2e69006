"""Locks as Consul's own clients take them: the key itself is acquired by a session.

So `consul lock` and we respect each other (its lock on `name` is that on the key `name/.lock`), and so does whoever
looks at the key's session.

Consul promises that at most one session holds a key, and that a session lives for its TTL at least. A lock counts as
held only while that is provable. Its flag and its lock index prove nothing: other clients set the flag on ordinary
data, and a plain write sets the index back (seen with 1.8.7). So the fence is the ModifyIndex that the acquisition
made, and a fenced write checks the session.

Consul keeps no queue: whoever asks first once the lock is free obtains it, after the lock-delay if it was lost.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from explorer.drivers.base import Lock
from explorer.drivers.consul import sessions
from explorer.drivers.consul.layout import Stored
from explorer.drivers.consul.requests import Fields
from explorer.drivers.consul.saving import Save, absence
from explorer.drivers.consul.watch import KeyWatch
from explorer.drivers.consul.writer import Writer
from explorer.drivers.holding import MARGIN, boottime, identity
from explorer.drivers.watching import Watch
from explorer.model.entries import Entry
from explorer.model.errors import (
    CannotLock,
    ExplorerError,
    KeyNotFound,
    LockLost,
    NotReachable,
    OutcomeUnknown,
)
from explorer.model.events import Deleted, Put, Started

FLAG: Final = 0x2DDCCBC058A50C18
"""What Consul's Go client writes into the flags of a key that it locks; one with other flags it refuses to lock."""
_LOCK_DELAY: Final = 15.0
"""Seconds in which nobody gets a lock that was lost: Consul's own figure, or the TTL if that is shorter."""
_AGAIN: Final = 0.5
"""Seconds between two tries for a lock that is free and delayed; Consul does not tell when the delay is over."""


class ConsulLock(Lock):
    """A lock on a key, see `Lock`."""

    def __init__(self, writer: Writer, key: str, *, value: bytes, ttl: float, delete_on_unlock: bool) -> None:
        self.key = key
        self.lost = asyncio.Event()
        self._writer = writer
        self._connection = writer.connection
        self._tasks = writer.tasks
        self._place = writer.layout.locate(key)
        self._value = value
        self._ttl = ttl
        self._delete_on_unlock = delete_on_unlock
        self._session: str | None = None
        self._fence: int | None = None
        self._made = False
        """Whether the key came to be by being locked, and holds nothing."""
        self._proved_until = 0.0
        self._busy = self._acquired = False
        self._guards: list[asyncio.Task[None]] = []

    @property
    def held(self) -> bool:
        return self._acquired and not self.lost.is_set() and boottime() < self._proved_until

    @property
    def fence(self) -> int | None:
        return self._fence if self._acquired else None

    async def acquire(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the contract's word
        if self._busy:
            raise CannotLock(
                "this lock is held or being acquired already", address=self._connection.shown, key=self.key
            )
        self._busy, self.lost = True, asyncio.Event()
        try:
            async with asyncio.timeout(None if timeout is None else max(timeout, 0) + self._connection.timeout):
                await self._join()
                if not await self._try():
                    try:
                        async with asyncio.timeout(timeout):
                            await self._wait_turn()
                    except TimeoutError:
                        raise CannotLock(
                            "somebody else holds the lock",
                            hint="`keyscope locks` shows who",
                            address=self._connection.shown,
                            key=self.key,
                        ) from None
                self._acquired = True
                self._guards.append(self._tasks.start(self._notice(), name=f"guard of the lock on {self.key}"))
        except TimeoutError:
            await self._leave()
            raise CannotLock("not obtained in time", address=self._connection.shown, key=self.key) from None
        except BaseException:
            await self._leave()
            raise

    async def release(self) -> None:
        if not self._busy:
            return
        acquired, self._acquired = self._acquired, False
        try:
            if acquired and not self.lost.is_set():
                await self._unlock()
        finally:
            await self._leave()

    async def put(self, key: str, value: bytes) -> Entry:
        if not self.held:
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
            address=self._connection.shown,
            key=key,
        )

    def _mine(self) -> Fields:
        return {"Verb": "check-session", "Key": self._place, "Session": self._session}

    # Obtaining

    async def _join(self) -> None:
        """Get a session and keep it alive."""
        sent = boottime()
        self._session = await sessions.create(
            self._connection,
            identity(),
            self._ttl,
            behavior=sessions.RELEASE,
            lock_delay=min(_LOCK_DELAY, self._ttl),
        )
        self._prove(sent, self._ttl)
        self._guards.append(self._tasks.start(self._renew(), name=f"session of the lock on {self.key}"))

    async def _try(self) -> bool:
        """Acquire the key if it is free, keeping what it holds unless the lock has a value of its own."""
        now = await self._current()
        if now is not None and now.session is not None:
            return self._took(now)
        before = now or absence(self._place)
        after = replace(before, session=self._session, value=self._value or before.value)
        if now is None:
            after = replace(after, flags=FLAG)
        self._made = now is None and not self._value
        try:
            written = await Save(self._connection, self.key, self._place, now, after).commit()
        except OutcomeUnknown:
            written = await self._current()
        return written is not None and self._took(written)

    def _took(self, now: Stored) -> bool:
        if now.session != self._session:
            return False
        self._fence = now.modified
        return True

    async def _wait_turn(self) -> None:
        """Wait until the key is free, and try, until that succeeds."""
        lost = self._tasks.start(self._session_lost(), name=f"session of the lock on {self.key} while it waits")
        turn = self._tasks.start(self._turn(), name=f"turn for the lock on {self.key}")
        try:
            await asyncio.wait((turn, lost), return_when=asyncio.FIRST_COMPLETED)
            (turn if turn.done() else lost).result()
        finally:
            await self._tasks.end(turn)
            await self._tasks.end(lost)

    async def _turn(self) -> None:
        while True:
            await self._until(lambda session: session is None)
            if await self._try():
                return
            await asyncio.sleep(_AGAIN)

    async def _session_lost(self) -> None:
        await self.lost.wait()
        raise CannotLock(
            "the session ended while waiting",
            hint="try again, with a longer TTL",
            address=self._connection.shown,
            key=self.key,
        )

    # Keeping

    def _prove(self, sent: float, ttl: float) -> None:
        """Take note that a request sent at this time proved the session to live."""
        self._proved_until = sent + ttl * (1 - MARGIN)

    async def _renew(self) -> None:
        """Keep the session alive; say at once when it has ended or the proof has run out."""
        ttl, session = self._ttl, self._session or ""
        while True:
            await asyncio.sleep(max(0.0, min(ttl / sessions.RENEWALS, self._proved_until - boottime())))
            left = self._proved_until - boottime()
            if left <= 0:
                break
            sent = boottime()
            try:
                async with asyncio.timeout(left):
                    ttl = await sessions.renew(self._connection, session, within=left)
            except KeyNotFound:
                break
            except (ExplorerError, TimeoutError):
                await asyncio.sleep(min(0.1, left))
                continue
            self._prove(sent, ttl)
        self.lost.set()

    async def _notice(self) -> None:
        """Say at once when the key is no longer ours: deleted, released by somebody, or its session ended."""
        with suppress(ExplorerError):  # without the watch, the proof of the session runs out all the same
            await self._until(lambda session: session != self._session)
            if self._acquired:  # else it is we who gave it up
                self.lost.set()

    async def _until(self, holds: Callable[[str | None], bool]) -> None:
        """Wait until something holds of the session that the key is locked by."""
        watch = KeyWatch(self._connection, self._writer.layout, self.key)
        async with Watch(self._tasks, watch.run, name=f"watch of the lock on {self.key}") as events:
            first = True
            async for event in events:
                match event:
                    case Started(entry=entry) if first:
                        first = False
                    case Put(entry=entry):
                        pass
                    case Deleted():
                        entry = None
                    case _:
                        continue
                if holds(entry.lease if entry else None):
                    return

    # Giving up

    async def _unlock(self) -> None:
        """Release the key, or delete it if it is to go; both only while it is ours."""
        while (now := await self._current()) is not None and now.session == self._session:
            unused = self._made and now.modified == self._fence
            after = None if self._delete_on_unlock or unused else replace(now, session=None)
            if await Save(self._connection, self.key, self._place, now, after).commit():
                return

    async def _leave(self) -> None:
        """End the guards and the session; if the store cannot be reached, it ends by itself."""
        self._acquired = False
        guards, self._guards = self._guards, []
        for one in guards:
            await self._tasks.end(one)
        session, self._session, self._fence = self._session, None, None
        if session:
            with suppress(NotReachable):
                await sessions.end(self._connection, session)
        self._busy = False

    async def _current(self) -> Stored | None:
        return await self._writer.current(self.key, self._place)
