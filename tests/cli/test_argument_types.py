"""Types of command line arguments."""

from argparse import ArgumentTypeError

import pytest

from explorer.cli.argument_types import non_negative_seconds, revision, seconds


@pytest.mark.parametrize(("word", "expected"), [("57", 57), ("0", 0), ("5a", "5a"), ("-1", "-1"), ("²", "²")])
def test_revision_is_an_integer_if_it_is_written_as_one(word: str, expected: int | str) -> None:
    assert revision(word) == expected


@pytest.mark.parametrize("word", ["nan", "inf", "-1", "x", ""])
def test_non_negative_seconds_refuses_other_values(word: str) -> None:
    with pytest.raises(ArgumentTypeError, match="invalid seconds value"):
        non_negative_seconds(word)


def test_seconds_refuses_0_and_non_negative_seconds_does_not() -> None:
    assert non_negative_seconds("0") == 0
    with pytest.raises(ArgumentTypeError, match="must be more than 0"):
        seconds("0")
