"""Watch of one key.

The server names a key that was written, with no value and no number of the write; so the watch reports what it reads
then. Every loss of the connection is a gap.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Container, Iterable
from typing import Final

from explorer.drivers.common.tasks import Tasks
from explorer.drivers.common.watch import ReconnectingWatch
from explorer.drivers.redis.changed_keys import pending_changes
from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.keyspace import RedisKeyspace
from explorer.drivers.redis.reader import RedisReader
from explorer.model.entries import Entry, Revision
from explorer.model.errors import Denied, ExplorerError
from explorer.model.events import Deleted, Event, Put, Resync, Started

RECONNECTED: Final = "the connection was lost, and Redis keeps no history of changes"
_MAX_REPORTED: Final = 10_000


class ReportedRevisions:
    """Revisions that a watch reported last, of the keys that changed last.

    Client tracking names keys of all databases alike. Where others have keys, a key that has not changed here since it
    was reported is no news.
    """

    def __init__(self) -> None:
        self._revisions: OrderedDict[str, Revision | None] = OrderedDict()
        self.is_shared = False
        """True if other databases have keys."""

    def get(self, key: str, default: Revision | None = None) -> Revision | None:
        """Return the revision that was reported last, None for a deletion; otherwise the default."""
        return self._revisions.get(key, default)

    def report(self, key: str, revision: Revision | None, known: Revision | None = None) -> bool:
        """Note a revision, None for a deletion; return whether it is to be reported.

        Args:
            key: The key.
            revision: Its revision now.
            known: Its revision as the watcher knows it.
        """
        is_known = key in self._revisions or known is not None
        is_same = self.is_shared and is_known and self._revisions.get(key, known) == revision
        self._revisions[key] = revision
        self._revisions.move_to_end(key)
        if len(self._revisions) > _MAX_REPORTED:
            self._revisions.popitem(last=False)
        return not is_same

    def retain(self, keys: Container[str]) -> None:
        """Note that of all keys only these exist: one that comes back with its old value has changed."""
        for key in self._revisions:
            if key not in keys:
                self._revisions[key] = None

    async def look_for_others(self, connection: RedisConnection) -> None:
        """Find out whether other databases have keys; if that is forbidden, they may."""
        if connection.is_cluster or connection.settings.keyspace_events:
            return
        try:
            reply = await connection.call("INFO", "keyspace")
        except Denied:
            self.is_shared = True
            return
        databases = (
            [line for line in reply.split(b"\r\n") if line.startswith(b"db")] if isinstance(reply, bytes) else []
        )
        own = b"db%d:" % connection.settings.database
        self.is_shared = any(not line.startswith(own) for line in databases)


class RedisKeyWatch(ReconnectingWatch):
    """One watch of a key, over any number of connections.

    Args:
        connection: The connection.
        keyspace: Converts keys and values.
        tasks: Owner of the tasks that listen.
        key: The key.
    """

    def __init__(self, connection: RedisConnection, keyspace: RedisKeyspace, tasks: Tasks, key: str) -> None:
        self._connection = connection
        self._keyspace = keyspace
        self._tasks = tasks
        self._key = key
        self._store_key = keyspace.to_store_key(key)
        self._reported = ReportedRevisions()
        self._is_started = False

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        async with pending_changes(self._connection, self._tasks, self._store_key, is_key=True) as pending:
            await self._reported.look_for_others(self._connection)
            if self._is_started:
                yield await self._compare(RECONNECTED)
            else:
                entry = await self._read()
                self._reported.report(self._key, entry and entry.revision)
                self._is_started = True
                yield [Started(None, entry)]
            while True:
                changed = await pending.take()
                if changed.gap:
                    yield await self._compare(changed.gap)
                elif count := changed.counts[self._store_key]:
                    entry = await self._read()
                    if self._reported.report(self._key, entry and entry.revision):
                        yield [self._to_event(entry, coalesced=count - 1)]

    async def _compare(self, reason: str) -> list[Event]:
        before, entry = self._reported.get(self._key), await self._read()
        events: list[Event] = [Resync(reason, None, None)]
        if before != (entry and entry.revision):
            events.append(self._to_event(entry, inferred=True))
        self._reported.report(self._key, entry and entry.revision)
        return events

    def _to_event(self, entry: Entry | None, *, inferred: bool = False, coalesced: int = 0) -> Event:
        if entry is None:
            return Deleted(self._key, None, inferred=inferred, coalesced=coalesced)
        return Put(entry, inferred=inferred, coalesced=coalesced)

    async def _read(self) -> Entry | None:
        value = await RedisReader(self._connection.call_each).get(self._store_key)
        if isinstance(value, ExplorerError):
            raise value
        return self._keyspace.to_entry(self._store_key, value) if value else None
