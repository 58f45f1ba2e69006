"""Values and keys that begin with a dash, which argparse takes for options."""

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Final

from explorer.cli.exit_codes import UsageError

_NEGATIVE_NUMBER: Final = re.compile(r"-\d+|-\d*\.\d+")
"""Words that argparse takes for numbers, not for options."""


def join_dash_values(words: Sequence[str], options: Mapping[str, argparse.Action], prog: str) -> Sequence[str]:
    """Return the words with each value that begins with a dash joined to its option.

    Args:
        words: The command line.
        options: All options that it may have, by each of their names.
        prog: The command as help names it.

    Raises:
        UsageError: A word is an unknown option, or an option lacks its value.
    """
    joined: list[str] = []
    rest = iter(words)
    for word in rest:
        action = options.get(word)
        if word == "--":
            return [*joined, word, *rest]
        if not word.startswith("-") or word == "-" or _NEGATIVE_NUMBER.fullmatch(word):
            joined.append(word)
        elif action is None:
            if word.partition("=")[0] not in options and word[:2] not in options:
                raise _unknown_option(word.partition("=")[0], prog)
            joined.append(word)
        elif action.nargs == 0 or (value := next(rest, None)) is None:
            joined.append(word)
        elif not value.startswith("-"):
            joined += (word, value)
        elif value == "--" or value.partition("=")[0] in options:
            raise UsageError(f"{word} needs a value", hint=f"write a value that begins with a dash as {word}=-...")
        else:
            joined.append(f"{word}={value}" if word.startswith("--") else f"{word}{value}")
    return joined


def first_argument(words: Sequence[str], options: Mapping[str, argparse.Action]) -> str | None:
    """Return the first word that is neither an option nor the value of one, or None."""
    rest = iter(words)
    for word in rest:
        action = options.get(word)
        if word == "--":
            return next(rest, None)
        if action is not None and action.nargs != 0:
            next(rest, None)
        elif not word.startswith("-") or word == "-":
            return word
    return None


def _unknown_option(option: str, prog: str) -> UsageError:
    if option == "--password":
        return UsageError("a password on the command line is visible to other users", hint="use --password-file")
    advice = "write -- before a key that begins with a dash"
    if prog == "keyscope lock":
        advice = r"write a key that begins with a dash with --escaped, and the dash as \x2d"
    return UsageError(f"unknown option {option}", hint=f"see {prog} --help; {advice}")
