"""Nodes of the key tree and their levels, kept small."""

from bisect import bisect_right
from enum import Enum, auto
from itertools import pairwise
from typing import Final, NamedTuple

from explorer.model.errors import ExplorerError
from explorer.model.keys import first_key
from explorer.session.keytree.row_blocks import Branch, Row

_VALUE: Final = 1
_CHILDREN: Final = 2
_TOMBSTONE: Final = 4
_SEEN: Final = 8
_MORE_ROW: Final = 16


class LevelState(Enum):
    """Load state of a level."""

    UNLOADED = auto()
    LOADING = auto()
    PARTIAL = auto()
    LOADED = auto()
    FAILED = auto()


class Node(Row):
    """A name in the tree: a value, children, or both. Or a more-row, which stands for unread children of a level.

    Marks and counts are kept apart, because few nodes have them.
    """

    __slots__ = ("_facts",)

    branch: "Level | None"
    parent: "Node | None"

    def __init__(
        self, name: str, *, has_value: bool = False, has_children: bool = False, is_more_row: bool = False
    ) -> None:
        super().__init__(name)
        self._facts = _VALUE * has_value | _CHILDREN * has_children | _MORE_ROW * is_more_row

    def __repr__(self) -> str:
        return f"<Node {self.name!r}>"

    @property
    def has_value(self) -> bool:
        """True if the key has a value."""
        return bool(self._facts & _VALUE)

    @has_value.setter
    def has_value(self, yes: bool) -> None:
        self._facts = self._facts | _VALUE if yes else self._facts & ~_VALUE

    @property
    def has_children(self) -> bool:
        """True if there are keys below it."""
        return bool(self._facts & _CHILDREN)

    @has_children.setter
    def has_children(self, yes: bool) -> None:
        self._facts = self._facts | _CHILDREN if yes else self._facts & ~_CHILDREN

    @property
    def tombstone(self) -> bool:
        """True if the key was deleted and its row is still shown for a moment."""
        return bool(self._facts & _TOMBSTONE)

    @tombstone.setter
    def tombstone(self, yes: bool) -> None:
        self._facts = self._facts | _TOMBSTONE if yes else self._facts & ~_TOMBSTONE

    @property
    def seen(self) -> bool:
        """True if the reading of its level that is under way has seen it."""
        return bool(self._facts & _SEEN)

    @seen.setter
    def seen(self, yes: bool) -> None:
        self._facts = self._facts | _SEEN if yes else self._facts & ~_SEEN

    @property
    def is_more_row(self) -> bool:
        """True if it is no key but a row for unread children: at the end of a level, or in a gap."""
        return bool(self._facts & _MORE_ROW)

    @property
    def expanded(self) -> bool:
        """True if the rows below are shown."""
        return self.is_open

    @property
    def load_state(self) -> LevelState:
        """Load state of the level below."""
        return LevelState.UNLOADED if self.branch is None else self.branch.load_state

    @property
    def error(self) -> ExplorerError | None:
        """Error of the level below."""
        return None if self.branch is None else self.branch.error


class Run:
    """Children of a level that were read without a gap, in the order of their first keys."""

    __slots__ = ("end", "last", "start")

    def __init__(self, start: bytes, end: bytes | None, last: str) -> None:
        self.start = start
        """First key from which on the children are known."""
        self.end = end
        """First key up to which they are known; None for the end of the level."""
        self.last = last
        """Name of the last child."""

    def holds(self, key: bytes) -> bool:
        """Return whether a first key is within the run."""
        return self.start <= key and (self.end is None or key <= self.end)

    @property
    def gap(self) -> str:
        """Name of the more-row after the run; no key can have such a name."""
        return f"{self.last}\0\ud800"


class PageKind(Enum):
    """Kind of a requested page."""

    NEXT = auto()
    """The page after a run."""
    PREVIOUS = auto()
    """The page before the run after a gap, or the last page of the level."""
    CHILD = auto()
    """The page with a child."""


