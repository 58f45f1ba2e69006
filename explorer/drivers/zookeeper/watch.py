"""Watches: the server says which node changed, and what it is now is read.

A watch that stays (since ZooKeeper 3.6) tells every change, without the value and without history: what happened in
quick succession is read once and counted as folded, by the node's version where the one before is known. The server
forgets the watch with the connection and tells nothing of what happened meanwhile (ZOOKEEPER-4698); so after each
reconnection the watch is registered first, then everything is read and compared. Older servers: see `rearming`.
"""

from collections import Counter, OrderedDict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

from explorer.drivers.common.threads import CAPACITY, Mailbox
from explorer.drivers.common.watch import Feed, watch_with_reconnect
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.client import CREATED, DELETED, WatchedEvent
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.keyspace import NodeState, ZooKeeperKeyspace, expected
from explorer.drivers.zookeeper.oneshot_watches import OneShotWatch
from explorer.drivers.zookeeper.reader import Node, Walk, ZooKeeperReader
from explorer.model.entries import Entry, Revision
from explorer.model.errors import CallNotSupported, NotReachable
from explorer.model.events import Deleted, Event, Put, Resync, Started

_PAGE = 1000
_REMEMBERED = 4096
"""Nodes whose last told state is kept, to count what was folded and to tell nothing twice."""
_UNTOLD = "ZooKeeper tells nothing of what happened while there was no connection"
_RESTORED = "the servers' data is older than what was told: they were restored or lost it; everything is read again"
_OVERFLOW = "more happened at once than could be kept; everything is read again"


