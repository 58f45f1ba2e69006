"""Watch of a key or range that resumes where it stopped, or says why it cannot.

The server promises events that are ordered, unique and complete from the revision a watch starts at (etcd's API
guarantees). It does not promise that the connection lives, that history is kept, or that the same store answers again.
Another store, or an older state of the same one, is recognised by its cluster ID, its revision, its raft term, and by
the last event delivered, which has to be in its history. (An older state of a store that never had an election, grown
past a watch without events, looks like the same store.)

Guards against known faults of servers: duplicates (etcd#17247) and old events on a watch from a future revision
(etcd#20221) are dropped; a progress notification may be ahead of events (etcd#15220), so it moves the revision to
resume at only once another has come after it.
"""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from explorer.drivers.common.watch import Differences, ReconnectingWatch
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import RANGE, WATCH, RequestSender
from explorer.drivers.etcd.keyspace import EtcdKeyspace
from explorer.drivers.etcd.reader import EtcdReader, Windows
from explorer.drivers.etcd.replay import Replay
from explorer.model.entries import Entry, Revision
from explorer.model.errors import Compacted, ExplorerError, Forbidden, NotReachable
from explorer.model.events import Deleted, Event, Put, Resync, Started

_PAGE_SIZE = 2000
_DELETE = messages.Event.DELETE  # looking it up takes longer than the rest of the comparison


@dataclass(frozen=True, slots=True)
class _StoreId:
    """Identity of the store that the events so far came from."""

    cluster: int
    term: int


@dataclass(frozen=True, slots=True)
class _Gap:
    """Missed events, for which the state has to be read again."""

    reason: str
    since: int | None
    """The last revision delivered; None if nothing delivered need be true any more."""


