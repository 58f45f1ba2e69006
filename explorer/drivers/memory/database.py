"""Multi-version database: every version of every key by one revision counter until compaction, as in etcd.

Its calls are plain functions: what a store reads and writes without an `await` in between is one transaction.
"""

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from operator import attrgetter
from secrets import token_hex
from types import MappingProxyType
from typing import Final

from explorer.drivers.memory.leases import Lease, Leases
from explorer.model.clock import Clock, SystemClock, Timer

_NO_LEASES: Final[Mapping[bytes, str | None]] = MappingProxyType({})
_NO_FLAGS: Final[Mapping[bytes, int]] = MappingProxyType({})
NO_END = b"\0"
"""End of an unbounded range, as `model.keys.range_end` returns it."""


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """A version of a key; without a value if the key was deleted."""

    revision: int
    value: bytes | None
    created: int
    count: int
    """Number of writes since the key was created."""
    lease: str | None
    flags: int = 0
    """Number that a key is created with, as in Consul."""


@dataclass(frozen=True, slots=True)
class Commit:
    """Change of one key by a commit."""

    key: bytes
    version: KeyVersion
    previous: KeyVersion | None


class Database:
    """Keys (bytes) and their versions, shared by any number of stores on one event loop."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self.leases = Leases(self.clock)
        self.identity = token_hex(8)
        self.revision = 1
        self.compacted = 0
        """Oldest revision that can be read, and after which commits are kept."""
        self._sorted_keys: list[bytes] = []
        self._versions: dict[bytes, list[KeyVersion]] = {}
        self._commits: list[tuple[Commit, ...]] = []
        self._first_commit = 2
        self._expiry_timer: Timer | None = None
        self._expiry_time = inf
        self._waiters: set[asyncio.Future[None]] = set()

    # Reading

    def at(self, key: bytes, revision: int | None = None) -> KeyVersion | None:
        """Return the current version of a key, or the one at a revision; None if it did not exist."""
        versions = self._versions.get(key, ())
        count = len(versions) if revision is None else bisect_right(versions, revision, key=_REVISION)
        return versions[count - 1] if count and versions[count - 1].value is not None else None

    def scan(self, start: bytes, end: bytes, revision: int | None = None) -> Iterator[tuple[bytes, KeyVersion]]:
        """Yield the keys of a range in byte order; nothing may be written before the end of the iteration."""
        position = bisect_left(self._sorted_keys, start)
        limit = len(self._sorted_keys) if end == NO_END else bisect_left(self._sorted_keys, end)
        while position < limit:
            key = self._sorted_keys[position]
            if (version := self.at(key, revision)) is not None:
                yield key, version
            position += 1

    def count(self) -> int:
        """Return the number of keys."""
        return sum(versions[-1].value is not None for versions in self._versions.values())

    def versions(self, key: bytes) -> Sequence[KeyVersion]:
        """Return all kept versions of a key, deletions included, the oldest first."""
        return tuple(self._versions.get(key, ()))

    def commits(self, *, after: int, limit: int) -> Sequence[tuple[Commit, ...]]:
        """Return the commits after a revision, in order; it must not be older than `compacted`."""
        start = max(after + 1 - self._first_commit, 0)
        return self._commits[start : start + limit]

    # Writing: each call that changes anything is one revision

    def put(self, key: bytes, value: bytes, *, lease: str | None = None, flags: int = 0) -> KeyVersion:
        """Write a key; the flags are those of a new one."""
        self.write({key: value}, leases={key: lease}, flags={key: flags})
        return self._versions[key][-1]

    def delete(self, keys: Iterable[bytes]) -> int:
        """Delete the keys that exist, in one commit, and return their number."""
        return self.write(dict.fromkeys(keys))

    def write(
        self,
        values: Mapping[bytes, bytes | None],
        *,
        leases: Mapping[bytes, str | None] = _NO_LEASES,
        flags: Mapping[bytes, int] = _NO_FLAGS,
    ) -> int:
        """Write keys, and delete those without a value, in one commit; return the number of changed keys.

        Args:
            values: The new values by key; None deletes a key.
            leases: The leases of the written keys; the others have none.
            flags: The flags of the keys that are created; the others have 0.
        """
        revision = self.revision + 1
        changes = []
        for key, value in sorted(values.items()):
            previous = self.at(key)
            if value is None and previous is None:
                continue
            created, count = (previous.created, previous.count + 1) if previous else (revision, 1)
            version = KeyVersion(
                revision,
                value=None if value is None else bytes(value),
                created=created,
                count=count,
                lease=None if value is None else leases.get(key),
                flags=previous.flags if previous else flags.get(key, 0),
            )
            if key not in self._versions:
                self._versions[key] = []
                insort(self._sorted_keys, key)
            self._versions[key].append(version)
            self.leases.move(key, before=previous.lease if previous else None, after=version.lease)
            changes.append(Commit(key, version, previous))
        if changes:
            self.revision = revision
            self._commits.append(tuple(changes))
            self.notify()
        return len(changes)

    def compact(self, revision: int | None = None) -> None:
        """Remove the history before a revision, or before the current one.

        Raises:
            ValueError: The revision is compacted already, or in the future.
        """
        revision = self.revision if revision is None else revision
        if not self.compacted < revision <= self.revision:
            message = f"revision {revision} is not after {self.compacted} and up to {self.revision}"
            raise ValueError(message)
        for key, versions in self._versions.items():
            kept = max(bisect_right(versions, revision, key=_REVISION) - 1, 0)
            if versions[kept].value is None and versions[kept].revision <= revision:
                kept += 1
            self._versions[key] = versions[kept:]
        self._versions = {key: versions for key, versions in self._versions.items() if versions}
        self._sorted_keys = [key for key in self._sorted_keys if key in self._versions]
        del self._commits[: max(revision + 1 - self._first_commit, 0)]
        self.compacted, self._first_commit = revision, max(revision + 1, self._first_commit)
        self.notify()

    # Leases

    def grant(self, ttl: float) -> Lease:
        """Return a new lease, which expires with its keys after `ttl` seconds unless it is renewed."""
        lease = self.leases.grant(ttl)
        self._schedule_expiry(lease.expires_at)
        return lease

    def renew(self, lease: str) -> bool:
        """Renew a lease for its full TTL, and return whether it exists."""
        self.expire()
        return self.leases.renew(lease)

    def revoke(self, lease: str) -> None:
        """Remove a lease and delete its keys, in one commit."""
        self.delete(self.leases.remove(lease))

    def expire(self) -> None:
        """Revoke the leases that have expired; a timer does so too, but a read may come before it."""
        if self.clock.now() >= self._expiry_time:
            self._expire_due()

    def _expire_due(self) -> None:
        self._expiry_time = inf
        for lease in self.leases.expired():
            self.revoke(lease)
        self._schedule_expiry(self.leases.next_expiry())

    def _schedule_expiry(self, when: float) -> None:
        if when >= self._expiry_time:
            return
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()
        self._expiry_time = when
        self._expiry_timer = self.clock.call_at(when, self._expire_due)

    # Waiting

    def notify(self) -> None:
        """Wake all waiters."""
        for future in self._waiters:
            _wake(future)

    async def wait_for_change(self, *, until: float = inf) -> None:
        """Wait for the next commit or `notify`, at most until a time on the clock."""
        future = asyncio.get_running_loop().create_future()
        timer = None if until == inf else self.clock.call_at(until, lambda: _wake(future))
        self._waiters.add(future)
        try:
            await future
        finally:
            self._waiters.discard(future)
            if timer is not None:
                timer.cancel()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


_REVISION = attrgetter("revision")
