"""Watch of one key by blocking queries, which Consul answers when something changed.

An answer has the present state, not the changes: several changes between two answers become one event, which has their
maximal number (`coalesced`). Consul's indexes count the writes of the whole cluster, so that number is an upper bound.

An index (Consul's documentation, "Blocking Queries") is no guarantee: an answer may have nothing new; an index that
goes back means a restored store, or a deletion that Consul no longer knows; 0 is never sent, because such a query would
not wait. If only the query's index went back, and not the newest index of the store, the watch compares and continues.
Otherwise it reports a Resync, as it does when `RestoreDetector` reports a restore.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Final

from explorer.drivers.common.feed import Feed
from explorer.drivers.common.recent_writes import OLDER
from explorer.drivers.common.watch import ReconnectingWatch
from explorer.drivers.consul import requests, status
from explorer.drivers.consul.answers import KVPair
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.keyspace import ConsulKeyspace, is_url_safe, url_safe_prefix
from explorer.drivers.consul.reader import ConsulReader
from explorer.drivers.consul.restore_detector import RESTORED, RestoreDetector
from explorer.model.errors import Forbidden
from explorer.model.events import Deleted, Event, Put, Resync, Started

_REFILL_INTERVAL: Final = 0.25
"""Seconds in which the bucket gets one token."""
_BURST: Final = 2
"""Tokens in a full bucket (Consul's documentation recommends two)."""
_PAUSE_FACTOR: Final = 4.0
"""Length of the pause after a slow read, relative to the read: it takes at most a fifth of the store's time."""


class TokenBucket:
    """A rate limit for a watch that every change of the store can wake, also for nothing."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._tokens = float(_BURST)
        self._filled_at = self._clock()
        self._not_before = 0.0

    async def take(self) -> None:
        """Wait for a token and take it."""
        self._fill()
        pause = max((1 - self._tokens) * _REFILL_INTERVAL, self._not_before - self._clock())
        if pause > 0:
            await asyncio.sleep(pause)
            self._fill()
        self._tokens -= 1

    def charge(self, seconds: float) -> None:
        """Make the next `take` wait longer after a read that took long.

        Args:
            seconds: The duration of the read.
        """
        self._not_before = (
            self._clock() + seconds * _PAUSE_FACTOR if seconds > _REFILL_INTERVAL / _PAUSE_FACTOR else 0.0
        )

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(float(_BURST), self._tokens + (now - self._filled_at) / _REFILL_INTERVAL)
        self._filled_at = now


@dataclass(slots=True)
class Position:
    """The indexes that a watch has reached.

    Args:
        restores: The restores of the store.
    """

    restores: RestoreDetector
    wait_index: int = 0
    """Index of the last answer; the next query waits for a newer one."""
    newest_index: int = 0
    """Newest index of all answers: the watch has reported everything up to it."""
    _known_restores: int = 0

    @property
    def known_restores(self) -> int:
        """Number of restores that the watch has reported."""
        return self._known_restores

    def begin(self, index: int) -> None:
        """Begin at an index of the present state of the store."""
        self.wait_index = self.newest_index = max(index, 1)
        self._known_restores = self.restores.count

    async def advance(self, connection: ConsulConnection, index: int) -> str | None:
        """Advance to the index of an answer.

        Returns:
            The reason for a Resync if the store was restored; None if not.
        """
        if index < self.wait_index:
            try:
                newest = await status.ping(connection, connection.timeout)
            except Forbidden:
                newest = index  # the newest index is not known; a Resync is always correct
            if newest < self.newest_index and self.restores.count == self._known_restores:
                self.restores.report(f"{RESTORED}: its index went back from {self.newest_index} to {newest}")
        self.wait_index = max(index, 1)
        if self.restores.count != self._known_restores:
            self.begin(index)
            return self.restores.reason
        self.newest_index = max(self.newest_index, index)
        return None


class ConsulKeyWatch(ReconnectingWatch):
    """A watch of a key, over any number of connections.

    Args:
        connection: The connection.
        keyspace: Makes entries.
        key: The caller's key.
    """

    def __init__(self, connection: ConsulConnection, keyspace: ConsulKeyspace, key: str) -> None:
        self._connection = connection
        self._keyspace = keyspace
        self._key = key
        self._store_key = keyspace.to_store_key(key)
        self._position = Position(connection.restores)
        self._last: KVPair | None = None
        self._is_started = False

    async def run(self, feed: Feed) -> None:
        async with self._connection.restores.running():
            await super().run(feed)

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        bucket = TokenBucket()
        index, pair = await self._read_current()
        if self._is_started:
            since = self._position.newest_index
            reason = await self._position.advance(self._connection, index)
            if not reason and self._is_from_older_state(pair, since):
                reason = OLDER
                self._position.begin(index)
            if not reason:
                yield [Started(since)]
            yield self._changes(pair, reason, since)
        else:
            self._position.begin(index)
            self._is_started, self._last = True, pair
            yield [Started(index, None if pair is None else self._keyspace.to_entry(pair))]
        while True:
            await bucket.take()
            index, pair = await self._wait_for_change() or await self._read_current()
            since = self._position.newest_index
            reason = await self._position.advance(self._connection, index)
            yield self._changes(pair, reason, since)

    def _is_from_older_state(self, pair: KVPair | None, since: int) -> bool:
        """Return whether a pair is older than the last reported state and differs from it."""
        return pair is not None and pair != self._last and pair.modify_index <= since

    async def _read_current(self) -> tuple[int, KVPair | None]:
        """Return the present pair, read consistently, and an index that is not newer than it."""
        if is_url_safe(self._store_key):
            return await self._connection.send(requests.get_pair(self._store_key, consistent=True))
        request = requests.list_keys(url_safe_prefix(self._store_key), self._keyspace.separator, consistent=True)
        index, _ = await self._connection.send(request)
        return index, await self._read_by_txn()

    async def _wait_for_change(self) -> tuple[int, KVPair | None] | None:
        """Return the index and the pair after a change; None if the store was restored."""
        if is_url_safe(self._store_key):
            return await self._connection.blocking_query(
                lambda index, wait: requests.get_pair(self._store_key, index=index, wait=wait),
                self._position.wait_index,
                restores=self._position.known_restores,
            )
        prefix = url_safe_prefix(self._store_key)
        answer = await self._connection.blocking_query(
            lambda index, wait: requests.list_keys(prefix, self._keyspace.separator, index=index, wait=wait),
            self._position.wait_index,
            restores=self._position.known_restores,
        )
        return answer and (answer[0], await self._read_by_txn())

    async def _read_by_txn(self) -> KVPair | None:
        """Return the pair of a key that does not survive in a URL."""
        return await ConsulReader(self._connection, self._keyspace.separator).get_pair(self._store_key)

    def _changes(self, pair: KVPair | None, reason: str | None, since: int) -> list[Event]:
        """Return the events that lead from the last pair to this one.

        Args:
            pair: The present pair.
            reason: The reason for a Resync, if there is one.
            since: The index up to which all changes have been reported.
        """
        before, self._last = self._last, pair
        events: list[Event] = [Resync(reason, since, self._position.newest_index)] if reason else []
        if pair is not None and pair != before:
            coalesced = max(0, pair.modify_index - max(since, before.modify_index if before else 0) - 1)
            events.append(
                Put(self._keyspace.to_entry(pair), inferred=bool(reason), coalesced=0 if reason else coalesced)
            )
        elif pair is None and before is not None:
            index = self._position.newest_index
            coalesced = max(0, index - max(since, before.modify_index) - 1)
            events.append(Deleted(self._key, index, inferred=bool(reason), coalesced=0 if reason else coalesced))
        return events
