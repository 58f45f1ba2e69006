"""Checkers of the guarantees of a watch: pure functions over the log of one watcher and the recorded history.

They follow the validators of etcd's own robustness tests (ordered, unique, atomic, resumable, reliable, previous value,
is-create) and add the guarantees of a client: every gap is reported by a Resync, and every loss of the connection by a
Lost.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from explorer.model.entries import Entry
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
from tests.faults.history import Change, History, Step


@dataclass(frozen=True, slots=True)
class FaultBegun:
    """Mark of the test in the log: from here on the connection may break."""

    name: str


@dataclass(frozen=True, slots=True)
class FaultHealed:
    """Mark of the test in the log: the fault is over."""

    name: str


LogEntry = Event | FaultBegun | FaultHealed


@dataclass(slots=True)
class _Run:
    """A stretch of the log without a gap: from a start or a Resync up to the next Resync."""

    after: int
    """The revision before its first event."""
    history: History
    events: list[Put | Deleted] = field(default_factory=list)
    ended_by: Resync | None = None

    def revisions(self) -> list[int]:
        return [number(event) for event in self.events]


def number(event: Put | Deleted | Started | Restored | Resync) -> int:
    """Return the revision of an event of etcd."""
    if isinstance(event.revision, int):
        return event.revision
    message = f"etcd's revisions are numbers: {event}"
    raise TypeError(message)


def watch_violations(
    log: Sequence[LogEntry], histories: Sequence[History], *, until: int | None = None, compacted: bool = False
) -> list[str]:
    """Return a description of every guarantee that the log violates.

    Args:
        log: The events of the watcher, with the marks of the faults.
        histories: The store's history, and one more for every time that it was replaced by an older or another store.
        until: The revision up to which the last stretch must be complete; by default that of its last event.
        compacted: History was compacted while the watcher was disconnected, so that previous values may be missing.
    """
    events = [event for event in log if not isinstance(event, FaultBegun | FaultHealed)]
    if not events or not isinstance(events[0], Started):
        return [f"a watch first reports where it starts, not {events[:1]}"]
    if sum(isinstance(event, Started) for event in events) > 1:
        return ["a watch starts once"]
    found = [*_losses(log), *_atomic(events)]
    indexes = _history_indexes(events)
    if indexes[-1] != len(histories) - 1:
        return [
            *found,
            f"the store was replaced {len(histories) - 1} times, and reported as replaced {indexes[-1]} times",
        ]
    pairs = [(event, histories[index]) for event, index in zip(events, indexes, strict=True)]
    runs = list(_runs(pairs))
    for run in runs:
        found += _ordered(run)
        found += _reliable(run, until if run is runs[-1] else None)
        found += _entries(run, compacted=compacted)
    return [*found, *_restored(pairs), *_relisted(pairs)]


def _history_indexes(events: Sequence[Event]) -> list[int]:
    """Return for each event the index of its history: a Resync without `since` begins another one.

    One that was interrupted and is reported again is the same one.
    """
    indexes: list[int] = []
    index, fresh = 0, False
    for event in events:
        match event:
            case Resync(since=None):
                index, fresh = index + (not fresh), True
            case Put(inferred=False) | Deleted(inferred=False) | Restored():
                fresh = False
            case _:
                pass
        indexes.append(index)
    return indexes


def _runs(pairs: Sequence[tuple[Event, History]]) -> Iterator[_Run]:
    run: _Run | None = None
    for event, history in pairs:
        match event:
            case Started():
                run = _Run(number(event), history)
            case Resync() if run is not None:
                run.ended_by = event
                yield run
                run = _Run(number(event), history)
            case Put(inferred=False) | Deleted(inferred=False) if run is not None:
                run.events.append(event)
            case _:
                continue
    if run is not None:
        yield run


def _ordered(run: _Run) -> Iterator[str]:
    """Ordered: revisions never decrease. Unique: no key is reported twice at one revision."""
    for before, after in pairwise(run.revisions()):
        if after < before:
            yield f"ordered: revision {after} is reported after {before}"
    seen: set[tuple[int, str]] = set()
    for event in run.events:
        place = number(event), event.key
        if place in seen:
            yield f"unique: {event.key!r} is reported twice at revision {place[0]}"
        seen.add(place)


def _reliable(run: _Run, until: int | None) -> Iterator[str]:
    """Reliable, resumable: the events are all of the store's history from the start of the stretch to its end."""
    last = max([run.after, *run.revisions()])
    end = max(last, until or 0)
    if run.ended_by is not None and isinstance(run.ended_by.since, int):
        since = run.ended_by.since
        end = max(last, since)
        if run.events and since < last:
            yield f"resync: revisions after {since} are reported as lost, {last} was reported before"
    expected = [
        (step.change.revision, step.change.key, step.change.value) for step in run.history.between(run.after, end)
    ]
    reported = [
        (number(event), event.key, event.entry.value if isinstance(event, Put) else None) for event in run.events
    ]
    if reported != expected:
        yield _difference(reported, expected, run.after, end)


