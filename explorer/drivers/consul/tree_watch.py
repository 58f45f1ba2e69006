"""Watch of everything below a prefix: a blocking query for the signal, and a search for the changes.

The signal is a blocking query for the keys of the first level, which Consul answers after any change below the prefix.
See `watch` for the meaning of an index, and `changed_keys` for the search, which does not read everything again.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

from explorer.drivers.common.feed import Feed
from explorer.drivers.common.recent_writes import RecentWrites, WriteRecord
from explorer.drivers.common.watch import Differences, ReconnectingWatch
from explorer.drivers.consul import requests
from explorer.drivers.consul.answers import KVPair
from explorer.drivers.consul.changed_keys import MAX_PART_KEYS, ChangedKeys
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.keyspace import ConsulKeyspace, url_safe_prefix
from explorer.drivers.consul.reader import MAX_OPERATIONS, ConsulReader
from explorer.drivers.consul.watch import Position, TokenBucket
from explorer.model.entries import Revision
from explorer.model.events import Deleted, Event, Put, Resync, Started


class ConsulTreeWatch(ReconnectingWatch):
    """A watch of a directory, over any number of connections.

    It keeps the keys below the directory, because Consul does not report deletions.

    Args:
        connection: The connection.
        keyspace: Makes entries.
        prefix: The caller's directory.
        known: The watcher's table of keys and revisions, see `Store.watch_tree`.
    """

    def __init__(
        self, connection: ConsulConnection, keyspace: ConsulKeyspace, prefix: str, known: Mapping[str, Revision] | None
    ) -> None:
        self._connection = connection
        self._keyspace = keyspace
        self._base = keyspace.to_store_prefix(prefix)
        self._known = known
        self._reader = ConsulReader(connection, keyspace.separator)
        self._position = Position(connection.restores)
        self._keys: set[str] | None = None
        self._searched_index = 0
        """Index up to which all changes were found; a search that the connection cut off begins there again."""
        self._resync_reason: str | None = None
        """Reason for a Resync, until everything was compared."""
        self._reported_ahead: dict[str, int] = {}
        """Keys whose change was reported before the watch reached its index, with that index."""
        self._recent_writes = RecentWrites(MAX_PART_KEYS, batch_size=MAX_OPERATIONS)

    async def run(self, feed: Feed) -> None:
        async with self._connection.restores.running():
            await super().run(feed)

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        bucket = TokenBucket()
        clock = asyncio.get_running_loop().time
        index = await self._current_index()
        if self._keys is None:
            self._position.begin(index)
            self._keys = await self._read_keys(index)
            self._searched_index = index
            yield [Started(index)]
        else:
            reason = await self._position.advance(self._connection, index)
            if reason is None:
                reason = (await self._recent_writes.check(self._read_written, index=self._searched_index)).reason
                if reason:
                    self._position.begin(index)
            self._resync_reason = reason or self._resync_reason
            if self._resync_reason is None:
                yield [Started(self._searched_index)]
            async for events in self._find_changes():
                yield events
        while True:
            await bucket.take()
            newer = await self._wait_for_index()
            if newer == self._position.wait_index:
                continue
            index = await self._current_index() if newer is None else newer
            began = clock()
            self._resync_reason = await self._position.advance(self._connection, index)
            async for events in self._find_changes():
                yield events
            bucket.charge(clock() - began)

    async def _current_index(self) -> int:
        """Return an index, read consistently, that is not newer than what is read afterwards."""
        request = requests.list_keys(url_safe_prefix(self._base), self._keyspace.separator, consistent=True)
        index, _ = await self._connection.send(request)
        return index

    async def _wait_for_index(self) -> int | None:
        """Return the next index, which may be the same one; None if the store was restored."""
        prefix, separator = url_safe_prefix(self._base), self._keyspace.separator
        answer = await self._connection.blocking_query(
            lambda index, wait: requests.list_keys(prefix, separator, index=index, wait=wait),
            self._position.wait_index,
            restores=self._position.known_restores,
        )
        return answer and answer[0]

    async def _read_keys(self, index: int) -> set[str]:
        """Return the present keys, and remember the pairs that were written last."""
        keys = sorted(await self._reader.list_keys(self._base))
        self._recent_writes.clear(complete=len(keys) <= MAX_PART_KEYS)
        since = 0 if len(keys) <= MAX_PART_KEYS else index - 1
        if keys:
            async for pairs in ChangedKeys(self._connection, self._reader, since).find(keys):
                for pair in pairs:
                    self._recent_writes.observe(pair.key, _to_written(pair))
        return set(keys)

    async def _read_written(self, keys: Sequence[str]) -> dict[str, WriteRecord]:
        return {pair.key: _to_written(pair) for pair in await self._reader.get_pairs(keys)}

    async def _find_changes(self) -> AsyncGenerator[Iterable[Event], None]:
        """Yield the changes since the last complete search."""
        reason, since = self._resync_reason, self._searched_index
        if reason is not None:
            yield [Resync(reason, since, self._position.newest_index)]
            since = 0
            self._reported_ahead.clear()
            self._recent_writes.clear()
        known = self._keys or set()
        keys = [] if len(known) <= MAX_PART_KEYS else sorted(await self._reader.list_keys(self._base))
        if len(keys) <= MAX_PART_KEYS:
            pairs = await self._reader.list_pairs(self._base)
            present = {pair.key for pair in pairs}
            changed = [pair for pair in pairs if pair.modify_index > since or pair.key not in known]
            yield self._to_puts(changed, reason, since)
        else:
            present = set(keys)
            async for newer in ChangedKeys(self._connection, self._reader, since).find(keys):
                changed = [pair for pair in newer if pair.key.startswith(self._base)]
                present.update(pair.key for pair in changed)  # also keys that were created after the listing
                yield self._to_puts(changed, reason, since)
        yield [self._to_deleted(key, reason, since) for key in sorted(known - present)]
        self._keys = present
        newest = self._position.newest_index
        self._reported_ahead = {key: index for key, index in self._reported_ahead.items() if index > newest}
        if reason is not None and self._known is not None:
            await self._feed.caught_up()
            present_keys = {self._keyspace.to_key(key) for key in present}
            yield Differences(self._known).deletions(revision=newest, present=present_keys)
        self._searched_index, self._resync_reason = newest, None

    def _to_puts(self, pairs: list[KVPair], reason: str | None, since: int) -> list[Event]:
        events: list[Event] = []
        for pair in sorted(pairs, key=lambda pair: pair.modify_index):
            before = max(since, self._reported_ahead.get(pair.key, 0))
            if pair.key in self._reported_ahead and pair.modify_index <= before and reason is None:
                continue
            self._reported_ahead[pair.key] = pair.modify_index
            self._recent_writes.observe(pair.key, _to_written(pair))
            coalesced = 0 if reason else max(0, pair.modify_index - before - 1)
            events.append(Put(self._keyspace.to_entry(pair), inferred=reason is not None, coalesced=coalesced))
        return events

    def _to_deleted(self, key: str, reason: str | None, since: int) -> Deleted:
        index = self._position.newest_index
        self._recent_writes.observe_deletion(key, index)
        before = max(since, self._reported_ahead.pop(key, 0))
        coalesced = 0 if reason else max(0, index - before - 1)
        return Deleted(self._keyspace.to_key(key), index, inferred=reason is not None, coalesced=coalesced)


def _to_written(pair: KVPair) -> WriteRecord:
    return WriteRecord.of(pair.value, created=pair.create_index, modified=pair.modify_index)
