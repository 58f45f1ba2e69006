"""Watch of one key."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from explorer.drivers.common.watch import ReconnectingWatch
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.errors import EventIndexClearedError, StoreReplacedError
from explorer.drivers.etcd2.event_stream import EventStream
from explorer.drivers.etcd2.keyspace import Etcd2Keyspace, Etcd2Node, NodeChange, is_below
from explorer.drivers.etcd2.reader import Etcd2Reader
from explorer.model.entries import Entry, Revision
from explorer.model.events import Deleted, Event, Put, Resync, Started


class Etcd2KeyWatch(ReconnectingWatch):
    """One watch of a key, over any number of connections.

    A directory is created by a write below it, which etcd reports to recursive waits only: the watch uses one as long
    as the key does not exist.

    Args:
        connection: The connection to the members.
        keyspace: Converts nodes to entries.
        key: The key.
        since: The last index that the watcher has seen; None to start now.
    """

    def __init__(self, connection: Etcd2Connection, keyspace: Etcd2Keyspace, key: str, since: Revision | None) -> None:
        self._connection = connection
        self._keyspace = keyspace
        self._key = key
        self._path = keyspace.to_store_key(key)
        self._since = since
        self._stream = EventStream(connection, self._path)
        self._modified = 0
        """The index of the node as the watcher knows it; 0 if it does not exist."""
        self._is_started = False

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        if not self._is_started:
            yield [await self._start()]
            self._is_started = True
        else:
            try:
                await self._stream.check()
            except EventIndexClearedError as gap:
                yield await self._reread(gap)
        while True:
            try:
                recursive = self._modified == 0
                async with aclosing(self._stream.changes(recursive=recursive)) as changes:
                    async for change in changes:
                        yield [Started(self._stream.index)] if change is None else self._to_events(change)
                        if recursive != (self._modified == 0):
                            break
            except EventIndexClearedError as gap:
                yield await self._reread(gap)

    async def _start(self) -> Started:
        await self._stream.start()
        node = await self._read_node()
        if self._since is None:
            self._modified = node.modified if node else 0
            return Started(self._stream.index, self._to_entry(node))
        self._stream.index = self._since if isinstance(self._since, int) else 0
        self._modified = 0 if node and node.created > self._stream.index else max(self._stream.index, 1)
        return Started(self._since)

    async def _read_node(self) -> Etcd2Node | None:
        node = await Etcd2Reader(self._connection).read_node(self._path)
        if node is None:
            self._stream.observe_absence()
        elif not node.is_directory:
            self._stream.observe(node)
        return node

    def _to_events(self, change: NodeChange) -> list[Event]:
        node = change.node
        if node.path == self._path and not change.is_deletion:
            self._modified = node.modified
            return [Put(self._keyspace.to_entry(node), self._to_entry(change.previous))]
        if change.is_deletion and (node.path == self._path or is_below(self._path, node.path)):
            existed, self._modified = self._modified > 0, 0
            previous = change.previous if node.path == self._path else None
            return [Deleted(self._key, change.index, self._to_entry(previous))] if existed else []
        if is_below(node.path, self._path) and not change.is_deletion and not self._modified:
            self._modified = change.index
            return [Put(self._keyspace.to_entry(Etcd2Node.implicit_directory(self._path, change.index)))]
        return []

    def _to_entry(self, node: Etcd2Node | None) -> Entry | None:
        return None if node is None else self._keyspace.to_entry(node)

    async def _reread(self, gap: EventIndexClearedError) -> list[Event]:
        """Read the key again, and return the difference as inferred events."""
        since = self._stream.index
        await self._stream.start()
        node, before = await self._read_node(), self._modified
        self._modified = node.modified if node else 0
        events: list[Event] = [Resync(gap.message, since, self._stream.index)]
        if node and (node.modified != before or isinstance(gap, StoreReplacedError)):
            events.append(Put(self._keyspace.to_entry(node), inferred=True))
        elif node is None and before:
            events.append(Deleted(self._key, self._stream.index, inferred=True))
        return events
