"""The store of a command: the profile of its URL, its options over it, and the store that they open."""

from dataclasses import asdict, replace
from typing import Final

from explorer.cli import arguments
from explorer.cli.argument_types import require_no_path, require_reason
from explorer.cli.console import Console
from explorer.cli.exit_codes import UsageError
from explorer.config import Profile, read_password, read_profile
from explorer.drivers.base import Store
from explorer.journal import Journal
from explorer.model.address import at_revision, split_revision
from explorer.opener import open_profile

_WRITING_VERBS: Final = (arguments.PutArguments, arguments.RmArguments, arguments.LockArguments)
_ACCESS_FIELDS: Final = {"cacert": "ca_file", "cert": "cert_file"}
"""Connection options whose field of Access has another name."""


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
    store = open_profile(profile, journal=Journal.default(lambda text: console.print_note(f"keyscope: {text}")))
    printed = set() if warned is None else warned
    for warning in store.address.warnings:
        if warning not in printed:
            console.print_note(f"keyscope: {warning}")
        printed.add(warning)
    return store