class PageRequest(NamedTuple):
    """A requested page."""

    kind: PageKind
    name: str | None = None
    """Name of a child, or of a gap's more-row; None for the end of the level."""


class Level(Branch[Node]):
    """Children of a node as far as they were read: runs, and gaps between them that were not read.

    Events keep the runs current; children in a gap are unknown.
    """

    __slots__ = (
        "current_request",
        "deferred",
        "error",
        "gaps",
        "is_loading",
        "is_stale",
        "live_count",
        "progress",
        "requested",
        "runs",
    )

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Run] = []
        """Runs in order; empty until a page was read."""
        self.gaps: dict[str, Node] = {}
        """More-rows between the runs, by name."""
        self.live_count = 0
        """Number of children that are no tombstones."""
        self.is_loading = False
        """True if a page is requested or being read."""
        self.current_request: PageRequest | None = None
        """The page that is being read."""
        self.progress = ""
        """Text of how far the reading is, where the store reports it."""
        self.error: ExplorerError | None = None
        self.is_stale = False
        """True if everything read must be read again."""
        self.requested: list[PageRequest] = []
        """Requested pages, besides the first."""
        self.deferred: dict[str, DeferredEvents] = {}
        """Events during the reading of the level, by child; applied again afterwards."""

    @property
    def complete(self) -> bool:
        """True if all children were read; events keep them current from then on."""
        return len(self.runs) == 1 and self.runs[0].end is None

    @property
    def is_unread(self) -> bool:
        """True if nothing was read and no child is known: dropping the level loses nothing."""
        return not self.runs and not self.known_count

    @property
    def known_count(self) -> int:
        """Number of known children."""
        return self.count - len(self.gaps)

    @property
    def load_state(self) -> LevelState:
        """Load state of the level."""
        if self.error is not None:
            return LevelState.FAILED
        if self.complete:
            return LevelState.LOADED
        return LevelState.LOADING if self.is_loading else LevelState.PARTIAL

    def holds(self, key: bytes) -> bool:
        """Return whether children with a first key are known."""
        at = bisect_right(self.runs, key, key=_start) - 1
        return at >= 0 and self.runs[at].holds(key)

    def knows(self, name: str, separator: str, *, below: bool) -> bool:
        """Return whether a child is in the part that was read, by the order of first keys.

        Args:
            name: Name of the child.
            separator: Separator after the name in the keys below it.
            below: Whether the event's key is below the child, which may have a value, too.
        """
        return self.complete or self.holds(first_key(name, separator, has_value=not below))

    def cover(self, start: bytes, end: bytes | None, last: str) -> None:
        """Note that the children between two first keys are known; runs that touch are joined.

        Args:
            start: First key of the first child.
            end: First key of the last child; None for the end of the level.
            last: Name of the last child.
        """
        before = [run for run in self.runs if run.end is not None and run.end < start]
        behind = [run for run in self.runs if end is not None and run.start > end]
        new = Run(start, end, last)
        for run in self.runs[len(before) : len(self.runs) - len(behind)]:
            new.start = min(new.start, run.start)
            if new.end is not None and (run.end is None or run.end >= new.end):
                new.end, new.last = run.end, run.last
        self.runs = [*before, new, *behind]

    def run_before(self, gap: str | None) -> Run | None:
        """Return the run before a gap, given the name of its more-row; None for the end of the level."""
        if gap is None:
            return self.runs[-1] if self.runs else None
        return next((run for run in self.runs if run.gap == gap), None)

    def run_behind(self, gap: str | None) -> Run | None:
        """Return the run after a gap; None at the end of the level."""
        return next((behind for run, behind in pairwise(self.runs) if run.gap == gap), None)


def _start(run: Run) -> bytes:
    return run.start


class DeferredEvents:
    """Events of a child during a reading: the last of its value (None: no event), and puts and deletions below it.

    Puts and deletions below are both kept, because they may be of different keys.
    """

    __slots__ = ("deleted_below", "put_below", "value")

    def __init__(self) -> None:
        self.value: bool | None = None
        self.put_below = False
        self.deleted_below = False
