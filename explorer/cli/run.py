"""One run of the command: find the store, do what is wanted, close it again."""

import asyncio
from dataclasses import asdict, replace
from typing import Final

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.decoder import Decoding
from explorer.cli.exit_codes import UsageError
from explorer.cli.verbs.doctor import doctor
from explorer.cli.verbs.lock import lock, locks
from explorer.cli.verbs.read import get, history, ls
from explorer.cli.verbs.rm import rm
from explorer.cli.verbs.watch import overview, watch
from explorer.cli.verbs.write import put
from explorer.config import Profile, profile, read_password
from explorer.drivers.base import Store
from explorer.drivers.registry import make
from explorer.model.address import Access

_WRITING: Final = (arguments.Put, arguments.Rm, arguments.Lock)
"""Verbs that write to the store."""
_HOMES: Final = {"cacert": "ca_file", "cert": "cert_file", "key_file": "key_file"}


def run(command: arguments.Command) -> int:
    """Do what a command wants, and give its exit code.

    Raises:
        ExplorerError: It cannot be done.
        OSError: A file cannot be read or written.
        KeyboardInterrupt: The person had enough.
    """
    console = Console(json=command.json)
    meant = resolve_profile(command.url, command.options)
    command = _with_profile(command, meant)
    if isinstance(command.wanted, arguments.Overview) and not command.json:
        from explorer.cli import app  # noqa: PLC0415 - the other verbs start without Textual and protobuf

        if app.possible():
            return app.look(
                meant, command.wanted, command.reading, name=command.url if command.url.startswith("@") else ""
            )
    if meant.read_only and isinstance(command.wanted, _WRITING):
        raise UsageError(f"{command.url} is read-only: its profile says so", hint="use its URL, or another profile")
    store = make(meant.url, meant.access)
    for warning in store.address.warnings:
        console.note(f"keyscope: {warning}")
    try:
        return asyncio.run(_run(store, meant.access, command, console))
    finally:
        console.flush()


def resolve_profile(url: str, options: arguments.Options) -> Profile:
    """Return the profile that a URL or @NAME stands for; options of the command line override it.

    Raises:
        InvalidAddress: There is no such profile or it cannot be understood.
        OSError: The password file cannot be read.
    """
    found = profile(url[1:]) if url.startswith("@") else Profile(url)
    given = {_HOMES.get(name, name): value for name, value in asdict(options).items() if value is not None}
    if options.password_file is not None:
        given["password"] = read_password(given.pop("password_file"))
    return replace(found, access=replace(found.access, **given))


def _with_profile(command: arguments.Command, meant: Profile) -> arguments.Command:
    """Fill in from a profile what was not said on the command line."""
    said, wanted = command.reading, command.wanted
    reading = arguments.Reading(
        said.protos or meant.protos, said.includes or meant.includes, said.codecs or meant.codecs
    )
    if isinstance(wanted, arguments.Overview):
        write = (wanted.write or meant.write) and not wanted.read_only
        wanted = replace(wanted, write=write, read_only=meant.read_only, theme=wanted.theme or meant.theme)
    return replace(command, reading=reading, wanted=wanted)


async def _run(store: Store, access: Access, command: arguments.Command, console: Console) -> int:
    wanted, decoding = command.wanted, Decoding(store, command.reading, console)
    if isinstance(wanted, arguments.Doctor):  # which looks at the opening itself
        return await doctor(store, access, console)
    async with store:
        match wanted:
            case arguments.Overview():
                await overview(store, console)
            case arguments.Ls():
                await ls(store, wanted, console)
            case arguments.Get():
                await get(store, wanted, decoding, console)
            case arguments.Put():
                await put(store, wanted, decoding, console)
            case arguments.Rm():
                await rm(store, wanted, console)
            case arguments.Watch():
                await watch(store, wanted, console)
            case arguments.Locks():
                await locks(store, wanted, console)
            case arguments.Lock():
                return await lock(store, wanted, console)
            case arguments.History():
                await history(store, wanted, console)
    return 0
