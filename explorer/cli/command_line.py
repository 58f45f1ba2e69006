"""Parsing of the command line into a `Command`."""

import os
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Final, TypeVar

from explorer.cli import arguments
from explorer.cli.argument_types import key, require_no_path
from explorer.cli.dash_values import join_dash_values
from explorer.cli.exit_codes import UsageError
from explorer.cli.parser import LOG_LEVELS, VERBS, store_parser, verb_parser
from explorer.codecs.options import CodecOptions
from explorer.model.key_text import unescape_key

Values = TypeVar("Values")

_VERBS_OF_A_PREFIX: Final = frozenset({"ls", "find", "locks", "check"})
"""Verbs whose last word is a prefix, which may be left out."""


def parse(words: Sequence[str]) -> arguments.Command:
    """Return the command of a command line.

    Raises:
        UsageError: The command line is invalid. The message repeats no word that may be a secret.
        SystemExit: Help or the version was asked for and has been printed.
    """
    verb = verb_of(words)
    has_store_only = verb is None and any(not word.startswith("-") for word in words)
    parser, subparsers = (store_parser(), {}) if has_store_only else verb_parser()
    own_words, command = _split_command(words) if verb == "lock" else (words, ())
    own_words = join_dash_values(
        own_words, {**parser.options, **subparsers.get(verb or "", parser).options}, f"keyscope {verb or 'URL'}"
    )
    namespace, extra = parser.parse_known_args(own_words)
    parsed: dict[str, object] = {**vars(namespace), "command": command}
    if has_store_only:
        _require_store(str(parsed["url"]))  # which of the words it is only the parser knows: options have values
    if len(extra) == 1 and verb in _VERBS_OF_A_PREFIX and not parsed["prefix"] and not extra[0].startswith("-"):
        parsed["prefix"] = key(extra.pop())  # argparse leaves an optional word out that an option stands before
    if extra:
        raise UsageError(
            "too many arguments",
            hint="a value is written as --value VALUE, or read from --file FILE or standard input"
            if verb == "put"
            else f"see keyscope {verb or 'URL'} --help",
        )
    if parsed.get("value") == []:  # argparse drops the value of --value=--
        parsed["value"] = b"--"
    for name in ("ignored", "overrides"):
        parsed[name] = tuple(getattr(namespace, name, None) or ())
    if parsed.get("escaped"):
        subject = "prefix" if "prefix" in parsed else "key"
        parsed[subject] = unescape_key(str(parsed[subject]))
    kind: type[arguments.Subcommand] = arguments.OverviewArguments if has_store_only else VERBS[str(parsed["verb"])]
    _require_valid(kind, parsed)
    if kind is arguments.GetArguments:
        parsed["form"] = _get_form(parsed)
    make: Callable[..., arguments.Subcommand] = kind
    return arguments.Command(
        url=str(parsed.get("url") or ""),
        subcommand=_filled(make, parsed),
        connection=connection_options(parsed),
        json=bool(parsed.get("json")),
        codecs=CodecOptions.from_names(
            getattr(namespace, "protos", None) or (),
            getattr(namespace, "includes", None) or (),
            getattr(namespace, "codecs", None),
        ),
        log=_log_options(parsed),
        reason=str(parsed.get("reason") or ""),
    )


def verb_of(words: Sequence[str]) -> str | None:
    """Return the verb of a command line, if it has one."""
    return next((word for word in words if word in VERBS), None)


def connection_options(parsed: Mapping[str, object]) -> arguments.ConnectionOptions:
    """Return the options of the connection among parsed words."""
    return _filled(arguments.ConnectionOptions, parsed)


def _filled(kind: Callable[..., Values], parsed: Mapping[str, object]) -> Values:
    return kind(**{name: parsed.get(name) for name in signature(kind).parameters})


def _split_command(words: Sequence[str]) -> tuple[Sequence[str], tuple[str, ...]]:
    """Return the words before the first `--` and the other program's command line after it."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], tuple(words[at + 1 :])


def _require_store(word: str) -> None:
    require_no_path(word)
    if ":" not in word and not word.startswith("@"):
        raise UsageError(f"{word!r} is neither a verb nor a URL", hint=f"verbs: {', '.join(VERBS)}")


def _require_valid(kind: type[arguments.Subcommand], parsed: Mapping[str, object]) -> None:
    """Raise UsageError for options that do not go together, and for missing arguments."""
    if parsed.get("values") and not parsed["recursive"]:
        raise UsageError("--values needs --recursive", hint="one level has names and no values")
    if kind is arguments.LockArguments and not parsed["command"]:
        raise UsageError("lock needs a command", hint="write it after --, as in: lock URL KEY -- make deploy")
    if kind is arguments.PutArguments and parsed["form"] is not None and not parsed["type"]:
        raise UsageError("--form needs --type", hint="without --type the value is stored as given")
    if kind is arguments.CodecsArguments and not parsed["action"]:
        raise UsageError("codecs needs an action", hint="keyscope codecs list [URL]")
    if kind is arguments.CompletionArguments and not parsed["shell"]:
        raise UsageError("completion needs a shell", hint=f"one of {', '.join(arguments.SHELLS)}")


def _get_form(parsed: Mapping[str, object]) -> object:
    """Return the form that `get` prints a value in; with --type, the message's text format by default."""
    form = parsed["form"] or ("textproto" if parsed["type"] and not parsed["json"] else "text")
    if parsed["type"] and form not in ("textproto", "json"):
        raise UsageError("--type needs --as textproto or --as json", hint="the other forms print bytes")
    return form


def _log_options(parsed: Mapping[str, object]) -> arguments.LogOptions | None:
    """Return the log options of the command line, else of `KEYSCOPE_LOG=[LEVEL:]FILE`.

    Raises:
        UsageError: There is a level and no file.
    """
    variable = os.environ.get("KEYSCOPE_LOG", "")
    level, colon, file = variable.partition(":")
    if not colon or level not in LOG_LEVELS:
        level, file = "info", variable
    level, file = str(parsed.get("log_level") or level), str(parsed.get("log_file") or file)
    if not file and parsed.get("log_level"):
        raise UsageError("--log-level needs --log-file", hint="without a file nothing is logged")
    return arguments.LogOptions(Path(file), level) if file else None
