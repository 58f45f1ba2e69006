"""Locks and their contenders, read from the sessions by which keys are acquired.

Two layouts are recognised: a key that a session holds, and the semaphore of Consul's Go client (`consul lock -n`):
`<prefix>/.lock` lists the holders' sessions in JSON, and each contender has a key `<prefix>/<session>`. Only a
semaphore shows its waiters: a client that waits for a plain lock leaves no trace.

An entry with a session that would delete it counts as a lock only if its flags say so. A lock was written after its
session was created, so only pairs that are newer than the oldest session are read.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from explorer.drivers.common.leases import parse_holder
from explorer.drivers.consul import requests, sessions
from explorer.drivers.consul.answers import RELEASE, ConsulSession, KVPair
from explorer.drivers.consul.changed_keys import ChangedKeys
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.keyspace import ConsulKeyspace
from explorer.drivers.consul.lock import LOCK_FLAG, SEMAPHORE, SEMAPHORE_SUFFIX, Semaphore
from explorer.drivers.consul.reader import ConsulReader
from explorer.model.locks import Contender, LockInfo

CONSUL: Final = "consul"
"""Name of the layout in which a lock can be taken."""
_MAX_KEYS_WITHOUT_SESSIONS: Final = 10_000
"""Keys that are read to find locks if the token may not see the sessions."""


async def list_locks(connection: ConsulConnection, keyspace: ConsulKeyspace, prefix: str) -> tuple[LockInfo, ...]:
    """Return the locks at or below a prefix."""
    sessions_by_id = {session.id: session for session in await connection.send(requests.list_sessions())}
    pairs = await _read_candidates(connection, keyspace, prefix, sessions_by_id.values())
    return LockScan(keyspace, sessions_by_id, pairs).locks()


async def _read_candidates(
    connection: ConsulConnection, keyspace: ConsulKeyspace, prefix: str, live_sessions: Iterable[ConsulSession]
) -> list[KVPair]:
    """Return the pairs that may belong to a lock: those newer than the oldest session, and semaphores."""
    reader = ConsulReader(connection, keyspace.separator)
    base = keyspace.to_store_prefix(prefix)
    keys = sorted(await reader.list_keys(base))
    if base.removesuffix(keyspace.separator) and prefix:
        keys.insert(0, keyspace.to_store_key(prefix.removesuffix(keyspace.separator)))
    semaphores = await reader.get_pairs([key for key in keys if key.endswith(SEMAPHORE_SUFFIX)])
    candidates = {pair.key: pair for pair in semaphores}
    oldest = min((session.create_index for session in live_sessions), default=None)
    has_token = connection.settings.access.password is not None
    if oldest is None and has_token and len(keys) <= _MAX_KEYS_WITHOUT_SESSIONS:
        oldest = 1  # there may be sessions that the token may not see
    if keys and oldest is not None:
        requested = set(keys)
        async for newer in ChangedKeys(connection, reader, oldest - 1).find(keys):
            candidates.update((pair.key, pair) for pair in newer if pair.key in requested)
    return [candidates[key] for key in sorted(candidates)]


@dataclass(frozen=True, slots=True)
class LockScan:
    """Pairs and sessions that were read at about the same time, and the locks in them."""

    keyspace: ConsulKeyspace
    sessions: Mapping[str, ConsulSession]
    pairs: list[KVPair]

    def locks(self) -> tuple[LockInfo, ...]:
        """Return the locks in the order of their keys."""
        held: dict[str, list[str]] = defaultdict(list)
        for pair in self.pairs:
            if pair.session:
                held[pair.session].append(self.keyspace.to_key(pair.key))
        semaphores = {
            pair.key.removesuffix(SEMAPHORE_SUFFIX): (pair, semaphore)
            for pair in self.pairs
            if (semaphore := Semaphore.of(pair))
        }
        locks = [self._semaphore_info(prefix, *semaphore, held) for prefix, semaphore in semaphores.items()]
        locks += [
            self._lock_info(pair, held)
            for pair in self.pairs
            if pair.session and pair.key.rpartition("/")[0] not in semaphores and self._is_lock(pair)
        ]
        return tuple(sorted((lock for lock in locks if lock), key=lambda lock: lock.key))

    def _is_lock(self, pair: KVPair) -> bool:
        """Return whether a pair is a lock, and not an entry whose life a session limits."""
        session = self.sessions.get(pair.session or "")
        if session is None or session.behavior == RELEASE:
            return True
        return pair.flags == LOCK_FLAG and not session.name.startswith(sessions.LIFETIME)

    def _lock_info(self, pair: KVPair, held: Mapping[str, list[str]]) -> LockInfo:
        return LockInfo(
            key=self.keyspace.to_key(pair.key),
            kind=f"Consul lock{self._session_terms(pair.session)}; waiters cannot be seen",
            layout=CONSUL,
            holder=self._contender(pair.session or "", pair, held),
        )

    def _semaphore_info(
        self, prefix: str, listing: KVPair, semaphore: Semaphore, held: Mapping[str, list[str]]
    ) -> LockInfo | None:
        contenders = {
            pair.session: pair for pair in self.pairs if pair.session and pair.key == f"{prefix}/{pair.session}"
        }
        queue = sorted(contenders.values(), key=lambda pair: pair.create_index)
        holders = [pair for pair in queue if pair.session in semaphore.holders]
        ended = [session for session in semaphore.holders if session not in contenders]
        if not (queue or ended):
            return None
        others = ", ".join(self._contender(pair.session or "", pair, held).name for pair in holders[1:])
        first = holders[0] if holders else None
        stale_holder = ended[0] if ended and first is None else None
        return LockInfo(
            key=self.keyspace.to_key(prefix),
            kind=f"Consul semaphore, {len(semaphore.holders)} of {semaphore.limit} held"
            + (f", also by {others}" if others else ""),
            layout=SEMAPHORE,
            holder=self._contender(first.session or "", first, held)
            if first
            else self._contender(stale_holder, listing, held)
            if stale_holder
            else None,
            waiters=tuple(
                self._contender(pair.session or "", pair, held)
                for pair in queue
                if pair.session not in semaphore.holders
            ),
            stale="the holder's session has ended; the next client takes its place" if stale_holder else None,
        )

    def _session_terms(self, session_id: str | None) -> str:
        session = self.sessions.get(session_id or "")
        if session is None:
            return ""
        return f" (session on {session.node}, {session.behavior}, lock-delay {session.lock_delay:g} s)"

    def _contender(self, session_id: str, pair: KVPair, held: Mapping[str, list[str]]) -> Contender:
        session = self.sessions.get(session_id)
        name, since = parse_holder(session.name if session else "")
        key = self.keyspace.to_key(pair.key)
        return Contender(
            name=name or f"session {session_id}",
            key=key,
            session=session_id,
            ttl=session.ttl if session else None,
            since=since or pair.modify_index,
            fence=pair.modify_index,
            other_keys=tuple(sorted(other for other in held.get(session_id, ()) if other != key)),
        )
