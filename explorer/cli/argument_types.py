"""Types of command line arguments; argparse's message for a wrong value has the kind and the bounds."""

import argparse
import math
import os
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from explorer.cli.exit_codes import UsageError
from explorer.config import Profile
from explorer.model.address import FILE_SCHEMES
from explorer.model.entries import Revision
from explorer.model.keys import decode

_AGO: Final = re.compile(r"(\d{1,9})\s*(s|sec|second|m|min|minute|h|hour|d|day|w|week)s?(\s+ago)?", re.IGNORECASE)
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def key(word: str) -> str:
    """Return the key of a word; bytes that are not UTF-8 are kept, whatever the locale."""
    return decode(os.fsencode(word))


def seconds(word: str) -> float:
    """Return a number of seconds more than 0."""
    return _finite_seconds(word, bound="more than 0", is_allowed=lambda length: length > 0)


def non_negative_seconds(word: str) -> float:
    """Return a number of seconds from 0."""
    return _finite_seconds(word, bound="0 or more", is_allowed=lambda length: length >= 0)


def _finite_seconds(word: str, *, bound: str, is_allowed: Callable[[float], bool]) -> float:
    try:
        length = float(word)
    except ValueError:
        raise _invalid("seconds", word) from None
    if not math.isfinite(length) or not is_allowed(length):
        raise _invalid("seconds", word, bound)
    return length


def positive_int(word: str) -> int:
    """Return an integer from 1."""
    try:
        number = int(word)
    except ValueError:
        raise _invalid("number", word) from None
    if number < 1:
        raise _invalid("number", word, "1 or more")
    return number


def revision(word: str) -> Revision:
    """Return a revision: an integer if it is one, else the store's own text.

    Raises:
        ArgumentTypeError: It is empty.
    """
    if not word:
        raise _invalid("revision", word)
    return int(word) if word.isascii() and word.isdigit() else word


def revision_or_time(word: str) -> int | datetime:
    """Return a revision, or a moment in the past: `10 minutes ago`, `2h`, or a date and time, by default local.

    Raises:
        ArgumentTypeError: It is neither.
    """
    if word.isascii() and word.isdigit():
        return positive_int(word)
    now = datetime.now().astimezone()
    if ago := _AGO.fullmatch(word.strip()):
        return now - timedelta(seconds=int(ago[1]) * _UNITS[ago[2][0].lower()])
    try:
        when = datetime.fromisoformat(word.strip()).astimezone()
    except (ValueError, OverflowError):
        raise _invalid("revision or time", word, "a number, '10 minutes ago', or '2026-01-31 12:00'") from None
    if when > now:
        raise _invalid("time", word, "in the past")
    return when


def user(word: str) -> str:
    """Return a user name; refuse `NAME:PASSWORD`."""
    if ":" in word:
        raise argparse.ArgumentTypeError(
            "a password on the command line is visible to other users: use --password-file"
        )
    return word


def require_reason(profile: Profile | None, reason: str) -> None:
    """Raise UsageError if a profile demands a reason of each write and there is none."""
    if profile is not None and profile.asks_reason and not reason:
        raise UsageError(f"@{profile.name} demands a reason for each write", hint="add --reason TEXT")


def require_no_path(url: str) -> None:
    """Raise if a word in the place of a URL is the path of a file or folder.

    Raises:
        UsageError: It is one; the hint has its URL.
    """
    if ":" not in url and not url.startswith("@") and Path(url).exists():
        schemes = FILE_SCHEMES if Path(url).is_file() else ("file",)
        raise UsageError(
            f"{url!r} is a path, not a URL", hint=f"write {' or '.join(f'{scheme}:{url}' for scheme in schemes)}"
        )


def _invalid(kind: str, word: str, bound: str = "") -> argparse.ArgumentTypeError:
    """Return argparse's own message for a wrong value, with what is allowed."""
    return argparse.ArgumentTypeError(f"invalid {kind} value: {word!r}" + (f" (must be {bound})" if bound else ""))
