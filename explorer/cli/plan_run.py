"""Runs of the verbs for many keys, which have a second store, a file, or the stores of a plan."""

from dataclasses import replace

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.exit_codes import ExitCode
from explorer.cli.run import open_store, resolve_profile
from explorer.cli.value_diff import ValueDiff
from explorer.cli.verbs.find import find, message_decoder
from explorer.cli.verbs.plan import apply, copy, diff, export, import_file, replace_text, restore, undo
from explorer.drivers.base import Store
from explorer.plans.plan import PlanPart
from explorer.plans.side import PlanSide


async def run_applied(command: arguments.Command, console: Console) -> int:
    """Run a verb whose stores are those of a plan, and return the exit code."""

    def open_part(part: PlanPart) -> Store:
        return _open(command, f"@{part.profile}" if part.profile else part.store, console)

    with ValueDiff(command.codecs, console) as values:
        match command.subcommand:
            case arguments.ApplyArguments() as options:
                return await apply(options, open_part, console, values)
            case arguments.UndoArguments() as options:
                return await undo(options, open_part, console, values)
            case _:
                raise TypeError(command.subcommand)


async def run_on_store(store: Store, command: arguments.Command, console: Console) -> int:
    """Run a verb on an open store, and on a second one if it has two sides, and return the exit code."""
    side = _side(store, command.url)
    with ValueDiff(command.codecs, console) as values:
        match command.subcommand:
            case arguments.FindArguments() as options:
                return await find(store, options, console, message_decoder(store, command.codecs))
            case arguments.ReplaceArguments() as options:
                return await replace_text(side, options, console, values)
            case arguments.RestoreArguments() as options:
                async with _open(command, f"{command.url}@{options.to}", console) as earlier:
                    return await restore(earlier, side, options, console, values)
            case arguments.ExportArguments() as options:
                await export(store, options, console)
                return ExitCode.SUCCESS
            case arguments.ImportArguments() as options:
                return await import_file(side, options, console, values)
            case arguments.DiffArguments() as options:
                async with _open(command, options.target, console) as other:
                    return await diff(side, _side(other, options.target), options, console, values)
            case arguments.CopyArguments() as options:
                async with _open(command, options.target, console) as other:
                    return await copy(side, _side(other, options.target), options, console, values)
            case _:
                raise TypeError(command.subcommand)


def _open(command: arguments.Command, url: str, console: Console) -> Store:
    """Return the store of a side, not yet connected; the options of the connection hold for it, too."""
    return open_store(replace(command, url=url), resolve_profile(url, command.connection), console)


def _side(store: Store, url: str) -> PlanSide:
    return PlanSide(store, profile=url[1:] if url.startswith("@") else None)
