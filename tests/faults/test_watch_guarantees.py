"""Each guarantee of a watch, broken on purpose once: by a server that lies, and by a watch that is itself broken.

The server is a fake (a real one cannot be made to lie). What the watch has to survive must leave no complaint; what it
cannot survive, and every broken watch, must be noticed by the validators that judge the lanes on real servers.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.drivers.common.retry import Backoff
from explorer.drivers.common.watch import Feed
from explorer.drivers.etcd import messages, replay
from explorer.drivers.etcd.keyspace import EtcdKeyspace
from explorer.drivers.etcd.watch import EtcdWatch, _Gap
from explorer.model.entries import Revision
from explorer.model.errors import ExplorerError, NotReachable
from explorer.model.events import Deleted, Event, Lost, Put, Resync
from tests.faults.checkers import FaultBegun, LogEntry, complaints
from tests.faults.fake_etcd import Answers, Connection, Fault, Incarnation, Script, Writes
from tests.faults.history import History
from tests.scale import figure

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


async def watched(
    script: Script, *, since: int | None = 1, kind: type[EtcdWatch] = EtcdWatch
) -> tuple[list[LogEntry], dict[str, Revision]]:
    """Watch through the whole script with a reader that folds; give its log and its table."""
    log: list[LogEntry] = [FaultBegun("the script")]
    table: dict[str, Revision] = {}
    layout = EtcdKeyspace(b"", "/")
    watch = kind(script, b"a", b"z", to_entry=layout.to_entry, since=since, known=table)
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


async def judged(
    script: Script, *lives: Incarnation, kind: type[EtcdWatch] = EtcdWatch, compacted: bool = False
) -> list[str]:
    """Give what the validators have to say of a watch through the script."""
    log, table = await watched(script, kind=kind)
    last: History = lives[-1].history
    found = complaints(log, [life.history for life in lives], until=last.last, compacted=compacted)
    if table != {key: change.revision for key, change in last.state(last.last).items()}:
        found.append("the folded state differs")
    return found


class TestWhatAWatchSurvives:
    """An honest server that is cut off anywhere, and the lies that servers are known to have told."""

    @given(revisions, cuts)
    @settings(max_examples=figure(150, 5_000))
    async def test_being_cut_off_after_any_answer(self, done: Sequence[Writes], after: Sequence[int]) -> None:
        life = Incarnation(done)
        assert await judged(Script(*(Connection(life, cut) for cut in after), Connection(life)), life) == []

    @given(revisions, cuts)
    @settings(max_examples=figure(100, 5_000))
    async def test_duplicates(self, done: Sequence[Writes], after: Sequence[int]) -> None:
        """etcd#17247."""
        life = Incarnation(done)
        connections = (Connection(life, cut, twice) for cut in [*after, None])
        assert await judged(Script(*connections), life) == []

    async def test_old_events_on_a_watch_of_the_future(self) -> None:
        """etcd#20221: a watch from a revision that is not there yet is told old events."""
        life = Incarnation(BUSY)
        connections = (Connection(life, cut, from_the_beginning(life)) for cut in (11, 9, None))
        assert await judged(Script(*connections), life) == []

    @pytest.mark.parametrize("cut", range(1, 8))
    async def test_progress_told_ahead_of_events(self, cut: int) -> None:
        """etcd#15220: the notification says a revision whose events come after it, or never."""
        life = Incarnation(BUSY)
        assert await judged(Script(Connection(life, cut, progress_first), Connection(life)), life) == []

    @given(revisions, st.integers(0, 8), st.integers(2, 20))
    @settings(max_examples=figure(150, 5_000))
    async def test_compaction_at_any_revision(self, done: Sequence[Writes], cut: int, horizon: int) -> None:
        life = Incarnation(done)
        later = replace(life, compacted=min(horizon, life.revision))
        script = Script(Connection(life, cut), Connection(later))
        assert await judged(script, life, compacted=True) == []

    @given(revisions, revisions, st.integers(0, 8), st.sampled_from([(2, 2), (1, 1)]))
    @settings(max_examples=figure(150, 5_000))
    async def test_another_store(
        self, done: Sequence[Writes], other: Sequence[Writes], cut: int, identity: tuple[int, int]
    ) -> None:
        """Another cluster, or the same one in a life whose terms started again."""
        life, another = Incarnation(done), Incarnation([*other, {"a": b"end"}], *identity)
        assert await judged(Script(Connection(life, cut), Connection(another)), life, another) == []

    async def test_an_older_state_that_has_grown_past_what_was_told(self) -> None:
        life, restored = Incarnation(BUSY), Incarnation([*BUSY[:3], *({"b": b"new"} for _ in range(20))])
        assert await judged(Script(Connection(life, 12), Connection(restored)), life, restored) == []


