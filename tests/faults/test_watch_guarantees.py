"""Each guarantee of a watch, violated on purpose once: by a faulty server, and by a faulty watch.

The server is a fake (a real one cannot be made to violate its guarantees). A fault that the watch has to tolerate must
leave no violation; any other fault, and every faulty watch, must be noticed by the checkers of the real servers' logs.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.drivers.common.feed import Feed
from explorer.drivers.common.retry import Backoff
from explorer.drivers.etcd import messages, replay
from explorer.drivers.etcd.keyspace import EtcdKeyspace
from explorer.drivers.etcd.watch import EtcdWatch, _Gap
from explorer.model.entries import Revision
from explorer.model.errors import ExplorerError, NotReachable
from explorer.model.events import Deleted, Event, Lost, Put, Resync
from tests.faults.checkers import FaultBegun, LogEntry, watch_violations
from tests.faults.fake_etcd import (
    Fault,
    Incarnation,
    ScriptedConnection,
    ScriptedEtcd,
    Writes,
    duplicated,
    from_the_start,
    no_fault,
    progress_first,
    reordered,
    with_a_gap,
    without_fragment_flags,
)
from tests.faults.history import History
from tests.scale import examples

KEYS = ("a", "b", "c", "d")

writes = st.dictionaries(st.sampled_from(KEYS), st.none() | st.binary(max_size=2), max_size=4)
revisions = st.lists(writes, min_size=1, max_size=20)
cuts = st.lists(st.integers(0, 12), max_size=5)

BUSY: Sequence[Writes] = [
    {"a": b"1", "b": b"1", "c": b"1"},
    {"a": b"2", "b": None},
    {"b": b"2", "d": b"1"},
    {},
    {"a": None, "c": b"2", "d": b"2"},
    {"a": b"3"},
    {"a": b"4", "b": b"3"},
    {"c": None},
    {"c": b"3", "d": None},
    {"a": b"5", "b": b"4", "c": b"4", "d": b"3"},
]


async def log_and_table(
    script: ScriptedEtcd, *, since: int | None = 1, kind: type[EtcdWatch] = EtcdWatch
) -> tuple[list[LogEntry], dict[str, Revision]]:
    """Watch through the whole script, and return the log and the table of the reader."""
    log: list[LogEntry] = [FaultBegun("the script")]
    table: dict[str, Revision] = {}
    keyspace = EtcdKeyspace(b"", "/")
    watch = kind(script, b"a", b"z", keyspace=keyspace, since=since, known=table)
    feed = Feed()
    with patch.object(Backoff, "next_pause", return_value=0.0):
        producer = asyncio.create_task(watch.run(feed))
        producer.add_done_callback(feed.wake)
        reader = asyncio.create_task(read(feed, producer, log, table))
        over = asyncio.create_task(script.over.wait())
        try:
            async with asyncio.timeout(10):
                await asyncio.wait((over, producer), return_when=asyncio.FIRST_COMPLETED)
                if producer.done():
                    producer.result()
                await feed.caught_up()
        finally:
            for task in (producer, reader, over):
                task.cancel()
            await asyncio.wait((producer, reader, over))
            await script.close()
    return log, table


async def read(feed: Feed, producer: asyncio.Task[None], log: list[LogEntry], table: dict[str, Revision]) -> None:
    with suppress(ExplorerError):
        while True:
            event = await feed.get(producer)
            log.append(event)
            match event:
                case Put(entry):
                    table[entry.key] = entry.revision
                case Deleted(key):
                    table.pop(key, None)
                case _:
                    pass


async def violations(
    script: ScriptedEtcd, *incarnations: Incarnation, kind: type[EtcdWatch] = EtcdWatch, compacted: bool = False
) -> list[str]:
    """Return the violations of a watch through the script."""
    log, table = await log_and_table(script, kind=kind)
    last: History = incarnations[-1].history
    found = watch_violations(
        log, [incarnation.history for incarnation in incarnations], until=last.last, compacted=compacted
    )
    if table != {key: change.revision for key, change in last.state(last.last).items()}:
        found.append("the replica differs")
    return found


async def violations_with_cuts(store: Incarnation, cuts: Sequence[int], fault: Fault = no_fault) -> list[str]:
    """Return the violations of a watch whose connections end after so many responses, and then of one that stays."""
    connections = (ScriptedConnection(store, cut, fault) for cut in [*cuts, None])
    return await violations(ScriptedEtcd(*connections), store)


async def progress_violations(cut: int) -> list[str]:
    """Return the violations if a progress notification comes before its events and the connection ends then."""
    store = Incarnation(BUSY)
    script = ScriptedEtcd(ScriptedConnection(store, cut, progress_first), ScriptedConnection(store))
    return await violations(script, store)


class TestToleratedFaults:
    """A correct server whose connections are cut anywhere, and faults that real servers are known to have had."""

    @given(revisions, cuts)
    @settings(max_examples=examples(150, 5_000))
    async def test_cut_after_any_response(self, done: Sequence[Writes], after: Sequence[int]) -> None:
        assert await violations_with_cuts(Incarnation(done), after) == []

    @given(revisions, cuts)
    @settings(max_examples=examples(100, 5_000))
    async def test_duplicate_events(self, done: Sequence[Writes], after: Sequence[int]) -> None:
        """etcd#17247."""
        assert await violations_with_cuts(Incarnation(done), after, duplicated) == []

    async def test_old_events_on_a_future_watch(self) -> None:
        """etcd#20221: a watch from a revision that is not there yet gets old events."""
        store = Incarnation(BUSY)
        assert await violations_with_cuts(store, (11, 9), from_the_start(store)) == []

    @pytest.mark.parametrize("cut", range(1, 8))
    async def test_progress_notification_before_its_events(self, cut: int) -> None:
        """etcd#15220: the notification has a revision whose events come after it, or never."""
        assert await progress_violations(cut) == []

    @given(revisions, st.integers(0, 8), st.integers(2, 20))
    @settings(max_examples=examples(150, 5_000))
    async def test_compaction_at_any_revision(self, done: Sequence[Writes], cut: int, horizon: int) -> None:
        store = Incarnation(done)
        later = replace(store, compacted=min(horizon, store.revision))
        script = ScriptedEtcd(ScriptedConnection(store, cut), ScriptedConnection(later))
        assert await violations(script, store, compacted=True) == []

    @given(revisions, revisions, st.integers(0, 8), st.sampled_from([(2, 2), (1, 1)]))
    @settings(max_examples=examples(150, 5_000))
    async def test_another_store_is_a_resync(
        self, done: Sequence[Writes], other: Sequence[Writes], cut: int, identity: tuple[int, int]
    ) -> None:
        """Another cluster, or the same one with terms that started again."""
        store, another = Incarnation(done), Incarnation([*other, {"a": b"end"}], *identity)
        assert (
            await violations(ScriptedEtcd(ScriptedConnection(store, cut), ScriptedConnection(another)), store, another)
            == []
        )

    async def test_restored_history_past_the_last_event(self) -> None:
        store, restored = Incarnation(BUSY), Incarnation([*BUSY[:3], *({"b": b"new"} for _ in range(20))])
        assert (
            await violations(ScriptedEtcd(ScriptedConnection(store, 12), ScriptedConnection(restored)), store, restored)
            == []
        )


