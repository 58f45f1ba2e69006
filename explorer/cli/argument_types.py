"""Types of command line arguments; argparse's message about a wrong value says what is expected."""

import argparse
import math
import os
from collections.abc import Callable

from explorer.model.entries import Revision
from explorer.model.keys import decode


def key(word: str) -> str:
    """Return a key as the store spells it, whatever bytes the shell passed and whatever its language is."""
    return decode(os.fsencode(word))


def seconds(word: str) -> float:
    """Return a length of time that is more than nothing."""
    return _finite_seconds(word, bound="more than 0", allowed=lambda length: length > 0)


def non_negative_seconds(word: str) -> float:
    """Return a length of time, which may be nothing."""
    return _finite_seconds(word, bound="0 or more", allowed=lambda length: length >= 0)


def _finite_seconds(word: str, *, bound: str, allowed: Callable[[float], bool]) -> float:
    try:
        length = float(word)
    except ValueError:
        raise _invalid("seconds", word) from None
    if not math.isfinite(length) or not allowed(length):
        raise _invalid("seconds", word, bound)
    return length


def positive_int(word: str) -> int:
    """Return a whole number from 1."""
    try:
        number = int(word)
    except ValueError:
        raise _invalid("number", word) from None
    if number < 1:
        raise _invalid("number", word, "1 or more")
    return number


def _invalid(kind: str, word: str, bound: str = "") -> argparse.ArgumentTypeError:
    """Return argparse's own message for a wrong value, with what is allowed."""
    return argparse.ArgumentTypeError(f"invalid {kind} value: {word!r}" + (f" (must be {bound})" if bound else ""))


def revision(word: str) -> Revision:
    """Return a revision: a number where it is written as one, else the store's own text.

    Raises:
        ArgumentTypeError: There is nothing in it.
    """
    if not word:
        raise _invalid("revision", word)
    return int(word) if word.isascii() and word.isdigit() else word


def user(word: str) -> str:
    """Return a name, and refuse one that is followed by its password."""
    if ":" in word:
        raise argparse.ArgumentTypeError("a password on the command line can be read by others: use --password-file")
    return word
