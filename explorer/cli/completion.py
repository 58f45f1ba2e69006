"""Shell completion: what may follow on an unfinished command line, for the scripts of bash, zsh and fish.

The shell's script runs the command with `_ARGCOMPLETE` set. argcomplete splits the line, finds the argument in question
and quotes what is offered here. On any failure nothing is offered, and nothing is said.
"""

import os
from argparse import Action, Namespace
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn, Protocol

import argcomplete
from argcomplete.completers import SuppressCompleter
from argcomplete.lexers import split_line
from argcomplete.shell_integration import shellcode

from explorer.cli import parser
from explorer.cli.arguments import Options
from explorer.cli.key_completion import offered_keys
from explorer.cli.run import resolve_profile
from explorer.config import profiles
from explorer.drivers.registry import DRIVERS, make
from explorer.model import address
from explorer.model.errors import ExplorerError
from explorer.model.sanitize import is_sanitized

_LOCAL_SCHEMES: Final = ("demo", "memory")
_SEPARATORS: Final = (";", "|", "&", "(")
_UNSAFE_STARTS: Final = frozenset("~#=-")
"""What a shell, or argparse, acts on at the beginning of a word and argcomplete does not quote."""


class Completer(Protocol):
    """Completes an argument, as argcomplete calls it."""

    def __call__(self, *, prefix: str, parsed_args: Namespace, **_: object) -> Iterable[str]:
        """Return what the argument may be, with descriptions if there are any; what does not fit is dropped."""


def script(shell: str) -> str:
    """Return the script that makes a shell complete the command line of `keyscope`."""
    return shellcode(["keyscope"], shell=shell, complete_arguments=["-o", "nospace"]).lstrip("\n")


def complete() -> NoReturn:
    """Write what completes the command line that the shell passed in variables, and exit."""
    _detach()
    line = split_line(os.environ["COMP_LINE"], int(os.environ["COMP_POINT"]))[3]
    start = _command_index(line)
    os.environ["_ARGCOMPLETE"] = str(start + 1)  # where argcomplete begins
    words = line[start + 1 :]
    root, verbs = parser.verb_parser()
    offered = dict(_stores())
    if parser.verb_of(words) == "lock" and "--" in words:
        root, verbs = parser.command_parser(), {}
    elif parser.verb_of(words) is None:
        root = parser.store_parser()
        offered |= {name: verb.description or "" for name, verb in verbs.items()}
        verbs = {}
    for action in (action for each in (root, *verbs.values()) for action in each.actions):
        if (completer := _completer(action, offered)) is not None:
            action.completer = completer  # type: ignore[attr-defined] # where argcomplete looks for it
    argcomplete.autocomplete(root, always_complete_options=False, default_completer=SuppressCompleter())
    os._exit(1)


def _command_index(line: Sequence[str]) -> int:
    """Return where `keyscope` stands on a line: zsh passes all of it, with the commands before."""
    first = max((index + 1 for index, word in enumerate(line) if word.endswith(_SEPARATORS)), default=0)
    return next((index for index in range(first, len(line)) if Path(line[index]).name == "keyscope"), 0)


def _detach() -> None:
    """Give up the terminal, so that nothing asks a person for a password: no library, nor OpenSSL for a key."""
    with suppress(OSError):
        os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _completer(action: Action, stores: Mapping[str, str]) -> Completer | None:
    match action.dest:
        case "url":
            return lambda **_: stores
        case "key" | "prefix":
            return lambda prefix, parsed_args, **_: _plain(offered_keys(prefix, parsed_args))
        case "theme":
            return lambda **_: _themes()
        case "layout":
            return lambda parsed_args, **_: make(resolve_profile(parsed_args.url, Options()).url).lock_layouts
        case "includes":
            return lambda prefix, **_: filter(is_sanitized, _paths(prefix, folders=True))
        case _ if action.type is Path:
            return lambda prefix, **_: filter(is_sanitized, _paths(prefix))
    return None


def _plain(keys: Iterable[str]) -> list[str]:
    """Return the keys that reach the command as they are, once argcomplete has quoted them."""
    return [key for key in keys if is_sanitized(key) and key[:1] not in _UNSAFE_STARTS]


def _stores() -> Iterable[tuple[str, str]]:
    with suppress(ExplorerError):
        for name, url in profiles().items():
            if is_sanitized(name):
                yield f"@{name}", _redacted(url)
    for scheme in DRIVERS:
        if scheme in _LOCAL_SCHEMES:
            yield f"{scheme}:", ""
        else:
            yield f"{scheme}://", ""
            yield f"{scheme}+tls://", ""


def _redacted(url: str) -> str:
    try:
        return address.parse(url).redacted
    except ExplorerError:
        return ""


def _themes() -> Iterable[str]:
    from textual.theme import BUILTIN_THEMES  # noqa: PLC0415 - other words are completed without Textual

    from explorer.tui.themes import THEMES  # noqa: PLC0415 - as above

    return [*(theme.name for theme in THEMES), *BUILTIN_THEMES]


def _paths(prefix: str, *, folders: bool = False) -> Iterable[str]:
    """Return the files and folders that a path may go on with, as the person began to write it."""
    head, slash, start = prefix.rpartition("/")
    try:
        with os.scandir(Path(head + slash or ".").expanduser()) as found:
            for entry in sorted(found, key=lambda entry: entry.name):
                if entry.name.startswith(".") and not start.startswith("."):
                    continue
                if entry.is_dir():
                    yield f"{head}{slash}{entry.name}/"
                elif not folders:
                    yield f"{head}{slash}{entry.name}"
    except (OSError, RuntimeError):  # RuntimeError: no home
        return