class TestSeveralWatches:
    """History that comes by several watches on one stream, which start a few revisions after each other."""

    @pytest.fixture(autouse=True, scope="class", params=[1, 2, 5])
    def _span(self, request: pytest.FixtureRequest) -> Iterator[None]:
        with patch.object(replay, "MIN_SPAN", request.param):
            yield

    @given(revisions, cuts)
    @settings(max_examples=figure(60, 5_000))
    async def test_cut_off_after_any_answer(self, done: Sequence[Writes], after: Sequence[int]) -> None:
        life = Incarnation(done)
        assert await judged(Script(*(Connection(life, cut) for cut in after), Connection(life)), life) == []

    @given(revisions, cuts)
    @settings(max_examples=figure(40, 5_000))
    async def test_every_answer_twice(self, done: Sequence[Writes], after: Sequence[int]) -> None:
        life = Incarnation(done)
        connections = (Connection(life, cut, twice) for cut in [*after, None])
        assert await judged(Script(*connections), life) == []

    @pytest.mark.parametrize("cut", [*range(1, 8), 20, 40])
    async def test_progress_ahead_of_events(self, cut: int) -> None:
        life = Incarnation(BUSY)
        assert await judged(Script(Connection(life, cut, progress_first), Connection(life)), life) == []

    @given(revisions, st.integers(0, 20), st.integers(2, 20))
    @settings(max_examples=figure(60, 5_000))
    async def test_compaction_in_the_middle(self, done: Sequence[Writes], cut: int, horizon: int) -> None:
        life = Incarnation(done)
        later = replace(life, compacted=min(horizon, life.revision))
        assert await judged(Script(Connection(life, cut), Connection(later)), life, compacted=True) == []


def twice(answers: Answers) -> Answers:
    """Say everything that is complete twice."""
    said: Answers = []
    begun: Answers = []
    for answer in answers:
        begun.append(answer)
        if not answer.fragment:
            said += [*begun, *begun]
            begun = []
    return said


def from_the_beginning(life: Incarnation) -> Fault:
    return lambda _answers: life.watch(2)


def progress_first(answers: Answers) -> Answers:
    return [answers[-1], *answers[:-1]]


def without_the_third(answers: Answers) -> Answers:
    """Leave out one whole answer."""
    ends = [number for number, answer in enumerate(answers) if answer.events and not answer.fragment]
    return answers[: ends[0] + 1] + answers[ends[1] + 1 :]


def second_first(answers: Answers) -> Answers:
    """Say the second whole answer before the first."""
    ends = [number for number, answer in enumerate(answers) if answer.events and not answer.fragment]
    return answers[ends[0] + 1 : ends[1] + 1] + answers[: ends[0] + 1] + answers[ends[1] + 1 :]


def in_pieces(answers: Answers) -> Answers:
    """Hide that an answer is a fragment: what a watch hears that does not look."""
    said = [messages.WatchResponse.FromString(answer.SerializeToString()) for answer in answers]
    for answer in said:
        answer.fragment = False
    return said


class TestWhatNoWatchSurvives:
    """A server that breaks its promise within one connection: nothing tells the watch, but the judge sees it."""

    @pytest.mark.parametrize("lie", [without_the_third, second_first])
    async def test_events_left_out_or_out_of_order(self, lie: Fault) -> None:
        life = Incarnation(BUSY)
        assert "reliable" in told(await judged(Script(Connection(life, lie=lie)), life))


class TellsEverything(EtcdWatch):
    """Does not leave out what it told before."""

    def _without_duplicates(self, events: Iterable[messages.Event], delivered: int) -> list[messages.Event]:
        del delivered
        return list(events)


class ForgetsWhatWasBefore(EtcdWatch):
    def _to_events(self, events: Iterable[messages.Event]) -> list[Event]:
        return [replace(event, previous=None) for event in super()._to_events(events) if isinstance(event, Put)]


class TellsCreationAsChange(EtcdWatch):
    def _to_events(self, events: Iterable[messages.Event]) -> list[Event]:
        told = super()._to_events(events)
        return [
            replace(event, entry=event.entry._replace(created=1)) if isinstance(event, Put) else event for event in told
        ]


class SwallowsCompaction(EtcdWatch):
    """Goes on behind what was compacted as if nothing had been there."""

    def _cancellation_error(self, response: messages.WatchResponse) -> ExplorerError:
        self._resume_after = response.compact_revision - 1
        return NotReachable("compacted")

    async def _read_one(self, *, revision: int = 0, keys_only: bool = True) -> messages.RangeResponse:
        del revision
        return await super()._read_one(keys_only=keys_only)


class TakesAnyStore(EtcdWatch):
    async def _discontinuity(self, header: messages.Header) -> str | None:
        del header
        return None

    def _check(self, *_: object) -> None:
        pass


