"""Locks as Consul's own clients take them: a session acquires the key itself.

So `consul lock` and this lock exclude each other (`consul lock name` locks the key `name/.lock`), and so do all clients
that respect the key's session.

Consul guarantees that at most one session holds a key, and that a session lives for its TTL at least. A lock counts as
held only while that is provable. Its flag and its lock index prove nothing: other clients set the flag on ordinary
data, and a plain write resets the index (observed with 1.8.7). So the fence is the ModifyIndex of the acquisition, and
a fenced write checks the session.

Consul has no queue: the first client that tries after the lock was released gets it; after a loss, not before the
lock-delay is over.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from explorer.drivers.common.connected_store import LockOptions
from explorer.drivers.common.errors import other_layout
from explorer.drivers.common.json_fields import Fields
from explorer.drivers.common.lease_lock import LeaseLock
from explorer.drivers.common.leases import holder_id
from explorer.drivers.common.watch import Watch
from explorer.drivers.consul import sessions
from explorer.drivers.consul.answers import RELEASE, KVPair
from explorer.drivers.consul.cas import ConsulCasWrite, missing_pair
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.errors import SessionEndedError
from explorer.drivers.consul.reader import ConsulReader
from explorer.drivers.consul.watch import ConsulKeyWatch
from explorer.drivers.consul.writer import ConsulWriter
from explorer.model.clock import boottime
from explorer.model.entries import Entry
from explorer.model.errors import OutcomeUnknown
from explorer.model.events import Deleted, Put, Started

LOCK_FLAG: Final = 0x2DDCCBC058A50C18
"""Flags that Consul's Go client sets on a key that it locks; it refuses to lock a key with other flags."""
SEMAPHORE_FLAG: Final = 0xE0F69A2BAA414DE0
"""Flags that Consul's Go client sets on the keys of a semaphore."""
SEMAPHORE: Final = "semaphore"
"""Name of the semaphore layout."""
SEMAPHORE_SUFFIX: Final = "/.lock"
"""End of the key that lists a semaphore's holders."""
_LOCK_DELAY: Final = 15.0
"""Seconds for which a lost lock cannot be acquired: Consul's default, or the TTL if that is shorter."""
_RETRY_INTERVAL: Final = 0.5
"""Seconds between two tries for a free lock in its lock-delay; Consul does not say when the delay is over."""


@dataclass(frozen=True, slots=True)
class Semaphore:
    """The semaphore of Consul's Go client (`consul lock -n`): a list of holders at `<prefix>/.lock`, in JSON."""

    limit: int
    holders: tuple[str, ...]
    """IDs of sessions."""

    @classmethod
    def of(cls, pair: KVPair) -> "Semaphore | None":
        """Return the semaphore in a pair; None if the pair is not a list of holders."""
        if pair.flags != SEMAPHORE_FLAG or not pair.key.endswith(SEMAPHORE_SUFFIX):
            return None
        try:
            match json.loads(pair.value):
                case {"Limit": int(limit), "Holders": dict(holders)}:
                    return cls(limit, tuple(sorted(holders)))
        except ValueError:
            pass
        return None


class ConsulLock(LeaseLock[ConsulConnection]):
    """A lock on a key, see `Lock`."""

    lease_noun = "session"

    def __init__(self, writer: ConsulWriter, options: LockOptions) -> None:
        super().__init__(options, writer.tasks, writer.connection)
        self._writer = writer
        self._store_key = writer.keyspace.to_store_key(options.key)
        self._session: str | None = None
        self._is_key_ours = False
        """True if acquiring the lock created the key, without a value."""

    # Acquiring

    async def _refuse_other_layouts(self) -> None:
        """Raise CannotLock if there is a semaphore with holders on the key, or the key is the list of one."""
        reader = ConsulReader(self._connection, self._writer.keyspace.separator)
        for pair in await reader.get_pairs([self._store_key, self._store_key + SEMAPHORE_SUFFIX]):
            semaphore = Semaphore.of(pair)
            if semaphore is None:
                continue
            prefix = pair.key.removesuffix(SEMAPHORE_SUFFIX)
            contenders = await reader.get_pairs([f"{prefix}/{session}" for session in semaphore.holders])
            if pair.key == self._store_key or any(contender.session for contender in contenders):
                raise other_layout(
                    SEMAPHORE,
                    f"{self._writer.keyspace.to_key(pair.key)} lists its holders",
                    takeable=False,
                )

    async def _enqueue(self) -> None:
        sent, ttl = boottime(), self._options.ttl
        self._session = await sessions.create(
            self._connection, holder_id(self._options.value), ttl, behavior=RELEASE, lock_delay=min(_LOCK_DELAY, ttl)
        )
        self._start_keepalive(sent, ttl)

    async def _try_acquire(self) -> bool:
        """Acquire the key if it is free; it keeps its value unless the lock has one."""
        now = await self._writer.current(self.key)
        if now is not None and now.session is not None:
            return self._is_acquired(now)
        before = now or missing_pair(self._store_key)
        after = replace(before, session=self._session, value=self._options.value or before.value)
        if now is None:
            after = replace(after, flags=LOCK_FLAG)
        self._is_key_ours = now is None and not self._options.value
        try:
            written = await ConsulCasWrite(self._connection, self.key, self._store_key, now, after).commit()
        except OutcomeUnknown:
            written = await self._writer.current(self.key)
        except SessionEndedError as error:
            raise self._lease_ended() from error
        return written is not None and self._is_acquired(written)

    def _is_acquired(self, now: KVPair) -> bool:
        if now.session != self._session:
            return False
        self._fence = now.modify_index
        return True

    async def _wait_turn(self) -> None:
        while True:
            await self._wait_for_session(lambda session: session is None)
            if await self._try_acquire():
                return
            await asyncio.sleep(_RETRY_INTERVAL)

    async def _confirm(self) -> bool:
        self._watch_ownership(lambda: self._wait_for_session(lambda session: session != self._session))
        return True

    # Keeping

    async def _renew(self, left: float) -> float:
        return await sessions.renew(self._connection, self._session or "", within=left)

    async def _write(self, key: str, value: bytes) -> Entry | None:
        is_held: Fields = {"Verb": "check-session", "Key": self._store_key, "Session": self._session}
        return await self._writer.put_if(key, value, is_held)

    async def _wait_for_session(self, condition: Callable[[str | None], bool]) -> None:
        """Wait until a condition holds for the session by which the key is locked."""
        watch = ConsulKeyWatch(self._connection, self._writer.keyspace, self.key)
        async with Watch(self._tasks, watch.run, name=f"watch of the lock on {self.key}") as events:
            is_first = True
            async for event in events:
                match event:
                    case Started(entry=entry) if is_first:
                        is_first = False
                    case Put(entry=entry):
                        pass
                    case Deleted():
                        entry = None
                    case _:
                        continue
                if condition(entry.lease if entry else None):
                    return

    # Releasing

    async def _unlock(self) -> None:
        """Release the key, or delete it; both only while this session holds it."""
        while (now := await self._writer.current(self.key)) is not None and now.session == self._session:
            is_unused = self._is_key_ours and now.modify_index == self._fence
            after = None if self._options.delete_on_unlock or is_unused else replace(now, session=None)
            if await ConsulCasWrite(self._connection, self.key, self._store_key, now, after).commit():
                return

    async def _end_session(self) -> None:
        session, self._session = self._session, None
        if session:
            await sessions.destroy(self._connection, session)
