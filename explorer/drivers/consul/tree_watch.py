"""Watching everything below a prefix: a signal that there is news, and a search for what it is.

Consul's signal is a question for the names of the first level, answered when anything below changed. See `watch` for
what an index is worth, and `searching` for how the changes are found without reading everything again.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

from explorer.drivers.common.watch import Feed, vanished, watch_with_reconnect
from explorer.drivers.common.witnesses import Witnesses, Written
from explorer.drivers.consul import requests
from explorer.drivers.consul.answers import Stored
from explorer.drivers.consul.changed_keys import FEW, ChangedKeys
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.keyspace import ConsulKeyspace, url_safe_prefix
from explorer.drivers.consul.rate_limit import TokenBucket
from explorer.drivers.consul.reader import MOST_OPERATIONS, ConsulReader
from explorer.drivers.consul.watch import Position
from explorer.model.entries import Revision
from explorer.model.events import Deleted, Event, Put, Resync, Started


class ConsulTreeWatch:
    """One watch of a directory, over any number of connections.

    It keeps the names of what is there, because Consul does not tell what was deleted.

    Args:
        connection: Is asked.
        layout: Makes entries.
        prefix: The directory as the caller wrote it.
        known: The watcher's own table of keys and revisions, see `Store.watch_tree`.
    """

    def __init__(
        self, connection: ConsulConnection, layout: ConsulKeyspace, prefix: str, known: Mapping[str, Revision] | None
    ) -> None:
        self._connection = connection
        self._layout = layout
        self._subject = prefix
        self._base = layout.base(prefix)
        self._known = known
        self._reader = ConsulReader(connection, layout.separator, prefix)
        self._position = Position(connection.restores)
        self._names: set[str] | None = None
        self._caught_up = 0
        """The index up to which every change was found: a search that the connection cut off begins there again."""
        self._trouble: str | None = None
        """Why all must be compared, until it was."""
        self._told_ahead: dict[str, int] = {}
        """Keys whose change was told before the index that it made was reached, and that index."""
        self._witnesses = Witnesses(FEW, together=MOST_OPERATIONS)
        self._feed: Feed | None = None

    async def run(self, feed: Feed) -> None:
        """Watch until cancelled, or until the store says no."""
        self._feed = feed
        async with self._connection.restores.attended():
            await watch_with_reconnect(feed, self._attempt)

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        """Watch until the connection fails."""
        pace = TokenBucket()
        clock = asyncio.get_running_loop().time
        index = await self._signal()
        if self._names is None:
            self._position.begin(index)
            self._names = await self._begin(index)
            self._caught_up = index
            yield [Started(index)]
        else:
            trouble = await self._position.regressed(self._connection, index)
            if trouble is None:
                trouble = (await self._witnesses.examine(self._written, told=self._caught_up)).trouble
                if trouble:
                    self._position.begin(index)
            self._trouble = trouble or self._trouble
            if self._trouble is None:
                yield [Started(self._caught_up)]
            async for events in self._look():
                yield events
        while True:
            await pace.keep()
            news = await self._news()
            if news == self._position.asked:
                continue
            index = await self._signal() if news is None else news
            began = clock()
            self._trouble = await self._position.regressed(self._connection, index)
            async for events in self._look():
                yield events
            pace.cost(clock() - began)

    async def _signal(self) -> int:
        """Ask the leader for an index that is not newer than what is read after it."""
        question = requests.names(url_safe_prefix(self._base), self._layout.separator, consistent=True)
        index, _ = await self._connection.ask(question, key=self._subject)
        return index

    async def _news(self) -> int | None:
        """Wait for an index that may be newer; None if the store was restored."""
        around, separator = url_safe_prefix(self._base), self._layout.separator
        heard = await self._connection.hear(
            lambda index, wait: requests.names(around, separator, index=index, wait=wait),
            self._position.asked,
            restores=self._position.known_restores,
            key=self._subject,
        )
        return heard and heard[0]

    async def _begin(self, index: int) -> set[str]:
        """Return the names that are there, and take in what was written last."""
        keys = sorted(await self._reader.everything(self._base))
        self._witnesses.clear(complete=len(keys) <= FEW)
        since = 0 if len(keys) <= FEW else index - 1
        if keys:
            async for newer in ChangedKeys(self._connection, self._reader, since).newer(keys):
                for one in newer:
                    self._witnesses.observe(one.key, _written(one))
        return set(keys)

    async def _written(self, keys: Sequence[str]) -> dict[str, Written]:
        return {one.key: _written(one) for one in await self._reader.entries(keys)}

    async def _look(self) -> AsyncGenerator[Iterable[Event], None]:
        """Find what changed since all was found, and yield it."""
        trouble, since = self._trouble, self._caught_up
        if trouble is not None:
            yield [Resync(trouble, since, self._position.told)]
            since = 0
            self._told_ahead.clear()
            self._witnesses.clear()
        names = self._names or set()
        keys = [] if len(names) <= FEW else sorted(await self._reader.everything(self._base))
        if len(keys) <= FEW:
            found = await self._reader.tree(self._base)
            present = {one.key for one in found}
            yield self._puts([one for one in found if one.modified > since or one.key not in names], trouble, since)
        else:
            present = set(keys)
            async for newer in ChangedKeys(self._connection, self._reader, since).newer(keys):
                below = [one for one in newer if one.key.startswith(self._base)]
                present.update(one.key for one in below)  # what was made since the keys were read, too
                yield self._puts(below, trouble, since)
        yield [self._deletion(key, trouble, since) for key in sorted(names - present)]
        self._names = present
        self._told_ahead = {key: index for key, index in self._told_ahead.items() if index > self._position.told}
        if trouble is not None and self._known is not None and self._feed is not None:
            await self._feed.caught_up()
            here = {self._layout.relative(key) for key in present}
            yield vanished(self._known, here, revision=self._position.told)
        self._caught_up, self._trouble = self._position.told, None

    def _puts(self, found: list[Stored], trouble: str | None, since: int) -> list[Event]:
        told: list[Event] = []
        for one in sorted(found, key=lambda one: one.modified):
            before = max(since, self._told_ahead.get(one.key, 0))
            if one.key in self._told_ahead and one.modified <= before and trouble is None:
                continue
            self._told_ahead[one.key] = one.modified
            self._witnesses.observe(one.key, _written(one))
            coalesced = 0 if trouble else max(0, one.modified - before - 1)
            told.append(Put(self._layout.entry(one), inferred=trouble is not None, coalesced=coalesced))
        return told

    def _deletion(self, key: str, trouble: str | None, since: int) -> Deleted:
        index = self._position.told
        self._witnesses.observe_deletion(key, index)
        before = max(since, self._told_ahead.pop(key, 0))
        coalesced = 0 if trouble else max(0, index - before - 1)
        return Deleted(self._layout.relative(key), index, inferred=trouble is not None, coalesced=coalesced)


def _written(found: Stored) -> Written:
    return Written.of(found.value, created=found.created, modified=found.modified)
