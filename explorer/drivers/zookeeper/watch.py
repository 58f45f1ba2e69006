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

from explorer.drivers.threads import CAPACITY, Mailbox
from explorer.drivers.watching import Feed, follow
from explorer.drivers.zookeeper import failures, messages
from explorer.drivers.zookeeper.client import CREATED, DELETED, Happened
from explorer.drivers.zookeeper.connection import Connection
from explorer.drivers.zookeeper.layout import Layout, State, expected
from explorer.drivers.zookeeper.reading import Node, Reader, Walk
from explorer.drivers.zookeeper.rearming import Rearming
from explorer.model.entries import Entry, Revision
from explorer.model.errors import NotReachable
from explorer.model.events import Deleted, Event, Put, Resync, Started

_PAGE = 1000
_REMEMBERED = 4096
"""Nodes whose last told state is kept, to count what was folded and to tell nothing twice."""
_UNTOLD = "ZooKeeper tells nothing of what happened while there was no connection"
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

    connection: Connection
    layout: Layout
    subject: str
    path: str
    below: bool
    known: Mapping[str, Revision] | None = None
    _told: OrderedDict[str, State | None] = field(default_factory=OrderedDict)
    """What was told last of a node; None for a deletion."""
    _begun: bool = False
    _since: int = 0
    """What was changed before this transaction was told, or known to the watcher before."""
    _feed: Feed = field(default_factory=Feed)

    async def run(self, feed: Feed) -> None:
        """Tell events until cancelled, over any number of connections."""
        self._feed = feed
        await follow(feed, self._attempt)

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        first, self._begun = not self._begun, True
        if self.connection.stays:
            contacts = self.connection.contacts
            try:
                async with aclosing(self._staying(first=first)) as batches:
                    async for batch in batches:
                        yield batch
            except failures.Unsupported:
                self.connection.note_older()
                # Such a server ends the connection after it has said so.
                await self.connection.next_contact(contacts)
        await self._feed.caught_up()
        known = None if self.known is None else dict(self.known)
        older = Rearming(self.connection, self.layout, self.subject, self.path, self.below)
        async with aclosing(older.attempt(known, None if first else _UNTOLD)) as batches:
            async for batch in batches:
                yield batch

    async def _staying(self, *, first: bool) -> AsyncGenerator[Iterable[Event], None]:
        async with self._registered() as mailbox:
            since, self._since = self._since, self.connection.zxid
            if not self.below:
                yield await self._look(first=first)
            elif first:
                yield [Started(None)]
            else:
                async for batch in self._again(_UNTOLD, since):
                    yield batch
            while True:
                happened, overflowed = await mailbox.take()
                if any(not event.path for event in happened):
                    raise NotReachable("the connection was lost", address=self.connection.shown, key=self.subject)
                events = await self._events([event for event in happened if self._concerns(event.path)])
                if events:
                    yield events
                if overflowed and self.below:
                    async for batch in self._again(_OVERFLOW, self._since):
                        yield batch
                elif overflowed:
                    yield await self._look(first=False)

    @asynccontextmanager
    async def _registered(self) -> AsyncGenerator[Mailbox[Happened], None]:
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

    async def _look(self, *, first: bool) -> list[Event]:
        """Read the one node, and tell how it is."""
        node = await Reader(self.connection, self.subject).node(self.path)
        entry, state = (None, None) if node is None else (self._entry(node), _state(node))
        if first:
            self._remember(self.path, state)
            return [Started(None, entry)]
        if self._told.get(self.path) == state:
            return [Started(None, entry)]  # as it was: the version counts, so nothing can have happened
        self._remember(self.path, state)
        change = Deleted(self.subject, None, inferred=True) if entry is None else Put(entry, inferred=True)
        return [Resync(_UNTOLD, None, None), change]

    async def _again(self, reason: str, since: int) -> AsyncGenerator[Iterable[Event], None]:
        """Read everything again, and tell the differences to what the watcher knows."""
        yield [Resync(reason, None, None)]
        await self._feed.caught_up()
        known = None if self.known is None else dict(self.known)
        walk = Walk(Reader(self.connection, self.subject), self.path, values=True)
        present: set[str] = set()
        while page := await walk.take(_PAGE):
            puts: list[Event] = []
            for node in page:
                entry = self._entry(node)
                present.add(entry.key)
                told = known.get(entry.key) == entry.revision if known is not None else not self._new(node, since)
                if not told:
                    self._remember(node.path, _state(node))
                    puts.append(Put(entry, inferred=True))
            yield puts
        yield [Deleted(key, None, inferred=True) for key in known or () if key not in present]

    def _new(self, node: Node, since: int) -> bool:
        return node.stat.mzxid > since and self._told.get(node.path) != _state(node)

    async def _events(self, happened: Sequence[Happened]) -> list[Event]:
        """Read what became of nodes, each once, and tell it."""
        counts = Counter(event.path for event in happened)
        kinds = {event.path: event.kind for event in happened}
        born = {event.path for event in happened if event.kind == CREATED}
        nodes = await Reader(self.connection, self.subject).nodes(list(counts), values=True)
        found = {node.path: node for node in nodes}
        told = [self._event(path, found.get(path), counts[path], kinds[path], born=path in born) for path in counts]
        return [event for event in told if event is not None]

    def _event(self, path: str, node: Node | None, count: int, kind: int, *, born: bool) -> Event | None:
        before = self._before(path)
        if node is None:
            if kind != DELETED:
                return None  # that it was deleted is on its way
            self._remember(path, None)
            return Deleted(self._key(path), None, folded=count - 1)
        state = _state(node)
        if before == state:
            return None  # read ahead of its event
        self._remember(path, state)
        if before and before.czxid == state.czxid:
            return Put(self._entry(node), folded=max(state.version - before.version - 1, 0))
        return Put(self._entry(node), folded=max(count - 1, state.version if born else 0))

    def _before(self, path: str) -> State | None:
        """Give the state of a node that the watcher was told of, or knows."""
        if path in self._told:
            return self._told[path]
        revision = (self.known or {}).get(self._key(path))
        return None if revision is None else expected(revision)

    def _remember(self, path: str, state: State | None) -> None:
        self._told[path] = state
        self._told.move_to_end(path)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)

    def _key(self, path: str) -> str:
        return self.layout.relative(path)

    def _entry(self, node: Node) -> Entry:
        return self.layout.entry(node.path, node.value, node.stat, node.acl)


def _state(node: Node) -> State:
    return State(node.stat.czxid, node.stat.version)
