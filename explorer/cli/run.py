"""One run of the command: open the store, run the verb, close the store."""

import asyncio
import gc
from typing import Final

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.decoder import ValueDecoder
from explorer.cli.exit_codes import ExitCode
from explorer.cli.store_opener import open_store, resolve_profile, with_profile
from explorer.cli.verbs.doctor import doctor
from explorer.cli.verbs.lock import lock, locks
from explorer.cli.verbs.log import log
from explorer.cli.verbs.read import get, history, ls
from explorer.cli.verbs.rm import rm
from explorer.cli.verbs.watch import overview, watch
from explorer.cli.verbs.write import put
from explorer.config import folder
from explorer.drivers.base import Store
from explorer.journal import Journal
from explorer.model.address import Access
from explorer.model.errors import SchemaFailed
from explorer.model.write_reason import write_reason
from explorer.plans.journal_scope import JournalScope

_SIDE_VERBS: Final = (
    arguments.ApplyArguments,
    arguments.CopyArguments,
    arguments.DiffArguments,
    arguments.ExportArguments,
    arguments.UndoArguments,
)
"""Verbs whose stores are those of a plan, or of sides, which may be files."""
_COLLECTION_THRESHOLD: Final = 20_000
"""New objects between two collections of garbage. Entries come by the million and have no cycles; with Python's own 700
the collections take a sixth of the time of a search."""


def run(command: arguments.Command) -> int:
    """Run a command and return its exit code.

    Raises:
        ExplorerError: The command failed.
        OSError: A file cannot be read or written.
        KeyboardInterrupt: Interrupted by ctrl-C.
    """
    console = Console(json=command.json)
    if isinstance(command.subcommand, _SIDE_VERBS):
        gc.set_threshold(_COLLECTION_THRESHOLD)
        try:
            from explorer.cli import plan_run  # noqa: PLC0415 - the other verbs start without plans and yaml

            with write_reason(command.reason):
                return asyncio.run(plan_run.run_sides(command, console))
        finally:
            console.flush()
    if isinstance(command.subcommand, arguments.CodecsArguments) and not command.url:
        from explorer.cli.verbs.codecs import list_presets  # noqa: PLC0415 - the other verbs start without it

        list_presets(console)
        console.flush()
        return ExitCode.SUCCESS
    if isinstance(command.subcommand, arguments.JournalArguments):
        store = open_store(command, resolve_profile(command.url, command.connection), console) if command.url else None
        scope = None if store is None else JournalScope.of_store(store)  # nothing is connected
        log(Journal.default(), scope, command.subcommand, console)
        console.flush()
        return ExitCode.SUCCESS
    profile = resolve_profile(command.url, command.connection)
    command = with_profile(command, profile)
    if isinstance(command.subcommand, arguments.OverviewArguments) and not command.json:
        from explorer.cli import app  # noqa: PLC0415 - the verbs start without Textual and protobuf

        if app.has_terminal():
            name = command.url if command.url.startswith("@") else ""
            return app.run_app(profile, command.subcommand, command.codecs, profile_name=name)
    gc.set_threshold(_COLLECTION_THRESHOLD)
    store = open_store(command, profile, console)
    try:
        with write_reason(command.reason):
            return asyncio.run(run_verb(store, profile.access, command, console))
    except SchemaFailed as error:
        if (setting := command.codecs.failed_setting(profile, error)) is not None:
            error.hint = f"see {setting} of {command.url} in {folder('config') / 'config.toml'}"
        raise
    finally:
        console.flush()


async def run_verb(store: Store, access: Access, command: arguments.Command, console: Console) -> int:
    """Connect to the store, run the verb of a command, close the store, and return the exit code.

    Raises:
        ExplorerError: The command failed.
        OSError: A file cannot be read or written.
    """
    subcommand, decoder = command.subcommand, ValueDecoder(store, command.codecs, console)
    if isinstance(subcommand, arguments.DoctorArguments):  # it connects, and reports failures, by itself
        return await doctor(store, access, command.codecs, console)
    async with store:
        match subcommand:
            case arguments.OverviewArguments():
                await overview(store, console)
            case arguments.LsArguments():
                await ls(store, subcommand, console)
            case arguments.GetArguments():
                await get(store, subcommand, decoder, console)
            case arguments.PutArguments():
                await put(store, subcommand, decoder, console)
            case arguments.RmArguments():
                await rm(store, subcommand, console)
            case arguments.WatchArguments():
                await watch(store, subcommand, console)
            case arguments.LocksArguments():
                await locks(store, subcommand, console)
            case arguments.LockArguments():
                return await lock(store, subcommand, console)
            case arguments.CodecsArguments():
                from explorer.cli.verbs.codecs import list_store_presets  # noqa: PLC0415 - as above

                await list_store_presets(store, command.codecs, console)
            case arguments.CheckArguments():
                from explorer.cli.verbs.check import check  # noqa: PLC0415 - as above

                return await check(store, subcommand, command.codecs, console)
            case arguments.HistoryArguments():
                await history(store, subcommand, console)
            case _:
                from explorer.cli import plan_run  # noqa: PLC0415 - the other verbs start without plans and yaml

                return await plan_run.run_on_store(store, command, console)
    return ExitCode.SUCCESS