def _difference(
    reported: list[tuple[int, str, bytes | None]], expected: list[tuple[int, str, bytes | None]], after: int, end: int
) -> str:
    missed = [change[:2] for change in expected if change not in set(reported)]
    invented = [change[:2] for change in reported if change not in set(expected)]
    where = f"after revision {after} up to {end}"
    return (
        f"reliable: {where} {len(reported)} changes are reported, {len(expected)} happened; "
        f"missed {missed[:5]} ({len(missed)}), invented {invented[:5]} ({len(invented)})"
    )


def _entries(run: _Run, *, compacted: bool) -> Iterator[str]:
    """Previous value and is-create: the entries of an event, and the ones before, are those of the history."""
    steps = {(step.change.revision, step.change.key): step for step in run.history.between(run.after, float("inf"))}
    for event in run.events:
        step = steps.get((number(event), event.key))
        if step is None:
            continue  # reported as invented already
        if isinstance(event, Put) and (event.entry.created, event.entry.version) != (
            step.change.created,
            step.change.version,
        ):
            yield f"is-create: {event.key!r} at {number(event)} says {event.entry.created}, {event.entry.version}"
        if not _is_before(event.previous, step) and not (compacted and event.previous is None):
            yield f"previous: {event.key!r} at {number(event)} had {step.before} before, not {event.previous}"


def _is_before(previous: Entry | None, step: Step) -> bool:
    before = step.before
    if previous is None or before is None:
        return previous is None and before is None
    return (previous.value, previous.revision, previous.created, previous.version) == (
        before.value,
        before.revision,
        before.created,
        before.version,
    )


def _atomic(events: Sequence[Event]) -> Iterator[str]:
    """Atomic: no other event is between the changes of one revision.

    A Resync without `since` begins another history, in which the same number is another revision.
    """
    last: int | None = None
    split: str | None = None
    for event in events:
        match event:
            case Resync(since=None):
                last, split = None, None
            case Put(inferred=False) | Deleted(inferred=False):
                if split and number(event) == last:
                    yield f"atomic: revision {last} is split by {split}"
                last, split = number(event), None
            case _:
                split = type(event).__name__


def _losses(log: Sequence[LogEntry]) -> Iterator[str]:
    """Lost and Restored: they alternate, with no change in between, and none is without a cause."""
    lost = recovered = False
    cause = False  # something is broken now, or was and the watch has not recovered since
    broken: set[str] = set()
    for event in log:
        match event:
            case FaultBegun(name):
                broken.add(name)
                cause, recovered = True, False
            case FaultHealed(name):
                broken.discard(name)
                cause = not recovered or lost or bool(broken)
            case Lost(reason):
                if lost:
                    yield f"lost twice: {reason}"
                if not cause:
                    yield f"lost without a cause: {reason}"
                lost = True
            case Restored():
                if not lost:
                    yield "restored without having been lost"
                lost, recovered, cause = False, True, bool(broken)
            case Resync():
                lost, recovered, cause = False, True, bool(broken)
            case Put(inferred=False) | Deleted(inferred=False):
                if lost:
                    yield f"a change of revision {number(event)} is reported while the watch is lost"
            case _:
                continue


def _restored(pairs: Sequence[tuple[Event, History]]) -> Iterator[str]:
    """Resumable: between the last event and a Restored nothing is missing."""
    last = 0
    for event, history in pairs:
        match event:
            case Restored():
                if skipped := history.between(last, number(event)):
                    yield f"resumable: restored at {number(event)}, {len(skipped)} changes after {last} are missing"
            case Resync() | Started() | Put(inferred=False) | Deleted(inferred=False):
                last = number(event)
            case _:
                continue


def _relisted(pairs: Sequence[tuple[Event, History]]) -> Iterator[str]:
    """Resync: after its differences the watcher's state is the store's at that revision."""
    state: dict[str, tuple[int, bytes | None]] = {}
    relist: tuple[int, History] | None = None
    for event, history in pairs:
        match event:
            case Put(inferred=True) | Deleted(inferred=True):
                pass
            case Lost() | Resync():
                relist = None  # it was perhaps interrupted, and is reported once more
            case _ if relist is not None:
                yield from _wrong_state(state, *relist)
                relist = None
        match event:
            case Started():
                state = _plain(history.state(number(event)))
            case Put():
                state[event.key] = number(event), event.entry.value
            case Deleted():
                state.pop(event.key, None)
            case Resync():
                relist = number(event), history
            case _:
                continue
    if relist is not None:
        yield from _wrong_state(state, *relist)


def _wrong_state(state: dict[str, tuple[int, bytes | None]], revision: int, history: History) -> Iterator[str]:
    expected = _plain(history.state(revision))
    if state != expected:
        wrong = sorted(key for key in state.keys() | expected.keys() if state.get(key) != expected.get(key))
        yield f"resync: at revision {revision} the state differs in {wrong[:5]}"


def _plain(state: dict[str, Change]) -> dict[str, tuple[int, bytes | None]]:
    return {key: (change.revision, change.value) for key, change in state.items()}
