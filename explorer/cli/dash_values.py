"""Values and keys that begin with a dash, which argparse takes for options."""

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Final

from explorer.cli.exit_codes import UsageError

_NEGATIVE: Final = re.compile(r"-\d+|-\d*\.\d+")
"""What argparse takes for a number, not for an option."""


def join_dash_values(words: Sequence[str], options: Mapping[str, argparse.Action], prog: str) -> Sequence[str]:
    """Join options with values that begin with a dash.

    Args:
        words: The command line.
        options: All options that it may have, by each of their words.
        prog: The command as help names it.

    Raises:
        UsageError: A word is no option and no value, or an option lacks its value; the hint is the way out.
    """
    joined: list[str] = []
    rest = iter(words)
    for word in rest:
        action = options.get(word)
        if word == "--":
            return [*joined, word, *rest]
        if not word.startswith("-") or word == "-" or _NEGATIVE.fullmatch(word):
            joined.append(word)
        elif action is None:
            if word.partition("=")[0] not in options and word[:2] not in options:
                raise _unknown(word.partition("=")[0], prog)
            joined.append(word)
        elif action.nargs == 0 or (value := next(rest, None)) is None:
            joined.append(word)
        elif not value.startswith("-"):
            joined += (word, value)
        elif value == "--" or value.partition("=")[0] in options:
            raise UsageError(f"{word} needs a value", hint=f"a value that begins with a dash is written {word}=-...")
        else:
            joined.append(f"{word}={value}" if word.startswith("--") else f"{word}{value}")
    return joined


def _unknown(option: str, prog: str) -> UsageError:
    if option == "--password":
        return UsageError("a password on the command line can be read by others", hint="put it into a --password-file")
    what = "write -- before a key that begins with a dash"
    if prog == "keyscope lock":
        what = r"write \x2d for the dash that a key begins with, and --escaped"
    return UsageError(f"unknown option {option}", hint=f"see {prog} --help; {what}")
