"""What views are told: which parts changed, how a pane stands, and how sure it is that the store is as it is shown."""

from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import Generic, TypeAlias, TypeVar

from explorer.model.entries import Revision
from explorer.model.errors import ExplorerError

Value_co = TypeVar("Value_co", covariant=True)


class Part(Flag):
    """A part of a session that a view may have to draw again."""

    TREE = auto()
    DETAIL = auto()
    CHANGES = auto()
    LOCKS = auto()
    LIVENESS = auto()
    """Liveness, revision, rate, writability and whatever else the status line tells."""
    EDIT = auto()


@dataclass(frozen=True, slots=True)
class Loading:
    """The store has been asked."""

    since: float
    """The moment of asking, in seconds of the session's clock."""


@dataclass(frozen=True, slots=True)
class Ready(Generic[Value_co]):
    """There is something to show."""

    value: Value_co


@dataclass(frozen=True, slots=True)
class Empty:
    """There is nothing to show, and that is no fault."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed(Generic[Value_co]):
    """The store was asked and there is no answer to show."""

    error: ExplorerError
    stale: Value_co | None = None
    """What was shown before, to be shown dimmed."""


LoadState: TypeAlias = Loading | Ready[Value_co] | Empty | Failed[Value_co]
"""How a pane stands; a view draws each of the four."""


class LivenessStatus(Enum):
    """How sure it is that the store looks now as it is shown."""

    LIVE = "LIVE"
    """Every change is heard, and the store's authority answered within the last seconds."""
    CATCHING_UP = "CATCHING UP"
    """The store is heard, but not everything shown has been read (again) yet."""
    STALE = "STALE"
    """What is shown was true; the store has not proved since that it still is."""
    DISCONNECTED = "DISCONNECTED"
    """There is no connection."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """How a session stands with its store at one moment."""

    status: LivenessStatus
    reason: str
    """Why, in a few words; for LIVE what proves it."""
    proved_at: float | None = None
    """Until when what is shown is known to be true: the moment of asking for the last proof, or before it that of the
    watch's loss or of the freezing; in seconds of the session's clock."""
    next_try: float | None = None
    """When it will be tried again by itself; None while a try is under way, or when only `retry` helps."""
    error: ExplorerError | None = None
    """What it failed with, where it did; its hint tells what helps."""
    refusal: ExplorerError | None = None
    """The store is alive and refused something it was asked for."""

    def age(self, now: float) -> float | None:
        """Give the seconds since what is shown was known to be true, None if it never was."""
        return None if self.proved_at is None else max(0.0, now - self.proved_at)

    def retry_in(self, now: float) -> float | None:
        """Give the seconds until the next try, None if none is planned."""
        return None if self.next_try is None else max(0.0, self.next_try - now)


def newest(known: Revision | None, seen: Revision | None) -> Revision | None:
    """Give the revision of a store to show of two: the greater number.

    For showing only: revisions of stores in general have no order, and one that is no number is of an entry alone.
    """
    if not isinstance(seen, int):
        return known
    return max(known, seen) if isinstance(known, int) else seen
