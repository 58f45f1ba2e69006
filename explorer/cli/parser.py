"""The argparse parsers of the command: verbs, options and help."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

from explorer.cli import arguments
from explorer.cli.argument_types import seconds, user
from explorer.cli.exit_codes import UsageError
from explorer.cli.options import (
    add_apply_options,
    add_check_options,
    add_copy_options,
    add_diff_options,
    add_export_options,
    add_find_options,
    add_get_options,
    add_history_options,
    add_import_options,
    add_json_option,
    add_lock_options,
    add_log_options,
    add_ls_options,
    add_put_options,
    add_replace_options,
    add_restore_options,
    add_rm_options,
    add_schema_options,
    add_subject,
    add_undo_options,
    add_watch_options,
)
from explorer.version import __version__

VERBS: Final[Mapping[str, type[arguments.Subcommand]]] = {
    "ls": arguments.LsArguments,
    "get": arguments.GetArguments,
    "put": arguments.PutArguments,
    "rm": arguments.RmArguments,
    "watch": arguments.WatchArguments,
    "locks": arguments.LocksArguments,
    "lock": arguments.LockArguments,
    "history": arguments.HistoryArguments,
    "find": arguments.FindArguments,
    "diff": arguments.DiffArguments,
    "copy": arguments.CopyArguments,
    "move": arguments.MoveArguments,
    "export": arguments.ExportArguments,
    "import": arguments.ImportArguments,
    "replace": arguments.ReplaceArguments,
    "restore": arguments.RestoreArguments,
    "apply": arguments.ApplyArguments,
    "undo": arguments.UndoArguments,
    "log": arguments.JournalArguments,
    "check": arguments.CheckArguments,
    "doctor": arguments.DoctorArguments,
    "codecs": arguments.CodecsArguments,
    "completion": arguments.CompletionArguments,
}
LOG_LEVELS: Final = ("debug", "info", "warning", "error")

_DESCRIPTION: Final = (
    "Explore key-value coordination stores: browse and watch keys, edit values safely, and see who holds which lock."
)
_EPILOG: Final = """\
examples:
  keyscope demo:                                      open the app on a store that changes by itself
  keyscope ls etcd://127.0.0.1:2379/ config/          list the level below config/
  keyscope get etcd://127.0.0.1:2379/config/ app      keys are relative to the URL's path
  keyscope put @prod config/app --file app.json --if-revision 57
  keyscope get @prod orders/17 --as textproto --type shop.Order --proto shop.proto
  keyscope watch @prod config/ --json
  keyscope lock @prod jobs/nightly --wait 60 -- ./nightly.sh

stores:
  URL     etcd:, etcd2:, consul:, zk: or redis:, as in etcd://127.0.0.1:2379/; with TLS, etcd+tls:
          bolt: or file:, as in bolt:app.db or file:///srv/config; memory: or demo:
  @NAME   a profile in keyscope/config.toml of the settings folder

keys:
  Keys are written as the store has them. Write -- before a key that begins with a dash.

app:
  keyscope URL opens the app. It has more options, see keyscope URL --help:
  --write             start with writing unlocked
  --theme NAME        keyscope-dark, keyscope-light, keyscope-contrast, ansi-dark, ...
  --proto PATH        schemas of messages, with -I DIR and --codecs FILE or preset:NAME
  A profile can set them: write or read_only = true, theme, proto, import_paths, codecs.

exit codes:
  0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 unreachable, 6 denied, 7 outcome unknown
"""
_COMPLETION_EPILOG: Final = """\
set up:
  bash  eval "$(keyscope completion bash)"   in ~/.bashrc
  zsh   eval "$(keyscope completion zsh)"    in ~/.zshrc, after compinit
  fish  keyscope completion fish > ~/.config/fish/completions/keyscope.fish

