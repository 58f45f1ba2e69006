"""Watch of everything below a prefix."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from typing import Final

from explorer.drivers.common.tasks import Tasks
from explorer.drivers.common.watch import Differences, ReconnectingWatch
from explorer.drivers.redis.changed_keys import TakenChanges, pending_changes
from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.keyspace import RedisKeyspace
from explorer.drivers.redis.levels import LevelCache
from explorer.drivers.redis.reader import RedisReader
from explorer.drivers.redis.scan import scan
from explorer.drivers.redis.values import RedisValue
from explorer.drivers.redis.watch import RECONNECTED, ReportedRevisions
from explorer.model.entries import Entry, Revision
from explorer.model.events import Deleted, Event, Put, Resync, Started

_BATCH_SIZE: Final = 500
"""Changed keys that are read and reported at once."""


class RedisTreeWatch(ReconnectingWatch):
    """One watch of a prefix, over any number of connections.

    Args:
        connection: The connection.
        keyspace: Converts keys and values.
        tasks: Owner of the tasks that listen.
        prefix: The prefix.
        known: The watcher's own table of keys and revisions, see `Store.watch_tree`.
        levels: Levels that were scanned, which the watch keeps up to date.
    """

    def __init__(
        self,
        connection: RedisConnection,
        keyspace: RedisKeyspace,
        tasks: Tasks,
        prefix: str,
        known: Mapping[str, Revision] | None,
        *,
        levels: LevelCache,
    ) -> None:
        self._connection = connection
        self._keyspace = keyspace
        self._tasks = tasks
        self._levels = levels
        self._base = keyspace.to_store_prefix(prefix)
        self._known = known
        self._reader = RedisReader(connection.call_each)
        self._reported = ReportedRevisions()
        self._is_started = False

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        async with pending_changes(self._connection, self._tasks, self._base, is_key=False) as pending:
            await self._reported.look_for_others(self._connection)
            with self._levels.live(self._base):
                if self._is_started:
                    async for events in self._compare(RECONNECTED):
                        yield events
                else:
                    self._is_started = True
                    yield [Started(None)]
                while True:
                    changed = await pending.take()
                    if changed.gap:
                        self._levels.clear()
                        async for events in self._compare(changed.gap):
                            yield events
                    else:
                        async for events in self._read(changed):
                            yield events

    async def _read(self, changed: TakenChanges) -> AsyncGenerator[list[Event], None]:
        """Read the keys that changed, and yield their events."""
        keys = [key for key in changed.counts if key.startswith(self._base)]
        for start in range(0, len(keys), _BATCH_SIZE):
            batch = keys[start : start + _BATCH_SIZE]
            values = await self._reader.read(batch)
            events: list[Event] = []
            for store_key in batch:
                value, coalesced = values.get(store_key), changed.counts[store_key] - 1
                key = self._keyspace.to_key(store_key)
                is_new = self._levels.lacks(store_key)
                self._levels.apply(store_key, exists=value is not None)
                known = None if self._known is None else self._known.get(key)
                if value is None:
                    is_ours = not (is_new and self._reported.is_shared and known is None)
                    if self._reported.report(key, None, known) and is_ours:
                        events.append(Deleted(key, None, coalesced=coalesced))
                elif isinstance(value, RedisValue) and self._reported.report(key, value.revision, known):
                    events.append(Put(self._keyspace.to_entry(store_key, value), coalesced=coalesced, is_new=is_new))
            yield events

    async def _compare(self, reason: str) -> AsyncGenerator[Iterable[Event], None]:
        """Read everything again, and yield the differences to what the watcher knows."""
        yield [Resync(reason, None, None)]
        await self._feed.caught_up()
        known = None if self._known is None else dict(self._known)

        def is_changed(entry: Entry) -> bool:
            before = self._reported.get(entry.key) if known is None else known.get(entry.key)
            return before != entry.revision

        differences = Differences(known or {}, is_changed)
        async with aclosing(scan(self._connection, self._base)) as pages:
            async for keys in pages:
                fresh = [key for key in dict.fromkeys(keys) if self._keyspace.to_key(key) not in differences.present]
                values = await self._reader.read(fresh)
                puts = differences.puts(
                    self._keyspace.to_entry(key, value)
                    for key, value in values.items()
                    if isinstance(value, RedisValue)
                )
                for put in puts:
                    self._reported.report(put.key, put.revision)
                yield puts
        self._reported.retain(differences.present)
        yield differences.deletions(revision=None)
