"""Watching everything below a directory, see `history`; with the names that etcd does not tell.

A directory that is deleted, or whose time is over, is told without what was in it; one that comes along with a key is
not told at all. So the watch keeps the names below, and tells both.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from explorer.drivers.common.watch import Feed, watch_with_reconnect
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.errors import EventIndexClearedError, ReplacedError
from explorer.drivers.etcd2.event_stream import EventHistory
from explorer.drivers.etcd2.keyspace import Etcd2Keyspace, Node, NodeChange, is_below
from explorer.drivers.etcd2.path_trie import PathTrie
from explorer.drivers.etcd2.reader import Etcd2Reader, Walk
from explorer.model.entries import Revision
from explorer.model.errors import InvalidKey
from explorer.model.events import Deleted, Event, Put, Resync, Started

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class _Gap:
    """Changes that are no longer told: why, and since which index."""

    reason: str
    since: int
    is_replaced: bool
    """Whether the store is in another life, whose indexes cannot be compared with those of before."""


class Etcd2TreeWatch:
    """One watch of a directory, over any number of connections.

    Args:
        connection: Is asked.
        layout: Makes entries.
        prefix: The directory as the caller wrote it.
        since: Tell what happened after this index; None for from now on.
        known: The watcher's own table of keys and revisions, see `Store.watch_tree`.
    """

    def __init__(
        self,
        connection: Etcd2Connection,
        layout: Etcd2Keyspace,
        prefix: str,
        since: Revision | None,
        known: Mapping[str, Revision] | None,
    ) -> None:
        self._connection = connection
        self._layout = layout
        self._prefix = prefix
        self._base = layout.base(prefix)
        self._since = since
        self._known = known
        self._reader = Etcd2Reader(connection, prefix)
        self._history = EventHistory(connection, prefix, self._base)
        self._names: PathTrie | None = None
        self._begun = 0
        """The index up to which the names may be newer than the changes."""
        self._gap: _Gap | None = None
        """What must be made up for by reading all again, until it was."""
        self._feed = Feed()

    async def run(self, feed: Feed) -> None:
        """Watch until cancelled, or until the store says no."""
        self._feed = feed
        await watch_with_reconnect(feed, self._attempt)

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        if self._names is None:
            yield [await self._begin()]
        else:
            try:
                await self._history.check()
            except EventIndexClearedError as gap:
                self._note(gap)
            if self._gap is not None:
                async for events in self._again(self._gap):
                    yield events
        while True:
            try:
                async with aclosing(self._history.changes(below=True)) as changes:
                    async for change in changes:
                        yield [Started(self._history.told)] if change is None else await self._told(change)
            except EventIndexClearedError as gap:
                async for events in self._again(self._note(gap)):
                    yield events

    async def _begin(self) -> Started:
        await self._history.begin()
        node = await self._reader.node(self._base)
        if node is not None and not node.directory:
            raise InvalidKey(
                "a key with a value has nothing below it",
                hint="watch the key itself",
                address=self._layout.redacted,
                key=self._prefix,
            )
        names = PathTrie(self._base)
        walk = Walk(self._reader, self._base)
        while page := await walk.take(_PAGE):
            for node in page:
                names.put(node.path, node.created)
                if not node.directory:
                    self._history.observe(node)
        self._names = names
        self._begun = (await self._connection.ping()).index
        if self._since is not None:
            self._history.told = self._since if isinstance(self._since, int) else 0
            return Started(self._since)
        return Started(self._begun)

    async def _told(self, change: NodeChange) -> list[Event]:
        """Take a change in, and tell it; what happened while the names were read, before the start, is not told."""
        told = await self._gone(change) if change.gone else self._come(change.node, change.previous)
        return told if self._since is not None or change.index > self._begun else []

    def _come(self, node: Node, previous: Node | None) -> list[Event]:
        if self._names is None or not is_below(node.path, self._base):
            return []
        above = [] if previous else [*self._names.above(node.path, node.modified)]
        self._names.put(node.path, node.created)
        told: list[Event] = [Put(self._layout.entry(Node.born(path, node.modified))) for path in above]
        return [*told, Put(self._layout.entry(node), self._layout.entry(previous) if previous else None)]

    async def _gone(self, change: NodeChange) -> list[Event]:
        path, index = change.node.path, change.index
        if self._names is None:
            return []
        if is_below(path, self._base):
            gone = self._names.remove(path, index)
        elif path == self._base or is_below(self._base, path):
            gone = self._names.clear(index)
        else:
            return []  # etcd tells of `foo` to who hears `foobar`
        if change.previous and change.previous.directory and self._since is not None and index <= self._begun:
            gone = await self._gone_before(path, gone)
        told: list[Event] = []
        for one in gone or [path]:
            if is_below(one, self._base):
                previous = change.previous if one == path else None
                before = self._layout.entry(previous) if previous else None
                told.append(Deleted(self._layout.relative(one), index, before))
        return told

    async def _gone_before(self, path: str, gone: list[str]) -> list[str]:
        """Add what was in a directory that went before the names were read, as far as the watcher knows it."""
        if self._known is None:
            raise EventIndexClearedError("a directory was deleted as a whole, and etcd does not tell what was in it")
        await self._feed.caught_up()
        known = (f"{self._layout.root}/{key}" for key in self._known)
        return sorted({*gone, *(one for one in known if one == path or is_below(one, path))}, reverse=True)

    def _note(self, gap: EventIndexClearedError) -> _Gap:
        """Return where the gap begins; a reading that the connection cuts off is made again from there."""
        is_replaced = isinstance(gap, ReplacedError)
        if self._gap is None:
            self._gap = _Gap(gap.message, self._history.told, is_replaced)
        elif is_replaced:
            self._gap = replace(self._gap, is_replaced=True)
        return self._gap

    async def _again(self, gap: _Gap) -> AsyncGenerator[Iterable[Event], None]:
        """Read everything again, and tell the differences to what the watcher knows."""
        since, cluster = gap.since, self._history.cluster
        before = set() if self._names is None else {self._layout.relative(path) for path in self._names.paths()}
        await self._history.begin()
        newest = self._history.told
        yield [Resync(gap.reason, since, newest)]
        await self._feed.caught_up()
        known = None if self._known is None else dict(self._known)
        another = gap.is_replaced or newest < since or cluster != self._history.cluster
        names, present = PathTrie(self._base), set[str]()
        walk = Walk(self._reader, self._base)
        while page := await walk.take(_PAGE):
            puts: list[Event] = []
            for node in page:
                names.put(node.path, node.created)
                if not node.directory:
                    self._history.observe(node)
                entry = self._layout.entry(node)
                present.add(entry.key)
                new = known.get(entry.key) != entry.revision if known is not None else node.modified > since
                if new or (known is None and another):
                    puts.append(Put(entry, inferred=True))
            yield puts
        gone = sorted((before if known is None else known.keys()) - present)
        yield [Deleted(key, newest, inferred=True) for key in gone]
        self._names, self._begun, self._since, self._gap = names, newest, None, None
