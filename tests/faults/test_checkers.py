"""The checkers of watches on correct logs, and on one violation of each guarantee."""

from collections.abc import Sequence

import pytest

from explorer.model.entries import Entry
from explorer.model.events import Deleted, Lost, Put, Restored, Resync, Started
from tests.faults.checkers import FaultBegun, FaultHealed, LogEntry, watch_violations
from tests.faults.history import Change, History

HISTORY = History(
    (
        Change(2, "a", b"1", 2, 1),
        Change(3, "a", b"2", 2, 2),
        Change(3, "b", b"1", 3, 1),
        Change(4, "a", None),
        Change(6, "b", b"2", 3, 2),
        Change(7, "a", b"3", 7, 1),
    )
)


def entry(key: str, revision: int) -> Entry:
    """Return the entry that a revision of the history wrote."""
    change = next(change for change in HISTORY.changes if (change.key, change.revision) == (key, revision))
    return Entry(key, change.value, revision, change.created, change.version)


A2, A3, B3 = Put(entry("a", 2)), Put(entry("a", 3), entry("a", 2)), Put(entry("b", 3))
A4, B6, A7 = Deleted("a", 4, entry("a", 3)), Put(entry("b", 6), entry("b", 3)), Put(entry("a", 7))
CUT, HEALED = FaultBegun("cut"), FaultHealed("cut")
LOST = Lost("gone")

CORRECT: dict[str, Sequence[LogEntry]] = {
    "undisturbed": [Started(1), A2, A3, B3, A4, B6, A7],
    "from the middle": [Started(3), A4, B6],
    "restored": [Started(1), A2, A3, B3, CUT, LOST, HEALED, Restored(3), A4, B6, A7],
    "restored before the fault is over": [Started(1), A2, CUT, LOST, Restored(2), A3, B3, LOST, HEALED, Restored(3)],
    "resumed behind a revision of others": [Started(3), A4, CUT, LOST, Restored(5), HEALED, B6],
    "read again": [Started(1), A2, CUT, LOST, HEALED, Resync("compacted", 2, 6), Put(B6.entry, inferred=True),
                   Deleted("a", 6, inferred=True), A7],
    "read again twice": [Started(1), A2, CUT, LOST, Resync("compacted", 2, 4), LOST, HEALED, Resync("compacted", 2, 6),
                         Put(B6.entry, inferred=True), Deleted("a", 6, inferred=True), A7],
}  # fmt: skip

VIOLATIONS: dict[str, tuple[str, Sequence[LogEntry]]] = {
    "nothing": ("first reports where it starts", []),
    "no start": ("first reports where it starts", [A2]),
    "two starts": ("starts once", [Started(1), A2, Started(2)]),
    "reordered": ("ordered", [Started(1), A3, B3, A2, A4]),
    "twice": ("unique", [Started(1), A2, A2, A3, B3]),
    "left out": ("reliable", [Started(1), A2, A4]),
    "left out at the start": ("reliable", [Started(1), A3, B3]),
    "half a revision": ("reliable", [Started(1), A2, A3]),
    "invented": ("reliable", [Started(1), A2, Put(entry("b", 3)), A3, B3]),
    "another value": ("reliable", [Started(6), Put(A7.entry._replace(value=b"4"))]),
    "no previous": ("previous", [Started(1), A2, Put(A3.entry), B3]),
    "wrong previous": ("previous", [Started(6), Put(A7.entry, A3.entry)]),
    "created before": ("is-create", [Started(6), Put(A7.entry._replace(created=2))]),
    "split": ("atomic", [Started(1), A2, A3, CUT, LOST, Restored(3), B3]),
    "lost without a cause": ("without a cause", [Started(1), A2, LOST]),
    "lost again without a cause": (
        "without a cause", [Started(1), CUT, LOST, HEALED, Restored(1), A2, LOST, Restored(2), A3, B3]
    ),
    "lost twice": ("lost twice", [Started(1), CUT, LOST, LOST]),
    "restored without a loss": ("without having been lost", [Started(1), A2, Restored(2)]),
    "reported while lost": ("while the watch is lost", [Started(1), CUT, LOST, A2]),
    "restored behind a hole": ("resumable", [Started(1), A2, CUT, LOST, Restored(3), A4]),
    "a gap that begins too early": (
        "reported before", [Started(1), A2, A3, B3, CUT, LOST, Resync("", 2, 4), Deleted("a", 4, inferred=True)]
    ),
    "a gap that begins too late": (
        "reliable", [Started(1), A2, CUT, LOST, Resync("", 3, 4), Put(B3.entry, inferred=True),
                     Deleted("a", 4, inferred=True)]
    ),
    "a change in the gap kept back": (
        "state differs", [Started(1), A2, CUT, LOST, Resync("", 2, 6), Deleted("a", 6, inferred=True), A7]
    ),
    "a deletion in the gap kept back": (
        "state differs", [Started(1), A2, CUT, LOST, Resync("", 2, 6), Put(B6.entry, inferred=True), A7]
    ),
    "another store": ("reported as replaced", [Started(1), A2, CUT, LOST, Resync("", None, 3)]),
}  # fmt: skip


@pytest.mark.parametrize("name", CORRECT)
def test_correct_log_has_no_violations(name: str) -> None:
    assert watch_violations(CORRECT[name], [HISTORY]) == []


@pytest.mark.parametrize("name", VIOLATIONS)
def test_violated_guarantee_is_named(name: str) -> None:
    expected, log = VIOLATIONS[name]
    assert expected in "\n".join(watch_violations(log, [HISTORY]))


def test_missing_last_events_are_a_violation() -> None:
    assert "reliable" in "".join(watch_violations([Started(1), A2, A3, B3], [HISTORY], until=7))


def test_previous_value_may_be_compacted() -> None:
    assert watch_violations([Started(2), Put(A3.entry), B3], [HISTORY], compacted=True) == []
    assert watch_violations([Started(2), Put(A3.entry), B3], [HISTORY]) != []


def test_each_incarnation_has_its_own_history() -> None:
    """Revision 3 is the last one before the replacement and the first one after it."""
    other = History((Change(2, "c", b"1", 2, 1), Change(3, "c", b"2", 2, 2)))
    new, later = Entry("c", b"1", 2, 2, 1), Entry("c", b"2", 3, 2, 2)
    log: list[LogEntry] = [Started(1), A2, A3, B3, CUT, LOST, Resync("other", None, 2), Put(new, inferred=True)]
    log += [Deleted("a", 2, inferred=True), Deleted("b", 2, inferred=True), Put(later, new)]
    assert watch_violations(log, [HISTORY, other]) == []
    assert "reported as replaced" in "".join(watch_violations(log, [HISTORY]))
