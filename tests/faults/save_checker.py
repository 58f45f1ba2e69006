"""Judging saves: etcd's revisions give the order, so whether every answer was right is checked in linear time."""

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from tests.faults.history import Change, History, Step


class SaveResult(enum.Enum):
    """What an editor was told of its save."""

    SAVED = enum.auto()
    CONFLICT = enum.auto()  # somebody else was first, nothing was written
    UNSENT = enum.auto()  # no connection was had, nothing was written
    UNKNOWN = enum.auto()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One guarded write of a value that nobody else writes (None: a deletion), on what was read at `base` (0: absent).

    `began` and `ended` are on the lane's one clock.
    """

    key: str
    base: int
    value: bytes | None
    began: float
    ended: float
    told: SaveResult
    revision: int = 0
    """What the saved entry says, for a value that was saved."""


def misjudged(attempts: Sequence[Attempt], reads: Sequence[Change], history: History) -> list[str]:
    """Tell every save that was not what its editor was told, every lost update, and every read that was wrong."""
    return [
        *_values(attempts, history),
        *_deletions(attempts, history),
        *_real_time(attempts),
        *_strangers(attempts, history),
        *_reads(reads, history),
    ]


def _values(attempts: Sequence[Attempt], history: History) -> Iterator[str]:
    written: dict[bytes, list[Step]] = {}
    for step in history.steps:
        if step.change.value is not None:
            written.setdefault(step.change.value, []).append(step)
    for attempt in attempts:
        if attempt.value is None:
            continue
        steps = written.get(attempt.value, [])
        if len(steps) > 1:
            yield f"written {len(steps)} times: {attempt}"
        for step in steps:
            if (step.before.revision if step.before else 0) != attempt.base:
                yield f"an update was lost: {attempt} was written over {step.before}"
        match attempt.told:
            case SaveResult.SAVED if [step.change.revision for step in steps] != [attempt.revision]:
                yield f"told to be saved, and is not in the history: {attempt}"
            case SaveResult.CONFLICT | SaveResult.UNSENT if steps:
                yield f"told not to be saved, and was: {attempt}"
            case _:
                continue


def _deletions(attempts: Sequence[Attempt], history: History) -> Iterator[str]:
    """A deletion has no value to know it by; that of a revision happens once, and whoever is told so needs one."""
    deleted = {(step.change.key, step.before.revision) for step in history.steps if _deletes(step) and step.before}
    for attempt in attempts:
        if attempt.value is None and attempt.told is SaveResult.SAVED and (attempt.key, attempt.base) not in deleted:
            yield f"told to be deleted, and is not so in the history: {attempt}"
    tried = {(attempt.key, attempt.base) for attempt in attempts if attempt.value is None}
    sure = (SaveResult.SAVED, SaveResult.UNKNOWN)
    admitted = {(one.key, one.base) for one in attempts if one.value is None and one.told in sure}
    for key, base in deleted & tried - admitted:
        yield f"told not to be deleted, and was: {key!r} at revision {base}"


def _deletes(step: Step) -> bool:
    return step.change.value is None


def _real_time(attempts: Sequence[Attempt]) -> Iterator[str]:
    """What was saved before another save began comes before it in the history."""
    saved = [attempt for attempt in attempts if attempt.told is SaveResult.SAVED and attempt.revision]
    ended = sorted(saved, key=lambda attempt: attempt.ended)
    last, newest = 0, 0
    for attempt in sorted(saved, key=lambda attempt: attempt.began):
        while ended[last].ended < attempt.began:
            newest = max(newest, ended[last].revision)
            last += 1
        if attempt.revision <= newest:
            yield f"saved at a revision before that of a save which had ended ({newest}): {attempt}"


def _strangers(attempts: Sequence[Attempt], history: History) -> Iterator[str]:
    known = {attempt.value for attempt in attempts}
    for change in history.changes:
        if change.value is not None and change.value not in known:
            yield f"nobody wrote this: {change}"


def _reads(reads: Sequence[Change], history: History) -> Iterator[str]:
    there = {(change.key, change.revision): change.value for change in history.changes}
    for read in reads:
        if there.get((read.key, read.revision)) != read.value:
            yield f"read, and never there: {read}"


def figures(attempts: Sequence[Attempt]) -> str:
    """Count what was told."""
    names = sorted(attempt.told.name.lower() for attempt in attempts)
    return ", ".join(f"{len(list(group))} {name}" for name, group in groupby(names))
