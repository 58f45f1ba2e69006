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


class ConsulWriter(cas_writer.CasWriter[Stored, ConsulLease, Fields]):
    """Writes the keys of an address.

    Args:
        connection: Is asked.
        layout: Spells entries.
        tasks: Keeps sessions alive.
    """

    def __init__(self, connection: ConsulConnection, layout: ConsulKeyspace, tasks: Tasks) -> None:
        super().__init__(layout.redacted)
        self.connection = connection
        self.layout = layout
        self.tasks = tasks

    async def current(self, key: str) -> Stored | None:
        return await ConsulReader(self.connection, self.layout.separator, key).entry(self.layout.locate(key))

    async def _seen(self, key: str, previous: Entry | Revision) -> Stored | None:
        now, (modified, created) = await self.current(key), Version.of(previous)
        return now if now and now.modified == modified and created in (None, now.created) else None

    async def _write(
        self,
        key: str,
        value: bytes,
        before: Stored | None,
        life: ConsulLease | None,
        *,
        besides: Sequence[Fields] = (),
    ) -> Entry | None:
        place = self.layout.locate(key)
        after = replace(before or absence(place), value=value)
        if life is not None:
            after = replace(after, session=life.session)
        try:
            written = await ConsulCasWrite(self.connection, key, place, before, after, besides).commit()
        except SessionEndedError as error:
            raise Conflict(
                "the session that the entry was to live by has ended; nothing was written",
                hint="try again, with a longer TTL",
                address=self.redacted,
                key=key,
            ) from error
        if written is None:
            return None
        if life:
            return self.layout.entry(written, ttl=life.ttl)
        try:
            return self.layout.entry(written, ttl=await remaining(self.connection, written))
        except ExplorerError:  # it is written all the same
            return self.layout.entry(written, ttl=None)

    async def _erase(self, key: str, before: Stored) -> bool:
        return await ConsulCasWrite(self.connection, key, self.layout.locate(key), before, None).commit() is not None

    async def _holds(self, key: str, condition: Fields) -> bool:
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

    async def _give_back(self, life: ConsulLease) -> None:
        if life.session:
            await sessions.end(self.connection, life.session)

    def _keep_alive(self, key: str, life: ConsulLease) -> None:
        session = life.session
        if session and life.ttl:
            renewing = keep_alive(lambda left: sessions.renew(self.connection, session, within=left), life.ttl)
            self.tasks.start(renewing, name=f"session of {key}")


async def remaining(connection: ConsulConnection, stored: Stored) -> float | None:
    """Give the TTL of the session that an entry lives by: the least that is left right after a renewal."""
    if stored.session is None:
        return None
    session = await sessions.describe_session(connection, stored.session)
    return session.ttl if session and session.behavior == sessions.DELETE else None
