"""Watching a range: resumed exactly where it was left, and honest where that is impossible.

The server promises events that are ordered, unique and complete from the revision a watch starts at (etcd's API
guarantees). What it does not promise is that the connection lives, that history is kept, or that the same store
answers again. Another store, or an older state of the same one, is known by its cluster, its revision, its raft term,
and by the last event that was told, which has to be in its history still. (An older state of a store that never had an
election, grown past a watch to which nothing had been told, looks like the same store.)

Known faults of servers that are guarded against here: duplicates (etcd#17247) and old events on a watch from a future
revision (etcd#20221) are dropped; a progress notification may be ahead of events (etcd#15220), so it moves the revision
to resume at only once another has come after it.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from explorer.drivers.common.watch import Feed, vanished, watch_with_reconnect
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import Outbox
from explorer.drivers.etcd.methods import RANGE, WATCH
from explorer.drivers.etcd.reader import EtcdReader, Windows
from explorer.drivers.etcd.replay import Replay
from explorer.model.entries import Entry, Revision
from explorer.model.errors import Compacted, ExplorerError, Forbidden, NotReachable
from explorer.model.events import Deleted, Event, Put, Resync, Started

_PAGE = 2000


@dataclass(frozen=True, slots=True)
class _Origin:
    """Which store, in which life, the events so far came from."""

    cluster: int
    term: int


@dataclass(frozen=True, slots=True)
class _Gap:
    """What has to be read again before events can go on."""

    reason: str
    since: int | None
    """The last revision that was told; None if nothing of what was told need be true any more."""


class RangeWatch:
    """One watch of a range of keys, over any number of connections.

    Args:
        cluster: The connection.
        key: First key of the range.
        end: End of the range; empty for a single key.
        spell: Gives an Entry for what the store sent.
        subject: The key or prefix as the caller wrote it.
        since: The last revision that the watcher has seen; None to start now.
        known: The watcher's own table of keys and revisions, see `Store.watch_tree`.
    """

    def __init__(
        self,
        cluster: EtcdConnection,
        key: bytes,
        end: bytes,
        *,
        spell: Callable[[messages.KeyValue], Entry],
        subject: str,
        since: int | None,
        known: Mapping[str, Revision] | None = None,
    ) -> None:
        self._cluster = cluster
        self._key = key
        self._end = end
        self._spell = spell
        self._subject = subject
        self._seen = since
        """The last revision up to which everything was told."""
        self._known = known
        self._from_now = since is None
        self._origin: _Origin | None = None
        self._witness: messages.Event | None = None
        """The last event that was told, or that made the entry that the watch began with."""
        self._gap: _Gap | None = None
        self._feed: Feed | None = None

    async def run(self, feed: Feed) -> None:
        """Watch until cancelled, or until the store says no."""
        self._feed = feed
        await watch_with_reconnect(feed, self._attempt)

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        """Watch over one connection."""
        header, entry = await self._anchor()
        trouble = await self._discontinuity(header)
        if trouble is not None:
            self._gap, self._witness = _Gap(trouble, None), None
            if self._origin is None:
                yield (Started(self._seen),)
        resumed = self._origin is not None
        self._origin = _Origin(header.cluster_id, header.raft_term)
        if self._seen is None:
            self._seen = header.revision
        while True:
            try:
                if resumed and self._gap is None and header.revision > self._seen:
                    await self._peek(revision=self._seen + 1)  # else the store would be said to be restored too early
                if self._gap is not None:
                    async for events in self._read_again(self._gap):
                        yield events
                    self._gap = None
                async for events in self._listen(self._origin, header.revision, entry):
                    yield events
            except Compacted as error:
                # Compaction can also overtake the reading of the state: then it is read once more.
                self._gap = self._gap or _Gap(error.message, self._seen)
            else:
                return

    async def _anchor(self) -> tuple[messages.Header, Entry | None]:
        """Ask the store's authority where it stands, and for the entry itself if a single key is watched from now on.

        A member that lags, or has no leader, would take a watch and tell nothing.
        """
        wanted = self._from_now and not self._end
        answer = await self._peek(keys_only=not wanted)
        if not (wanted and answer.kvs):
            return answer.header, None
        if self._witness is None:
            self._witness = messages.Event(type=messages.Event.PUT, kv=answer.kvs[0])
        return answer.header, self._spell(answer.kvs[0])

    async def _peek(self, *, revision: int = 0, keys_only: bool = True) -> messages.RangeResponse:
        """Read one key of the range, or that there is none."""
        question = messages.RangeRequest(key=self._key, revision=revision, keys_only=keys_only, limit=1)
        try:
            return await self._cluster.call(RANGE, question, key=self._subject)
        except Forbidden:
            # Whoever may read a range need not be allowed to read the key at its beginning alone.
            question.range_end = self._end
            return await self._cluster.call(RANGE, question, key=self._subject)

    async def _discontinuity(self, header: messages.Header) -> str | None:
        """Tell why this is not the store that was watched before, or None."""
        before, seen = self._origin, self._seen
        if before is not None and header.cluster_id != before.cluster:
            return "another cluster answers at this address"
        if seen is not None and header.revision < seen:
            return f"the store went back from revision {seen} to {header.revision}: it was restored from an older state"
        if before is not None and header.raft_term < before.term:
            return "the store was restored: its members' terms started again"
        if before is not None and self._witness is not None and not await self._remembered(self._witness):
            return "the store's history is not what it was: it was restored from an older state"
        return None

    async def _remembered(self, event: messages.Event) -> bool:
        """Tell whether an event is in the store's history, or was compacted away."""
        revision = event.kv.mod_revision
        expected = {revision: [] if event.type == messages.Event.DELETE else [event.kv]}
        if event.HasField("prev_kv"):
            expected[revision - 1] = [event.prev_kv]
        for at, entries in expected.items():
            question = messages.RangeRequest(key=event.kv.key, revision=at)
            try:
                answer = await self._cluster.call(RANGE, question, key=self._subject)
            except Compacted:
                continue
            if list(answer.kvs) != entries:
                return False
        return True

    async def _listen(self, origin: _Origin, newest: int, entry: Entry | None) -> AsyncGenerator[Iterable[Event], None]:
        """Tell events as they come, whole revisions only."""
        told = self._seen or 0
        replay = Replay(told + 1, newest, self._creation)
        notifier, notified = -1, 0
        outbox: Outbox[messages.WatchRequest] = Outbox()
        (first,) = replay.requests()
        stream = self._cluster.converse(
            WATCH, first, key=self._subject, first_within=self._cluster.timeout, outbox=outbox
        )
        started = False
        async with aclosing(stream) as answers:
            async for answer in answers:
                for events in replay.take(answer):
                    if fresh := self._fresh(events, told):
                        yield self._translate(fresh)
                        self._seen = told = fresh[-1].kv.mod_revision
                        self._witness = fresh[-1]
                if replay.ended is not None:
                    raise self._cancelled(replay.ended)
                if answer.created:
                    self._check(origin, answer.header, told)
                    if not started:
                        started = True
                        yield (Started(told, entry if self._from_now else None),)
                        self._from_now = False
                elif answer.watch_id == replay.live and not answer.events and answer.header.revision > told:
                    # A later connection may start where the last notification was; this one still tells what is older.
                    if notifier == replay.live:
                        self._seen = max(told, notified)
                    notifier, notified = replay.live, answer.header.revision
                for request in replay.requests():
                    await outbox.send(request)

    def _creation(self, start: int, watch: int) -> messages.WatchRequest:
        return messages.WatchRequest(
            create_request=messages.WatchCreateRequest(
                key=self._key,
                range_end=self._end,
                start_revision=start,
                watch_id=watch,
                progress_notify=True,
                prev_kv=True,
                # No `fragment`: the time that the server needs to cut a message grows with the square of its events.
                # Messages of any size are accepted; a server that cuts them unasked is understood.
            )
        )

    def _check(self, origin: _Origin, header: messages.Header, told: int) -> None:
        """Refuse a stream that was answered by another store than the one that was asked a moment before."""
        if header.cluster_id != origin.cluster or header.revision < told:
            raise NotReachable("another store answered in between", address=self._cluster.redacted, key=self._subject)

    def _fresh(self, events: Iterable[messages.Event], told: int) -> list[messages.Event]:
        """Leave out what was told before."""
        return [event for event in events if event.kv.mod_revision > told]

    def _translate(self, events: Iterable[messages.Event]) -> list[Event]:
        told: list[Event] = []
        for event in events:
            previous = self._spell(event.prev_kv) if event.HasField("prev_kv") else None
            entry = self._spell(event.kv)
            if event.type == messages.Event.DELETE:
                told.append(Deleted(entry.key, event.kv.mod_revision, previous))
            else:
                told.append(Put(entry, previous))
        return told

    def _cancelled(self, answer: messages.WatchResponse) -> ExplorerError:
        """Give the reason why the server ended the watch."""
        reason, redacted = answer.cancel_reason, self._cluster.redacted
        if answer.compact_revision:
            return Compacted(
                f"history up to revision {answer.compact_revision} has been compacted",
                oldest=answer.compact_revision,
                address=redacted,
                key=self._subject,
            )
        if "permission denied" in reason:
            return Forbidden(
                "the user may not watch this", hint="ask for a role that covers it", address=redacted, key=self._subject
            )
        if "auth token" in reason:
            return NotReachable("the token of the watch expired", address=redacted, key=self._subject)
        return ExplorerError(
            f"the store ended the watch: {reason or 'it gives no reason'}", address=redacted, key=self._subject
        )

    async def _read_again(self, gap: _Gap) -> AsyncGenerator[Iterable[Event], None]:
        """Read the state, compare it with what the watcher knows, and tell the difference as inferred events."""
        feed, since = self._feed, gap.since
        # Revisions of another life say nothing about those of this one.
        known = self._known or {} if since is not None else {}
        reader = EtcdReader(
            self._cluster,
            Windows(self._key, self._end or self._key + b"\0", len(self._key)),
            newer_than=0 if since is None else since + 1,
            subject=self._subject,
        )
        page = await reader.page(_PAGE)
        yield (Resync(gap.reason, since, reader.revision),)
        yield self._differing(page, known)
        while not reader.windows.done:
            yield self._differing(await reader.page(_PAGE), known)
        if not self._end and not page and (since is None or not await self._present(reader.revision)):
            yield (Deleted(self._subject, reader.revision, inferred=True),)
        if self._known is not None and feed is not None:
            present = await self._present(reader.revision)
            await feed.caught_up()
            yield tuple(vanished(self._known, present, revision=reader.revision))
        self._seen = reader.revision

    def _differing(self, found: Iterable[messages.KeyValue], known: Mapping[str, Revision]) -> list[Event]:
        entries = (self._spell(entry) for entry in found)
        return [Put(entry, inferred=True) for entry in entries if known.get(entry.key) != entry.revision]

    async def _present(self, revision: int) -> set[str]:
        """Read which keys there are."""
        windows = Windows(self._key, self._end or self._key + b"\0", len(self._key))
        reader = EtcdReader(self._cluster, windows, revision=revision, values=False, subject=self._subject)
        return {self._spell(entry).key async for page in reader.pages() for entry in page}