class TestSeveralWatches:
    """A replay by several watches on one stream, which start a few revisions after each other."""

    @pytest.fixture(autouse=True, scope="class", params=[1, 2, 5])
    def _span(self, request: pytest.FixtureRequest) -> Iterator[None]:
        with patch.object(replay, "MIN_SPAN", request.param):
            yield

    @given(revisions, cuts)
    @settings(max_examples=examples(60, 5_000))
    async def test_cut_after_any_response(self, done: Sequence[Writes], after: Sequence[int]) -> None:
        assert await violations_with_cuts(Incarnation(done), after) == []

    @given(revisions, cuts)
    @settings(max_examples=examples(40, 5_000))
    async def test_duplicate_responses(self, done: Sequence[Writes], after: Sequence[int]) -> None:
        assert await violations_with_cuts(Incarnation(done), after, duplicated) == []

    @pytest.mark.parametrize("cut", [*range(1, 8), 20, 40])
    async def test_progress_notification_before_its_events(self, cut: int) -> None:
        assert await progress_violations(cut) == []

    @given(revisions, st.integers(0, 20), st.integers(2, 20))
    @settings(max_examples=examples(60, 5_000))
    async def test_compaction_during_the_replay(self, done: Sequence[Writes], cut: int, horizon: int) -> None:
        store = Incarnation(done)
        later = replace(store, compacted=min(horizon, store.revision))
        assert (
            await violations(
                ScriptedEtcd(ScriptedConnection(store, cut), ScriptedConnection(later)), store, compacted=True
            )
            == []
        )


