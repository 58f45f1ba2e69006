"""Writes of single keys, see `drivers.common.cas_writer`: the guard is a key's ModifyIndex.

A write keeps the flags and the session (by which a lock is held, or which limits the entry's life). A locked key is
written as its holder would write it, so that its lock index stays.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from explorer.drivers.common import cas_writer
from explorer.drivers.common.cas_writer import ExpectedVersion
from explorer.drivers.common.created_meta import flags_of
from explorer.drivers.common.errors import key_exists, key_modified
from explorer.drivers.common.json_fields import Fields
from explorer.drivers.common.leases import keep_alive
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.consul import sessions
from explorer.drivers.consul.answers import KVPair
from explorer.drivers.consul.cas import ConsulCasWrite, missing_pair
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.errors import SessionEndedError
from explorer.drivers.consul.keyspace import ConsulKeyspace
from explorer.drivers.consul.reader import ConsulReader
from explorer.model.entries import Entry, Meta, Revision
from explorer.model.errors import Conflict, ExplorerError

_MAX_TTL: Final = 86400.0
"""Seconds of the longest TTL of a session; the server's configuration sets the shortest one (default 10)."""


@dataclass(frozen=True, slots=True)
class ConsulLease:
    """The session that limits the life of an entry; None if it does not end."""

    session: str | None
    ttl: float | None


class ConsulWriter(cas_writer.ConditionalCasWriter[KVPair, ConsulLease, Fields]):
    """Writes the keys of an address.

    Args:
        connection: The connection.
        keyspace: Makes entries.
        tasks: Owner of the tasks that keep sessions alive.
    """

    def __init__(self, connection: ConsulConnection, keyspace: ConsulKeyspace, tasks: Tasks) -> None:
        self.connection = connection
        self.keyspace = keyspace
        self.tasks = tasks

    async def current(self, key: str) -> KVPair | None:
        return await ConsulReader(self.connection, self.keyspace.separator).get_pair(self.keyspace.to_store_key(key))

    async def _guard_for(self, key: str, previous: Entry | Revision) -> KVPair | None:
        now, (modify_index, created) = await self.current(key), ExpectedVersion.of(previous)
        return now if now and now.modify_index == modify_index and created in (None, now.create_index) else None

    async def _write(
        self,
        key: str,
        value: bytes,
        guard: KVPair | None,
        lease: ConsulLease | None,
        *,
        extra_conditions: Sequence[Fields] = (),
        flags: int = 0,
    ) -> Entry:
        store_key = self.keyspace.to_store_key(key)
        after = replace(guard or missing_pair(store_key, flags), value=value)
        if lease is not None:
            after = replace(after, session=lease.session)
        try:
            written = await ConsulCasWrite(self.connection, key, store_key, guard, after, extra_conditions).commit()
        except SessionEndedError as error:
            raise Conflict(
                "the session of the new entry has ended; nothing was written", hint="try again, with a longer TTL"
            ) from error
        if written is None:
            raise key_exists() if guard is None else key_modified()
        if lease:
            return self.keyspace.to_entry(written, ttl=lease.ttl)
        try:
            return self.keyspace.to_entry(written, ttl=await lease_ttl(self.connection, written))
        except ExplorerError:  # the entry is written; only its TTL is unknown
            return self.keyspace.to_entry(written, ttl=None)

    async def _create(self, key: str, value: bytes, lease: ConsulLease | None, meta: Meta) -> Entry:
        return await self._write(key, value, None, lease, flags=flags_of(meta))

    async def _delete(self, key: str, guard: KVPair) -> None:
        store_key = self.keyspace.to_store_key(key)
        if await ConsulCasWrite(self.connection, key, store_key, guard, None).commit() is None:
            raise key_modified()

    async def _condition_holds(self, key: str, condition: Fields) -> bool:
        del key
        return (await self.connection.commit([condition], consistency="consistent", repeat=True)).succeeded

    async def _grant(self, key: str, ttl: float, *, keep_alive: bool) -> ConsulLease:
        del keep_alive
        if math.isinf(ttl):
            return ConsulLease(None, None)
        seconds = min(ttl, _MAX_TTL)
        session = await sessions.create(
            self.connection, f"{sessions.LIFETIME}: {key}", seconds, behavior=sessions.DELETE
        )
        return ConsulLease(session, seconds)

    async def _revoke(self, lease: ConsulLease) -> None:
        if lease.session:
            await sessions.destroy(self.connection, lease.session)

    def _keep_alive(self, key: str, lease: ConsulLease) -> None:
        session = lease.session
        if session and lease.ttl:
            renewing = keep_alive(lambda left: sessions.renew(self.connection, session, within=left), lease.ttl)
            self.tasks.start(renewing, name=f"session of {key}")


async def lease_ttl(connection: ConsulConnection, pair: KVPair) -> float | None:
    """Return the TTL of the session that limits the life of a pair: the shortest time left after a renewal."""
    if pair.session is None:
        return None
    session = await sessions.describe_session(connection, pair.session)
    return session.ttl if session and session.behavior == sessions.DELETE else None