class BelievesTheRevision(EtcdWatch):
    """Does not look for the last event in the store's history."""

    async def _in_history(self, event: messages.Event) -> bool:
        del event
        return True


class ReadsNothingAgain(EtcdWatch):
    """Says that history was lost, and not what it did."""

    async def _relist(self, gap: _Gap) -> AsyncGenerator[Iterable[Event], None]:
        async with aclosing(super()._relist(gap)) as batches:
            async for events in batches:
                yield [event for event in events if isinstance(event, Resync)]


class ForgetsTheDeleted(EtcdWatch):
    """Reads again what is there and not what is gone."""

    async def _relist(self, gap: _Gap) -> AsyncGenerator[Iterable[Event], None]:
        async with aclosing(super()._relist(gap)) as batches:
            async for events in batches:
                yield [event for event in events if not isinstance(event, Deleted)]


class ResumesAtTheHeader(Script):
    """What a watch hears that asks for the revision behind the last header, as some clients do."""

    def start(self, revision: int) -> int:
        return revision if revision == 2 else self._connections[0].life.revision + 1


class TestBrokenWatches:
    """One guarantee less each, over a server that keeps all of its own but for the lie that the guarantee is for."""

    async def test_unique(self) -> None:
        life = Incarnation(BUSY)
        assert "unique" in told(await judged(Script(Connection(life, lie=twice)), life, kind=TellsEverything))

    async def test_ordered(self) -> None:
        life = Incarnation(BUSY)
        script = Script(Connection(life, 11), Connection(life, lie=from_the_beginning(life)))
        assert "ordered" in told(await judged(script, life, kind=TellsEverything))

    async def test_previous_value(self) -> None:
        life = Incarnation(BUSY)
        assert "previous" in told(await judged(Script(Connection(life)), life, kind=ForgetsWhatWasBefore))

    async def test_is_create(self) -> None:
        life = Incarnation(BUSY)
        assert "is-create" in told(await judged(Script(Connection(life)), life, kind=TellsCreationAsChange))

    async def test_resumed_behind_the_last_event(self) -> None:
        life = Incarnation(BUSY)
        assert "reliable" in told(await judged(ResumesAtTheHeader(Connection(life, 11), Connection(life)), life))

    async def test_whole_revisions_only(self) -> None:
        """Fragments told one by one: a cut between two of them loses the second part of a revision."""
        life = Incarnation(BUSY)
        script = Script(Connection(life, 1, in_pieces), Connection(life))
        assert "reliable" in told(await judged(script, life))

    async def test_progress_not_believed_at_once(self) -> None:
        """The notification comes twice, so that the watch takes the first for confirmed: as if it believed each."""
        life = Incarnation(BUSY)
        script = Script(
            Connection(life, 2, lambda answers: [answers[-1], answers[-1], *answers[:-1]]), Connection(life)
        )
        assert "reliable" in told(await judged(script, life))

    async def test_compaction_told(self) -> None:
        life = Incarnation(BUSY)
        script = Script(Connection(life, 8), Connection(replace(life, compacted=9), 1), Connection(life))
        assert "reliable" in told(await judged(script, life, kind=SwallowsCompaction, compacted=True))

    async def test_another_cluster_told(self) -> None:
        life, another = Incarnation(BUSY), Incarnation([*({"a": b"x"} for _ in range(20))], cluster=2)
        script = Script(Connection(life, 11), Connection(another))
        assert "replaced" in told(await judged(script, life, another, kind=TakesAnyStore))

    async def test_another_history_told(self) -> None:
        life, restored = Incarnation(BUSY), Incarnation([*BUSY[:3], *({"b": b"new"} for _ in range(20))])
        script = Script(Connection(life, 12), Connection(restored))
        assert "replaced" in told(await judged(script, life, restored, kind=BelievesTheRevision))

    @pytest.mark.parametrize("kind", [ReadsNothingAgain, ForgetsTheDeleted])
    async def test_differences_told_after_a_gap(self, kind: type[EtcdWatch]) -> None:
        life = Incarnation([*BUSY, {"d": None}])
        script = Script(Connection(life, 9), Connection(replace(life, compacted=11)))
        found = told(await judged(script, life, kind=kind, compacted=True))
        assert "resync: at revision" in found
        assert "the folded state differs" in found

    async def test_a_loss_in_silence(self) -> None:
        life = Incarnation(BUSY)
        log, _ = await watched(Script(Connection(life, 11), Connection(life)))
        silent = [event for event in log if not isinstance(event, Lost)]
        assert complaints(log, [life.history]) == []
        assert "restored without having been lost" in complaints(silent, [life.history])


def told(found: Sequence[str]) -> str:
    return "\n".join(found)
