"""Watching a range: resumed exactly where it was left, and honest where that is impossible.

The server promises events that are ordered, unique and complete from the revision a watch starts at (etcd's API
guarantees). What it does not promise is that the connection lives, that history is kept, or that the same store
answers again. Known faults of servers that are guarded against here: duplicates (etcd#17247) and old events on a watch
from a future revision (etcd#20221) are dropped; a progress notification is believed only when it cannot be ahead of
events (etcd#15220).
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.cluster import Cluster
from explorer.drivers.etcd.methods import RANGE, WATCH
from explorer.drivers.etcd.ranges import Reader, Windows
from explorer.drivers.watching import Feed, follow, missing
from explorer.model.entries import Entry, Revision
from explorer.model.errors import Compacted, ExplorerError, Forbidden, NotReachable
from explorer.model.events import Deleted, Event, Put, Resync, Started

_PAGE = 2000


@dataclass(slots=True)
class _Origin:
    """Which store, in which life, the events so far came from."""

    cluster: int
    term: int


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
        cluster: Cluster,
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
        self._feed: Feed | None = None

    async def run(self, feed: Feed) -> None:
        """Watch until cancelled, or until the store says no."""
        self._feed = feed
        await follow(feed, self._attempt)

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        """Watch over one connection."""
        header, entry = await self._anchor()
        trouble = self._discontinuity(header)
        gap: tuple[str, int | None] | None = None if trouble is None else (trouble, None)
        if gap and self._origin is None:
            yield (Started(self._seen),)
        self._origin = _Origin(header.cluster_id, header.raft_term)
        if self._seen is None:
            self._seen = header.revision
        while True:
            try:
                if gap:
                    async for events in self._read_again(*gap):
                        yield events
                    gap = None
                async for events in self._listen(entry):
                    yield events
            except Compacted as error:
                # Compaction can also overtake the reading of the state: then it is read once more.
                gap = gap or (error.message, self._seen)
            else:
                return

    async def _anchor(self) -> tuple[messages.Header, Entry | None]:
        """Ask the store's authority where it stands, and for the entry itself if a single key is watched from now on.

        A member that lags, or has no leader, would take a watch and tell nothing.
        """
        wanted = self._from_now and not self._end
        question = messages.RangeRequest(key=self._key, keys_only=not wanted, limit=1)
        try:
            answer = await self._cluster.call(RANGE, question, key=self._subject)
        except Forbidden:
            # Whoever may read a range need not be allowed to read the key at its beginning alone.
            question = messages.RangeRequest(key=self._key, range_end=self._end, keys_only=True, limit=1)
            answer = await self._cluster.call(RANGE, question, key=self._subject)
        return answer.header, self._spell(answer.kvs[0]) if wanted and answer.kvs else None

    def _discontinuity(self, header: messages.Header) -> str | None:
        """Tell why this is not the store that was watched before, or None."""
        before, seen = self._origin, self._seen
        if before is not None and header.cluster_id != before.cluster:
            return "another cluster answers at this address"
        if seen is not None and header.revision < seen:
            return f"the store went back from revision {seen} to {header.revision}: it was restored from an older state"
        if before is not None and header.raft_term < before.term:
            return "the store was restored: its members' terms started again"
        return None

    async def _listen(self, entry: Entry | None) -> AsyncGenerator[Iterable[Event], None]:
        """Tell events as they come, whole revisions only."""
        told = self._seen or 0
        question = messages.WatchRequest(
            create_request=messages.WatchCreateRequest(
                key=self._key,
                range_end=self._end,
                start_revision=told + 1,
                progress_notify=True,
                prev_kv=True,
                fragment=True,
            )
        )
        fragments: list[messages.Event] = []
        stream = self._cluster.converse(WATCH, question, key=self._subject, first_within=self._cluster.timeout)
        async with aclosing(stream) as answers:
            async for answer in answers:
                if answer.canceled:
                    raise self._cancelled(answer)
                if answer.created:
                    yield (Started(told, entry if self._from_now else None),)
                    self._from_now = False
                    continue
                fragments.extend(answer.events)
                if answer.fragment:
                    continue
                if fragments:
                    events, fragments = fragments, []
                    fresh = [event for event in events if event.kv.mod_revision > told]
                    if fresh:
                        yield self._translate(fresh)
                        self._seen = told = fresh[-1].kv.mod_revision
                elif answer.header.revision > told:
                    self._seen = (
                        answer.header.revision
                    )  # a later connection may start here; this one still tells what is older

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
        reason, shown = answer.cancel_reason, self._cluster.shown
        if answer.compact_revision:
            return Compacted(
                f"history up to revision {answer.compact_revision} has been compacted",
                oldest=answer.compact_revision,
                address=shown,
                key=self._subject,
            )
        if "permission denied" in reason:
            return Forbidden(
                "the user may not watch this", hint="ask for a role that covers it", address=shown, key=self._subject
            )
        if "auth token" in reason:
            return NotReachable("the token of the watch expired", address=shown, key=self._subject)
        return ExplorerError(
            f"the store ended the watch: {reason or 'it gives no reason'}", address=shown, key=self._subject
        )

    async def _read_again(self, reason: str, since: int | None) -> AsyncGenerator[Iterable[Event], None]:
        """Read the state, compare it with what the watcher knows, and tell the difference as inferred events."""
        feed = self._feed
        reader = Reader(
            self._cluster,
            Windows(self._key, self._end or self._key + b"\0", len(self._key)),
            newer_than=0 if since is None else since + 1,
            subject=self._subject,
        )
        page = await reader.page(_PAGE)
        yield (Resync(reason, since, reader.revision),)
        yield self._differing(page)
        while not reader.windows.done:
            yield self._differing(await reader.page(_PAGE))
        if not self._end and since is not None and not page and not await self._present(reader.revision):
            yield (Deleted(self._subject, reader.revision, inferred=True),)
        if self._known is not None and feed is not None:
            present = await self._present(reader.revision)
            await feed.caught_up()
            yield tuple(missing(self._known, present, revision=reader.revision))
        self._seen = reader.revision

    def _differing(self, found: Iterable[messages.KeyValue]) -> list[Event]:
        entries = (self._spell(entry) for entry in found)
        known = self._known or {}
        return [Put(entry, inferred=True) for entry in entries if known.get(entry.key) != entry.revision]

    async def _present(self, revision: int) -> set[str]:
        """Read which keys there are."""
        windows = Windows(self._key, self._end or self._key + b"\0", len(self._key))
        reader = Reader(self._cluster, windows, revision=revision, values=False, subject=self._subject)
        return {self._spell(entry).key async for page in reader.pages() for entry in page}