class TestDetectedFaults:
    """A server that violates its guarantees within one connection: the watch cannot notice, but the checkers do."""

    @pytest.mark.parametrize("fault", [with_a_gap, reordered])
    async def test_gaps_and_reordering_are_detected(self, fault: Fault) -> None:
        store = Incarnation(BUSY)
        assert "reliable" in text(await violations(ScriptedEtcd(ScriptedConnection(store, fault=fault)), store))


class RepeatsDelivered(EtcdWatch):
    """Delivers events again."""

    def _without_duplicates(self, events: Iterable[messages.Event], delivered: int) -> list[messages.Event]:
        del delivered
        return list(events)


class OmitsPrevious(EtcdWatch):
    def _to_events(self, events: Sequence[messages.Event]) -> Iterator[Event]:
        for event in super()._to_events(events):
            if isinstance(event, Put):
                yield replace(event, previous=None)


class ReportsWrongCreation(EtcdWatch):
    def _to_events(self, events: Sequence[messages.Event]) -> Iterator[Event]:
        for event in super()._to_events(events):
            yield replace(event, entry=event.entry._replace(created=1)) if isinstance(event, Put) else event


class IgnoresCompaction(EtcdWatch):
    """Continues after the compacted revision without a Resync."""

    def _cancellation_error(self, response: messages.WatchResponse) -> ExplorerError:
        self._resume_after = response.compact_revision - 1
        return NotReachable("compacted")

    async def _read_one(self, *, revision: int = 0, keys_only: bool = True) -> messages.RangeResponse:
        del revision
        return await super()._read_one(keys_only=keys_only)


class IgnoresIdentity(EtcdWatch):
    async def _discontinuity(self, header: messages.Header) -> str | None:
        del header
        return None

    def _check(self, *_: object) -> None:
        pass


class SkipsHistoryCheck(EtcdWatch):
    """Does not check that the last event is in the store's history."""

    async def _in_history(self, event: messages.Event) -> bool:
        del event
        return True


class OmitsDifferences(EtcdWatch):
    """Reports a Resync without its differences."""

    async def _relist(self, gap: _Gap) -> AsyncGenerator[Iterable[Event], None]:
        async with aclosing(super()._relist(gap)) as batches:
            async for events in batches:
                yield [event for event in events if isinstance(event, Resync)]


class OmitsDeletions(EtcdWatch):
    """Reports the differences without deletions."""

    async def _relist(self, gap: _Gap) -> AsyncGenerator[Iterable[Event], None]:
        async with aclosing(super()._relist(gap)) as batches:
            async for events in batches:
                yield [event for event in events if not isinstance(event, Deleted)]


class ResumesAtHeader(ScriptedEtcd):
    """The responses to a watch that resumes after the last header, as some clients do."""

    def start(self, revision: int) -> int:
        return revision if revision == 2 else self._connections[0].incarnation.revision + 1


