"""Writing single keys, see `drivers.writing`: what is guarded is a key's ModifyIndex.

What the caller did not edit is kept: the flags, and the session, by which a lock is held or the entry lives. A locked
entry is written as its holder would, so that its lock index stays.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from explorer.drivers.common import cas_writer
from explorer.drivers.common.cas_writer import Version
from explorer.drivers.common.errors import key_exists, key_modified
from explorer.drivers.common.json_fields import Fields
from explorer.drivers.common.leases import keep_alive
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.consul import sessions
from explorer.drivers.consul.answers import Stored
from explorer.drivers.consul.cas import ConsulCasWrite, absence
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.errors import SessionEndedError
from explorer.drivers.consul.keyspace import ConsulKeyspace
from explorer.drivers.consul.reader import ConsulReader
from explorer.model.entries import Entry, Revision
from explorer.model.errors import Conflict, ExplorerError

_LONGEST: Final = 86400.0
"""Seconds of the longest TTL that a session can have; the shortest, 10 unless told otherwise, is the server's."""


@dataclass(frozen=True, slots=True)
class ConsulLease:
    """The session that an entry is to live by; None for no end."""

    session: str | None
    ttl: float | None


class ConsulWriter(cas_writer.ConditionalCasWriter[Stored, ConsulLease, Fields]):
    """Writes the keys of an address.

    Args:
        connection: Is asked.
        layout: Spells entries.
        tasks: Keeps sessions alive.
    """

    def __init__(self, connection: ConsulConnection, layout: ConsulKeyspace, tasks: Tasks) -> None:
        self.connection = connection
        self.layout = layout
        self.tasks = tasks

    async def current(self, key: str) -> Stored | None:
        return await ConsulReader(self.connection, self.layout.separator, key).entry(self.layout.locate(key))

    async def _guard_for(self, key: str, previous: Entry | Revision) -> Stored | None:
        now, (modified, created) = await self.current(key), Version.of(previous)
        return now if now and now.modified == modified and created in (None, now.created) else None

    async def _write(
        self,
        key: str,
        value: bytes,
        guard: Stored | None,
        lease: ConsulLease | None,
        *,
        extra_conditions: Sequence[Fields] = (),
    ) -> Entry:
        place = self.layout.locate(key)
        after = replace(guard or absence(place), value=value)
        if lease is not None:
            after = replace(after, session=lease.session)
        try:
            written = await ConsulCasWrite(self.connection, key, place, guard, after, extra_conditions).commit()
        except SessionEndedError as error:
            raise Conflict(
                "the session that the entry was to live by has ended; nothing was written",
                hint="try again, with a longer TTL",
            ) from error
        if written is None:
            raise key_exists() if guard is None else key_modified()
        if lease:
            return self.layout.entry(written, ttl=lease.ttl)
        try:
            return self.layout.entry(written, ttl=await remaining(self.connection, written))
        except ExplorerError:  # it is written all the same
            return self.layout.entry(written, ttl=None)

    async def _delete(self, key: str, guard: Stored) -> None:
        if await ConsulCasWrite(self.connection, key, self.layout.locate(key), guard, None).commit() is None:
            raise key_modified()

    async def _condition_holds(self, key: str, condition: Fields) -> bool:
        return (await self.connection.commit([condition], key=key, consistency="consistent", repeat=True)).won

    async def _grant(self, key: str, ttl: float, *, keep_alive: bool) -> ConsulLease:
        del keep_alive
        if math.isinf(ttl):
            return ConsulLease(None, None)
        seconds = min(ttl, _LONGEST)
        made = await sessions.create(
            self.connection, f"{sessions.LIFETIME}: {key}", seconds, key=key, behavior=sessions.DELETE
        )
        return ConsulLease(made, seconds)

    async def _revoke(self, lease: ConsulLease) -> None:
        if lease.session:
            await sessions.end(self.connection, lease.session)

    def _keep_alive(self, key: str, lease: ConsulLease) -> None:
        session = lease.session
        if session and lease.ttl:
            renewing = keep_alive(lambda left: sessions.renew(self.connection, session, within=left), lease.ttl)
            self.tasks.start(renewing, name=f"session of {key}")


async def remaining(connection: ConsulConnection, stored: Stored) -> float | None:
    """Give the TTL of the session that an entry lives by: the least that is left right after a renewal."""
    if stored.session is None:
        return None
    session = await sessions.describe_session(connection, stored.session)
    return session.ttl if session and session.behavior == sessions.DELETE else None
