"""Watching one key, see `history`."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from explorer.drivers.common.watch import Feed, watch_with_reconnect
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.errors import EventIndexClearedError, ReplacedError
from explorer.drivers.etcd2.event_stream import EventHistory
from explorer.drivers.etcd2.keyspace import Etcd2Keyspace, Node, NodeChange, is_below
from explorer.drivers.etcd2.reader import Etcd2Reader
from explorer.model.entries import Entry, Revision
from explorer.model.events import Deleted, Event, Put, Resync, Started


class Etcd2KeyWatch:
    """One watch of a key, over any number of connections.

    A directory comes along with what is written below it, which etcd tells to none but who listens below, too: so does
    this as long as there is no such key.

    Args:
        connection: Is asked.
        layout: Makes entries.
        key: The key as the caller wrote it.
        since: Tell what happened after this index; None for from now on.
    """

    def __init__(self, connection: Etcd2Connection, layout: Etcd2Keyspace, key: str, since: Revision | None) -> None:
        self._connection = connection
        self._layout = layout
        self._key = key
        self._path = layout.locate(key)
        self._since = since
        self._history = EventHistory(connection, key, self._path)
        self._last = 0
        """The index of the node that was told, or known to the watcher, last; 0 for none."""
        self._started = False

    async def run(self, feed: Feed) -> None:
        """Watch until cancelled, or until the store says no."""
        await watch_with_reconnect(feed, self._attempt)

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        if not self._started:
            yield [await self._begin()]
            self._started = True
        else:
            try:
                await self._history.check()
            except EventIndexClearedError as gap:
                yield await self._again(gap)
        while True:
            try:
                below = self._last == 0
                async with aclosing(self._history.changes(below=below)) as changes:
                    async for change in changes:
                        yield [Started(self._history.told)] if change is None else self._told(change)
                        if below != (self._last == 0):
                            break
            except EventIndexClearedError as gap:
                yield await self._again(gap)

    async def _begin(self) -> Started:
        await self._history.begin()
        node = await self._node()
        if self._since is None:
            self._last = node.modified if node else 0
            return Started(self._history.told, self._entry(node))
        self._history.told = self._since if isinstance(self._since, int) else 0
        self._last = 0 if node and node.created > self._history.told else max(self._history.told, 1)
        return Started(self._since)

    async def _node(self) -> Node | None:
        node = await Etcd2Reader(self._connection, self._key).node(self._path)
        if node is None:
            self._history.observe_absence()
        elif not node.directory:
            self._history.observe(node)
        return node

    def _told(self, change: NodeChange) -> list[Event]:
        node = change.node
        if node.path == self._path and not change.gone:
            self._last = node.modified
            return [Put(self._layout.entry(node), self._entry(change.previous))]
        if change.gone and (node.path == self._path or is_below(self._path, node.path)):
            there, self._last = self._last, 0
            previous = change.previous if node.path == self._path else None
            return [Deleted(self._key, change.index, self._entry(previous))] if there else []
        if is_below(node.path, self._path) and not change.gone and not self._last:
            self._last = change.index
            return [Put(self._layout.entry(Node.born(self._path, change.index)))]
        return []

    def _entry(self, node: Node | None) -> Entry | None:
        return None if node is None else self._layout.entry(node)

    async def _again(self, gap: EventIndexClearedError) -> list[Event]:
        """Read the key again, and tell the difference."""
        since = self._history.told
        await self._history.begin()
        node, before = await self._node(), self._last
        self._last = node.modified if node else 0
        told: list[Event] = [Resync(gap.message, since, self._history.told)]
        if node and (node.modified != before or isinstance(gap, ReplacedError)):
            told.append(Put(self._layout.entry(node), inferred=True))
        elif node is None and before:
            told.append(Deleted(self._key, self._history.told, inferred=True))
        return told
