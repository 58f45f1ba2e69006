"""The words of the command line, taken apart once, with argparse."""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Final, NoReturn, TypeVar

from explorer.cli import arguments
from explorer.cli.argument_types import key, non_negative_seconds, positive_int, revision, seconds, user
from explorer.cli.dash_values import join_dash_values
from explorer.cli.exit_codes import UsageError
from explorer.cli.log_options import add_log_options, log_from
from explorer.model.key_text import unescape_key
from explorer.version import __version__

_EXAMPLES: Final = """\
examples:
  keyscope demo:                                      look at a store that moves by itself
  keyscope ls etcd://127.0.0.1:2379/ config/          the next level below config/
  keyscope get etcd://127.0.0.1:2379/config/ app      below the URL's path, keys are relative to it
  keyscope put @prod config/app --file app.json --if-revision 57
  keyscope get @prod orders/17 --as textproto --type shop.Order --proto shop.proto
  keyscope watch @prod config/ --json
  keyscope lock @prod jobs/nightly --wait 60 -- ./nightly.sh

A store is named by its URL (consul:, demo:, etcd:, etcd2:, memory:, zk:; encrypted as in etcd+tls:) or as @NAME,
a profile in keyscope/config.toml of the folder for settings. Keys are spelled as the store spells them; write -- before
one that begins with a dash.

the app, keyscope URL, takes more options; see keyscope URL --help:
  --write             unlock writing from the start
  --theme NAME        keyscope-dark, keyscope-light, keyscope-contrast, ansi-dark, ...
  --proto PATH        schemas of messages, with -I DIR and --codecs FILE
A profile can say all of them: write or read_only = true, theme, proto, import_paths, codecs.

exit codes:
  0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 unreachable, 6 denied, 7 outcome unknown
"""

VERBS: Final[Mapping[str, type[arguments.Wanted]]] = {
    "ls": arguments.Ls,
    "get": arguments.Get,
    "put": arguments.Put,
    "rm": arguments.Rm,
    "watch": arguments.Watch,
    "locks": arguments.Locks,
    "lock": arguments.Lock,
    "history": arguments.History,
    "doctor": arguments.Doctor,
    "completion": arguments.Completion,
}

Values = TypeVar("Values")


def parse(words: Sequence[str]) -> arguments.Command:
    """Take the words of a command line apart.

    Raises:
        UsageError: They make no command. The message repeats no word that may be a secret.
        SystemExit: Help or the version was asked for and has been printed.
    """
    verb = verb_of(words)
    bare = verb is None and any(not word.startswith("-") for word in words)
    parser, subparsers = (store_parser(), {}) if bare else verb_parser()
    told, command = _without_command(words) if verb == "lock" else (words, ())
    told = join_dash_values(
        told, {**parser.options, **subparsers.get(verb or "", parser).options}, f"keyscope {verb or 'URL'}"
    )
    found, extra = parser.parse_known_args(told)
    if bare:
        _refuse_verb(str(found.url))  # which of the words it is only the parser knows: options have values
    _refuse_extra(extra, parser.prog)
    given: dict[str, object] = {**vars(found), "command": command}
    if given.get("value") == []:  # argparse drops the value of --value=--
        given["value"] = b"--"
    if given.get("escaped"):
        subject = "prefix" if "prefix" in given else "key"
        given[subject] = unescape_key(str(given[subject]))
    kind: Callable[..., arguments.Wanted] = arguments.Overview if bare else VERBS[str(given["verb"])]
    if given.get("values") and not given["recursive"]:
        raise UsageError("--values goes with --recursive", hint="a level that is listed has names, not values")
    if kind is arguments.Lock and not command:
        raise UsageError("lock needs a command to run", hint="write it after --, as in: lock URL KEY -- make deploy")
    if given.get("form") is not None and kind is arguments.Put and not given["type"]:
        raise UsageError("--form goes with --type", hint="without a type the value is taken as it is")
    if kind is arguments.Get:
        given["form"] = _form_of(given)
    if kind is arguments.Completion and not given["shell"]:
        raise UsageError("name a shell", hint=f"there are {', '.join(arguments.SHELLS)}: keyscope completion bash")
    return arguments.Command(
        url=str(given.get("url", "")),
        wanted=_filled(kind, given),
        options=options_of(given),
        json=bool(given.get("json")),
        reading=arguments.Reading(
            protos=tuple(getattr(found, "protos", None) or ()),
            includes=tuple(getattr(found, "includes", None) or ()),
            codecs=getattr(found, "codecs", None),
        ),
        log=log_from(given),
    )


