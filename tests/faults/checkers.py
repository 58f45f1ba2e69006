"""What a watch promises, as pure functions over the log of one watcher and the history that a recorder took down.

They follow the validators of etcd's own robustness tests (ordered, unique, atomic, resumable, reliable, previous value,
is-create) and add what only a client can promise: every hole is covered by a Resync that tells it, and no loss of the
connection passes in silence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from explorer.model.entries import Entry
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
from tests.faults.history import Change, History, Step


@dataclass(frozen=True, slots=True)
class FaultBegun:
    """The lane's own mark in the log: from here on the connection may break."""

    what: str


@dataclass(frozen=True, slots=True)
class FaultHealed:
    """The lane's own mark in the log: nothing is broken any more."""

    what: str


LogEntry = Event | FaultBegun | FaultHealed


@dataclass(slots=True)
class _Run:
    """What one stretch of the log tells without a gap: from a start or a Resync up to the next Resync."""

    after: int
    """The revision that it starts behind."""
    history: History
    events: list[Put | Deleted] = field(default_factory=list)
    ended_by: Resync | None = None

    def told(self) -> list[int]:
        return [number(event) for event in self.events]


def number(event: Put | Deleted | Started | Restored | Resync) -> int:
    """Give the revision of an event of etcd's."""
    if isinstance(event.revision, int):
        return event.revision
    message = f"etcd's revisions are numbers: {event}"
    raise TypeError(message)


def complaints(
    log: Sequence[LogEntry], lives: Sequence[History], *, until: int | None = None, compacted: bool = False
) -> list[str]:
    """Tell every promise that the log breaks; nothing if it keeps them all.

    Args:
        log: What the watcher was told, with the marks of the faults in it.
        lives: The store's history; one more for every time that it was replaced by an older or another one.
        until: The revision up to which the last stretch must be complete; what was told last unless said otherwise.
        compacted: History was dropped while the watcher was cut off, so that previous values may be missing.
    """
    events = [event for event in log if not isinstance(event, FaultBegun | FaultHealed)]
    if not events or not isinstance(events[0], Started):
        return [f"a watch first tells where it starts, not {events[:1]}"]
    if sum(isinstance(event, Started) for event in events) > 1:
        return ["a watch starts once"]
    found = [*_losses(log), *_atomic(events)]
    life_at = _lives(events)
    if life_at[-1] != len(lives) - 1:
        return [*found, f"the store was replaced {len(lives) - 1} times, and was told to be {life_at[-1]} times"]
    told = [(event, lives[life]) for event, life in zip(events, life_at, strict=True)]
    runs = list(_runs(told))
    for run in runs:
        found += _ordered(run)
        found += _reliable(run, until if run is runs[-1] else None)
        found += _entries(run, compacted=compacted)
    return [*found, *_restored(told), *_read_again(told)]


def _lives(events: Sequence[Event]) -> list[int]:
    """Count for each event in which life of the store it is told: a Resync without a beginning begins another one.

    One that was cut short and is told again is the same one.
    """
    lives: list[int] = []
    life, fresh = 0, False
    for event in events:
        match event:
            case Resync(since=None):
                life, fresh = life + (not fresh), True
            case Put(inferred=False) | Deleted(inferred=False) | Restored():
                fresh = False
            case _:
                pass
        lives.append(life)
    return lives


def _runs(told: Sequence[tuple[Event, History]]) -> Iterator[_Run]:
    run: _Run | None = None
    for event, history in told:
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
    """Ordered: revisions never decrease. Unique: no key is told twice at one revision."""
    told = run.told()
    for before, after in pairwise(told):
        if after < before:
            yield f"ordered: revision {after} is told after {before}"
    seen: set[tuple[int, str]] = set()
    for event in run.events:
        place = number(event), event.key
        if place in seen:
            yield f"unique: {event.key!r} is told twice at revision {place[0]}"
        seen.add(place)


