"""The parsed command line as values: subcommand, store, connection, codecs and log."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from explorer.codecs.options import CodecOptions
from explorer.model.entries import Revision

SHELLS: Final = ("bash", "zsh", "fish")
"""Shells that have a completion script."""
CODECS_ACTIONS: Final = ("list",)


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """Options of the connection; None leaves a value to the profile or to the variables of the store's own tools."""

    user: str | None = None
    password_file: Path | None = None
    cacert: Path | None = None
    cert: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class LogOptions:
    """File and least level of the log."""

    file: Path
    level: str = "info"


@dataclass(frozen=True, slots=True)
class OverviewArguments:
    """No verb: open the app; without a terminal, print the top level of the store and then its events."""

    write: bool = False
    read_only: bool = False
    theme: str | None = None


@dataclass(frozen=True, slots=True)
class LsArguments:
    """List the children of a prefix, or everything below it."""

    prefix: str
    recursive: bool
    values: bool
    limit: int | None
    escaped: bool = False
    """True if keys are printed with escapes, as `--escaped` reads them."""


@dataclass(frozen=True, slots=True)
class GetArguments:
    """Print one entry."""

    key: str
    form: str
    stale: bool
    type: str | None = None


@dataclass(frozen=True, slots=True)
class PutArguments:
    """Write one entry; guarded unless `force`."""

    key: str
    value: bytes | None
    file: Path | None
    if_revision: Revision | None
    force: bool
    ttl: float | None
    type: str | None = None
    form: str | None = None
    overrides: tuple[str, ...] = ()
    """Names of the constraints that the value may break."""


@dataclass(frozen=True, slots=True)
class RmArguments:
    """Delete one entry, or everything below a prefix."""

    key: str
    recursive: bool
    if_revision: Revision | None
    yes: bool


@dataclass(frozen=True, slots=True)
class WatchArguments:
    """Print the changes of a key and of everything below it."""

    prefix: str
    since: Revision | None
    count: int | None
    duration: float | None
    escaped: bool = False


@dataclass(frozen=True, slots=True)
class LocksArguments:
    """List locks with their holders and waiters."""

    prefix: str
    escaped: bool = False


@dataclass(frozen=True, slots=True)
class LockArguments:
    """Run a command while holding a lock."""

    key: str
    ttl: float | None
    wait: float | None
    layout: str | None
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HistoryArguments:
    """List the revisions of a key, newest first."""

    key: str
    limit: int | None


@dataclass(frozen=True, slots=True)
class FindArguments:
    """Search in keys and values below a prefix."""

    prefix: str
    key: str | None
    value: str | None
    regex: bool
    ignore_case: bool
    limit: int | None
    escaped: bool = False


@dataclass(frozen=True, slots=True)
class ReplaceArguments:
    """Replace a text in all values below a prefix."""

    prefix: str
    old: str
    new: str
    regex: bool
    field: str | None
    plan: Path | None
    dry_run: bool
    yes: bool
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DiffArguments:
    """Compare what is below two URLs."""

    target: str
    keys_only: bool
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CopyArguments:
    """Copy what is below one URL to another."""

    target: str
    overwrite: bool
    plan: Path | None
    dry_run: bool
    yes: bool
    overrides: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MoveArguments(CopyArguments):
    """Copy what is below one URL to another, and delete it in the first."""


@dataclass(frozen=True, slots=True)
class ExportArguments:
    """Print everything below a URL in a format that can be read again."""

    form: str


@dataclass(frozen=True, slots=True)
class ImportArguments:
    """Write the entries of a file below a prefix."""

    prefix: str
    file: Path
    form: str | None
    overwrite: bool
    prune: bool
    plan: Path | None
    dry_run: bool
    yes: bool
    overrides: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RestoreArguments:
    """Restore a key, or everything below a prefix, as of an earlier revision."""

    key: str
    to: int | datetime
    plan: Path | None
    dry_run: bool
    yes: bool
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplyArguments:
    """Apply the plan of a file."""

    plan: Path
    resume: bool
    dry_run: bool
    yes: bool
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JournalArguments:
    """Print this person's changes."""

    limit: int | None


@dataclass(frozen=True, slots=True)
class UndoArguments:
    """Take back what an applied plan did."""

    id: str | None
    dry_run: bool
    yes: bool


@dataclass(frozen=True, slots=True)
class CheckArguments:
    """Check the values below a prefix by their constraints."""

    prefix: str
    escaped: bool = False


@dataclass(frozen=True, slots=True)
class DoctorArguments:
    """Check the connection to a store and its health."""


@dataclass(frozen=True, slots=True)
class CodecsArguments:
    """List the presets of rules; with a store, those that fit it."""

    action: str


@dataclass(frozen=True, slots=True)
class CompletionArguments:
    """Print the completion script of a shell."""

    shell: str


PlanArguments: TypeAlias = CopyArguments | ImportArguments | ReplaceArguments | RestoreArguments
"""Verbs that make a plan."""
Subcommand: TypeAlias = (
    OverviewArguments
    | LsArguments
    | GetArguments
    | PutArguments
    | RmArguments
    | WatchArguments
    | LocksArguments
    | LockArguments
    | HistoryArguments
    | FindArguments
    | ReplaceArguments
    | DiffArguments
    | CopyArguments
    | MoveArguments
    | ExportArguments
    | ImportArguments
    | RestoreArguments
    | ApplyArguments
    | UndoArguments
    | JournalArguments
    | CheckArguments
    | DoctorArguments
    | CodecsArguments
    | CompletionArguments
)


@dataclass(frozen=True, slots=True)
class Command:
    """One parsed command line."""

    url: str
    subcommand: Subcommand
    connection: ConnectionOptions
    json: bool
    codecs: CodecOptions = field(default_factory=CodecOptions)
    log: LogOptions | None = None
    reason: str = ""
    """Reason of what is written, for the journal."""
