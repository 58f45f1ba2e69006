"""Base of all panes: rows of any number, a cursor, and a head with all that is shown beside them."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from explorer.model.errors import ExplorerError
from explorer.model.sanitize import sanitize
from explorer.session.actions import Place
from explorer.session.session import Session
from explorer.session.states import Part

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"


@dataclass(frozen=True, slots=True)
class PaneRow:
    """A row. Equal rows look alike, and are not sent again."""

    identity: Hashable
    """Identity of what the row shows, by which it is found again when rows move."""
    fields: Mapping[str, Json]
    """Sanitised texts and flags."""
    moments: Mapping[str, float] = field(default_factory=dict)
    """Moments on the session's clock, of which the page shows ages and times left."""
    source: object = field(default=None, compare=False)
    """Object that the row shows."""

    def message(self, number: int, now: float) -> dict[str, Json]:
        """Return the row for the page: with a number as its id, and moments in seconds from now."""
        moments = {name: round(moment - now, 3) for name, moment in self.moments.items()}
        return {"id": number, **self.fields, **moments}


@dataclass(frozen=True, slots=True)
class Head:
    """Everything that is shown of a pane beside its rows. Equal heads are not sent again."""

    title: str = ""
    notice: str = ""
    """Text instead of rows; "" shows the rows."""
    problem: bool = False
    """True if the notice is an error."""
    fields: Mapping[str, Json] = field(default_factory=dict)
    moments: Mapping[str, float] = field(default_factory=dict)
    """Moments on the session's clock."""

    def message(self, now: float) -> dict[str, Json]:
        """Return the head for the page."""
        moments = {name: round(moment - now, 3) for name, moment in self.moments.items()}
        return {"title": self.title, "notice": self.notice, "problem": self.problem, **self.fields, **moments}


@dataclass(frozen=True, slots=True)
class Body:
    """A text that may be long, and is sent in a binary buffer; only another version is sent again."""

    version: int
    text: str
    start: int = 0
    """Unit of the whole text that this part begins with."""
    next: int | None = None
    """Unit that the next part begins with; None if there is none."""


@dataclass(frozen=True, slots=True)
class Jump:
    """Target of a view after an action: another pane, and there a key."""

    pane: str
    key: str | None = None


def error_text(error: ExplorerError) -> str:
    """Return an error and its hint, sanitised."""
    return sanitize(error.message + (f"\n{error.hint}" if error.hint else ""), multiline=True)


class Pane(ABC):
    """A part of the session as a list. Cursor and selection are shared by all views of a session."""

    name: ClassVar[str]
    label: ClassVar[str]
    place: ClassVar[Place]
    parts: ClassVar[Part]
    """Parts of the session that it shows."""
    signs: ClassVar[Sequence[tuple[str, str]]] = ()
    """Signs in its rows and their meanings, for the help."""
    shown_in: ClassVar[str] = ""
    """Name of the pane that it is shown in; "" for one of its own."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.reveals = 0
        """Number of times that the cursor was moved by a person: views scroll to it then."""
        self._jump: Jump | None = None

    @abstractmethod
    def head(self) -> Head:
        """Return what is shown beside the rows."""

    @abstractmethod
    def count(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def rows(self, start: int, count: int) -> Sequence[PaneRow]:
        """Return at most `count` rows from an index on."""

    @property
    def text_version(self) -> int | None:
        """Version of the text beside the rows; None without one."""
        return None

    def part(self, version: int, start: int) -> Body | None:
        """Return the part of the text that begins with a unit; None if there is another text by now."""
        del version, start
        return None

    def position(self, row: PaneRow) -> int | None:
        """Return the index that a row has now; None if it is gone or its place is unknown."""
        del row
        return None

    @property
    def cursor(self) -> int:
        """Index of the row with the cursor; -1 without one."""
        return -1

    def on_shown(self, start: int, count: int, step: int) -> None:
        """Handle a change of the rows that a view shows.

        Args:
            start: Index of the first row.
            count: Number of rows.
            step: 1 if a person scrolled down, -1 if up, else 0.
        """
        del start, count, step

    def close(self) -> None:  # noqa: B027 - most panes have no timer
        """Stop timers."""

    def on_change(self) -> None:  # noqa: B027 - a pane without a cursor has nothing to do
        """Handle a change of the parts that the pane shows, before views read it."""

    def click(self, row: PaneRow, gesture: str) -> None:
        """Handle a click on a row: `select`, `toggle` or `show`."""
        del row, gesture

    def go_to(self, key: str | None) -> None:
        """Request that the view that acts here goes to a key in the tree, if there is one."""
        self._jump = None if key is None else Jump("tree", key)

    def take_jump(self) -> Jump | None:
        """Return, once, where the last action leads."""
        jump, self._jump = self._jump, None
        return jump

    def perform(self, action: str, times: int, height: int) -> bool:
        """Perform an action of the registry; return False if it is none of the pane's.

        Args:
            action: Id of the action.
            times: Number of key presses.
            height: Rows that the view shows.
        """
        del action, times, height
        return False