def verb_of(words: Sequence[str]) -> str | None:
    """Return the verb of a command line, if it has one."""
    return next((word for word in words if word in VERBS), None)


def options_of(given: Mapping[str, object]) -> arguments.Options:
    """Return what parsed words say about the connection."""
    return _filled(arguments.Options, given)


def _filled(kind: Callable[..., Values], given: Mapping[str, object]) -> Values:
    return kind(**{name: given.get(name) for name in signature(kind).parameters})


def _form_of(given: Mapping[str, object]) -> object:
    """Give the form that `get` shows a value in: of a message that is named, its text."""
    form = given["form"] or ("textproto" if given["type"] and not given["json"] else "text")
    if given["type"] and form not in ("textproto", "json"):
        raise UsageError("--type goes with --as textproto or --as json", hint="the other forms show bytes as they are")
    return form


def _without_command(words: Sequence[str]) -> tuple[Sequence[str], tuple[str, ...]]:
    """Split off what follows the first `--`: the words of another program, which are no concern of ours."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], tuple(words[at + 1 :])


def _refuse_extra(extra: Sequence[str], prog: str) -> None:
    if not extra:
        return
    raise UsageError("too many arguments", hint=f"see {prog} --help")


def _refuse_verb(word: str) -> None:
    if ":" not in word and not word.startswith("@"):
        raise UsageError(f"{word!r} is neither a verb nor a store", hint=f"verbs are {', '.join(VERBS)}")


# The parsers


class _Parser(argparse.ArgumentParser):
    """An argument parser that leaves it to others to tell of a mistake."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"see {self.prog} --help")

    @property
    def actions(self) -> Sequence[argparse.Action]:
        """The options and the positional arguments."""
        return self._actions

    def format_help(self) -> str:
        """Return the help, with the schemes that other distributions bring a driver for."""
        text = super().format_help()
        if self.epilog != _EXAMPLES:
            return text
        from explorer.drivers.entry_points import installed_schemes  # noqa: PLC0415 - reads metadata

        schemes = installed_schemes()
        return f"{text}\ndrivers that were installed: {', '.join(f'{one}:' for one in schemes)}\n" if schemes else text

    @property
    def options(self) -> Mapping[str, argparse.Action]:
        """The options by each of their words."""
        return self._option_string_actions  # argparse has no other list of them


