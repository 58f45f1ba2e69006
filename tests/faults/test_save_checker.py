"""The judge of saves, judged: the truth passes, and each lie is named."""

from collections.abc import Sequence

import pytest

from tests.faults.history import Change, History
from tests.faults.save_checker import Attempt, SaveResult, misjudged

HISTORY = History(
    (Change(2, "a", b"1", 2, 1), Change(3, "a", b"2", 2, 2), Change(4, "a", None), Change(5, "a", b"3", 5, 1))
)
MADE = Attempt("a", 0, b"1", 0, 1, SaveResult.SAVED, 2)
CHANGED = Attempt("a", 2, b"2", 2, 3, SaveResult.SAVED, 3)
DELETED = Attempt("a", 3, None, 4, 5, SaveResult.SAVED)
AGAIN = Attempt("a", 0, b"3", 6, 7, SaveResult.UNKNOWN)
REFUSED = Attempt("a", 2, b"9", 6, 7, SaveResult.CONFLICT)
TRUTH = [MADE, CHANGED, DELETED, AGAIN, REFUSED]

LIES: dict[str, tuple[str, Sequence[Attempt]]] = {
    "saved, and was not": ("is not in the history", [*TRUTH, Attempt("a", 5, b"7", 8, 9, SaveResult.SAVED, 6)]),
    "saved elsewhere": (
        "is not in the history",
        [MADE, Attempt("a", 2, b"2", 2, 3, SaveResult.SAVED, 4), DELETED, AGAIN],
    ),
    "a conflict, and was saved": (
        "told not to be saved",
        [MADE, Attempt("a", 2, b"2", 2, 3, SaveResult.CONFLICT), DELETED, AGAIN],
    ),
    "unsent, and was saved": (
        "told not to be saved",
        [MADE, Attempt("a", 2, b"2", 2, 3, SaveResult.UNSENT), DELETED, AGAIN],
    ),
    "saved over what was not read": (
        "an update was lost",
        [MADE, Attempt("a", 1, b"2", 2, 3, SaveResult.SAVED, 3), DELETED, AGAIN],
    ),
    "deleted, and was not": ("told to be deleted", [*TRUTH, Attempt("a", 5, None, 8, 9, SaveResult.SAVED)]),
    "not deleted, and was": (
        "told not to be deleted",
        [MADE, CHANGED, Attempt("a", 3, None, 4, 5, SaveResult.CONFLICT), AGAIN],
    ),
    "written by nobody": ("nobody wrote this", [MADE, DELETED, AGAIN]),
    "against the clock": (
        "before that of a save which had ended",
        [Attempt("a", 0, b"1", 4, 5, SaveResult.SAVED, 2), CHANGED, DELETED, AGAIN],
    ),
}


def test_the_truth_passes() -> None:
    assert misjudged(TRUTH, [Change(3, "a", b"2")], HISTORY) == []


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_named(name: str) -> None:
    expected, attempts = LIES[name]
    assert expected in "\n".join(misjudged(attempts, [], HISTORY))


def test_a_value_written_twice_is_named() -> None:
    history = History((*HISTORY.changes, Change(6, "a", b"3", 5, 2)))
    assert "written 2 times" in "\n".join(misjudged(TRUTH, [], history))


def test_a_read_of_what_never_was_is_named() -> None:
    assert "never there" in "\n".join(misjudged(TRUTH, [Change(3, "a", b"1")], HISTORY))
