"""Watches: the server reports which znode changed, and its present state is read.

A persistent watch (since ZooKeeper 3.6) reports every change, without the value and without history: changes in quick
succession are read once, and counted as coalesced, by the znode's version if the previous one is known. The server
drops the watch with the connection and reports nothing of what happened meanwhile (ZOOKEEPER-4698); so after each
reconnection the watch is added first, and then everything is read and compared. For older servers see
`oneshot_watches`.
"""

from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Final

from explorer.drivers.common.feed import Feed
from explorer.drivers.common.threads import MAILBOX_CAPACITY, Mailbox
from explorer.drivers.common.watch import Differences, ReconnectingWatch
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.frames import EventType, WatchedEvent
from explorer.drivers.zookeeper.keyspace import ZNodeVersion, ZooKeeperKeyspace, version_of
from explorer.drivers.zookeeper.oneshot_watches import OneShotWatch
from explorer.drivers.zookeeper.reader import ZNode, ZNodeWalk, ZooKeeperReader
from explorer.model.entries import Entry, Revision
from explorer.model.errors import CallNotSupported, NotReachable
from explorer.model.events import Deleted, Event, Put, Resync, Started

_PAGE_SIZE: Final = 1000
_MAX_REPORTED: Final = 4096
"""Znodes whose last reported version is kept, to count coalesced changes and to report none twice."""
_RECONNECTED: Final = "ZooKeeper does not report what happened while there was no connection"
_RESTORED: Final = "the servers' data is older than before: they were restored or lost it; everything is read again"
_OVERFLOW: Final = "more changes at once than could be kept; everything is read again"