@dataclass(slots=True)
class NodeWatch:
    """A watch of one node, or of all below one.

    Args:
        connection: Is asked.
        layout: Spells entries.
        subject: The key or prefix as the caller wrote it.
        path: The node; empty for the top of all.
        below: Whether the nodes below it are meant, and not itself.
        known: The watcher's own table of keys and revisions.
    """

    connection: ZooKeeperConnection
    layout: ZooKeeperKeyspace
    subject: str
    path: str
    below: bool
    known: Mapping[str, Revision] | None = None
    _told: OrderedDict[str, NodeState | None] = field(default_factory=OrderedDict)
    """What was told last of a node; None for a deletion."""
    _begun: bool = False
    _since: int = 0
    """What was changed before this transaction was told, or known to the watcher before."""
    _session: int = 0
    """The session in which everything was read last."""
    _restores: int = 0
    """How often the servers' data had become older when everything was read last."""
    _newest: int | None = None
    """The newest time of a change before the connection was lost; None while nothing has to be read again for it."""
    _feed: Feed = field(default_factory=Feed)

    async def run(self, feed: Feed) -> None:
        """Tell events until cancelled, over any number of connections."""
        self._feed = feed
        self._restores = self.connection.restores
        await watch_with_reconnect(feed, self._attempt)

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        first, self._begun = not self._begun, True
        if not first and self._newest is None:
            self._newest = self.connection.newest_before_loss
        if self.connection.stays:
            contacts = self.connection.contacts
            try:
                async with aclosing(self._staying(first=first)) as batches:
                    async for batch in batches:
                        yield batch
            except CallNotSupported:
                self.connection.note_older()
                # Such a server ends the connection after it has said so.
                await self.connection.next_contact(contacts)
        await self._feed.caught_up()
        known = None if self.known is None else dict(self.known)
        older = OneShotWatch(self.connection, self.layout, self.subject, self.path, self.below)
        reason, restored = self._reason(), self._take_restore()
        async with aclosing(older.attempt(known, None if first else reason, everything=restored)) as batches:
            async for batch in batches:
                yield batch

    def _reason(self) -> str:
        return _UNTOLD if self._restores == self.connection.restores else _RESTORED

    def _take_restore(self) -> bool:
        """Return whether the servers' data became older since this was asked last."""
        before, self._restores = self._restores, self.connection.restores
        return before != self._restores

    async def _staying(self, *, first: bool) -> AsyncGenerator[Iterable[Event], None]:
        async with self._registered() as mailbox:
            zxid, restores, reason = self.connection.zxid, self.connection.restores, self._reason()
            if not self.below:
                yield await self._look(reason, first=first)
            elif first:
                yield [Started(None)]
            else:
                async for batch in self._again(reason):
                    yield batch
            self._since, self._restores, self._newest = zxid, restores, None
            self._session = self.connection.session
            while True:
                happened, overflowed = await mailbox.take()
                if any(not event.path for event in happened):
                    raise NotReachable("the connection was lost", address=self.connection.redacted, key=self.subject)
                events = await self._events([event for event in happened if self._concerns(event.path)])
                if events:
                    yield events
                if overflowed and self.below:
                    async for batch in self._again(_OVERFLOW):
                        yield batch
                elif overflowed:
                    yield await self._look(_OVERFLOW, first=False)

    @asynccontextmanager
    async def _registered(self) -> AsyncGenerator[Mailbox[WatchedEvent], None]:
        place, connection = self.path or "/", self.connection
        with connection.listen(self.path, below=self.below, capacity=CAPACITY) as mailbox:
            below = any(ear.below for ear in connection.ears(self.path))
            await connection.ask(messages.add_watch(place, below=below), key=self.subject)
            try:
                yield mailbox
            finally:
                if len(connection.ears(self.path)) == 1:
                    connection.forget(place)

    def _concerns(self, path: str) -> bool:
        return path != self.path if self.below else path == self.path

    async def _look(self, reason: str, *, first: bool) -> list[Event]:
        """Read the one node, and tell how it is."""
        node = await ZooKeeperReader(self.connection, self.subject).node(self.path)
        entry, state = (None, None) if node is None else (self._entry(node), _state(node))
        before = self._told.get(self.path)
        self._remember(self.path, state)
        if first:
            return [Started(None, entry)]
        if before == state and not (node and self._is_of_another_life(node)):
            return [Started(None, entry)]  # as it was: the version counts, so nothing can have happened
        change = Deleted(self.subject, None, inferred=True) if entry is None else Put(entry, inferred=True)
        return [Resync(reason, None, None), change]

    async def _again(self, reason: str) -> AsyncGenerator[Iterable[Event], None]:
        """Read everything again, and tell the differences to what the watcher knows."""
        yield [Resync(reason, None, None)]
        await self._feed.caught_up()
        known = None if self.known is None else dict(self.known)
        walk = Walk(ZooKeeperReader(self.connection, self.subject), self.path, values=True)
        present: set[str] = set()
        while page := await walk.take(_PAGE):
            puts: list[Event] = []
            for node in page:
                entry = self._entry(node)
                present.add(entry.key)
                changed = self._is_new(node) if known is None else known.get(entry.key) != entry.revision
                if changed or self._is_of_another_life(node):
                    self._remember(node.path, _state(node))
                    puts.append(Put(entry, inferred=True))
            yield puts
        for path in [path for path in self._told if self._key(path) not in present]:
            del self._told[path]
        yield [Deleted(key, None, inferred=True) for key in known or () if key not in present]

    def _is_new(self, node: Node) -> bool:
        if self._session != self.connection.session:
            return True  # servers that do not know the session may be of another life, whatever transaction they are at
        if node.path in self._told:
            return self._told[node.path] != _state(node)
        return node.stat.mzxid > self._since

    def _is_of_another_life(self, node: Node) -> bool:
        """Return whether a node was written after data had been restored, when it can have a revision of before."""
        restored = self._restores != self.connection.restores
        return restored or (bool(self._newest) and node.stat.mtime > (self._newest or 0))

    async def _events(self, happened: Sequence[WatchedEvent]) -> list[Event]:
        """Read what became of nodes, each once, and tell it."""
        counts = Counter(event.path for event in happened)
        kinds = {event.path: event.kind for event in happened}
        born = {event.path for event in happened if event.kind == CREATED}
        nodes = await ZooKeeperReader(self.connection, self.subject).nodes(list(counts), values=True)
        found = {node.path: node for node in nodes}
        told = [self._event(path, found.get(path), counts[path], kinds[path], born=path in born) for path in counts]
        return [event for event in told if event is not None]

    def _event(self, path: str, node: Node | None, count: int, kind: int, *, born: bool) -> Event | None:
        before = self._before(path)
        if node is None:
            if kind != DELETED:
                return None  # that it was deleted is on its way
            self._remember(path, None)
            return Deleted(self._key(path), None, coalesced=count - 1)
        state = _state(node)
        if before == state:
            return None  # read ahead of its event
        self._remember(path, state)
        if before and before.czxid == state.czxid:
            return Put(self._entry(node), coalesced=max(state.version - before.version - 1, 0))
        return Put(self._entry(node), coalesced=max(count - 1, state.version if born else 0))

    def _before(self, path: str) -> NodeState | None:
        """Give the state of a node that the watcher was told of, or knows."""
        if path in self._told:
            return self._told[path]
        revision = (self.known or {}).get(self._key(path))
        return None if revision is None else expected(revision)

    def _remember(self, path: str, state: NodeState | None) -> None:
        self._told[path] = state
        self._told.move_to_end(path)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)

    def _key(self, path: str) -> str:
        return self.layout.relative(path)

    def _entry(self, node: Node) -> Entry:
        return self.layout.entry(node.path, node.value, node.stat, node.acl)


def _state(node: Node) -> NodeState:
    return NodeState(node.stat.czxid, node.stat.version)
