"""Stream of the changes of a node from an index on, over any number of waiting requests.

Three properties of the API shape it (seen with 3.4). A wait that finds a past change returns only that one; so the next
wait is sent at once. The store keeps the last 1000 changes of all keys; so a silent wait is renewed from time to time,
to start at a newer index than that of its last change. An index that goes back, or another cluster ID, means another
store: its changes do not continue those before.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from explorer.drivers.common.recent_writes import RecentWrites, WriteRecord
from explorer.drivers.etcd2.connection import Etcd2Connection, WaitStream
from explorer.drivers.etcd2.errors import StoreReplacedError
from explorer.drivers.etcd2.keyspace import Etcd2Node, NodeChange
from explorer.drivers.etcd2.reader import Etcd2Reader
from explorer.model.errors import Denied, NotReachable

_MAX_SILENCE = 10.0
"""Seconds without a change after which a wait is renewed, at most."""
_MIN_SILENCE = 0.5
_MAX_RECENT_WRITES = 256
"""Nodes by which the store is recognised."""
_RECENT_WRITES_PER_READ = 32
_SAFE_CHANGES = 500
"""Changes of other keys that may happen during a wait: half of what the store keeps."""


@dataclass(slots=True)
class EventStream:
    """The changes of a node, and of all nodes below it if requested.

    Args:
        connection: The connection to the members.
        path: The path of the node.
        index: The index up to which all changes were delivered.
        cluster: The ID of the cluster that this index belongs to.
    """

    connection: Etcd2Connection
    path: str
    index: int = 0
    cluster: str | None = None
    _silence: float = field(default_factory=lambda: _MAX_SILENCE)
    _recent_writes: RecentWrites = field(
        default_factory=lambda: RecentWrites(_MAX_RECENT_WRITES, batch_size=_RECENT_WRITES_PER_READ)
    )
    _missing: set[str] = field(default_factory=set)
    """Nodes whose deletion the store has to report, if it is the same as before."""

    async def start(self) -> None:
        """Start after the newest index."""
        newest = await self.connection.ping()
        self.index, self.cluster = newest.index, newest.cluster
        self._recent_writes.clear()
        self._missing.clear()

    def observe_absence(self) -> None:
        """Note that the node does not exist at the start."""
        self._recent_writes.observe_deletion(self.path, self.index)

    def observe(self, node: Etcd2Node) -> None:
        """Note a node that exists at the start, to recognise the store by."""
        self._recent_writes.observe(node.path, _written(node))

    async def check(self) -> None:
        """Check that the store is the same as before.

        Raises:
            StoreReplacedError: It is not.
        """
        check = await self._recent_writes.check(self._read, index=self.index)
        if check.reason:
            raise StoreReplacedError(check.reason)
        self._missing = set(check.deleted)

    async def _read(self, paths: Sequence[str]) -> dict[str, WriteRecord]:
        reader = Etcd2Reader(self.connection)
        nodes = [await reader.read_node(path) for path in paths]
        return {node.path: _written(node) for node in nodes if node is not None and not node.is_directory}

    async def changes(self, *, recursive: bool) -> AsyncGenerator[NodeChange | None, None]:
        """Yield the changes as they happen, and None whenever a wait is established.

        Raises:
            EventIndexClearedError: The store no longer has all of them.
        """
        while True:
            wait = self.connection.wait(self.path, self.index + 1, recursive=recursive)
            async with wait as stream, aclosing(stream.changes):
                await self._require_same_store(stream)
                yield None
                start = self.index
                while True:
                    try:
                        async with asyncio.timeout(_MIN_SILENCE if self._missing else self._silence):
                            change = await anext(stream.changes, None)
                    except TimeoutError:
                        await self._advance(stream)
                        self._require_deletions()
                        break
                    if change is None:
                        if self.index == start:
                            raise NotReachable("the store ended the watch")
                        break  # the reader was too slow for the server's buffer
                    if change.index > stream.index:
                        self._require_deletions()
                    self.index = max(self.index, change.index)
                    self._observe_change(change)
                    yield change
                    if change.index <= stream.index:
                        break

    def _observe_change(self, change: NodeChange) -> None:
        """Note a change, with what was deleted along with a directory."""
        path = change.node.path
        if not change.is_deletion:
            if not change.node.is_directory:
                self.observe(change.node)
            return
        for deleted in (path, *self._recent_writes.below(f"{path}/")):
            self._recent_writes.observe_deletion(deleted, change.index)
            self._missing.discard(deleted)

    def _require_deletions(self) -> None:
        """Raise StoreReplacedError if the store delivered all changes without the deletion of a missing node."""
        if self._missing:
            raise StoreReplacedError(
                "a node is gone without a deletion in the history: the store was restored or replaced"
            )

    async def _require_same_store(self, stream: WaitStream) -> None:
        """Raise StoreReplacedError if the stream comes from another store."""
        if self.cluster is None:
            self.cluster = stream.cluster
        elif stream.cluster not in (None, self.cluster):
            raise StoreReplacedError("another cluster answers")
        if stream.index < self.index:  # it may be a member that lags behind
            newest = await self._newest_index()
            if newest < self.index:
                message = f"the store went back from index {self.index} to {newest}: it was restored or replaced"
                raise StoreReplacedError(message)

    async def _advance(self, stream: WaitStream) -> None:
        """Move the index on after a silent wait, once a majority answers, and adapt the length of the next."""
        newest = await self._newest_index()
        passed = max(newest - stream.index, 1)
        self._silence = min(_MAX_SILENCE, max(_MIN_SILENCE, self._silence * _SAFE_CHANGES / passed))
        self.index = max(self.index, stream.index)

    async def _newest_index(self) -> int:
        try:
            return (await self.connection.ping()).index
        except Denied:
            return self.index  # the store is alive, but does not return its index


def _written(node: Etcd2Node) -> WriteRecord:
    return WriteRecord.of(node.text.encode("utf-8", "surrogatepass"), created=node.created, modified=node.modified)
