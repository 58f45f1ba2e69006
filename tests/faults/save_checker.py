"""Checker of the results of saves: etcd's revisions give the order, so each result is checked in linear time."""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from tests.faults.history import Change, History, Step


class SaveResult(enum.Enum):
    """The result of a save as reported to its editor."""

    SAVED = enum.auto()
    CONFLICT = enum.auto()  # another save was first, nothing was written
    UNSENT = enum.auto()  # there was no connection, nothing was written
    UNKNOWN = enum.auto()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One compare-and-swap of a value that no other save writes (None: a deletion) on revision `base` (0: absent).

    `began` and `ended` are of one monotonic clock, in seconds.
    """

    key: str
    base: int
    value: bytes | None
    began: float
    ended: float
    result: SaveResult
    revision: int = 0
    """The revision of the saved entry, for a value that was saved."""


def save_violations(attempts: Sequence[Attempt], reads: Sequence[Change], history: History) -> list[str]:
    """Return every result that the history contradicts, every lost update, and every wrong read."""
    return [
        *_values(attempts, history),
        *_deletions(attempts, history),
        *_real_time(attempts),
        *_unknown_values(attempts, history),
        *_wrong_reads(reads, history),
    ]


def _values(attempts: Sequence[Attempt], history: History) -> Iterator[str]:
    """Yield saves that the history contradicts.

    A create whose reply was lost is sent again. If it had arrived, and another client deleted the key meanwhile, the
    repetition makes the key again; the driver deletes that, and reports the first. No guard of etcd can prevent it.
    """
    taken_back = {(step.change.key, step.before.revision) for step in history.steps if _deletes(step) and step.before}
    written: dict[bytes, list[Step]] = {}
    for step in history.steps:
        if step.change.value is not None:
            written.setdefault(step.change.value, []).append(step)
    for attempt in attempts:
        if attempt.value is None:
            continue
        steps = written.get(attempt.value, [])
        if not attempt.base:
            repetitions = {step for step in steps[1:] if (attempt.key, step.change.revision) in taken_back}
            steps = [step for step in steps if step not in repetitions]
        if len(steps) > 1:
            yield f"written {len(steps)} times: {attempt}"
        for step in steps:
            if (step.before.revision if step.before else 0) != attempt.base:
                yield f"an update was lost: {attempt} was written over {step.before}"
        match attempt.result:
            case SaveResult.SAVED if [step.change.revision for step in steps] != [attempt.revision]:
                yield f"reported as saved, and is not in the history: {attempt}"
            case SaveResult.CONFLICT | SaveResult.UNSENT if steps:
                yield f"reported as not saved, and was: {attempt}"
            case _:
                continue


def _deletions(attempts: Sequence[Attempt], history: History) -> Iterator[str]:
    """Yield results of deletions that the history contradicts; each revision of a key is deleted at most once."""
    deleted = {(step.change.key, step.before.revision) for step in history.steps if _deletes(step) and step.before}
    for attempt in attempts:
        if attempt.value is None and attempt.result is SaveResult.SAVED and (attempt.key, attempt.base) not in deleted:
            yield f"reported as deleted, and is not so in the history: {attempt}"
    attempted = {(attempt.key, attempt.base) for attempt in attempts if attempt.value is None}
    possible = (SaveResult.SAVED, SaveResult.UNKNOWN)
    admitted = {(one.key, one.base) for one in attempts if one.value is None and one.result in possible}
    for key, base in deleted & attempted - admitted:
        yield f"reported as not deleted, and was: {key!r} at revision {base}"


def _deletes(step: Step) -> bool:
    return step.change.value is None


def _real_time(attempts: Sequence[Attempt]) -> Iterator[str]:
    """Yield saves whose revision is before that of a save which had ended when they began."""
    saved = [attempt for attempt in attempts if attempt.result is SaveResult.SAVED and attempt.revision]
    ended = sorted(saved, key=lambda attempt: attempt.ended)
    last, newest = 0, 0
    for attempt in sorted(saved, key=lambda attempt: attempt.began):
        while ended[last].ended < attempt.began:
            newest = max(newest, ended[last].revision)
            last += 1
        if attempt.revision <= newest:
            yield f"saved at a revision before that of a save which had ended ({newest}): {attempt}"


def _unknown_values(attempts: Sequence[Attempt], history: History) -> Iterator[str]:
    known = {attempt.value for attempt in attempts}
    for change in history.changes:
        if change.value is not None and change.value not in known:
            yield f"no save wrote this: {change}"


def _wrong_reads(reads: Sequence[Change], history: History) -> Iterator[str]:
    there = {(change.key, change.revision): change.value for change in history.changes}
    for read in reads:
        if there.get((read.key, read.revision)) != read.value:
            yield f"read, and never there: {read}"


def summary(attempts: Sequence[Attempt]) -> str:
    """Return the number of each result, as a text."""
    names = sorted(attempt.result.name.lower() for attempt in attempts)
    return ", ".join(f"{len(list(group))} {name}" for name, group in groupby(names))
