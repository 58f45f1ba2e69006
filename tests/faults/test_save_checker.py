"""The checker of saves on correct results, and on each kind of wrong one."""

from collections.abc import Sequence

import pytest

from tests.faults.history import Change, History
from tests.faults.save_checker import Attempt, SaveResult, save_violations

HISTORY = History(
    (Change(2, "a", b"1", 2, 1), Change(3, "a", b"2", 2, 2), Change(4, "a", None), Change(5, "a", b"3", 5, 1))
)
CREATED = Attempt("a", 0, b"1", 0, 1, SaveResult.SAVED, 2)
CHANGED = Attempt("a", 2, b"2", 2, 3, SaveResult.SAVED, 3)
DELETED = Attempt("a", 3, None, 4, 5, SaveResult.SAVED)
RECREATED = Attempt("a", 0, b"3", 6, 7, SaveResult.UNKNOWN)
REFUSED = Attempt("a", 2, b"9", 6, 7, SaveResult.CONFLICT)
CORRECT = [CREATED, CHANGED, DELETED, RECREATED, REFUSED]

WRONG_RESULTS: dict[str, tuple[str, Sequence[Attempt]]] = {
    "saved, and was not": ("is not in the history", [*CORRECT, Attempt("a", 5, b"7", 8, 9, SaveResult.SAVED, 6)]),
    "saved elsewhere": (
        "is not in the history",
        [CREATED, Attempt("a", 2, b"2", 2, 3, SaveResult.SAVED, 4), DELETED, RECREATED],
    ),
    "a conflict, and was saved": (
        "reported as not saved",
        [CREATED, Attempt("a", 2, b"2", 2, 3, SaveResult.CONFLICT), DELETED, RECREATED],
    ),
    "unsent, and was saved": (
        "reported as not saved",
        [CREATED, Attempt("a", 2, b"2", 2, 3, SaveResult.UNSENT), DELETED, RECREATED],
    ),
    "saved over what was not read": (
        "an update was lost",
        [CREATED, Attempt("a", 1, b"2", 2, 3, SaveResult.SAVED, 3), DELETED, RECREATED],
    ),
    "deleted, and was not": ("reported as deleted", [*CORRECT, Attempt("a", 5, None, 8, 9, SaveResult.SAVED)]),
    "not deleted, and was": (
        "reported as not deleted",
        [CREATED, CHANGED, Attempt("a", 3, None, 4, 5, SaveResult.CONFLICT), RECREATED],
    ),
    "written by no save": ("no save wrote this", [CREATED, DELETED, RECREATED]),
    "against the clock": (
        "before that of a save which had ended",
        [Attempt("a", 0, b"1", 4, 5, SaveResult.SAVED, 2), CHANGED, DELETED, RECREATED],
    ),
}


def test_correct_results_have_no_violations() -> None:
    assert save_violations(CORRECT, [Change(3, "a", b"2")], HISTORY) == []


@pytest.mark.parametrize("name", WRONG_RESULTS)
def test_wrong_result_is_named(name: str) -> None:
    expected, attempts = WRONG_RESULTS[name]
    assert expected in "\n".join(save_violations(attempts, [], HISTORY))


def test_value_written_twice_is_named() -> None:
    history = History((*HISTORY.changes, Change(6, "a", b"3", 5, 2)))
    assert "written 2 times" in "\n".join(save_violations(CORRECT, [], history))


def test_repeated_create_must_be_taken_back() -> None:
    """Another client deleted the key between the create, whose reply was lost, and its repetition."""
    once = (Change(2, "a", b"1", 2, 1), Change(3, "a", None), Change(4, "a", b"1", 4, 1))
    attempts = [CREATED, Attempt("a", 2, None, 2, 3, SaveResult.SAVED)]
    assert save_violations(attempts, [], History((*once, Change(5, "a", None)))) == []
    assert "written 2 times" in "\n".join(save_violations(attempts, [], History(once)))


def test_read_of_an_unwritten_value_is_named() -> None:
    assert "never there" in "\n".join(save_violations(CORRECT, [Change(3, "a", b"1")], HISTORY))
