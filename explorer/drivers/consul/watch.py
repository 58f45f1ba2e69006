"""Watching one key: asked again and again with a question that Consul answers when there is news.

An answer tells what is, never what happened: changes between two answers are folded into one event, which says how many
they may have been. Consul's indexes count the writes of the whole cluster, so that is an upper bound.

The index (Consul's documentation of blocking queries) is no promise: an answer may bring nothing new; an index that
goes back means a store that was restored, or a deletion that Consul has forgotten; 0 is never sent, since it would not
wait. What went back while the newest index of all did not is compared and goes on; else it is told as Resync, and so is
what `restores` notices.
"""

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass

from explorer.drivers.common.watch import Feed, watch_with_reconnect
from explorer.drivers.common.witnesses import OLDER
from explorer.drivers.consul import requests, status
from explorer.drivers.consul.answers import Stored
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.keyspace import ConsulKeyspace, is_url_safe, url_safe_prefix
from explorer.drivers.consul.rate_limit import TokenBucket
from explorer.drivers.consul.reader import ConsulReader
from explorer.drivers.consul.restore_detector import RESTORED, RestoreDetector
from explorer.model.errors import Forbidden
from explorer.model.events import Deleted, Event, Put, Resync, Started


@dataclass(slots=True)
class Position:
    """How far a watch has told.

    Args:
        restores: Counts the lives of the store.
    """

    restores: RestoreDetector
    asked: int = 0
    """The index of the last answer, to wait for a newer one."""
    told: int = 0
    """The newest index of any answer: everything up to it has been told."""
    _known: int = 0
    """The restores that were told."""

    @property
    def known_restores(self) -> int:
        """The restores of the store that were told."""
        return self._known

    def begin(self, index: int) -> None:
        """Begin, in this life of the store, at an index."""
        self.asked = self.told = max(index, 1)
        self._known = self.restores.count

    async def regressed(self, connection: ConsulConnection, index: int) -> str | None:
        """Take an answer's index in, and return why it shows another life of the store, or None."""
        if index < self.asked:
            try:
                newest = await status.ping(connection, connection.timeout)
            except Forbidden:
                newest = index  # whether the store went back cannot be told: reading again is always right
            if newest < self.told and self.restores.count == self._known:
                self.restores.report(f"{RESTORED}: its index went back from {self.told} to {newest}")
        self.asked = max(index, 1)
        if self.restores.count != self._known:
            self.begin(index)
            return self.restores.reason
        self.told = max(self.told, index)
        return None


class ConsulKeyWatch:
    """One watch of a key, over any number of connections.

    Args:
        connection: Is asked.
        layout: Makes entries.
        key: The key as the caller wrote it.
    """

    def __init__(self, connection: ConsulConnection, layout: ConsulKeyspace, key: str) -> None:
        self._connection = connection
        self._layout = layout
        self._key = key
        self._place = layout.locate(key)
        self._position = Position(connection.restores)
        self._last: Stored | None = None
        self._started = False

    async def run(self, feed: Feed) -> None:
        """Watch until cancelled, or until the store says no."""
        async with self._connection.restores.attended():
            await watch_with_reconnect(feed, self._attempt)

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        """Watch until the connection fails."""
        pace = TokenBucket()
        index, found = await self._look()
        if self._started:
            since = self._position.told
            trouble = await self._position.regressed(self._connection, index)
            if not trouble and self._is_of_another_life(found, since):
                trouble = OLDER
                self._position.begin(index)
            if not trouble:
                yield [Started(since)]
            yield self._difference(found, trouble, since)
        else:
            self._position.begin(index)
            self._started, self._last = True, found
            yield [Started(index, None if found is None else self._layout.entry(found))]
        while True:
            await pace.keep()
            index, found = await self._hear() or await self._look()
            since = self._position.told
            trouble = await self._position.regressed(self._connection, index)
            yield self._difference(found, trouble, since)

    def _is_of_another_life(self, found: Stored | None, since: int) -> bool:
        """Return whether the entry was written before what was told, and is not what was told."""
        return found is not None and found != self._last and found.modified <= since

    async def _look(self) -> tuple[int, Stored | None]:
        """Ask the leader for the entry as it is now, and for an index that was not newer."""
        if is_url_safe(self._place):
            return await self._connection.ask(requests.entry(self._place, consistent=True), key=self._key)
        question = requests.names(url_safe_prefix(self._place), self._layout.separator, consistent=True)
        index, _ = await self._connection.ask(question, key=self._key)
        return index, await self._odd()

    async def _hear(self) -> tuple[int, Stored | None] | None:
        """Wait for news; None if the store was restored."""
        if is_url_safe(self._place):
            return await self._connection.hear(
                lambda index, wait: requests.entry(self._place, index=index, wait=wait),
                self._position.asked,
                restores=self._position.known_restores,
                key=self._key,
            )
        around = url_safe_prefix(self._place)
        heard = await self._connection.hear(
            lambda index, wait: requests.names(around, self._layout.separator, index=index, wait=wait),
            self._position.asked,
            restores=self._position.known_restores,
            key=self._key,
        )
        return heard and (heard[0], await self._odd())

    async def _odd(self) -> Stored | None:
        """Read a key that HTTP would alter."""
        return await ConsulReader(self._connection, self._layout.separator, self._key).entry(self._place)

    def _difference(self, found: Stored | None, trouble: str | None, since: int) -> list[Event]:
        """Compare with what was told last."""
        before, self._last = self._last, found
        told: list[Event] = [Resync(trouble, since, self._position.told)] if trouble else []
        if found is not None and found != before:
            coalesced = max(0, found.modified - max(since, before.modified if before else 0) - 1)
            told.append(Put(self._layout.entry(found), inferred=bool(trouble), coalesced=0 if trouble else coalesced))
        elif found is None and before is not None:
            coalesced = max(0, self._position.told - max(since, before.modified) - 1)
            told.append(
                Deleted(self._key, self._position.told, inferred=bool(trouble), coalesced=0 if trouble else coalesced)
            )
        return told