Keys are completed from the store of the URL or profile if it answers within a second.
"""
_URL_HELP: Final = "URL of the store, or @NAME of a profile"
_SIDE_HELP: Final = "URL whose path may name a prefix, URL@REVISION, or @NAME of a profile"


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError instead of exiting."""

    def error(self, message: str) -> NoReturn:
        """Raise the error of an invalid command line."""
        raise UsageError(message, hint=f"see {self.prog} --help")

    @property
    def actions(self) -> Sequence[argparse.Action]:
        """Options and positional arguments."""
        return self._actions

    @property
    def options(self) -> Mapping[str, argparse.Action]:
        """Options by each of their names."""
        return self._option_string_actions  # argparse has no public list of them

    def format_help(self) -> str:
        """Return the help; that of the command lists the drivers of other distributions."""
        text = super().format_help()
        if self.epilog != _EPILOG:
            return text
        from explorer.drivers.registry import installed_schemes  # noqa: PLC0415 - for the help only

        schemes = installed_schemes()
        return f"{text}\ninstalled drivers: {', '.join(f'{one}:' for one in schemes)}\n" if schemes else text


def store_parser() -> Parser:
    """Return the parser of a command line without a verb."""
    parser = _top_parser(usage="keyscope [options] URL")
    parser.add_argument("url", metavar="URL", help=_URL_HELP)
    parser.add_argument(
        "--json",
        action="store_true",
        help="no app: print the top level, then events, as JSON, one object per line",
    )
    writing = parser.add_mutually_exclusive_group()
    writing.add_argument("--write", action="store_true", help="start with writing unlocked; in the app w unlocks it")
    writing.add_argument(
        "--read-only", action="store_true", help="start with writing locked, even if the profile unlocks it"
    )
    parser.add_argument(
        "--theme", metavar="NAME", help="keyscope-dark, keyscope-light, keyscope-contrast, ansi-dark, ..."
    )
    add_schema_options(parser)
    return parser


def verb_parser() -> tuple[Parser, Mapping[str, Parser]]:
    """Return the parser of a command line with a verb, and the parsers of the verbs."""
    parser = _top_parser(usage="keyscope URL\n       keyscope VERB [options] URL ...")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True, title="verbs")
    verbs: dict[str, Parser] = {}

    def add_parser(name: str, summary: str, subjects: str) -> Parser:
        verbs[name] = verb = subparsers.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            usage=f"keyscope {name} [options] {subjects}",
            parents=[_connection_parser()],
            allow_abbrev=False,
            prog=f"keyscope {name}",
            conflict_handler="resolve" if name == "find" else "error",  # its --key is a pattern
        )
        return verb

    def add_sides_verb(name: str, summary: str) -> Parser:
        verb = add_parser(name, summary, "SIDE SIDE")
        verb.add_argument("url", metavar="SIDE", help=f"{_SIDE_HELP}: the left one, or the source")
        verb.add_argument("target", metavar="SIDE", help="the right one, or the target")
        return verb

    def add_verb(name: str, summary: str, subject: str | None = None, *, is_optional: bool = False) -> Parser:
        shown = "" if subject is None else f" [{subject}]" if is_optional else f" {subject}"
        verb = add_parser(name, summary, f"URL{shown}")
        verb.add_argument("url", metavar="URL", help=_URL_HELP)
        if subject is not None:
            add_subject(verb, subject, is_optional=is_optional)
        return verb

    add_ls_options(add_verb("ls", "list the keys of a level, or all keys below a prefix", "PREFIX", is_optional=True))
    add_get_options(add_verb("get", "print the value of a key", "KEY"))
    add_history_options(add_verb("history", "list the revisions of a key, newest first", "KEY"))
    add_put_options(
        add_verb("put", "write a value; an existing key is replaced only with --if-revision or --force", "KEY")
    )
    add_rm_options(add_verb("rm", "delete a key, or everything below it", "KEY"))
    add_watch_options(add_verb("watch", "print the changes of a key and of everything below it", "PREFIX"))
    add_json_option(add_verb("locks", "list locks with their holders and waiters", "PREFIX", is_optional=True))
    add_lock_options(add_verb("lock", "run a command while holding a lock", "KEY"))
    add_find_options(add_verb("find", "search in the keys and values below a prefix", "PREFIX", is_optional=True))
    add_diff_options(add_sides_verb("diff", "compare the keys and values of two stores or prefixes"))
    add_copy_options(add_sides_verb("copy", "copy what is below one prefix to another, in any two stores"))
    add_copy_options(add_sides_verb("move", "copy what is below one prefix to another, and delete it in the first"))
    add_export_options(add_verb("export", "print everything below a URL in a format that can be read again"))
    importing = add_verb("import", "write the entries of a file below a prefix", "PREFIX", is_optional=True)
    importing.usage = "keyscope import [options] URL [PREFIX] FILE"
    add_import_options(importing)
    replacing = add_verb("replace", "replace a text in all values below a prefix", "PREFIX", is_optional=True)
    replacing.usage = "keyscope replace [options] URL [PREFIX] OLD NEW"
    add_replace_options(replacing)
    add_restore_options(add_verb("restore", "bring back a key, or all below a prefix, as of a revision", "KEY"))
    add_apply_options(add_parser("apply", "apply a plan that --plan wrote", "FILE"))
    add_undo_options(add_parser("undo", "take back what copy, move or apply did", "[ID]"))
    add_log_options(add_parser("log", "print the changes that you made, the newest first", "[URL]"))
    add_check_options(add_verb("check", "check the values below a prefix by their rules", "PREFIX", is_optional=True))
    add_json_option(add_verb("doctor", "check the connection to a store and its health"))
    verbs["codecs"] = codecs = subparsers.add_parser(
        "codecs",
        help="list the presets of rules for the values of well-known systems",
        description="List the presets of rules for the values of well-known systems, and where the schemas of their "
        "messages come from; with a URL, those that are used for the store and those whose keys it has.",
        usage="keyscope codecs list [options] [URL]",
        parents=[_connection_parser()],
        allow_abbrev=False,
        prog="keyscope codecs",
    )
    codecs.add_argument("action", metavar="list", nargs="?", choices=arguments.CODECS_ACTIONS, help="list the presets")
    codecs.add_argument("url", metavar="URL", nargs="?", default="", help=_URL_HELP)
    add_json_option(codecs)
    add_schema_options(codecs)
    verbs["completion"] = completion = subparsers.add_parser(
        "completion",
        help="print the completion script of a shell",
        description="Print the script that completes verbs, options, profiles and keys in a shell.",
        usage="keyscope completion SHELL",
        epilog=_COMPLETION_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        prog="keyscope completion",
    )
    completion.add_argument("shell", metavar="SHELL", nargs="?", choices=arguments.SHELLS, help="bash, zsh or fish")
    return parser, verbs


