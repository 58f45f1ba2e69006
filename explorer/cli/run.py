"""One run of the command: open the store, run the verb, close the store."""

import asyncio
from dataclasses import asdict, replace
from typing import Final

from explorer.cli import arguments
from explorer.cli.argument_types import require_no_path, require_reason
from explorer.cli.console import Console
from explorer.cli.decoder import ValueDecoder
from explorer.cli.exit_codes import ExitCode, UsageError
from explorer.cli.verbs.doctor import doctor
from explorer.cli.verbs.lock import lock, locks
from explorer.cli.verbs.log import log
from explorer.cli.verbs.read import get, history, ls
from explorer.cli.verbs.rm import rm
from explorer.cli.verbs.watch import overview, watch
from explorer.cli.verbs.write import put
from explorer.config import Profile, folder, read_password, read_profile
from explorer.drivers.base import Store
from explorer.journal import Journal
from explorer.model.address import Access, at_revision, split_revision
from explorer.model.errors import SchemaFailed
from explorer.model.write_reason import write_reason
from explorer.opener import open_profile
from explorer.plans.journal_scope import JournalScope

_WRITING_VERBS: Final = (arguments.PutArguments, arguments.RmArguments, arguments.LockArguments)
_SIDE_VERBS: Final = (
    arguments.ApplyArguments,
    arguments.CopyArguments,
    arguments.DiffArguments,
    arguments.ExportArguments,
    arguments.UndoArguments,
)
"""Verbs whose stores are those of a plan, or of sides, which may be files."""
_ACCESS_FIELDS: Final = {"cacert": "ca_file", "cert": "cert_file"}
"""Connection options whose field of Access has another name."""


def run(command: arguments.Command) -> int:
    """Run a command and return its exit code.

    Raises:
        ExplorerError: The command failed.
        OSError: A file cannot be read or written.
        KeyboardInterrupt: Interrupted by ctrl-C.
    """
    console = Console(json=command.json)
    if isinstance(command.subcommand, _SIDE_VERBS):
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


def open_store(command: arguments.Command, profile: Profile, console: Console, warned: set[str] | None = None) -> Store:
    """Return the store of a command, not yet connected; warnings about its URL are printed.

    Args:
        command: The command.
        profile: The profile of its URL.
        console: Where warnings are printed.
        warned: Warnings that were printed before, and are not again; those printed now are added.

    Raises:
        UsageError: The command writes, and the profile is read-only.
        InvalidAddress: The URL is invalid.
        BackendNotSupported: There is no driver for it.
    """
    if profile.read_only and isinstance(command.subcommand, _WRITING_VERBS):
        raise UsageError(f"{command.url} is read-only: its profile says so", hint="use its URL, or another profile")
    if isinstance(command.subcommand, arguments.PutArguments | arguments.RmArguments):
        require_reason(profile, command.reason)
    store = open_profile(profile, journal=Journal.default())
    printed = set() if warned is None else warned
    for warning in store.address.warnings:
        if warning not in printed:
            console.print_note(f"keyscope: {warning}")
        printed.add(warning)
    return store


def resolve_profile(url: str, connection: arguments.ConnectionOptions) -> Profile:
    """Return the profile of a URL, @NAME, or either with @REVISION; connection options override it.

    Raises:
        InvalidAddress: The profile is missing or invalid.
        OSError: The password file cannot be read.
    """
    url, revision = split_revision(url)
    require_no_path(url)
    profile = read_profile(url[1:]) if url.startswith("@") else Profile(url)
    if revision is not None:
        profile = replace(profile, url=at_revision(profile.url, revision))
    overrides = {
        _ACCESS_FIELDS.get(name, name): value for name, value in asdict(connection).items() if value is not None
    }
    if connection.password_file is not None:
        overrides["password"] = read_password(overrides.pop("password_file"))
    return replace(profile, access=replace(profile.access, **overrides))


def with_profile(command: arguments.Command, profile: Profile) -> arguments.Command:
    """Return the command with what the profile adds to the command line."""
    codecs, subcommand = command.codecs.or_of(profile), command.subcommand
    if isinstance(subcommand, arguments.OverviewArguments):
        write = (subcommand.write or profile.write) and not subcommand.read_only
        theme = subcommand.theme or profile.theme
        subcommand = replace(subcommand, write=write, read_only=profile.read_only, theme=theme)
    return replace(command, codecs=codecs, subcommand=subcommand)


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
