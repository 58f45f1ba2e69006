"""Watches of a range of keys, over any number of cut connections and compactions."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Final

from explorer.drivers.common.retry import Backoff
from explorer.drivers.common.watch import Differences, ReconnectingWatch
from explorer.drivers.memory.connection import MemoryConnection
from explorer.drivers.memory.database import NO_END, Commit
from explorer.model.entries import Entry, Revision
from explorer.model.events import Deleted, Event, Put, Resync, Started

_BATCH_SIZE: Final = 500
"""Maximum number of commits between two turns of the reader."""


class MemoryWatch(ReconnectingWatch):
    """One watch, which resumes after the last revision that it reported.

    Args:
        connection: The connection.
        key_range: First key, and the first key behind the range.
        is_single: Whether the range is one key, whose entry is reported at the start.
        since: The revision after which events are reported; None for now.
        known: The watcher's own table of keys and revisions, see `Store.watch_tree`.
    """

    def __init__(
        self,
        connection: MemoryConnection,
        key_range: tuple[bytes, bytes],
        *,
        is_single: bool,
        since: int | None,
        known: Mapping[str, Revision] | None,
    ) -> None:
        self._connection = connection
        self._keyspace = connection.keyspace
        self._database = connection.database
        self._start, self._end = key_range
        self._key = self._start if is_single else None
        self._since = since
        self._known = known
        self._position: int | None = None
        """The revision up to which everything was reported."""
        self._backoff = Backoff(initial=0.01, maximum=0.1)

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        self._connection.check()
        if self._position is None:
            self._position = self._database.revision if self._since is None else self._since
            yield [Started(self._position, self._entry_at_start())]
        elif self._position >= self._database.compacted:
            yield [Started(self._position)]
        while True:
            self._connection.check()
            if self._position < self._database.compacted:
                await self._feed.caught_up()
                yield self._resync(self._position)
            elif commits := self._database.commits(after=self._position, limit=_BATCH_SIZE):
                self._position += len(commits)
                yield [self._event(change) for changes in commits for change in changes if self._is_watched(change.key)]
            else:
                await self._database.wait_for_change()

    def _entry_at_start(self) -> Entry | None:
        if self._key is None or self._since is not None:
            return None
        version = self._database.at(self._key)
        return None if version is None else self._keyspace.to_entry(self._key, version)

    def _is_watched(self, key: bytes) -> bool:
        return self._start <= key and (key < self._end or self._end == NO_END)

    def _event(self, change: Commit) -> Put | Deleted:
        previous = None if change.previous is None else self._keyspace.to_entry(change.key, change.previous)
        if change.version.value is None:
            return Deleted(self._keyspace.to_key(change.key), change.version.revision, previous)
        return Put(self._keyspace.to_entry(change.key, change.version), previous)

    def _resync(self, since: int) -> list[Event]:
        """Return the difference between what the watcher knows and what is stored now."""
        now = self._position = self._database.revision
        known = {self._keyspace.to_key(self._key): since} if self._key is not None else self._known or {}
        entries = [
            self._keyspace.to_entry(key, version) for key, version in self._database.scan(self._start, self._end)
        ]
        differences = Differences(known, lambda entry: _is_newer(entry, since) and _is_changed(entry, known))
        reason = f"the history up to revision {self._database.compacted} was compacted"
        return [Resync(reason, since, now), *differences.puts(entries), *differences.deletions(revision=now)]


def _is_newer(entry: Entry, since: int) -> bool:
    return isinstance(entry.revision, int) and entry.revision > since


def _is_changed(entry: Entry, known: Mapping[str, Revision]) -> bool:
    return known.get(entry.key) != entry.revision