class ZooKeeperWatch(ReconnectingWatch):
    """A watch of one znode, or of all below one, over any number of connections.

    Args:
        connection: The connection.
        keyspace: Makes entries.
        path: The path of the znode; empty for the root.
        is_tree: Watch the znodes below it, and not itself.
        known: The watcher's own table of keys and revisions, see `Store.watch_tree`.
    """

    def __init__(
        self,
        connection: ZooKeeperConnection,
        keyspace: ZooKeeperKeyspace,
        path: str,
        *,
        is_tree: bool,
        known: Mapping[str, Revision] | None = None,
    ) -> None:
        self._connection = connection
        self._state = connection.state
        self._keyspace = keyspace
        self._reader = ZooKeeperReader(connection)
        self._path = path
        self._is_tree = is_tree
        self._known = known
        self._reported: OrderedDict[str, ZNodeVersion | None] = OrderedDict()
        """Last reported version of a znode by its path; None for a deletion."""
        self._is_started = False
        self._reported_zxid = 0
        """All changes up to this transaction were reported, or known to the watcher before."""
        self._session_id = 0
        """The session in which everything was read last."""
        self._restores = 0
        """Number of restores when everything was read last."""
        self._mtime_before_loss: int | None = None
        """Newest time of a change before the connection was lost; None once everything was read again."""

    async def run(self, feed: Feed) -> None:
        self._restores = self._state.restores
        await super().run(feed)

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        is_first, self._is_started = not self._is_started, True
        if not is_first and self._mtime_before_loss is None:
            self._mtime_before_loss = self._state.mtime_before_loss
        if self._connection.persistent_watches:
            connects = self._state.connects
            try:
                async with aclosing(self._watch_persistently(is_first=is_first)) as batches:
                    async for batch in batches:
                        yield batch
            except CallNotSupported:
                self._connection.set_legacy_server()
                await self._connection.wait_reconnected(connects)  # a legacy server closes the connection after that
        await self._feed.caught_up()
        known = None if self._known is None else dict(self._known)
        one_shot = OneShotWatch(self._connection, self._keyspace, self._path, self._is_tree)
        reason, restored = self._resync_reason(), self._take_restore()
        async with aclosing(one_shot.attempt(known, None if is_first else reason, report_all=restored)) as batches:
            async for batch in batches:
                yield batch

    def _resync_reason(self) -> str:
        return _RECONNECTED if self._restores == self._state.restores else _RESTORED

    def _take_restore(self) -> bool:
        """Return whether there was a restore since the last call."""
        before, self._restores = self._restores, self._state.restores
        return before != self._restores

    async def _watch_persistently(self, *, is_first: bool) -> AsyncGenerator[Iterable[Event], None]:
        async with self._persistent_watch() as mailbox:
            zxid, restores, reason = self._connection.zxid, self._state.restores, self._resync_reason()
            if not self._is_tree:
                yield await self._compare_node(reason, is_first=is_first)
            elif is_first:
                yield [Started(None)]
            else:
                async for batch in self._compare_tree(reason):
                    yield batch
            self._reported_zxid, self._restores, self._mtime_before_loss = zxid, restores, None
            self._session_id = self._state.session_id
            while True:
                watched, overflowed = await mailbox.take()
                if any(not event.path for event in watched):
                    raise NotReachable("connection lost")
                events = await self._read_events([event for event in watched if self._is_watched(event.path)])
                if events:
                    yield events
                if overflowed and self._is_tree:
                    async for batch in self._compare_tree(_OVERFLOW):
                        yield batch
                elif overflowed:
                    yield await self._compare_node(_OVERFLOW, is_first=False)

    @asynccontextmanager
    async def _persistent_watch(self) -> AsyncGenerator[Mailbox[WatchedEvent], None]:
        """Add a watch on the server, and return the mailbox of its events."""
        with self._state.subscribe(self._path, recursive=self._is_tree, capacity=MAILBOX_CAPACITY) as mailbox:
            path = self._path or "/"
            recursive = any(subscription.recursive for subscription in self._state.subscriptions(self._path))
            await self._connection.query(messages.add_watch(path, recursive=recursive))
            try:
                yield mailbox
            finally:
                if len(self._state.subscriptions(self._path)) == 1:
                    self._connection.remove_watches(path)

    def _is_watched(self, path: str) -> bool:
        return path != self._path if self._is_tree else path == self._path

    async def _compare_node(self, reason: str, *, is_first: bool) -> list[Event]:
        """Read the watched znode, and return the events since the last report.

        Args:
            reason: Reason for a Resync.
            is_first: Nothing has been reported yet.
        """
        node = await self._reader.read_node(self._path)
        entry, version = (None, None) if node is None else (self._to_entry(node), _version(node))
        before = self._reported.get(self._path)
        self._set_reported(self._path, version)
        if is_first:
            return [Started(None, entry)]
        if before == version and not (node and self._may_be_from_older_state(node)):
            return [Started(None, entry)]  # the version is the same, so nothing happened
        key = self._keyspace.to_key(self._path)
        change = Deleted(key, None, inferred=True) if entry is None else Put(entry, inferred=True)
        return [Resync(reason, None, None), change]

    async def _compare_tree(self, reason: str) -> AsyncGenerator[Iterable[Event], None]:
        """Read everything again, and yield the differences to what the watcher knows."""
        yield [Resync(reason, None, None)]
        await self._feed.caught_up()
        known = None if self._known is None else dict(self._known)
        nodes: dict[str, ZNode] = {}

        def is_changed(entry: Entry) -> bool:
            node = nodes[entry.key]
            changed = self._is_new(node) if known is None else known.get(entry.key) != entry.revision
            return changed or self._may_be_from_older_state(node)

        differences = Differences(known or {}, is_changed)
        walk = ZNodeWalk(self._reader, self._path, values=True)
        while page := await walk.take(_PAGE_SIZE):
            nodes = {self._keyspace.to_key(node.path): node for node in page}
            puts = differences.puts(map(self._to_entry, page))
            for put in puts:
                node = nodes[put.key]
                self._set_reported(node.path, _version(node))
            yield puts
        for path in list(self._reported):
            if self._keyspace.to_key(path) not in differences.present:
                del self._reported[path]
        yield differences.deletions(revision=None)

    def _is_new(self, node: ZNode) -> bool:
        if self._session_id != self._state.session_id:
            return True  # servers that do not know the session may have other data, whatever their transaction is
        if node.path in self._reported:
            return self._reported[node.path] != _version(node)
        return node.stat.mzxid > self._reported_zxid

    def _may_be_from_older_state(self, node: ZNode) -> bool:
        """Return whether a znode may have been written after a restore, with a revision that existed before."""
        restored = self._restores != self._state.restores
        return restored or (bool(self._mtime_before_loss) and node.stat.mtime > (self._mtime_before_loss or 0))

    async def _read_events(self, watched: Sequence[WatchedEvent]) -> list[Event]:
        """Read each znode that changed once, and return the events."""
        counts = Counter(event.path for event in watched)
        last_types = {event.path: event.type for event in watched}
        created = {event.path for event in watched if event.type == EventType.CREATED}
        nodes = {node.path: node for node in await self._reader.read_nodes(list(counts), values=True)}
        events = [
            self._to_event(path, nodes.get(path), counts[path], last_types[path], is_created=path in created)
            for path in counts
        ]
        return [event for event in events if event is not None]

    def _to_event(
        self, path: str, node: ZNode | None, count: int, event_type: int, *, is_created: bool
    ) -> Event | None:
        """Return the event for a znode; None if there is nothing new to report.

        Args:
            path: The path of the znode.
            node: The znode as it was read; None if there is none.
            count: Number of watch events.
            event_type: Type of the last watch event.
            is_created: One of the watch events was a creation.
        """
        before = self._last_version(path)
        if node is None:
            if event_type != EventType.DELETED:
                return None  # the event of the deletion will follow
            self._set_reported(path, None)
            return Deleted(self._keyspace.to_key(path), None, coalesced=count - 1)
        version = _version(node)
        if before == version:
            return None  # read before its event came
        self._set_reported(path, version)
        if before and before.czxid == version.czxid:
            return Put(self._to_entry(node), coalesced=max(version.version - before.version - 1, 0))
        return Put(self._to_entry(node), coalesced=max(count - 1, version.version if is_created else 0))

    def _last_version(self, path: str) -> ZNodeVersion | None:
        """Return the version of a znode that was reported last, or that the watcher knows."""
        if path in self._reported:
            return self._reported[path]
        revision = (self._known or {}).get(self._keyspace.to_key(path))
        return None if revision is None else version_of(revision)

    def _set_reported(self, path: str, version: ZNodeVersion | None) -> None:
        self._reported[path] = version
        self._reported.move_to_end(path)
        if len(self._reported) > _MAX_REPORTED:
            self._reported.popitem(last=False)

    def _to_entry(self, node: ZNode) -> Entry:
        return self._keyspace.to_entry(node.path, node.value, node.stat, node.acl)


def _version(node: ZNode) -> ZNodeVersion:
    return ZNodeVersion(node.stat.czxid, node.stat.version)
