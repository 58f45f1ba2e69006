"""Shell completion for bash, zsh and fish.

The shell's script runs the command with `_ARGCOMPLETE` set. argcomplete splits the line, finds the argument to complete
and quotes the completions. On a failure there are no completions and no message.
"""

import os
import tomllib
from argparse import Action, Namespace
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn, Protocol

import argcomplete
from argcomplete.completers import SuppressCompleter
from argcomplete.lexers import split_line
from argcomplete.shell_integration import shellcode

from explorer.cli import arguments
from explorer.cli.arguments import ConnectionOptions
from explorer.cli.command_line import verb_of
from explorer.cli.key_completion import complete_key
from explorer.cli.parser import Parser, command_parser, store_parser, verb_parser
from explorer.cli.store_opener import resolve_profile
from explorer.config import folder, read_profile_urls
from explorer.drivers.registry import DRIVERS
from explorer.model import address
from explorer.model.errors import ExplorerError
from explorer.model.sanitize import is_sanitized
from explorer.opener import open_profile

_LOCAL_SCHEMES: Final = ("demo", "memory")
_COMMAND_SEPARATORS: Final = (";", "|", "&", "(")
_UNSAFE_STARTS: Final = frozenset("~#=-")
"""Characters with a meaning at the start of a word, for the shell or argparse, that argcomplete does not quote."""


class Completer(Protocol):
    """Completer of an argument, as argcomplete calls it."""

    def __call__(self, *, prefix: str, parsed_args: Namespace, **_: object) -> Iterable[str]:
        """Return the completions, with descriptions if there are any; argcomplete drops those that do not fit."""


def script(shell: str) -> str:
    """Return the script that sets up the completion of `keyscope` in a shell."""
    return shellcode(["keyscope"], shell=shell, complete_arguments=["-o", "nospace"]).lstrip("\n")


def complete() -> NoReturn:
    """Write the completions of the command line that the shell passed in variables, and exit."""
    _detach()
    line = split_line(os.environ["COMP_LINE"], int(os.environ["COMP_POINT"]))[3]
    start = _command_index(line)
    os.environ["_ARGCOMPLETE"] = str(start + 1)  # where argcomplete begins
    root = completion_parser(line[start + 1 :])
    argcomplete.autocomplete(root, always_complete_options=False, default_completer=SuppressCompleter())
    os._exit(1)


def completion_parser(words: Sequence[str]) -> Parser:
    """Return the parser of a command line, with a completer at each argument that has one."""
    root, verbs = verb_parser()
    first_words = dict(_stores())
    if verb_of(words) == "lock" and "--" in words:
        root, verbs = command_parser(), {}
    elif verb_of(words) is None:
        root = store_parser()
        first_words |= {name: verb.description or "" for name, verb in verbs.items()}
        verbs = {}
    for action in (action for each in (root, *verbs.values()) for action in each.actions):
        if (completer := _completer(action, first_words)) is not None:
            action.completer = completer  # type: ignore[attr-defined] # where argcomplete looks for it
    return root


def _command_index(line: Sequence[str]) -> int:
    """Return the index of `keyscope` on a line: zsh passes all of it, with the commands before."""
    first = max((index + 1 for index, word in enumerate(line) if word.endswith(_COMMAND_SEPARATORS)), default=0)
    return next((index for index in range(first, len(line)) if Path(line[index]).name == "keyscope"), 0)


def _detach() -> None:
    """Detach from the terminal, so that no library prompts for a password, nor OpenSSL for that of a key."""
    with suppress(OSError):
        os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _completer(action: Action, first_words: Mapping[str, str]) -> Completer | None:
    match action.dest:
        case "url":
            return lambda prefix, **_: [*first_words, *_file_urls(prefix)] if "://" in prefix else first_words
        case "key" | "prefix":
            return lambda prefix, parsed_args, **_: _safe_words(complete_key(prefix, parsed_args))
        case "theme":
            return lambda **_: _themes()
        case "layout":
            return lambda parsed_args, **_: _lock_layouts(parsed_args.url)
        case "action":
            return lambda **_: arguments.CODECS_ACTIONS
        case "overrides":
            return lambda parsed_args, **_: filter(
                is_sanitized, _constraints(getattr(parsed_args, "codecs", None) or ())
            )
        case "codecs":
            return lambda prefix, **_: [*_presets(), *filter(is_sanitized, _paths(prefix))]
        case "includes":
            return lambda prefix, **_: filter(is_sanitized, _paths(prefix, folders=True))
        case _ if action.type is Path:
            return lambda prefix, **_: filter(is_sanitized, _paths(prefix))
    return None


def _safe_words(keys: Iterable[str]) -> list[str]:
    """Return the keys that the command gets unchanged after argcomplete has quoted them."""
    return [key for key in keys if is_sanitized(key) and key[:1] not in _UNSAFE_STARTS]


def _stores() -> Iterable[tuple[str, str]]:
    with suppress(ExplorerError):
        for name, url in read_profile_urls().items():
            if is_sanitized(name):
                yield f"@{name}", _redacted(url)
    for scheme in DRIVERS:
        if scheme in _LOCAL_SCHEMES:
            yield f"{scheme}:", ""
        elif scheme in address.FILE_SCHEMES:
            yield f"{scheme}:///", ""
        else:
            yield f"{scheme}://", ""
            yield f"{scheme}+tls://", ""


def _file_urls(prefix: str) -> Iterable[str]:
    """Yield the URLs of the files and folders that begin with a URL of a store in a file."""
    scheme, _, path = prefix.partition("://")
    if scheme in address.FILE_SCHEMES and path.startswith("/"):
        yield from (f"{scheme}://{found}" for found in _paths(path) if is_sanitized(found))


def _redacted(url: str) -> str:
    try:
        return address.parse(url).redacted
    except ExplorerError:
        return ""


def _lock_layouts(url: str) -> Iterable[str]:
    return open_profile(resolve_profile(url, ConnectionOptions())).lock_layouts


def _themes() -> Iterable[str]:
    from textual.theme import BUILTIN_THEMES  # noqa: PLC0415 - other words are completed without Textual

    from explorer.tui.themes import THEMES  # noqa: PLC0415 - as above

    return [*(theme.name for theme in THEMES), *BUILTIN_THEMES]


def _presets() -> Iterable[str]:
    from explorer.codecs.presets import PRESETS  # noqa: PLC0415 - other words are completed without codecs

    return [f"preset:{name}" for name in PRESETS]


def _constraints(files: Sequence[Path]) -> Iterable[str]:
    """Yield the names of the constraints in the rule file."""
    from explorer.codecs.options import CodecOptions  # noqa: PLC0415 - other words are completed without codecs

    with suppress(ExplorerError, OSError, ValueError):
        file = CodecOptions.from_names(codecs=list(map(str, files))).codecs or folder("config") / "codecs.toml"
        tables = tomllib.loads(file.read_text(encoding="utf-8")).get("constraint", [])
        yield from (str(table["name"]) for table in tables if isinstance(table, dict) and "name" in table)


def _paths(prefix: str, *, folders: bool = False) -> Iterable[str]:
    """Yield the files and folders that begin with a path, spelled as the path was typed."""
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
