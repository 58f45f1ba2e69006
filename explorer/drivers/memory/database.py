"""The keyspace: every state of every key by one revision counter, kept until it is compacted away, as in etcd.

Its calls are plain functions and so cannot be interrupted: what a store reads and writes without awaiting in between
is one transaction.
"""

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from operator import attrgetter
from secrets import token_hex

from explorer.drivers.memory.clock import Alarm, Clock, RealClock
from explorer.drivers.memory.leases import Lease, Leases

NO_END = b"\0"
"""The end of a range that has none, as `model.keys.range_end` spells it."""


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a key; without a value where the key was deleted."""

    revision: int
    value: bytes | None
    created: int
    count: int
    """How often the key was written since it came to be."""
    lease: str | None


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit did to one key."""

    key: bytes
    version: Version
    previous: Version | None


class Database:
    """Keys (bytes) and all that ever happened to them, shared by any number of stores on one event loop."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or RealClock()
        self.leases = Leases(self.clock)
        self.identity = token_hex(8)
        self.revision = 1
        self.compacted = 0
        """The oldest revision that can be read, and after which changes are known."""
        self._order: list[bytes] = []
        self._versions: dict[bytes, list[Version]] = {}
        self._commits: list[tuple[Commit, ...]] = []
        self._first = 2
        self._alarm: Alarm | None = None
        self._alarm_moment = inf
        self._waiting: set[asyncio.Future[None]] = set()

    # Reading

    def at(self, key: bytes, revision: int | None = None) -> Version | None:
        """Give the state of a key, today's or that at a revision; None if it did not exist."""
        versions = self._versions.get(key, ())
        count = len(versions) if revision is None else bisect_right(versions, revision, key=_REVISION)
        return versions[count - 1] if count and versions[count - 1].value is not None else None

    def scan(self, start: bytes, end: bytes, revision: int | None = None) -> Iterator[tuple[bytes, Version]]:
        """Give the keys from `start` to before `end`, in byte order; to be used up before anything is written."""
        position = bisect_left(self._order, start)
        limit = len(self._order) if end == NO_END else bisect_left(self._order, end)
        while position < limit:
            key = self._order[position]
            if (version := self.at(key, revision)) is not None:
                yield key, version
            position += 1

    def count(self) -> int:
        """Count the keys there are."""
        return sum(versions[-1].value is not None for versions in self._versions.values())

    def versions(self, key: bytes) -> Sequence[Version]:
        """Give every kept state of a key, deletions included, the oldest first."""
        return tuple(self._versions.get(key, ()))

    def commits(self, *, after: int, limit: int) -> Sequence[tuple[Commit, ...]]:
        """Give the commits that made the revisions after one, in order; it must not be older than `compacted`."""
        start = max(after + 1 - self._first, 0)
        return self._commits[start : start + limit]

    # Writing: each call makes one revision, if it changes anything

    def put(self, key: bytes, value: bytes, *, lease: str | None = None) -> Version:
        """Write a key."""
        self.write({key: value}, lease=lease)
        return self._versions[key][-1]

    def delete(self, keys: Iterable[bytes]) -> int:
        """Delete the keys that exist, in one commit; tell how many those were."""
        return self.write(dict.fromkeys(keys))

    def write(self, values: Mapping[bytes, bytes | None], *, lease: str | None = None) -> int:
        """Write keys, and delete those without a value, in one commit; tell how many keys that changed."""
        revision = self.revision + 1
        changes = []
        for key, value in sorted(values.items()):
            previous = self.at(key)
            if value is None and previous is None:
                continue
            created, count = (previous.created, previous.count + 1) if previous else (revision, 1)
            version = Version(
                revision,
                value=None if value is None else bytes(value),
                created=created,
                count=count,
                lease=None if value is None else lease,
            )
            if key not in self._versions:
                self._versions[key] = []
                insort(self._order, key)
            self._versions[key].append(version)
            self.leases.move(key, before=previous.lease if previous else None, after=version.lease)
            changes.append(Commit(key, version, previous))
        if changes:
            self.revision = revision
            self._commits.append(tuple(changes))
            self.ring()
        return len(changes)

    def compact(self, revision: int | None = None) -> None:
        """Forget what was before a revision (before now, if none is named).

        Raises:
            ValueError: It has been forgotten already, or is yet to come.
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
        self._order = [key for key in self._order if key in self._versions]
        del self._commits[: max(revision + 1 - self._first, 0)]
        self.compacted, self._first = revision, max(revision + 1, self._first)
        self.ring()

    # Leases

    def grant(self, ttl: float) -> Lease:
        """Make a lease that ends, with its keys, in `ttl` seconds unless it is renewed."""
        lease = self.leases.grant(ttl)
        self._set_alarm(lease.ends)
        return lease

    def renew(self, lease: str) -> bool:
        """Let a lease last its full time from now on; tell whether it still existed."""
        self.expire()
        return self.leases.renew(lease)

    def revoke(self, lease: str) -> None:
        """End a lease and delete its keys, in one commit."""
        self.delete(self.leases.end(lease))

    def expire(self) -> None:
        """End the leases whose time is over; happens by itself, but a store asks so as never to read what is over."""
        if self.clock.now() >= self._alarm_moment:
            self._end_due()

    def _end_due(self) -> None:
        self._alarm_moment = inf
        for lease in self.leases.due():
            self.revoke(lease)
        self._set_alarm(self.leases.next_end())

    def _set_alarm(self, moment: float) -> None:
        if moment >= self._alarm_moment:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_moment = moment
        self._alarm = self.clock.call_at(moment, self._end_due)

    # Waiting

    def ring(self) -> None:
        """Wake everybody who waits."""
        for future in self._waiting:
            _wake(future)

    async def news(self, *, until: float = inf) -> None:
        """Wait until anything was written or somebody rang, at most until a moment on the keyspace's clock."""
        future = asyncio.get_running_loop().create_future()
        alarm = None if until == inf else self.clock.call_at(until, lambda: _wake(future))
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)
            if alarm is not None:
                alarm.cancel()

    async def reach(self, moment: float) -> None:
        """Wait for a moment on the keyspace's clock."""
        while self.clock.now() < moment:
            await self.news(until=moment)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


_REVISION = attrgetter("revision")
