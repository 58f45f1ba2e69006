"""How an edit stands, from the first keystroke to what became of its save."""

from dataclasses import dataclass
from typing import TypeAlias

from explorer.codecs.base import MergeResult
from explorer.codecs.three_way import ThreeWayRow
from explorer.model.entries import Entry
from explorer.model.errors import ExplorerError, InvalidText
from explorer.model.line_diff import DiffLine


@dataclass(frozen=True, slots=True)
class Drafting:
    """It is being typed."""

    error: InvalidText | None = None
    """Why the text, as it is, makes no value."""
    changed: bool = False
    """Whether saving it would write anything."""
    notes: tuple[str, ...] = ()
    """What saving would change beyond what was typed."""
    checked: bool = False
    """Whether the rest of this was found out for the text as it is; while it is typed, that comes a moment later."""


@dataclass(frozen=True, slots=True)
class Reviewing:
    """What saving would change is shown; saving again does it."""

    diff: tuple[DiffLine, ...]
    """The lines of a unified diff of the two texts."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Saving:
    """It was sent, and the answer is waited for."""


@dataclass(frozen=True, slots=True)
class Saved:
    """It is stored."""

    entry: Entry
    written: bool = True
    """False when there was nothing to write."""


@dataclass(frozen=True, slots=True)
class Conflicted:
    """Somebody else was first, and nothing was written."""

    base: Entry | None
    """What the edit began with; None for a key that was to be created."""
    mine: str
    """The text of the edit."""
    theirs: Entry | None
    """What is stored now; None when the key is gone."""
    merge: MergeResult | None
    """Both changes together, where they can be."""
    reason: str = ""
    """Why they cannot be."""
    rows: tuple[ThreeWayRow, ...] = ()
    """The three texts side by side."""


@dataclass(frozen=True, slots=True)
class Expired:
    """The key had a TTL and is gone: before mine is saved, it has to be chosen whether it gets a TTL again."""

    conflict: Conflicted
    ttl: float
    """Seconds that were left when the edit began."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It was sent and the answer was lost. It becomes `Saved` or `Conflicted`, or stays and says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It was not stored."""

    error: ExplorerError
    is_over: bool = False
    """Whether the reason is over: the store answers again."""


State: TypeAlias = Drafting | Reviewing | Saving | Saved | Conflicted | Expired | Unknown | Refused
