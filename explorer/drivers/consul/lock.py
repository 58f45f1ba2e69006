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
from dataclasses import replace
from typing import Final

from explorer.drivers.common.errors import other_layout
from explorer.drivers.common.json_fields import Fields
from explorer.drivers.common.lease_lock import LeaseLock
from explorer.drivers.common.leases import holder_id
from explorer.drivers.common.network_store import LockOptions
from explorer.drivers.common.watch import Watch
from explorer.drivers.consul import sessions
from explorer.drivers.consul.answers import RELEASE, Stored
from explorer.drivers.consul.cas import ConsulCasWrite, absence
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.errors import SessionEndedError
from explorer.drivers.consul.reader import ConsulReader
from explorer.drivers.consul.semaphore import LIST, SEMAPHORE, Semaphore
from explorer.drivers.consul.watch import ConsulKeyWatch
from explorer.drivers.consul.writer import ConsulWriter
from explorer.model.clock import boottime
from explorer.model.entries import Entry
from explorer.model.errors import OutcomeUnknown
from explorer.model.events import Deleted, Put, Started

FLAG: Final = 0x2DDCCBC058A50C18
"""What Consul's Go client writes into the flags of a key that it locks; one with other flags it refuses to lock."""
_LOCK_DELAY: Final = 15.0
"""Seconds in which nobody gets a lock that was lost: Consul's own figure, or the TTL if that is shorter."""
_AGAIN: Final = 0.5
"""Seconds between two tries for a lock that is free and delayed; Consul does not tell when the delay is over."""


class ConsulLock(LeaseLock[ConsulConnection]):
    """A lock on a key, see `Lock`."""

    lease_noun = "session"

    def __init__(self, writer: ConsulWriter, options: LockOptions) -> None:
        super().__init__(options, writer.tasks, writer.connection)
        self._writer = writer
        self._place = writer.layout.locate(options.key)
        self._session: str | None = None
        self._made = False
        """Whether the key came to be by being locked, and holds nothing."""

    # Obtaining

    async def _refuse_other_layouts(self) -> None:
        """Raise CannotLock if somebody holds a semaphore on the key, or the key is the list of one."""
        reader = ConsulReader(self._connection, self._writer.layout.separator, self.key)
        for stored in await reader.entries([self._place, self._place + LIST]):
            semaphore = Semaphore.of(stored)
            if semaphore is None:
                continue
            prefix = stored.key.removesuffix(LIST)
            contenders = await reader.entries([f"{prefix}/{session}" for session in semaphore.holders])
            if stored.key == self._place or any(one.session for one in contenders):
                raise other_layout(
                    SEMAPHORE,
                    f"{self._writer.layout.relative(stored.key)} lists who holds it",
                    takeable=False,
                )

    async def _enqueue(self) -> None:
        sent, ttl = boottime(), self._options.ttl
        self._session = await sessions.create(
            self._connection, holder_id(), ttl, key=self.key, behavior=RELEASE, lock_delay=min(_LOCK_DELAY, ttl)
        )
        self._start_keepalive(sent, ttl)

    async def _try_acquire(self) -> bool:
        """Acquire the key if it is free, keeping what it holds unless the lock has a value of its own."""
        now = await self._writer.current(self.key)
        if now is not None and now.session is not None:
            return self._took(now)
        before = now or absence(self._place)
        after = replace(before, session=self._session, value=self._options.value or before.value)
        if now is None:
            after = replace(after, flags=FLAG)
        self._made = now is None and not self._options.value
        try:
            written = await ConsulCasWrite(self._connection, self.key, self._place, now, after).commit()
        except OutcomeUnknown:
            written = await self._writer.current(self.key)
        except SessionEndedError as error:
            raise self._lease_ended() from error
        return written is not None and self._took(written)

    def _took(self, now: Stored) -> bool:
        if now.session != self._session:
            return False
        self._fence = now.modified
        return True

    async def _wait_turn(self) -> None:
        while True:
            await self._until(lambda session: session is None)
            if await self._try_acquire():
                return
            await asyncio.sleep(_AGAIN)

    async def _confirm(self) -> bool:
        self._watch_ownership(lambda: self._until(lambda session: session != self._session))
        return True

    # Keeping

    async def _renew(self, left: float) -> float:
        return await sessions.renew(self._connection, self._session or "", within=left)

    async def _write(self, key: str, value: bytes) -> Entry | None:
        mine: Fields = {"Verb": "check-session", "Key": self._place, "Session": self._session}
        return await self._writer.put_if(key, value, mine)

    async def _until(self, holds: Callable[[str | None], bool]) -> None:
        """Wait until something holds of the session that the key is locked by."""
        watch = ConsulKeyWatch(self._connection, self._writer.layout, self.key)
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
        while (now := await self._writer.current(self.key)) is not None and now.session == self._session:
            unused = self._made and now.modified == self._fence
            after = None if self._options.delete_on_unlock or unused else replace(now, session=None)
            if await ConsulCasWrite(self._connection, self.key, self._place, now, after).commit():
                return

    async def _end_session(self) -> None:
        session, self._session = self._session, None
        if session:
            await sessions.end(self._connection, session)
