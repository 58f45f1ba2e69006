"""State types that views read: changed parts, load states of panes, liveness, options of a question."""

from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import Generic, TypeAlias, TypeVar

from explorer.model.entries import Revision
from explorer.model.errors import ExplorerError

Value_co = TypeVar("Value_co", covariant=True)
Answer = TypeVar("Answer")


class Part(Flag):
    """A part of a session that a view may have to draw again."""

    TREE = auto()
    DETAIL = auto()
    CHANGES = auto()
    LOCKS = auto()
    LIVENESS = auto()
    """Liveness, revision, event rate, writability, and whatever else the status line shows."""
    EDIT = auto()
    RESULTS = auto()
    """Found keys, the comparison with another side, and the journal."""


class Tone(Enum):
    """Weight of a text; a view draws each in a style of its own."""

    PLAIN = "plain"
    QUIET = "quiet"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Loading:
    """The value is being read."""

    since: float
    """Moment of the request, in seconds of the session's clock."""


@dataclass(frozen=True, slots=True)
class Ready(Generic[Value_co]):
    """There is a value to show."""

    value: Value_co


@dataclass(frozen=True, slots=True)
class Empty:
    """There is no value to show, and no error."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed(Generic[Value_co]):
    """The value could not be read."""

    error: ExplorerError
    stale: Value_co | None = None
    """Value that was shown before, to be shown dimmed."""


LoadState: TypeAlias = Loading | Ready[Value_co] | Empty | Failed[Value_co]
"""Load state of a pane; a view draws each of the four."""


class LivenessStatus(Enum):
    """Certainty that the store is now as shown."""

    LIVE = "LIVE"
    """The watch is established, everything shown was read, and the store's authority answered within seconds."""
    CATCHING_UP = "CATCHING UP"
    """The store answers, but not everything shown was read yet."""
    STALE = "STALE"
    """The display was true; there is no recent proof that it still is."""
    DISCONNECTED = "DISCONNECTED"
    """There is no connection."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """Liveness of a session at one moment."""

    status: LivenessStatus
    reason: str
    """Reason in a few words; for LIVE how changes are detected."""
    proved_at: float | None = None
    """Moment until which what is shown is known to be true, in seconds of the session's clock: when the last answered
    ping was sent, or earlier when the watch was lost or the display frozen."""
    next_try: float | None = None
    """Moment of the next automatic attempt; None during an attempt, or if only a person can help."""
    error: ExplorerError | None = None
    """Error of the last attempt, with a hint."""
    refusal: ExplorerError | None = None
    """Error of a live store that refused a request."""

    def age(self, now: float) -> float | None:
        """Return the seconds since what is shown was known to be true; None if it never was."""
        return None if self.proved_at is None else max(0.0, now - self.proved_at)

    def retry_in(self, now: float) -> float | None:
        """Return the seconds until the next attempt; None if none is planned."""
        return None if self.next_try is None else max(0.0, self.next_try - now)


@dataclass(frozen=True, slots=True)
class Option(Generic[Answer]):
    """One of several answers to a question."""

    title: str
    value: Answer
    details: str = ""


def newest(known: Revision | None, seen: Revision | None) -> Revision | None:
    """Return the greater of two revisions, for display.

    Revisions have no order in general, and one that is no number belongs to a single entry.
    """
    if not isinstance(seen, int):
        return known
    return max(known, seen) if isinstance(known, int) else seen
