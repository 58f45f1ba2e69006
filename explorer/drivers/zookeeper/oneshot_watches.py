"""Watches on servers older than 3.6, where each watch reports one change: reading the znode sets the next one.

Every watched znode has to be known by name, so their number is limited. Changes between an event and the next read are
not reported one by one; the read returns the newest state.
"""

from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from explorer.drivers.common.threads import MAILBOX_CAPACITY
from explorer.drivers.common.watch import Differences
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.frames import EventType
from explorer.drivers.zookeeper.keyspace import ZNodeVersion, ZooKeeperKeyspace
from explorer.drivers.zookeeper.reader import ZNode
from explorer.model.entries import Revision
from explorer.model.errors import CallNotSupported, Forbidden, KeyNotFound, NotReachable
from explorer.model.events import Deleted, Event, Put, Resync, Started

MAX_WATCHED_NODES: Final = 20_000
"""Znodes that are watched one by one."""


@dataclass(slots=True)
class OneShotWatch:
    """The watch of a znode, or of each znode below one, over one connection.

    Args:
        connection: The connection.
        keyspace: Makes entries.
        path: The path of the znode; empty for the root.
        is_tree: Watch the znodes below it, and not itself.
    """

    connection: ZooKeeperConnection
    keyspace: ZooKeeperKeyspace
    path: str
    is_tree: bool
    _versions: dict[str, ZNodeVersion] = field(default_factory=dict)
    """Versions of the znodes that were read, by their paths."""

    async def attempt(
        self, known: Mapping[str, Revision] | None, reason: str | None, *, report_all: bool = False
    ) -> AsyncGenerator[Iterable[Event], None]:
        """Yield events until the connection ends.

        Args:
            known: Keys and revisions that the watcher knows; None if it does not say.
            reason: Reason for a Resync; None for the first connection.
            report_all: Report all znodes: known revisions mean nothing after a restore.
        """
        with self.connection.state.subscribe(self.path, recursive=self.is_tree, capacity=MAILBOX_CAPACITY) as mailbox:
            puts = await self._read_new(self.path)
            if reason is None:
                own = next((put.entry for put in puts if not self.is_tree), None)
                yield [Started(None, own)]
            else:
                yield [Resync(reason, None, None)]
                differences = Differences(known or {}, (lambda _: True) if report_all else None)
                yield differences.puts(put.entry for put in puts)
                yield differences.deletions(revision=None)
            while True:
                events, overflowed = await mailbox.take()
                if overflowed or any(not event.path for event in events):
                    raise NotReachable("connection lost")
                for path, event_type in {event.path: event.type for event in events}.items():
                    yield await self._read_changed(path, event_type)

    async def _read_changed(self, path: str, event_type: int) -> list[Event]:
        """Read a changed znode and its children, which sets their next watches, and return the events."""
        events: list[Event] = []
        if event_type == EventType.DELETED and self._versions.pop(path, None) is not None and self._is_watched(path):
            events.append(Deleted(self.keyspace.to_key(path), None))
        return [*events, *await self._read_new(path)]

    async def _read_new(self, path: str) -> list[Put]:
        """Read a znode and those below it that were not read before, and return events for new or changed ones."""
        puts: list[Put] = []
        paths = [path]
        while paths:
            node = await self._read_and_watch(paths.pop())
            if node is None:
                continue
            before, now = self._versions.get(node.path), ZNodeVersion(node.stat.czxid, node.stat.version)
            if before != now and self._is_watched(node.path):
                coalesced = now.version - before.version - 1 if before and before.czxid == now.czxid else now.version
                entry = self.keyspace.to_entry(node.path, node.value, node.stat, node.acl)
                puts.append(Put(entry, coalesced=max(coalesced, 0)))
            self._versions[node.path] = now
            if len(self._versions) > MAX_WATCHED_NODES:
                raise CallNotSupported(
                    f"more than {MAX_WATCHED_NODES} nodes, and this server has one-shot watches only",
                    hint="watch a smaller subtree; ZooKeeper has persistent watches since 3.6",
                )
            if self.is_tree:
                children = await self._list_and_watch(node.path)
                paths += [child for child in children if child not in self._versions or before is None]
        return puts

    async def _read_and_watch(self, path: str) -> ZNode | None:
        """Return a znode and set a watch on it; None if there is none, with a watch on its creation."""
        path_or_root = path or "/"
        existing = await self.connection.query(messages.exists(path_or_root, watch=True))
        if existing is None:
            return None
        try:
            value, stat = await self.connection.query(messages.get_data(path_or_root, watch=True))
            acl = None if self.is_tree else await self.connection.query(messages.get_acl(path_or_root))
        except KeyNotFound:
            return None
        except Forbidden:
            return ZNode(path, existing)
        return ZNode(path, stat, value, acl)

    async def _list_and_watch(self, path: str) -> list[str]:
        """Return the paths of a znode's children, and set a watch on their list."""
        try:
            names = await self.connection.query(messages.get_children(path or "/", watch=True))
        except (KeyNotFound, Forbidden):
            return []
        return [f"{path}/{name}" for name in sorted(names, reverse=True)]

    def _is_watched(self, path: str) -> bool:
        return path != self.path if self.is_tree else path == self.path
