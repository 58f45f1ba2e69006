"""Errors as Python shows them."""

import pickle
import traceback

from explorer.model.errors import InvalidAddress, KeyNotFound


def test_hint_is_a_note_of_the_traceback() -> None:
    """Scripts and notebook cells show it below the message; the message itself has none."""
    error = InvalidAddress("no such store", hint="write it like demo:", address="x:")
    assert str(error) == "no such store at x:"
    assert "".join(traceback.format_exception_only(error)).splitlines()[-1] == "write it like demo:"
    assert not hasattr(KeyNotFound("gone"), "__notes__")


def test_pickled_error_keeps_its_hint() -> None:
    error = pickle.loads(pickle.dumps(InvalidAddress("no such store", hint="write it like demo:")))  # noqa: S301 - ours
    assert (error.hint, error.__notes__) == ("write it like demo:", ["write it like demo:"])
