"""The changes of a node from an index on, over any number of answers.

Three things of the API shape this (seen with 3.4). An answer that finds a change in the past tells that one only; so
the next is asked for at once. The store keeps the last 1000 changes of everything; so a watch that hears nothing asks
again now and then, to begin at a newer index than that of its last change. And an index that goes back, or another
cluster's name, means another life of the store: what is told from then on does not follow what was told before.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from explorer.drivers.common.witnesses import Witnesses, Written
from explorer.drivers.etcd2.connection import Etcd2Connection, EventStream
from explorer.drivers.etcd2.errors import ReplacedError
from explorer.drivers.etcd2.keyspace import Node, NodeChange
from explorer.drivers.etcd2.reader import Etcd2Reader
from explorer.model.errors import Denied, NotReachable

_SILENCE = 10.0
"""Seconds of silence after which it is asked again, at most."""
_SHORTEST = 0.5
_WITNESSES = 256
"""Nodes that the store is known by."""
_TOGETHER = 32
_SAFE = 500
"""Changes elsewhere, half of what the store keeps, that may happen in the meantime."""


@dataclass(slots=True)
class EventHistory:
    """What happens to a node, and below it if that is asked for.

    Args:
        connection: Is asked.
        subject: The key or prefix as the caller wrote it.
        path: The node.
        told: The index up to which everything has been told.
        cluster: The name of the cluster whose index that is.
    """

    connection: Etcd2Connection
    subject: str
    path: str
    told: int = 0
    cluster: str | None = None
    _silence: float = field(default_factory=lambda: _SILENCE)
    _witnesses: Witnesses = field(default_factory=lambda: Witnesses(_WITNESSES, together=_TOGETHER))
    _gone: set[str] = field(default_factory=set)
    """Nodes whose deletion the store has to tell, if it is the one that was heard before."""

    async def begin(self) -> None:
        """Begin after the newest index."""
        proof = await self.connection.ping()
        self.told, self.cluster = proof.index, proof.cluster
        self._witnesses.clear()
        self._gone.clear()

    def observe_absence(self) -> None:
        """Take in that there is no node at the beginning."""
        self._witnesses.observe_deletion(self.path, self.told)

    def observe(self, node: Node) -> None:
        """Take in a node that is there at the beginning, to know the store by."""
        self._witnesses.observe(node.path, _written(node))

    async def check(self) -> None:
        """Make sure that the store is the one that was heard before.

        Raises:
            ReplacedError: It is not.
        """
        finding = await self._witnesses.examine(self._read, told=self.told)
        if finding.trouble:
            raise ReplacedError(finding.trouble)
        self._gone = set(finding.gone)

    async def _read(self, paths: Sequence[str]) -> dict[str, Written]:
        reader = Etcd2Reader(self.connection, self.subject)
        found = [await reader.node(path) for path in paths]
        return {node.path: _written(node) for node in found if node is not None and not node.directory}

    async def changes(self, *, below: bool) -> AsyncGenerator[NodeChange | None, None]:
        """Give the changes as they happen, and None whenever the store has begun to tell them.

        Raises:
            GapError: Some cannot be told.
        """
        while True:
            asked = self.connection.hear(self.path, self.told + 1, below=below, key=self.subject)
            async with asked as hearing, aclosing(hearing.changes):
                await self._same(hearing)
                yield None
                told = self.told
                while True:
                    try:
                        async with asyncio.timeout(_SHORTEST if self._gone else self._silence):
                            change = await anext(hearing.changes, None)
                    except TimeoutError:
                        await self._advance(hearing)
                        self._require_deletions()
                        break
                    if change is None:
                        if self.told == told:
                            raise NotReachable("the store ended the watch", address=self.connection.redacted)
                        break  # it was told more than it took in time
                    if change.index > hearing.index:
                        self._require_deletions()
                    self.told = max(self.told, change.index)
                    self._observe(change)
                    yield change
                    if change.index <= hearing.index:
                        break

    def _observe(self, change: NodeChange) -> None:
        """Take in a change, also of what went with a directory."""
        path = change.node.path
        if not change.gone:
            if not change.node.directory:
                self.observe(change.node)
            return
        for gone in (path, *self._witnesses.below(f"{path}/")):
            self._witnesses.observe_deletion(gone, change.index)
            self._gone.discard(gone)

    def _require_deletions(self) -> None:
        """Refuse a store that has told everything up to now, and not that a node which is gone was deleted."""
        if self._gone:
            raise ReplacedError("a node is gone, and nothing tells of its deletion: the store was restored or replaced")

    async def _same(self, hearing: EventStream) -> None:
        """Refuse another life of the store."""
        if self.cluster is None:
            self.cluster = hearing.cluster
        elif hearing.cluster not in (None, self.cluster):
            raise ReplacedError("another cluster answers")
        if hearing.index < self.told:  # it may be a member that lags behind
            newest = await self._newest()
            if newest < self.told:
                message = f"the store went back from index {self.told} to {newest}: it was restored or replaced"
                raise ReplacedError(message)

    async def _advance(self, hearing: EventStream) -> None:
        """Take what was not told as nothing that happened, once the store proves that it is heard."""
        newest = await self._newest()
        passed = max(newest - hearing.index, 1)
        self._silence = min(_SILENCE, max(_SHORTEST, self._silence * _SAFE / passed))
        self.told = max(self.told, hearing.index)

    async def _newest(self) -> int:
        try:
            return (await self.connection.ping()).index
        except Denied:
            return self.told  # an answer, which does not tell


def _written(node: Node) -> Written:
    return Written.of(node.text.encode("utf-8", "surrogatepass"), created=node.created, modified=node.modified)
