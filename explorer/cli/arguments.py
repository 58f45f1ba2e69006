"""What one run of the command is to do, as values: what is wanted, of which store, and how to be let in."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from explorer.model.entries import Revision

SHELLS: Final = ("bash", "zsh", "fish")
"""The shells that there is a completion script for."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was said about the connection; None leaves it to the profile or to the store's own variables."""

    user: str | None = None
    password_file: Path | None = None
    cacert: Path | None = None
    cert: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """Where the log is written, and from which level on."""

    file: Path
    level: str = "info"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was said about how values are read; what is left open comes from the settings and the store itself."""

    protos: tuple[Path, ...] = ()
    includes: tuple[Path, ...] = ()
    codecs: Path | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """No verb: the terminal app; where there is no terminal, the top of the store and then what happens in it."""

    write: bool = False
    read_only: bool = False
    theme: str | None = None


@dataclass(frozen=True, slots=True)
class Ls:
    """List the children of a prefix, or everything below it."""

    prefix: str
    recursive: bool
    values: bool
    limit: int | None
    escaped: bool = False
    """Whether keys are printed with escapes, as `--escaped` reads them."""


@dataclass(frozen=True, slots=True)
class Get:
    """Read one entry."""

    key: str
    form: str
    stale: bool
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """Write one entry; guarded unless `force`."""

    key: str
    value: bytes | None
    file: Path | None
    if_revision: Revision | None
    force: bool
    ttl: float | None
    type: str | None = None
    form: str | None = None


@dataclass(frozen=True, slots=True)
class Rm:
    """Delete one entry, or everything below a prefix."""

    key: str
    recursive: bool
    if_revision: Revision | None
    yes: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """Tell changes of a key and of everything below it."""

    prefix: str
    since: Revision | None
    count: int | None
    duration: float | None
    escaped: bool = False


@dataclass(frozen=True, slots=True)
class Locks:
    """Tell who holds and who waits for which lock."""

    prefix: str
    escaped: bool = False


@dataclass(frozen=True, slots=True)
class Lock:
    """Run a command while holding a lock."""

    key: str
    ttl: float | None
    wait: float | None
    layout: str | None
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class History:
    """Tell the entries that a key has had, newest first."""

    key: str
    limit: int | None


@dataclass(frozen=True, slots=True)
class Doctor:
    """Find out whether and how well the store can be used."""


@dataclass(frozen=True, slots=True)
class Completion:
    """Print the completion script of a shell."""

    shell: str


Wanted: TypeAlias = Overview | Ls | Get | Put | Rm | Watch | Locks | Lock | History | Doctor | Completion


@dataclass(frozen=True, slots=True)
class Command:
    """One run of the command."""

    url: str
    wanted: Wanted
    options: Options
    json: bool
    reading: Reading = field(default_factory=Reading)
    log: Log | None = None