class TestFaultyWatches:
    """Faulty watches without one guarantee each, on a correct server or with the fault that the guarantee is for."""

    async def test_unique(self) -> None:
        store = Incarnation(BUSY)
        assert "unique" in text(
            await violations(ScriptedEtcd(ScriptedConnection(store, fault=duplicated)), store, kind=RepeatsDelivered)
        )

    async def test_ordered(self) -> None:
        store = Incarnation(BUSY)
        script = ScriptedEtcd(ScriptedConnection(store, 11), ScriptedConnection(store, fault=from_the_start(store)))
        assert "ordered" in text(await violations(script, store, kind=RepeatsDelivered))

    async def test_previous_value(self) -> None:
        store = Incarnation(BUSY)
        assert "previous" in text(await violations(ScriptedEtcd(ScriptedConnection(store)), store, kind=OmitsPrevious))

    async def test_is_create(self) -> None:
        store = Incarnation(BUSY)
        assert "is-create" in text(
            await violations(ScriptedEtcd(ScriptedConnection(store)), store, kind=ReportsWrongCreation)
        )

    async def test_resume_after_the_last_event(self) -> None:
        store = Incarnation(BUSY)
        assert "reliable" in text(
            await violations(ResumesAtHeader(ScriptedConnection(store, 11), ScriptedConnection(store)), store)
        )

    async def test_whole_revisions_only(self) -> None:
        """Fragments delivered one by one: a cut between two of them loses the second part of a revision."""
        store = Incarnation(BUSY)
        script = ScriptedEtcd(ScriptedConnection(store, 1, without_fragment_flags), ScriptedConnection(store))
        assert "reliable" in text(await violations(script, store))

    async def test_progress_needs_confirmation(self) -> None:
        """The notification comes duplicated, so that the watch takes the first for confirmed, as if it trusted each."""
        store = Incarnation(BUSY)
        script = ScriptedEtcd(
            ScriptedConnection(store, 2, lambda responses: [responses[-1], responses[-1], *responses[:-1]]),
            ScriptedConnection(store),
        )
        assert "reliable" in text(await violations(script, store))

    async def test_compaction_is_reported(self) -> None:
        store = Incarnation(BUSY)
        script = ScriptedEtcd(
            ScriptedConnection(store, 8), ScriptedConnection(replace(store, compacted=9), 1), ScriptedConnection(store)
        )
        assert "reliable" in text(await violations(script, store, kind=IgnoresCompaction, compacted=True))

    async def test_another_cluster_is_reported(self) -> None:
        store, another = Incarnation(BUSY), Incarnation([*({"a": b"x"} for _ in range(20))], cluster=2)
        script = ScriptedEtcd(ScriptedConnection(store, 11), ScriptedConnection(another))
        assert "replaced" in text(await violations(script, store, another, kind=IgnoresIdentity))

    async def test_another_history_is_reported(self) -> None:
        store, restored = Incarnation(BUSY), Incarnation([*BUSY[:3], *({"b": b"new"} for _ in range(20))])
        script = ScriptedEtcd(ScriptedConnection(store, 12), ScriptedConnection(restored))
        assert "replaced" in text(await violations(script, store, restored, kind=SkipsHistoryCheck))

    @pytest.mark.parametrize("kind", [OmitsDifferences, OmitsDeletions])
    async def test_differences_after_a_gap_are_reported(self, kind: type[EtcdWatch]) -> None:
        store = Incarnation([*BUSY, {"d": None}])
        script = ScriptedEtcd(ScriptedConnection(store, 9), ScriptedConnection(replace(store, compacted=11)))
        found = text(await violations(script, store, kind=kind, compacted=True))
        assert "resync: at revision" in found
        assert "the replica differs" in found

    async def test_loss_is_reported(self) -> None:
        store = Incarnation(BUSY)
        log, _ = await log_and_table(ScriptedEtcd(ScriptedConnection(store, 11), ScriptedConnection(store)))
        silent = [event for event in log if not isinstance(event, Lost)]
        assert watch_violations(log, [store.history]) == []
        assert "restored without having been lost" in watch_violations(silent, [store.history])


def text(found: Sequence[str]) -> str:
    return "\n".join(found)
