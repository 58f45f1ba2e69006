"""Watch of everything below a directory, with the paths that etcd does not report.

A directory that is deleted or expires is reported without its contents; one that is created by a write below it is not
reported at all. So the watch keeps the paths, and adds the events for both.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from explorer.drivers.common.watch import Differences, ReconnectingWatch
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.errors import EventIndexClearedError, StoreReplacedError
from explorer.drivers.etcd2.event_stream import EventStream
from explorer.drivers.etcd2.keyspace import Etcd2Keyspace, Etcd2Node, NodeChange, is_below
from explorer.drivers.etcd2.path_trie import PathTrie
from explorer.drivers.etcd2.reader import Etcd2Reader, NodeWalk
from explorer.model.entries import Revision
from explorer.model.errors import InvalidKey
from explorer.model.events import Deleted, Event, Put, Resync, Started


@dataclass(frozen=True, slots=True)
class _ClearedGap:
    """Missed changes, for which the state has to be read again."""

    reason: str
    since: int
    """The last index delivered."""
    is_replaced: bool
    """True if the store is another one, whose indexes cannot be compared with those of before."""


class Etcd2TreeWatch(ReconnectingWatch):
    """One watch of a directory, over any number of connections.

    Args:
        connection: The connection to the members.
        keyspace: Converts nodes to entries.
        prefix: The directory.
        since: The last index that the watcher has seen; None to start now.
        known: The watcher's own table of keys and revisions, see `Store.watch_tree`.
    """

    def __init__(
        self,
        connection: Etcd2Connection,
        keyspace: Etcd2Keyspace,
        prefix: str,
        since: Revision | None,
        known: Mapping[str, Revision] | None,
    ) -> None:
        self._connection = connection
        self._keyspace = keyspace
        self._path = keyspace.to_store_prefix(prefix)
        self._since = since
        self._known = known
        self._reader = Etcd2Reader(connection)
        self._stream = EventStream(connection, self._path)
        self._paths: PathTrie | None = None
        self._read_until = 0
        """The index up to which the paths may be newer than the changes."""
        self._gap: _ClearedGap | None = None
        """Set until the state was read again as a whole."""

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        if self._paths is None:
            yield [await self._start()]
        else:
            try:
                await self._stream.check()
            except EventIndexClearedError as error:
                self._note_gap(error)
            if self._gap is not None:
                async for events in self._relist(self._gap):
                    yield events
        while True:
            try:
                async with aclosing(self._stream.changes(recursive=True)) as changes:
                    async for change in changes:
                        yield [Started(self._stream.index)] if change is None else await self._to_events(change)
            except EventIndexClearedError as error:
                async for events in self._relist(self._note_gap(error)):
                    yield events

    async def _start(self) -> Started:
        await self._stream.start()
        node = await self._reader.read_node(self._path)
        if node is not None and not node.is_directory:
            raise InvalidKey("the key has a value, so nothing can be below it", hint="watch the key itself")
        paths = PathTrie(self._path)
        async for page in NodeWalk(self._reader, self._path).pages():
            for node in page:
                self._add(node, paths)
        self._paths = paths
        self._read_until = (await self._connection.ping()).index
        if self._since is not None:
            self._stream.index = self._since if isinstance(self._since, int) else 0
            return Started(self._since)
        return Started(self._read_until)

    def _add(self, node: Etcd2Node, paths: PathTrie) -> None:
        """Note a node that was read."""
        paths.add(node.path, node.created)
        if not node.is_directory:
            self._stream.observe(node)

    async def _to_events(self, change: NodeChange) -> list[Event]:
        """Return the events of a change; none for what happened before the start, while the paths were read."""
        events = await self._deletions(change) if change.is_deletion else self._puts(change.node, change.previous)
        return events if self._since is not None or change.index > self._read_until else []

    def _puts(self, node: Etcd2Node, previous: Etcd2Node | None) -> list[Event]:
        if self._paths is None or not is_below(node.path, self._path):
            return []
        parents = [] if previous else [*self._paths.add_parents(node.path, node.modified)]
        self._paths.add(node.path, node.created)
        events: list[Event] = [
            Put(self._keyspace.to_entry(Etcd2Node.implicit_directory(path, node.modified))) for path in parents
        ]
        return [*events, Put(self._keyspace.to_entry(node), self._keyspace.to_entry(previous) if previous else None)]

    async def _deletions(self, change: NodeChange) -> list[Event]:
        path, index = change.node.path, change.index
        if self._paths is None:
            return []
        if is_below(path, self._path):
            deleted = self._paths.remove(path, index)
        elif path == self._path or is_below(self._path, path):
            deleted = self._paths.clear(index)
        else:
            return []  # etcd reports the deletion of `foo` to a watch of `foobar`
        if change.previous and change.previous.is_directory and self._since is not None and index <= self._read_until:
            deleted = await self._with_known(path, deleted)
        events: list[Event] = []
        for one in deleted or [path]:
            if is_below(one, self._path):
                previous = change.previous if one == path else None
                entry = self._keyspace.to_entry(previous) if previous else None
                events.append(Deleted(self._keyspace.to_key(one), index, entry))
        return events

    async def _with_known(self, path: str, deleted: list[str]) -> list[str]:
        """Add the watcher's known keys in a directory that was deleted before the paths were read.

        Raises:
            EventIndexClearedError: The watcher has no table of them.
        """
        if self._known is None:
            raise EventIndexClearedError("a directory was deleted as a whole, and etcd does not report its contents")
        await self._feed.caught_up()
        known = (f"{self._keyspace.root}/{key}" for key in self._known)
        return sorted({*deleted, *(one for one in known if one == path or is_below(one, path))}, reverse=True)

    def _note_gap(self, error: EventIndexClearedError) -> _ClearedGap:
        """Return the gap; one that was not closed before still begins where it did."""
        is_replaced = isinstance(error, StoreReplacedError)
        if self._gap is None:
            self._gap = _ClearedGap(error.message, self._stream.index, is_replaced)
        elif is_replaced:
            self._gap = replace(self._gap, is_replaced=True)
        return self._gap

    async def _relist(self, gap: _ClearedGap) -> AsyncGenerator[Iterable[Event], None]:
        """Read everything again, and yield the differences to what the watcher knows as inferred events."""
        since, cluster = gap.since, self._stream.cluster
        before = {} if self._paths is None else {self._keyspace.to_key(path): 0 for path in self._paths.paths()}
        await self._stream.start()
        newest = self._stream.index
        yield [Resync(gap.reason, since, newest)]
        await self._feed.caught_up()
        if self._known is not None:
            differences = Differences(dict(self._known))
        else:
            is_replaced = gap.is_replaced or newest < since or cluster != self._stream.cluster
            differences = Differences(
                before, lambda entry: is_replaced or not isinstance(entry.revision, int) or entry.revision > since
            )
        paths = PathTrie(self._path)
        async for page in NodeWalk(self._reader, self._path).pages():
            for node in page:
                self._add(node, paths)
            yield differences.puts(map(self._keyspace.to_entry, page))
        deletions = sorted(differences.deletions(revision=newest), key=lambda deletion: deletion.key)
        yield deletions
        self._paths, self._read_until, self._since, self._gap = paths, newest, None, None
