"""Watches of a key and of a tree: the newest transaction is looked for, and two states are compared.

A file reports nothing. The number of its newest transaction is on its first two pages.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from explorer.drivers.bolt.bucket import Bucket
from explorer.drivers.bolt.connection import BoltConnection
from explorer.drivers.bolt.differences import ElementChange, differences, is_comparable, keep
from explorer.drivers.bolt.file import StateId, View
from explorer.drivers.bolt.flat import reader_of
from explorer.drivers.bolt.keyspace import BoltKeyspace
from explorer.drivers.common.watch import Differences, ReconnectingWatch
from explorer.model.entries import Cursor, Entry, Revision
from explorer.model.events import Deleted, Event, Put, Resync, Started

_BUSY_INTERVAL: Final = 0.01
"""Seconds between two looks at the newest state for a time after a change, so that fewer transactions are combined."""
_BUSY_TIME: Final = 1.0
_MIN_INTERVAL: Final = 0.05
_MAX_INTERVAL: Final = 0.5
"""Seconds between two looks at a file that has not changed for a while."""
_IDLE_SHARE: Final = 1 / 20
"""Share of the time since the last change that passes until the next look."""
_PAGE_SIZE: Final = 1000


class StatePoll:
    """Looks for the newest state of a file, often after it has changed, and the more rarely the longer it has not.

    Args:
        connection: The connection to the file.
    """

    def __init__(self, connection: BoltConnection) -> None:
        self._connection = connection
        self._clock = asyncio.get_running_loop().time
        self._changed_at = self._clock()

    async def wait(self, known: StateId) -> None:
        """Wait until the newest state is another one."""
        while True:
            if await self._connection.state() != known:
                self._changed_at = self._clock()
                return
            await self._connection.wait_written(poll_interval(self._clock() - self._changed_at))


def poll_interval(idle: float) -> float:
    """Return the seconds until the next look at a file that has not changed for so many."""
    if idle < _BUSY_TIME:
        return _BUSY_INTERVAL
    return min(max(_MIN_INTERVAL, idle * _IDLE_SHARE), _MAX_INTERVAL)


class BoltKeyWatch(ReconnectingWatch):
    """A watch of one key.

    Args:
        connection: The connection to the file.
        keyspace: Converts keys.
        key: The key.
    """

    def __init__(self, connection: BoltConnection, keyspace: BoltKeyspace, key: str) -> None:
        self._connection, self._keyspace, self._key = connection, keyspace, key
        self._state: StateId | None = None
        self._revision: Revision | None = None

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        poll = StatePoll(self._connection)
        entry: Entry | None = None
        if self._state is not None:
            known = self._state
        else:
            known, entry = await self._connection.read(self._read)
            self._state, self._revision = known, entry and entry.revision
        yield [Started(known.txid, entry)]
        while True:
            await poll.wait(known)
            state, entry = await self._connection.read(self._read)
            coalesced, revision = state.skipped(known), self._revision
            self._state = known = state
            self._revision = entry and entry.revision
            if entry is not None and entry.revision != revision:
                yield [Put(entry, coalesced=coalesced)]
            elif entry is None and revision is not None:
                yield [Deleted(self._key, state.txid, coalesced=coalesced)]

    def _read(self, view: View) -> tuple[StateId, Entry | None]:
        return view.state, reader_of(view, self._keyspace).entry(self._key)


@dataclass(frozen=True, slots=True)
class _Changes:
    """Changes up to a state."""

    view: View
    events: list[Event] | None
    """None if the state before cannot be read any more."""


class BoltTreeWatch(ReconnectingWatch):
    """A watch of everything below a prefix.

    Args:
        connection: The connection to the file.
        keyspace: Converts keys.
        prefix: The caller's prefix.
        known: The watcher's table of keys and revisions, see `Store.watch_tree`.
    """

    def __init__(
        self, connection: BoltConnection, keyspace: BoltKeyspace, prefix: str, known: Mapping[str, Revision] | None
    ) -> None:
        self._connection, self._keyspace, self._known = connection, keyspace, known
        self._prefix = prefix
        self._path = keyspace.to_watched_path(prefix)
        self._view: View | None = None
        """The state up to which everything was reported."""

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        if self._view is None:
            self._view = await self._connection.read(keep)
        yield [Started(self._view.meta.txid)]
        poll = StatePoll(self._connection)
        while True:
            await poll.wait(self._view.state)
            before = self._view
            changes = await self._connection.read(partial(self._compare, before))
            if changes.events is not None:
                self._view = changes.view
                yield changes.events
            else:
                async for events in self._resync(before, changes.view):
                    yield events
                self._view = changes.view

    def _compare(self, old: View, new: View) -> _Changes:
        kept = keep(new)
        if not is_comparable(old, new):
            return _Changes(kept, None)
        found = differences(self._bucket(old), self._bucket(new), self._path)
        coalesced = new.state.skipped(old.state)
        watched = [one for one in found if self._keyspace.is_watched(one.path, self._prefix)]
        return _Changes(kept, [self._event(one, new.meta.txid, coalesced) for one in watched])

    def _bucket(self, view: View) -> Bucket | None:
        found = Bucket.root_of(view).resolve(self._path)
        return found if isinstance(found, Bucket) else None

    def _event(self, difference: ElementChange, txid: int, coalesced: int) -> Put | Deleted:
        path = difference.path
        if difference.new is None or difference.bucket is None:
            return Deleted(self._keyspace.to_key(path), txid, coalesced=coalesced)
        entry = self._keyspace.to_entry(path, difference.new, difference.bucket)
        return Put(entry, coalesced=coalesced, is_new=difference.old is None)

    async def _resync(self, old: View, new: View) -> AsyncGenerator[Iterable[Event], None]:
        """Yield the difference between what the watcher knows and a new state."""
        await self._feed.caught_up()
        yield [
            Resync(
                "several transactions were committed at once, or the file was replaced", old.meta.txid, new.meta.txid
            )
        ]
        found = Differences(self._known or {})
        after: Cursor | None = None
        while True:
            entries, after = await self._connection.read(partial(self._page, after))
            yield found.puts(entries)
            if after is None:
                break
        yield found.deletions(revision=new.meta.txid)

    def _page(self, after: Cursor | None, view: View) -> tuple[tuple[Entry, ...], Cursor | None]:
        page = reader_of(view, self._keyspace).entries(self._prefix, after, _PAGE_SIZE, values=True)
        return page.items, page.next