def command_parser() -> Parser:
    """Return a parser that completes any word as a file, for the command that `lock` runs."""
    command = Parser(add_help=False)
    command.add_argument("command", nargs="*", type=Path)
    return command


def _top_parser(*, usage: str) -> Parser:
    parser = Parser(
        prog="keyscope",
        usage=usage,
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_connection_parser()],
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"keyscope {__version__}", help="show the version and exit"
    )
    return parser


def _connection_parser() -> Parser:
    """Return the parser of the options that every verb has."""
    parser = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = parser.add_argument_group("connection")
    group.add_argument("--timeout", metavar="S", type=seconds, help="seconds that one request may take (default: 5)")
    group.add_argument("--user", metavar="NAME", type=user, help="user name")
    group.add_argument(
        "--password-file", metavar="F", type=Path, help="file with the password; only you may read it (mode 600)"
    )
    group.add_argument("--cacert", metavar="F", type=Path, help="CA certificates to verify the store with (PEM)")
    group.add_argument("--cert", metavar="F", type=Path, help="client certificate (PEM)")
    group.add_argument(
        *("--key", "--client-key"),
        metavar="F",
        type=Path,
        dest="key_file",
        help="private key of the client certificate (PEM)",
    )
    group.add_argument(
        "--server-name", metavar="NAME", help="name in the store's certificate, if it is not the URL's host"
    )
    log = parser.add_argument_group("log")
    log.add_argument(
        "--log-file",
        metavar="F",
        type=Path,
        help="append log records to this file, without secrets and values (variable: KEYSCOPE_LOG)",
    )
    log.add_argument("--log-level", choices=LOG_LEVELS, help="with --log-file: the minimum level (default: info)")
    return parser
