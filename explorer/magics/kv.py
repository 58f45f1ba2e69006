"""The magic `%kv`: the command's verbs, with its own parser and safety, in a cell."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Final

from IPython.core.magic import no_var_expand
from IPython.utils.text import DollarFormatter

from explorer.cli import logged
from explorer.cli.arguments import CodecsArguments, Command, LsArguments, PutArguments, WatchArguments
from explorer.cli.command_line import parse
from explorer.cli.dash_values import first_argument
from explorer.cli.exit_codes import ExitCode, UsageError, error_line, exit_code, first_error
from explorer.cli.parser import verb_parser
from explorer.cli.run import run_verb
from explorer.cli.store_opener import open_store, resolve_profile, with_profile
from explorer.drivers.registry import DRIVERS, installed_schemes
from explorer.magics.cell_console import CellConsole
from explorer.model.errors import ExplorerError
from explorer.opener import open_profile

CELL_VERBS: Final = ("ls", "get", "put", "rm", "watch", "locks", "history", "doctor", "codecs")
"""Verbs of the command that a cell has."""
_VERBS_WITH_ACTION: Final = ("codecs",)
"""Verbs with a further word before the store."""
USE: Final = "use"
"""Verb of its own, which remembers a store."""
_SCHEMA_OPTIONS: Final = ("--proto", "-I", "--codecs")
"""Options of the verbs that read or write messages; the others refuse them."""
_HELP: Final = f"""\
%kv {USE} [options] URL    remember a store for the lines below; URL, @NAME, $variable or {{expression}}
%kv VERB [options] [URL]   {", ".join(CELL_VERBS)}; %kv VERB --help
%%kv put [options] KEY     store the lines below as the value"""


class CommandFailed(ExplorerError):  # noqa: N818 - as all errors of the tree
    """A verb failed in a cell; the cell shows the one line that the command prints.

    Args:
        line: The line.
        code: Exit code of the command.
    """

    def __init__(self, line: str, code: int) -> None:
        super().__init__(f"{line} (exit code {code})")
        self.exit_code = code

    def _render_traceback_(self) -> list[str]:
        """Return the traceback that IPython shows."""
        return [self.message]


class KvMagic:
    """State of `%kv` in one shell.

    Args:
        names: Variables of the shell, for `use`.
    """

    def __init__(self, names: Mapping[str, object] = MappingProxyType({})) -> None:
        self._names = names
        self._store_words: tuple[str, ...] = ()
        """URL and connection options that `use` was given."""
        self._schema_words: tuple[str, ...] = ()
        """Options about schemas that `use` was given."""

    def function(self) -> Callable[..., None]:
        """Return the function to register."""

        @no_var_expand  # keys and values may have $ and braces
        def kv(line: str, cell: str | None = None) -> None:
            self.run(line, cell)

        kv.__doc__ = f"Run a verb of the command `keyscope`.\n\n{_HELP}\n"
        return kv

    def run(self, line: str, cell: str | None = None) -> None:
        """Run a line, with the text of its cell as standard input.

        Raises:
            CommandFailed: The verb failed.
            KeyboardInterrupt: A verb other than `watch` was interrupted.
        """
        try:
            words = _split(line)
            if words[:1] == [USE]:  # not for other verbs: keys and values may have $ and braces
                words = _split(_expand(line, self._names))
            code = self._run(words, cell)
        except Exception as error:
            cause = first_error(error)
            if not isinstance(cause, ExplorerError | OSError):
                raise
            raise CommandFailed(error_line(cause), exit_code(cause)) from error
        if code:
            raise CommandFailed("keyscope: the store is not healthy", code)

    def with_store(self, words: Sequence[str]) -> Sequence[str]:
        """Return the words of a verb with the remembered store, unless they name another one."""
        count = 2 if words[0] in _VERBS_WITH_ACTION else 1
        verb, rest = words[:count], words[count:]
        options = verb_parser()[1][words[0]].options
        first = first_argument(rest, options)
        if first is not None and _is_store(first):
            return words
        schema_words = self._schema_words if "--codecs" in options else ()
        return (*verb, *schema_words, *self._store_words, *rest)

    def _run(self, words: Sequence[str], cell: str | None) -> int:
        match words:
            case [] | ["--help" | "-h"]:
                print(_HELP)  # noqa: T201 - the output of the cell
                return ExitCode.SUCCESS
            case [verb, *rest] if verb == USE:
                self._use(rest)
                return ExitCode.SUCCESS
            case [verb, *_] if verb in CELL_VERBS:
                try:
                    command = parse(self.with_store(words))
                except SystemExit:  # help was printed
                    return ExitCode.SUCCESS
                return _run_command(command, cell)
            case _:
                hint = (
                    "in Python: with store.lock(KEY)"
                    if words[0] == "lock"
                    else f"one of {USE}, {', '.join(CELL_VERBS)}"
                )
                raise UsageError(f"a cell has no verb {words[0]!r}", hint=hint)

    def _use(self, words: Sequence[str]) -> None:
        """Remember a store, and print its address."""
        if words:
            command = parse(("get", *words, "key"))  # a verb with all options that hold for a store
            if command.subcommand != parse(("get", command.url, "key")).subcommand:
                raise UsageError("too many arguments", hint=f"%kv {USE} [options] URL")
            address = open_profile(resolve_profile(command.url, command.connection)).address.redacted
            self._schema_words, self._store_words = _split_schema_words(words)
            print(f"using {address}")  # noqa: T201 - the output of the cell
        elif self._store_words:
            command = parse(("ls", *self._store_words))
            print(f"using {open_profile(resolve_profile(command.url, command.connection)).address.redacted}")  # noqa: T201 - as above
        else:
            print("using no store")  # noqa: T201 - as above


def _run_command(command: Command, cell: str | None) -> int:
    match command.subcommand:
        case PutArguments(value=None, file=None):
            pass
        case _ if cell is not None:
            raise UsageError("the lines of the cell are not used", hint="%%kv put [options] KEY stores them")
    console = CellConsole(json=command.json, text=cell)
    if isinstance(command.subcommand, CodecsArguments) and not command.url:
        return console.show(_list_presets(console))
    profile = resolve_profile(command.url, command.connection)
    command = with_profile(command, profile)
    store = open_store(command, profile, console)
    progress = "listing" if isinstance(command.subcommand, LsArguments) else None
    try:
        with logged(command):
            return console.show(run_verb(store, profile.access, command, console), progress=progress)
    except KeyboardInterrupt:
        if isinstance(command.subcommand, WatchArguments):  # this is how a watch ends
            return ExitCode.SUCCESS
        raise


async def _list_presets(console: CellConsole) -> int:
    from explorer.cli.verbs.codecs import list_presets  # noqa: PLC0415 - the other verbs start without it

    list_presets(console)
    return ExitCode.SUCCESS


def _expand(line: str, names: Mapping[str, object]) -> str:
    """Return a line with the values of `$variable` and `{expression}`, as IPython's own magics have it."""
    try:
        return DollarFormatter().vformat(line, (), names)
    except Exception as error:  # whatever the expression raises
        raise UsageError(f"{type(error).__name__}: {error}", hint="$variable and {expression} are Python's") from error


def _split_schema_words(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the options about schemas, and the other words."""
    options = verb_parser()[1]["get"].options
    schema: list[str] = []
    other: list[str] = []
    rest = iter(words)
    for word in rest:
        action = options.get(word)
        found = schema if word.startswith(_SCHEMA_OPTIONS) else other
        found.append(word)
        if action is not None and action.nargs != 0:
            found.extend(islice(rest, 1))
    return tuple(schema), tuple(other)


def _split(line: str) -> Sequence[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{str(error).lower()} in the line", hint="quote words as in a shell") from error


def _is_store(word: str) -> bool:
    scheme, colon, _ = word.partition(":")
    scheme = scheme.partition("+")[0]
    return word.startswith("@") or (bool(colon) and (scheme in DRIVERS or scheme in installed_schemes()))