def _parser(*, usage: str | None = None) -> _Parser:
    parser = _Parser(
        prog="keyscope",
        usage=usage,
        description="Look into key-value stores, watch them move, edit them safely, and see who holds which lock.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_connection()],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"keyscope {__version__}")
    return parser


def store_parser() -> _Parser:
    """Return the parser of a command line without a verb."""
    parser = _parser(usage="keyscope [options] URL")
    parser.add_argument("url", metavar="URL", help="the store, or @NAME of a profile")
    parser.add_argument(
        "--json", action="store_true", help="no app: the top of the store, then its events, one object a line"
    )
    _schemas(parser)
    writing = parser.add_mutually_exclusive_group()
    writing.add_argument("--write", action="store_true", help="unlock writing from the start (w does it later)")
    writing.add_argument("--read-only", action="store_true", help="do not, although the profile says so")
    parser.add_argument(
        "--theme", metavar="NAME", help="keyscope-dark, keyscope-light, keyscope-contrast, ansi-dark, ..."
    )
    return parser


def verb_parser() -> tuple[_Parser, Mapping[str, _Parser]]:
    """Return the parser of a command line with a verb, and those of the verbs."""
    parser = _parser(usage="keyscope VERB URL ... | keyscope URL")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")

    subparsers: dict[str, _Parser] = {}

    def verb(name: str, what: str, subject: str | None = None, *, optional: bool = False) -> _Parser:
        sub = verbs.add_parser(
            name, help=what, description=what, parents=[_connection()], allow_abbrev=False, prog=f"keyscope {name}"
        )
        subparsers[name] = sub
        sub.add_argument("url", metavar="URL", help="the store, or @NAME of a profile")
        if subject is not None:
            sub.add_argument(
                subject.lower(),
                metavar=subject,
                type=key,
                nargs="?" if optional else None,
                default="",
                help=_SUBJECTS[subject],
            )
            sub.add_argument(
                "--escaped",
                action="store_true",
                help=rf"{subject} is written with escapes, and so are keys in the output, as the app copies them: "
                r"\x00, \xff, \u{202e}, \\",
            )
        return sub

    _reading(
        ls=verb("ls", "list the next level below a prefix", "PREFIX", optional=True),
        get=verb("get", "read one entry", "KEY"),
        history=verb("history", "list the entries a key has had, newest first", "KEY"),
    )
    _writing(
        put=verb("put", "write an entry; one that exists is replaced only with --if-revision or --force", "KEY"),
        rm=verb("rm", "delete an entry, or everything below a prefix", "KEY"),
    )
    watch = verb("watch", "tell what happens to a key and to everything below it", "PREFIX")
    watch.add_argument("--since", metavar="R", type=revision, help="begin after this revision; without, now")
    watch.add_argument("--count", metavar="N", type=positive_int, help="end after so many puts and deletes")
    watch.add_argument("--duration", metavar="S", type=seconds, help="end after so many seconds")
    _json(watch)
    _json(verb("locks", "tell who holds which lock and who waits for it", "PREFIX", optional=True))
    lock = verb(
        "lock", "run a command while holding a lock; it finds KEYSCOPE_LOCK_KEY and KEYSCOPE_LOCK_FENCE set", "KEY"
    )
    lock.usage = "keyscope lock URL KEY [--ttl S] [--wait S] [--layout NAME] [options] -- COMMAND..."
    lock.add_argument("--ttl", metavar="S", type=seconds, help="seconds the lock outlives its holder")
    lock.add_argument(
        "--wait", metavar="S", type=non_negative_seconds, help="seconds to wait for it; 0 only tries; without, for ever"
    )
    lock.add_argument(
        "--layout",
        metavar="NAME",
        help="take it as other clients do, such as libkv; a wrong name lists those there are",
    )
    _json(verb("doctor", "find out whether and how well a store can be used"))
    subparsers["completion"] = completion = verbs.add_parser(
        "completion",
        help="print a script that completes verbs, options, profiles and keys in a shell",
        description="Print a script that completes verbs, options, profiles and keys in a shell.",
        epilog=_COMPLETION_SETUP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        prog="keyscope completion",
    )
    completion.add_argument("shell", metavar="SHELL", nargs="?", choices=arguments.SHELLS, help="bash, zsh or fish")
    return parser, subparsers


def command_parser() -> _Parser:
    """Return a parser that takes any words for files: those of the command that `lock` runs."""
    command = _Parser(add_help=False)
    command.add_argument("command", nargs="*", type=Path)
    return command


_COMPLETION_SETUP: Final = """\
set up:
  bash  eval "$(keyscope completion bash)"   in ~/.bashrc
  zsh   eval "$(keyscope completion zsh)"    in ~/.zshrc, after compinit
  fish  keyscope completion fish > ~/.config/fish/completions/keyscope.fish

Keys are read from the store of the URL or profile, where it answers within a second.
"""


_SUBJECTS: Final = {
    "KEY": "as the store spells it, below the URL's path",
    "PREFIX": "a directory as the store spells it, below the URL's path; '' is everything",
}


def _reading(*, ls: _Parser, get: _Parser, history: _Parser) -> None:
    ls.add_argument("--recursive", "-r", action="store_true", help="everything below, without values")
    ls.add_argument("--values", action="store_true", help="with --recursive: the values too")
    ls.add_argument("--limit", metavar="N", type=positive_int, help="end after so many")
    _json(ls)
    forms = get.add_mutually_exclusive_group()
    forms.add_argument(
        "--as",
        dest="form",
        choices=("raw", "text", "json", "textproto", "hex"),
        help="raw: the bytes and nothing else; text: harmless on a terminal (default); json: indented, or a message's "
        "JSON; textproto: a message's text format; hex: dumped",
    )
    _json(forms)
    get.add_argument("--type", metavar="MESSAGE", help="the message that the value is, whatever the rules say")
    _schemas(get)
    get.add_argument("--stale", action="store_true", help="allow an answer that may be out of date")
    history.add_argument("--limit", metavar="N", type=positive_int, help="end after so many")
    _json(history)


def _writing(*, put: _Parser, rm: _Parser) -> None:
    source = put.add_mutually_exclusive_group()
    source.add_argument(
        "--value", metavar="S", type=os.fsencode, help="the value; without it or --file, standard input"
    )
    source.add_argument("--file", metavar="F", type=Path, help="a file with the value")
    guard = put.add_mutually_exclusive_group()
    guard.add_argument("--if-revision", metavar="R", type=revision, help="only if the entry still is at this revision")
    guard.add_argument("--create", action="store_true", help="only if there is none (the default)")
    guard.add_argument("--force", action="store_true", help="whatever is there")
    put.add_argument("--ttl", metavar="S", type=seconds, help="seconds to live; without, what the entry has is kept")
    put.add_argument("--type", metavar="MESSAGE", help="the value is the text of this message, and stored as its bytes")
    put.add_argument(
        "--form", choices=("text", "json"), help="with --type: protobuf's text format (the default) or its JSON"
    )
    _schemas(put)
    _json(put)
    rm.add_argument("--recursive", "-r", action="store_true", help="everything below KEY; KEY itself stays")
    rm.add_argument("--if-revision", metavar="R", type=revision, help="only if nothing was written since this revision")
    rm.add_argument("--yes", "-y", action="store_true", help="do not ask")
    _json(rm)


def _connection() -> _Parser:
    parser = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group("connection")
    group.add_argument("--timeout", metavar="S", type=seconds, help="seconds that one request may take (5)")
    group.add_argument("--user", metavar="NAME", type=user, help="who asks")
    group.add_argument(
        "--password-file", metavar="F", type=Path, help="a file with the password, readable by you alone"
    )
    group.add_argument(
        "--cacert", metavar="F", type=Path, help="the authority that the store's certificate must come from (PEM)"
    )
    group.add_argument("--cert", metavar="F", type=Path, help="the client's certificate (PEM)")
    group.add_argument("--key", metavar="F", type=Path, dest="key_file", help="the client's private key (PEM)")
    group.add_argument("--server-name", metavar="NAME", help="the name to expect in the store's certificate")
    add_log_options(parser)
    return parser


def _schemas(parser: _Parser) -> None:
    group = parser.add_argument_group("schemas")
    group.add_argument(
        "--proto",
        metavar="PATH",
        type=Path,
        action="append",
        dest="protos",
        help="a .proto file, a descriptor set, a *_pb2.py (read, never run), or a folder of them; may be repeated",
    )
    group.add_argument(
        "-I",
        metavar="DIR",
        type=Path,
        action="append",
        dest="includes",
        help="a folder that imports of .proto files are relative to; may be repeated",
    )
    group.add_argument(
        "--codecs",
        metavar="FILE",
        type=Path,
        help="which key holds which message; without, keyscope/codecs.toml in the folder for settings",
    )


def _json(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--json", action="store_true", help="objects for programs, one a line")
