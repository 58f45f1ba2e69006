"""Watching a keyspace: the commits after a position, filtered, over any number of cuts and compactions."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Final

from explorer.drivers.common.retry import Backoff
from explorer.drivers.common.watch import Feed, vanished, watch_with_reconnect
from explorer.drivers.memory.database import NO_END, Commit
from explorer.drivers.memory.keyspace import MemoryKeyspace
from explorer.model.entries import Entry, Revision
from explorer.model.events import Deleted, Event, Put, Resync, Started

_BATCH: Final = 500
"""Commits looked at before the reader is given its turn."""


class MemoryWatch:
    """One watch. It remembers how far it told, and by that goes on after its connection was cut."""

    def __init__(
        self,
        view: MemoryKeyspace,
        span: tuple[bytes, bytes],
        *,
        single: bool,
        check: Callable[[], None],
        since: int | None,
        known: Mapping[str, Revision] | None,
    ) -> None:
        """Prepare a watch of a range.

        Args:
            view: What it looks at.
            span: The first key, and the first after it that is not watched.
            single: The range is one key, whose entry is told at the start.
            check: Raises what the connection suffers from, if anything.
            since: The revision after which to tell changes, None for now.
            known: The reader's own table, to be read when history was lost.
        """
        self._view = view
        self._keyspace = view.keyspace
        self._start, self._end = span
        self._key = self._start if single else None
        """The key, when a single one is watched: after a gap it is told as deleted if it is not there."""
        self._check = check
        self._since = since
        self._known = known
        self._position: int | None = None

    async def produce(self, feed: Feed) -> None:
        """Tell the events to a reader until cancelled."""
        await watch_with_reconnect(feed, lambda: self._attempt(feed), backoff=Backoff(initial=0.01, maximum=0.1))

    async def _attempt(self, feed: Feed) -> AsyncGenerator[Iterable[Event], None]:
        self._check()
        if self._position is None:
            self._position = self._keyspace.revision if self._since is None else self._since
            yield [Started(self._position, self._entry_at_start())]
        elif self._position >= self._keyspace.compacted:
            yield [Started(self._position)]
        while True:
            self._check()
            if self._position < self._keyspace.compacted:
                await feed.caught_up()
                yield self._resync(self._position)
            elif commits := self._keyspace.commits(after=self._position, limit=_BATCH):
                self._position += len(commits)
                yield [self._event(change) for changes in commits for change in changes if self._watches(change.key)]
            else:
                await self._keyspace.news()

    def _entry_at_start(self) -> Entry | None:
        if self._key is None or self._since is not None:
            return None
        version = self._keyspace.at(self._key)
        return None if version is None else self._view.entry(self._key, version)

    def _watches(self, key: bytes) -> bool:
        return self._start <= key and (key < self._end or self._end == NO_END)

    def _event(self, change: Commit) -> Put | Deleted:
        previous = None if change.previous is None else self._view.entry(change.key, change.previous)
        if change.version.value is None:
            return Deleted(self._view.relative(change.key), change.version.revision, previous)
        return Put(self._view.entry(change.key, change.version), previous)

    def _resync(self, since: int) -> list[Event]:
        now = self._position = self._keyspace.revision
        found = tuple(self._keyspace.scan(self._start, self._end))
        present = {self._view.relative(key) for key, _ in found}
        known = {self._view.relative(self._key): since} if self._key is not None else self._known or {}
        return [
            Resync(f"the history up to revision {self._keyspace.compacted} was compacted", since, now),
            *(
                Put(self._view.entry(key, version), inferred=True)
                for key, version in found
                if version.revision > since and known.get(self._view.relative(key)) != version.revision
            ),
            *vanished(known, present, revision=now),
        ]
