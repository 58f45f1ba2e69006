"""Runs of the verbs for many keys, which have a second store, a file, or the stores of a plan."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.exit_codes import ExitCode
from explorer.cli.store_opener import open_store, resolve_profile
from explorer.cli.value_diff import ValueDiff
from explorer.cli.verbs.apply import apply, undo
from explorer.cli.verbs.find import find, message_decoder
from explorer.cli.verbs.plan import copy, diff, export, import_file, replace_text, restore, restore_time
from explorer.drivers.base import Store
from explorer.model.address import at_revision
from explorer.plans.plan import PlanPart
from explorer.plans.side import PlanSide
from explorer.plans.side_opener import open_side, open_sides


async def run_sides(command: arguments.Command, console: Console) -> int:
    """Run a verb that has two sides, or whose stores are those of a plan, and return the exit code."""
    open_url = _opener(command, console)

    def open_part(part: PlanPart) -> Store:
        return open_url(f"@{part.profile}" if part.profile else part.store)

    with ValueDiff(command.codecs, console) as values:
        match command.subcommand:
            case arguments.ApplyArguments() as options:
                return await apply(options, open_part, console, values)
            case arguments.UndoArguments() as options:
                return await undo(options, open_part, console, values)
            case arguments.ExportArguments() as options:
                async with open_side(command.url, open_url) as side:
                    await export(side, options, console)
                return ExitCode.SUCCESS
            case arguments.DiffArguments() as options:
                async with open_sides(command.url, options.target, open_url) as (left, right):
                    return await diff(left, right, options, console, values)
            case arguments.CopyArguments() as options:
                async with open_sides(command.url, options.target, open_url) as (source, target):
                    return await copy(source, target, options, console, values)
            case _:
                raise TypeError(command.subcommand)


async def run_on_store(store: Store, command: arguments.Command, console: Console) -> int:
    """Run a verb on an open store, and return the exit code."""
    side = PlanSide(store, profile=command.url[1:] if command.url.startswith("@") else None)
    with ValueDiff(command.codecs, console) as values:
        match command.subcommand:
            case arguments.FindArguments() as options:
                return await find(store, options, console, message_decoder(store, command.codecs))
            case arguments.ReplaceArguments() as options:
                return await replace_text(side, options, console, values)
            case arguments.RestoreArguments(to=datetime() as when) as options:
                return await restore_time(side, when, options, console, values)
            case arguments.RestoreArguments(to=int() as revision) as options:
                async with _opener(command, console)(_earlier(command.url, revision)) as earlier:
                    return await restore(earlier, side, options, console, values)
            case arguments.ImportArguments() as options:
                return await import_file(side, options, console, values)
            case _:
                return await run_sides(command, console)


def _earlier(url: str, revision: int) -> str:
    """Return the side of a URL, which may end with its hosts, or of a profile, at a revision."""
    return f"{url}@{revision}" if url.startswith("@") else at_revision(url, revision)


def _opener(command: arguments.Command, console: Console) -> Callable[[str], Store]:
    """Return a function that returns the store of a side, not yet connected; the options of the connection hold, too.

    A warning about a URL is printed once.
    """
    warned: set[str] = set()

    def open_url(url: str) -> Store:
        profile = resolve_profile(url, command.connection)
        return open_store(replace(command, url=url), profile, console, warned)

    return open_url
