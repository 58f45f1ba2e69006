"""Watches on servers older than 3.6, where each is told once: reading a node again is what arms it again.

Every node that is watched has to be known by name, so there is a most of them. Between an event and the next reading
nothing is told, but what is read then is the newest: the state converges, the history does not.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from explorer.drivers.common.threads import CAPACITY
from explorer.drivers.common.watch import vanished
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.client import DELETED
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.keyspace import NodeState, ZooKeeperKeyspace
from explorer.drivers.zookeeper.reader import Node
from explorer.model.entries import Revision
from explorer.model.errors import CallNotSupported, Forbidden, KeyNotFound, NotReachable
from explorer.model.events import Deleted, Event, Put, Resync, Started

MOST: Final = 20_000
"""Nodes that are watched one by one, at most."""


@dataclass(slots=True)
class OneShotWatch:
    """One connection's watch of a node, or of all below one, each node by itself.

    Args:
        connection: Is asked.
        layout: Spells entries.
        subject: The key or prefix as the caller wrote it.
        path: The node; empty for the top of all.
        below: Whether the nodes below it are meant, and not itself.
    """

    connection: ZooKeeperConnection
    layout: ZooKeeperKeyspace
    subject: str
    path: str
    below: bool
    _found: dict[str, NodeState] = field(default_factory=dict)

    async def attempt(
        self, known: Mapping[str, Revision] | None, reason: str | None, *, everything: bool = False
    ) -> AsyncGenerator[Iterable[Event], None]:
        """Tell events until the connection ends.

        Args:
            known: What the watcher knows, if he says so.
            reason: Why the watcher has to be told of a gap before this connection; None at the start.
            everything: Whether what the watcher knows has to be told again, because its revisions say nothing any more.
        """
        with self.connection.listen(self.path, below=self.below, capacity=CAPACITY) as mailbox:
            puts = await self._descend(self.path)
            if reason is None:
                own = next((put.entry for put in puts if not self.below), None)
                yield [Started(None, own)]
            else:
                yield [Resync(reason, None, None)]
                before = {} if everything or known is None else known
                yield [Put(put.entry, inferred=True) for put in puts if before.get(put.key) != put.revision]
                yield vanished(known or {}, {put.key for put in puts}, revision=None)
            while True:
                happened, overflowed = await mailbox.take()
                if overflowed or any(not event.path for event in happened):
                    raise NotReachable("the connection was lost", address=self.connection.redacted, key=self.subject)
                for path, kind in {event.path: event.kind for event in happened}.items():
                    yield await self._changed(path, kind)

    async def _changed(self, path: str, kind: int) -> list[Event]:
        """Read a node again, with its children, and tell what is new."""
        events: list[Event] = []
        if kind == DELETED and self._found.pop(path, None) is not None and self._concerns(path):
            events.append(Deleted(self.layout.relative(path), None))
        return [*events, *await self._descend(path)]

    async def _descend(self, path: str) -> list[Put]:
        """Read a node and those below it that were not read before; tell those that are new or changed."""
        told: list[Put] = []
        waiting = [path]
        while waiting:
            node = await self._arm(waiting.pop())
            if node is None:
                continue
            before, now = self._found.get(node.path), NodeState(node.stat.czxid, node.stat.version)
            if before != now and self._concerns(node.path):
                coalesced = now.version - before.version - 1 if before and before.czxid == now.czxid else now.version
                entry = self.layout.entry(node.path, node.value, node.stat, node.acl)
                told.append(Put(entry, coalesced=max(coalesced, 0)))
            self._found[node.path] = now
            if len(self._found) > MOST:
                raise CallNotSupported(
                    f"more than {MOST} nodes, and this server tells each change once only",
                    hint="watch a smaller subtree; ZooKeeper has watches for many nodes since 3.6",
                    address=self.connection.redacted,
                    key=self.subject,
                )
            if self.below:
                below = await self._names(node.path)
                waiting += [child for child in below if child not in self._found or before is None]
        return told

    async def _arm(self, path: str) -> Node | None:
        """Read a node, so that its next change is told; one that is not there is told when it comes."""
        place = path or "/"
        there = await self.connection.ask(messages.exists(place, watch=True), key=self.subject)
        if there is None:
            return None
        try:
            value, stat = await self.connection.ask(messages.get(place, watch=True), key=self.subject)
            acl = None if self.below else await self.connection.ask(messages.acl(place), key=self.subject)
        except KeyNotFound:
            return None
        except Forbidden:
            return Node(path, there)
        return Node(path, stat, value, acl)

    async def _names(self, path: str) -> list[str]:
        try:
            names = await self.connection.ask(messages.children(path or "/", watch=True), key=self.subject)
        except (KeyNotFound, Forbidden):
            return []
        return [f"{path}/{name}" for name in sorted(names, reverse=True)]

    def _concerns(self, path: str) -> bool:
        return path != self.path if self.below else path == self.path
