"""Writing single keys: every write is a compare-and-swap, so that what became of it can be found out.

What the caller did not edit is kept: the flags, and the session, by which a lock is held or the entry lives. A locked
entry is written as its holder would, so that its lock index stays.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from explorer.drivers.consul import sessions
from explorer.drivers.consul.connection import Connection
from explorer.drivers.consul.layout import Layout, Stored
from explorer.drivers.consul.reading import Reader
from explorer.drivers.consul.requests import Fields
from explorer.drivers.consul.saving import Save, absence
from explorer.drivers.tasks import Tasks
from explorer.model.entries import Entry, Revision
from explorer.model.errors import ExplorerError, KeyExists, KeyModified, OutcomeUnknown, PreviousNotSpecified

_LONGEST: Final = 86400.0
"""Seconds of the longest TTL that a session can have; the shortest, 10 unless told otherwise, is the server's."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The session that an entry is to live by; None for no end."""

    session: str | None
    ttl: float | None


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the keys of an address."""

    connection: Connection
    layout: Layout
    tasks: Tasks
    """Keeps sessions alive."""

    async def put(self, key: str, value: bytes, *, ttl: float | None = None, keep_alive: bool = False) -> Entry:
        """Write an entry whatever is there now, see `Store.put`."""
        place = self.layout.locate(key)
        lifetime = await self._granted(key, ttl)
        try:
            while True:
                entry = await self._write(key, value, await self.current(key, place), lifetime)
                if entry is not None:
                    break
        except ExplorerError as error:
            await self._give_back(lifetime, error)
            raise
        if lifetime and lifetime.session and lifetime.ttl and keep_alive:
            renewing = sessions.keep_alive(self.connection, lifetime.session, lifetime.ttl)
            self.tasks.start(renewing, name=f"session of {key}")
        return entry

    async def atomic_put(
        self, key: str, value: bytes, previous: Entry | Revision | None, *, ttl: float | None = None
    ) -> Entry:
        """Write an entry only if it is the one that was read, see `Store.atomic_put`."""
        place = self.layout.locate(key)
        before = None if previous is None else await self._seen(key, place, previous)
        lifetime = await self._granted(key, ttl)
        try:
            entry = await self._write(key, value, before, lifetime)
            if entry is None:
                raise self._taken(key) if previous is None else self._modified(key)
        except ExplorerError as error:
            await self._give_back(lifetime, error)
            raise
        return entry

    async def delete(self, key: str) -> None:
        """Delete an entry, see `Store.delete`."""
        place = self.layout.locate(key)
        while True:
            now = await self.current(key, place)
            if now is None:
                raise self.layout.absent(key)
            if await Save(self.connection, key, place, now, None).commit():
                return

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        """Delete an entry only if it is the one that was read, see `Store.atomic_delete`."""
        if previous is None:
            raise PreviousNotSpecified("say which entry is to be deleted", address=self.layout.shown, key=key)
        place = self.layout.locate(key)
        if await self.current(key, place) is None:
            raise self.layout.absent(key)
        before = await self._seen(key, place, previous)
        if await Save(self.connection, key, place, before, None).commit():
            return
        if await self.current(key, place) is None:
            raise self.layout.absent(key)
        raise self._modified(key)

    async def commit_put(self, key: str, value: bytes, condition: Fields) -> Entry | None:
        """Put under a further condition; None when that does not hold."""
        place = self.layout.locate(key)
        while True:
            entry = await self._write(key, value, await self.current(key, place), None, besides=(condition,))
            if entry is not None:
                return entry
            verdict = await self.connection.commit([condition], key=key, consistency="consistent", repeat=True)
            if not verdict.won:
                return None

    async def current(self, key: str, place: str) -> Stored | None:
        """Read what is stored now."""
        return await Reader(self.connection, self.layout.separator, key).entry(place)

    async def _seen(self, key: str, place: str, previous: Entry | Revision) -> Stored:
        """Give what is stored if it is what the caller had read."""
        now = await self.current(key, place)
        modified, created = self.layout.state(previous)
        if now is None or now.modified != modified or created not in (None, now.created):
            raise self._modified(key)
        return now

    async def _write(
        self,
        key: str,
        value: bytes,
        before: Stored | None,
        lifetime: Lifetime | None,
        *,
        besides: Sequence[Fields] = (),
    ) -> Entry | None:
        """Write if the key is as it was, keeping its session unless given another; None if it is not."""
        place = self.layout.locate(key)
        after = replace(before or absence(place), value=value)
        if lifetime is not None:
            after = replace(after, session=lifetime.session)
        written = await Save(self.connection, key, place, before, after, besides).commit()
        if written is None:
            return None
        if lifetime:
            return self.layout.entry(written, ttl=lifetime.ttl)
        try:
            return self.layout.entry(written, ttl=await remaining(self.connection, written))
        except ExplorerError:  # it is written all the same
            return self.layout.entry(written, ttl=None)

    async def _granted(self, key: str, ttl: float | None) -> Lifetime | None:
        """Get the session that an entry is to live by: None to keep what it has."""
        if ttl is None:
            return None
        if not ttl > 0:
            raise ExplorerError(f"{ttl} is no time to live", hint="a positive number of seconds, or inf for ever")
        if math.isinf(ttl):
            return Lifetime(None, None)
        seconds = min(ttl, _LONGEST)
        made = await sessions.create(self.connection, f"{sessions.LIFETIME}: {key}", seconds, behavior=sessions.DELETE)
        return Lifetime(made, seconds)

    async def _give_back(self, lifetime: Lifetime | None, error: ExplorerError) -> None:
        """End a session that nothing came to live by, unless that is not known."""
        if lifetime and not isinstance(error, OutcomeUnknown):
            await sessions.give_back(self.connection, lifetime.session)

    def _taken(self, key: str) -> KeyExists:
        return KeyExists(
            "the key exists already", hint="read it and save against what you read", address=self.layout.shown, key=key
        )

    def _modified(self, key: str) -> KeyModified:
        return KeyModified(
            "the key was changed since it was read", hint="read it again", address=self.layout.shown, key=key
        )


async def remaining(connection: Connection, stored: Stored) -> float | None:
    """Give the TTL of the session that an entry lives by: the least that is left right after a renewal."""
    if stored.session is None:
        return None
    session = await sessions.tell(connection, stored.session)
    return session.ttl if session and session.behavior == sessions.DELETE else None