def _reliable(run: _Run, until: int | None) -> Iterator[str]:
    """Reliable, resumable: what is told is all of the store's history from where the stretch starts to its end."""
    last = max([run.after, *run.told()])
    end = max(last, until or 0)
    if run.ended_by is not None and isinstance(run.ended_by.since, int):
        since = run.ended_by.since
        end = max(last, since)
        if run.events and since < last:
            yield f"resync: revisions after {since} are told to be lost, {last} was told before"
    expected = [
        (step.change.revision, step.change.key, step.change.value) for step in run.history.between(run.after, end)
    ]
    told = [(number(event), event.key, event.entry.value if isinstance(event, Put) else None) for event in run.events]
    if told != expected:
        yield _difference(told, expected, run.after, end)


def _difference(
    told: list[tuple[int, str, bytes | None]], expected: list[tuple[int, str, bytes | None]], after: int, end: int
) -> str:
    missed = [change[:2] for change in expected if change not in set(told)]
    invented = [change[:2] for change in told if change not in set(expected)]
    where = f"after revision {after} up to {end}"
    return (
        f"reliable: {where} {len(told)} changes are told, {len(expected)} happened; "
        f"missed {missed[:5]} ({len(missed)}), invented {invented[:5]} ({len(invented)})"
    )


def _entries(run: _Run, *, compacted: bool) -> Iterator[str]:
    """Previous value and is-create: what an event says of its entry and of the one before is what they were."""
    steps = {(step.change.revision, step.change.key): step for step in run.history.between(run.after, float("inf"))}
    for event in run.events:
        step = steps.get((number(event), event.key))
        if step is None:
            continue  # told as invented already
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
    """Atomic: nothing is told between the changes of one revision."""
    last: int | None = None
    split: str | None = None
    for event in events:
        match event:
            case Put(inferred=False) | Deleted(inferred=False):
                if split and number(event) == last:
                    yield f"atomic: revision {last} is split by {split}"
                last, split = number(event), None
            case _:
                split = type(event).__name__


def _losses(log: Sequence[LogEntry]) -> Iterator[str]:
    """Lost and Restored: told in turns, no change in between, and none without a cause."""
    lost = recovered = False
    cause = False  # something is broken now, or was and the watch has not recovered since
    broken: set[str] = set()
    for event in log:
        match event:
            case FaultBegun(what):
                broken.add(what)
                cause, recovered = True, False
            case FaultHealed(what):
                broken.discard(what)
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
                    yield f"a change of revision {number(event)} is told while the store is said not to be heard"
            case _:
                continue


def _restored(told: Sequence[tuple[Event, History]]) -> Iterator[str]:
    """Resumable: where the watch is said to go on, nothing is left out behind what was told."""
    last = 0
    for event, history in told:
        match event:
            case Restored():
                if skipped := history.between(last, number(event)):
                    yield f"resumable: restored at {number(event)}, {len(skipped)} changes after {last} were not told"
            case Resync() | Started() | Put(inferred=False) | Deleted(inferred=False):
                last = number(event)
            case _:
                continue


def _read_again(told: Sequence[tuple[Event, History]]) -> Iterator[str]:
    """Resync: when its differences are told, the watcher's state is the store's at that revision."""
    state: dict[str, tuple[int, bytes | None]] = {}
    reading: tuple[int, History] | None = None
    for event, history in told:
        match event:
            case Put(inferred=True) | Deleted(inferred=True):
                pass
            case Lost() | Resync():
                reading = None  # it was perhaps cut short, and is told once more
            case _ if reading is not None:
                yield from _misread(state, *reading)
                reading = None
        match event:
            case Started():
                state = _plain(history.state(number(event)))
            case Put():
                state[event.key] = number(event), event.entry.value
            case Deleted():
                state.pop(event.key, None)
            case Resync():
                reading = number(event), history
            case _:
                continue
    if reading is not None:
        yield from _misread(state, *reading)


def _misread(state: dict[str, tuple[int, bytes | None]], revision: int, history: History) -> Iterator[str]:
    expected = _plain(history.state(revision))
    if state != expected:
        wrong = sorted(key for key in state.keys() | expected.keys() if state.get(key) != expected.get(key))
        yield f"resync: at revision {revision} the state differs in {wrong[:5]}"


def _plain(state: dict[str, Change]) -> dict[str, tuple[int, bytes | None]]:
    return {key: (change.revision, change.value) for key, change in state.items()}
