"""The changes of a node from an index on, over any number of answers.

Three things of the API shape this (seen with 3.4). An answer that finds a change in the past tells that one only; so
the next is asked for at once. The store keeps the last 1000 changes of everything; so a watch that hears nothing asks
again now and then, to begin at a newer index than that of its last change. And an index that goes back, or another
cluster's name, means another life of the store: what is told from then on does not follow what was told before.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from explorer.drivers.etcd2.connection import Connection, Hearing
from explorer.drivers.etcd2.failures import GapError
from explorer.drivers.etcd2.layout import Change, Node
from explorer.drivers.etcd2.reading import Reader
from explorer.model.errors import Denied, NotReachable

_SILENCE = 10.0
"""Seconds of silence after which it is asked again, at most."""
_SHORTEST = 0.5
_SAFE = 500
"""Changes elsewhere, half of what the store keeps, that may happen in the meantime."""


@dataclass(slots=True)
class History:
    """What happens to a node, and below it if that is asked for.

    Args:
        connection: Is asked.
        subject: The key or prefix as the caller wrote it.
        path: The node.
        told: The index up to which everything has been told.
        cluster: The name of the cluster whose index that is.
    """

    connection: Connection
    subject: str
    path: str
    told: int = 0
    cluster: str | None = None
    _silence: float = field(default_factory=lambda: _SILENCE)
    _witness: Node | None = None
    """What was written last, as far as that was told or was there at the beginning."""

    async def begin(self) -> None:
        """Begin after the newest index."""
        proof = await self.connection.prove()
        self.told, self.cluster, self._witness = proof.index, proof.cluster, None

    def observe(self, node: Node) -> None:
        """Take in a node that is there at the beginning, to know the store by."""
        if self._witness is None or self._witness.modified < node.modified:
            self._witness = node

    async def check(self) -> None:
        """Make sure that the store is the one that was heard before.

        Raises:
            GapError: It is not.
        """
        if self._witness is None:
            return
        now = await Reader(self.connection, self.subject).node(self._witness.path)
        if now is not None and (now.modified, now.created) < (self._witness.modified, self._witness.created):
            raise GapError("a node is older than it was: the store was restored from an older state")

    async def changes(self, *, below: bool) -> AsyncGenerator[Change | None, None]:
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
                        async with asyncio.timeout(self._silence):
                            change = await anext(hearing.changes, None)
                    except TimeoutError:
                        await self._advance(hearing)
                        break
                    if change is None:
                        if self.told == told:
                            raise NotReachable("the store ended the watch", address=self.connection.shown)
                        break  # it was told more than it took in time
                    self.told = max(self.told, change.index)
                    self._witness = self._witness if change.gone else change.node
                    yield change
                    if change.index <= hearing.index:
                        break

    async def _same(self, hearing: Hearing) -> None:
        """Refuse another life of the store."""
        if self.cluster is None:
            self.cluster = hearing.cluster
        elif hearing.cluster not in (None, self.cluster):
            raise GapError("another cluster answers")
        if hearing.index < self.told:  # it may be a member that lags behind
            newest = await self._newest()
            if newest < self.told:
                raise GapError(f"the store went back from index {self.told} to {newest}: it was restored or replaced")

    async def _advance(self, hearing: Hearing) -> None:
        """Take what was not told as nothing that happened, once the store proves that it is heard."""
        newest = await self._newest()
        passed = max(newest - hearing.index, 1)
        self._silence = min(_SILENCE, max(_SHORTEST, self._silence * _SAFE / passed))
        self.told = max(self.told, hearing.index)

    async def _newest(self) -> int:
        try:
            return (await self.connection.prove()).index
        except Denied:
            return self.told  # an answer, which does not tell
