"""Who holds which lock, read from the sessions that keys are acquired by.

Two layouts are recognised: a key that a session holds, and the semaphore of Consul's Go client (`consul lock -n`):
`<prefix>/.lock` lists the holders' sessions in JSON, and each contender has a key `<prefix>/<session>`. Only those can
be seen waiting: who waits for a plain lock leaves no trace.

An entry that lives by a session that would delete it is not taken for a lock, unless its flags say so. What holds a
lock was written after its session was made; so only that much is read.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from explorer.drivers.common.leases import parse_holder
from explorer.drivers.consul import requests, sessions
from explorer.drivers.consul.answers import RELEASE, Session, Stored
from explorer.drivers.consul.changed_keys import ChangedKeys
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.keyspace import ConsulKeyspace
from explorer.drivers.consul.lock import FLAG
from explorer.drivers.consul.reader import ConsulReader
from explorer.drivers.consul.semaphore import LIST, SEMAPHORE, Semaphore
from explorer.model.locks import Contender, LockInfo

CONSUL: Final = "consul"
"""The name of the layout that a lock can be taken in."""
_WITHOUT_SESSIONS: Final = 10_000
"""Entries that are read to find locks whose sessions are not told."""


async def list_locks(connection: ConsulConnection, layout: ConsulKeyspace, prefix: str) -> tuple[LockInfo, ...]:
    """Tell every lock at or below a prefix."""
    alive = {session.id: session for session in await connection.ask(requests.sessions(), key=prefix)}
    found = await _suspects(connection, layout, prefix, alive.values())
    return LockScan(layout, alive, found).locks()


async def _suspects(
    connection: ConsulConnection, layout: ConsulKeyspace, prefix: str, alive: Iterable[Session]
) -> list[Stored]:
    """Read what may be part of a lock: what was written since the oldest session was made, and lists of semaphores."""
    reader = ConsulReader(connection, layout.separator, prefix)
    base = layout.base(prefix)
    keys = sorted(await reader.everything(base))
    if base.removesuffix(layout.separator) and prefix:
        keys.insert(0, layout.locate(prefix.removesuffix(layout.separator)))
    found = {one.key: one for one in await reader.entries([key for key in keys if key.endswith(LIST)])}
    oldest = min((session.created for session in alive), default=None)
    if oldest is None and connection.settings.access.password is not None and len(keys) <= _WITHOUT_SESSIONS:
        oldest = 1  # there may be sessions that the token may not see
    if keys and oldest is not None:
        wanted = set(keys)
        async for newer in ChangedKeys(connection, reader, oldest - 1).newer(keys):
            found.update((one.key, one) for one in newer if one.key in wanted)
    return [found[key] for key in sorted(found)]


@dataclass(frozen=True, slots=True)
class LockScan:
    """Keys and sessions, read at about the same time, and the locks that they make."""

    layout: ConsulKeyspace
    sessions: Mapping[str, Session]
    found: list[Stored]

    def locks(self) -> tuple[LockInfo, ...]:
        """Give the locks in the order of their keys."""
        held: dict[str, list[str]] = defaultdict(list)
        for one in self.found:
            if one.session:
                held[one.session].append(self.layout.relative(one.key))
        semaphores = {one.key.removesuffix(LIST): (one, read) for one in self.found if (read := Semaphore.of(one))}
        told = [self._semaphore(name, *semaphore, held) for name, semaphore in semaphores.items()]
        told += [
            self._plain(one, held)
            for one in self.found
            if one.session and one.key.rpartition("/")[0] not in semaphores and self._locks(one)
        ]
        return tuple(sorted((lock for lock in told if lock), key=lambda lock: lock.key))

    def _locks(self, one: Stored) -> bool:
        """Tell a lock from an entry that lives by a session."""
        session = self.sessions.get(one.session or "")
        if session is None or session.behavior == RELEASE:
            return True
        return one.flags == FLAG and not session.name.startswith(sessions.LIFETIME)

    def _plain(self, one: Stored, held: Mapping[str, list[str]]) -> LockInfo:
        return LockInfo(
            key=self.layout.relative(one.key),
            kind=f"Consul lock{self._terms(one.session)}; waiters cannot be seen",
            layout=CONSUL,
            holder=self._contender(one.session or "", one, held),
        )

    def _semaphore(
        self, name: str, listed: Stored, semaphore: Semaphore, held: Mapping[str, list[str]]
    ) -> LockInfo | None:
        contenders = {one.session: one for one in self.found if one.session and one.key == f"{name}/{one.session}"}
        queue = sorted(contenders.values(), key=lambda one: one.created)
        holders = [one for one in queue if one.session in semaphore.holders]
        gone = [session for session in semaphore.holders if session not in contenders]
        if not (queue or gone):
            return None
        others = ", ".join(self._contender(one.session or "", one, held).name for one in holders[1:])
        first = holders[0] if holders else None
        dead = gone[0] if gone and first is None else None
        return LockInfo(
            key=self.layout.relative(name),
            kind=f"Consul semaphore, {len(semaphore.holders)} of {semaphore.limit} held"
            + (f", also by {others}" if others else ""),
            layout=SEMAPHORE,
            holder=self._contender(first.session or "", first, held)
            if first
            else self._contender(dead, listed, held)
            if dead
            else None,
            waiters=tuple(
                self._contender(one.session or "", one, held) for one in queue if one.session not in semaphore.holders
            ),
            stale="the holder's session has ended; whoever comes next takes its place" if dead else None,
        )

    def _terms(self, session_id: str | None) -> str:
        session = self.sessions.get(session_id or "")
        if session is None:
            return ""
        return f" (session on {session.node}, {session.behavior}, lock-delay {session.lock_delay:g} s)"

    def _contender(self, session_id: str, one: Stored, held: Mapping[str, list[str]]) -> Contender:
        session = self.sessions.get(session_id)
        name, since = parse_holder(session.name if session else "")
        key = self.layout.relative(one.key)
        return Contender(
            name=name or f"session {session_id}",
            key=key,
            session=session_id,
            ttl=session.ttl if session else None,
            since=since or one.modified,
            fence=one.modified,
            other_keys=tuple(sorted(other for other in held.get(session_id, ()) if other != key)),
        )
