"""States of an edit, from the first keystroke to the outcome of its save."""

from dataclasses import dataclass
from typing import TypeAlias

from explorer.codecs.base import EncodeResult, MergeResult
from explorer.codecs.constraints.constraint import Violation
from explorer.codecs.three_way import ThreeWayRow
from explorer.model.entries import Entry
from explorer.model.errors import ExplorerError, InvalidText
from explorer.model.line_diff import DiffLine


@dataclass(frozen=True, slots=True)
class Drafting:
    """The text is being typed."""

    error: InvalidText | None = None
    """Why the text cannot be encoded."""
    changed: bool = False
    """True if saving would write anything."""
    notes: tuple[str, ...] = ()
    """Changes that saving makes besides what was typed."""
    violations: tuple[Violation, ...] = ()
    """Constraints that the value breaks."""
    checked: bool = False
    """True if the other fields are about the current text; validation follows a moment after typing."""


@dataclass(frozen=True, slots=True)
class Reviewing:
    """The change is shown for review; `Edit.save` saves it."""

    encoded: EncodeResult
    """The reviewed value: these bytes are saved."""
    diff: tuple[DiffLine, ...]
    """Lines of a unified diff of the two texts."""
    notes: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
    """Constraints that the reviewed value breaks: each must be overridden by its name before it is saved."""

    def blocking(self, overridden: frozenset[str]) -> tuple[str, ...]:
        """Return the names of the broken constraints that are not overridden."""
        return tuple(dict.fromkeys(one.constraint for one in self.violations if one.constraint not in overridden))


@dataclass(frozen=True, slots=True)
class Saving:
    """The save was sent."""


@dataclass(frozen=True, slots=True)
class Saved:
    """The value is stored."""

    entry: Entry
    written: bool = True
    """False if there was nothing to write."""


@dataclass(frozen=True, slots=True)
class Conflicted:
    """The key was changed by another client, and nothing was written."""

    base: Entry | None
    """Entry that the edit began with; None for a new key."""
    mine: str
    """Text of the edit."""
    value: bytes
    """The edit's text, encoded: these bytes are saved by `Edit.keep_mine`."""
    theirs: Entry | None
    """Entry that is stored now; None if the key is gone."""
    merge: MergeResult | None
    """Merge of both changes, where there is one."""
    reason: str = ""
    """Why there is no merge."""
    rows: tuple[ThreeWayRow, ...] = ()
    """Base, theirs and mine side by side."""


@dataclass(frozen=True, slots=True)
class Expired:
    """The key had a TTL and is gone: a TTL must be chosen before mine is saved."""

    conflict: Conflicted
    ttl: float
    """Seconds that were left when the edit began."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The save was sent and its answer was lost. It becomes `Saved` or `Conflicted`, or stays with a reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The save failed and nothing was stored."""

    error: ExplorerError
    is_over: bool = False
    """True if the store answers again."""


State: TypeAlias = Drafting | Reviewing | Saving | Saved | Conflicted | Expired | Unknown | Refused