class EtcdWatch(ReconnectingWatch):
    """One watch of a key or range, over any number of connections.

    Args:
        connection: The connection to the cluster.
        key: First key of the range.
        end: End of the range, exclusive; empty for a single key.
        keyspace: Converts what the store sends.
        since: The last revision that the watcher has seen; None to start now.
        known: The watcher's own table of keys and revisions, see `Store.watch_tree`.
    """

    def __init__(
        self,
        connection: EtcdConnection,
        key: bytes,
        end: bytes,
        *,
        keyspace: EtcdKeyspace,
        since: int | None,
        known: Mapping[str, Revision] | None = None,
    ) -> None:
        self._connection = connection
        self._key = key
        self._end = end
        self._keyspace = keyspace
        self._resume_after = since
        """The last revision up to which everything was delivered."""
        self._known = known
        self._starts_now = since is None
        self._store_id: _StoreId | None = None
        self._last_event: messages.Event | None = None
        """The last event delivered, or the one that made the entry that the watch began with."""
        self._gap: _Gap | None = None

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        """Watch over one connection."""
        header, entry = await self._current_header()
        discontinuity = await self._discontinuity(header)
        if discontinuity is not None:
            self._gap, self._last_event = _Gap(discontinuity, None), None
            if self._store_id is None:
                yield (Started(self._resume_after),)
        is_resumed = self._store_id is not None
        self._store_id = _StoreId(header.cluster_id, header.raft_term)
        if self._resume_after is None:
            self._resume_after = header.revision
        while True:
            try:
                if is_resumed and self._gap is None and header.revision > self._resume_after:
                    # Raises Compacted now, before the watch would be reported as restored.
                    await self._read_one(revision=self._resume_after + 1)
                if self._gap is not None:
                    async for events in self._relist(self._gap):
                        yield events
                    self._gap = None
                async for events in self._receive(self._store_id, header.revision, entry):
                    yield events
            except Compacted as error:
                # Compaction can also overtake the reading of the state: then it is read once more.
                self._gap = self._gap or _Gap(error.message, self._resume_after)
            else:
                return

    async def _current_header(self) -> tuple[messages.Header, Entry | None]:
        """Return the leader's current header, and the entry if a single key is watched from now on.

        A member that lags behind, or has no leader, would accept a watch and send nothing.
        """
        needs_entry = self._starts_now and not self._end
        response = await self._read_one(keys_only=not needs_entry)
        if not (needs_entry and response.kvs):
            return response.header, None
        if self._last_event is None:
            self._last_event = messages.Event(type=messages.Event.PUT, kv=response.kvs[0])
        return response.header, self._keyspace.to_entry(response.kvs[0])

    async def _read_one(self, *, revision: int = 0, keys_only: bool = True) -> messages.RangeResponse:
        """Read at most one key of the range."""
        request = messages.RangeRequest(key=self._key, revision=revision, keys_only=keys_only, limit=1)
        try:
            return await self._connection.call(RANGE, request)
        except Forbidden:
            # A user who may read the range need not be allowed to read its first key alone.
            request.range_end = self._end
            return await self._connection.call(RANGE, request)

    async def _discontinuity(self, header: messages.Header) -> str | None:
        """Return why this is not the store that was watched before, or None."""
        before, delivered = self._store_id, self._resume_after
        if before is not None and header.cluster_id != before.cluster:
            return "another cluster answers at this address"
        if delivered is not None and header.revision < delivered:
            return (
                f"the store went back from revision {delivered} to {header.revision}: "
                "it was restored from an older state"
            )
        if before is not None and header.raft_term < before.term:
            return "the store was restored: its raft term started again"
        if before is not None and self._last_event is not None and not await self._in_history(self._last_event):
            return "the store's history has changed: it was restored from an older state"
        return None

    async def _in_history(self, event: messages.Event) -> bool:
        """Return whether an event is in the store's history, or was compacted."""
        revision = event.kv.mod_revision
        expected = {revision: [] if event.type == messages.Event.DELETE else [event.kv]}
        if event.HasField("prev_kv"):
            expected[revision - 1] = [event.prev_kv]
        for at, kvs in expected.items():
            request = messages.RangeRequest(key=event.kv.key, revision=at)
            try:
                response = await self._connection.call(RANGE, request)
            except Compacted:
                continue
            if list(response.kvs) != kvs:
                return False
        return True

    async def _receive(
        self, store_id: _StoreId, newest: int, entry: Entry | None
    ) -> AsyncGenerator[Iterable[Event], None]:
        """Yield events as they come, whole revisions only."""
        delivered = self._resume_after or 0
        replay = Replay(delivered + 1, newest, self._create_request)
        progress_watch, progress_revision = -1, 0
        sender: RequestSender[messages.WatchRequest] = RequestSender()
        (first,) = replay.requests()
        is_started = False
        stream = self._connection.open_stream(WATCH, first, sender=sender)
        async with aclosing(stream) as responses:
            async for response in responses:
                for batch in replay.add(response):
                    if events := self._without_duplicates(batch, delivered):
                        yield self._to_events(events)
                        self._resume_after = delivered = events[-1].kv.mod_revision
                        self._last_event = events[-1]
                if replay.cancellation is not None:
                    raise self._cancellation_error(replay.cancellation)
                if response.created:
                    self._check(store_id, response.header, delivered)
                    if not is_started:
                        is_started = True
                        yield (Started(delivered, entry if self._starts_now else None),)
                        self._starts_now = False
                elif response.watch_id == replay.live and not response.events and response.header.revision > delivered:
                    # A later connection may resume at the notification before; this one still delivers what is older.
                    if progress_watch == replay.live:
                        self._resume_after = max(delivered, progress_revision)
                    progress_watch, progress_revision = replay.live, response.header.revision
                for request in replay.requests():
                    await sender.send(request)

    def _create_request(self, start: int, watch: int) -> messages.WatchRequest:
        return messages.WatchRequest(
            create_request=messages.WatchCreateRequest(
                key=self._key,
                range_end=self._end,
                start_revision=start,
                watch_id=watch,
                progress_notify=True,
                prev_kv=True,
                # No `fragment`: the time that the server needs to split a message grows with the square of its events.
                # Messages of any size are accepted; fragments of a server that splits them unasked are joined.
            )
        )

    def _check(self, store_id: _StoreId, header: messages.Header, delivered: int) -> None:
        """Raise NotReachable if another store opened the stream than the one whose header was read before."""
        if header.cluster_id != store_id.cluster or header.revision < delivered:
            raise NotReachable("another store answered in between")

    def _without_duplicates(self, events: Iterable[messages.Event], delivered: int) -> list[messages.Event]:
        """Return the events after the last revision delivered."""
        return [event for event in events if event.kv.mod_revision > delivered]

    def _to_events(self, events: Sequence[messages.Event]) -> Iterator[Event]:
        """Yield the events converted, each when it is taken: there may be very many in a response."""
        entries = self._keyspace.to_entries((event.kv for event in events), values=True)
        with_previous = (event.prev_kv for event in events if event.HasField("prev_kv"))
        previous_entries = self._keyspace.to_entries(with_previous, values=True)
        for event, entry in zip(events, entries, strict=True):
            previous = next(previous_entries) if event.HasField("prev_kv") else None
            if event.type == _DELETE:
                yield Deleted(entry.key, entry.revision, previous)
            else:
                yield Put(entry, previous)

    def _cancellation_error(self, response: messages.WatchResponse) -> ExplorerError:
        """Return the error for a watch that the server cancelled."""
        reason = response.cancel_reason
        if response.compact_revision:
            return Compacted(
                f"history up to revision {response.compact_revision} has been compacted",
                oldest=response.compact_revision,
            )
        if "permission denied" in reason:
            return Forbidden(
                "permission denied",
                hint="the user needs a role that covers this key or prefix",
            )
        if "auth token" in reason:
            return NotReachable("the token of the watch expired")
        return ExplorerError(f"the store ended the watch: {reason or 'no reason given'}")

    async def _relist(self, gap: _Gap) -> AsyncGenerator[Iterable[Event], None]:
        """Read the state, compare it with what the watcher knows, and yield the differences as inferred events."""
        since = gap.since
        # Revisions of another store say nothing about those of this one.
        known = {} if self._known is None else self._known  # the live table, also while it is empty
        differences = Differences(known, None if since is not None else lambda _: True)
        reader = EtcdReader(self._connection, self._windows(), newer_than=0 if since is None else since + 1)
        page = await reader.page(_PAGE_SIZE)
        yield (Resync(gap.reason, since, reader.revision),)
        yield differences.puts(map(self._keyspace.to_entry, page))
        while not reader.windows.done:
            yield differences.puts(map(self._keyspace.to_entry, await reader.page(_PAGE_SIZE)))
        if not self._end and not page and (since is None or not await self._read_keys(reader.revision)):
            gone = self._keyspace.to_entry(messages.KeyValue(key=self._key)).key
            yield (Deleted(gone, reader.revision, inferred=True),)
        if self._known is not None:
            present = await self._read_keys(reader.revision)
            await self._feed.caught_up()
            yield differences.deletions(revision=reader.revision, present=present)
        self._resume_after = reader.revision

    async def _read_keys(self, revision: int) -> set[str]:
        """Return the keys of the range at a revision."""
        reader = EtcdReader(self._connection, self._windows(), revision=revision, values=False)
        return {self._keyspace.to_entry(kv).key async for page in reader.pages() for kv in page}

    def _windows(self) -> Windows:
        return Windows(self._key, self._end or self._key + b"\0", len(self._key))
