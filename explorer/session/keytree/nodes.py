"""The nodes of a tree of keys and the levels they hang on: what is known of them, kept small."""

from bisect import bisect_right
from enum import Enum, auto
from itertools import pairwise
from typing import Final, NamedTuple

from explorer.model.errors import ExplorerError
from explorer.model.keys import first_key
from explorer.session.keytree.row_index import Branch, Row

_VALUE: Final = 1
_CHILDREN: Final = 2
_GHOST: Final = 4
_SEEN: Final = 8
_TAIL: Final = 16


class LevelState(Enum):
    """How much of a level is known."""

    UNLOADED = auto()
    LOADING = auto()
    PARTIAL = auto()
    LOADED = auto()
    FAILED = auto()


class Node(Row):
    """A name of the tree: a value, children, or both. Or a line for what is not read of a level.

    What else is known of a node (marks, counts) is kept apart, for the few that have it.
    """

    __slots__ = ("_facts",)

    branch: "Level | None"
    parent: "Node | None"

    def __init__(self, name: str, *, has_value: bool = False, has_children: bool = False, tail: bool = False) -> None:
        super().__init__(name)
        self._facts = _VALUE * has_value | _CHILDREN * has_children | _TAIL * tail

    def __repr__(self) -> str:
        return f"<Node {self.name!r}>"

    @property
    def has_value(self) -> bool:
        """Whether something is stored under the very key."""
        return bool(self._facts & _VALUE)

    @has_value.setter
    def has_value(self, yes: bool) -> None:
        self._facts = self._facts | _VALUE if yes else self._facts & ~_VALUE

    @property
    def has_children(self) -> bool:
        """Whether anything is stored below."""
        return bool(self._facts & _CHILDREN)

    @has_children.setter
    def has_children(self, yes: bool) -> None:
        self._facts = self._facts | _CHILDREN if yes else self._facts & ~_CHILDREN

    @property
    def tombstone(self) -> bool:
        """Whether it is gone and still shown for a moment."""
        return bool(self._facts & _GHOST)

    @tombstone.setter
    def tombstone(self, yes: bool) -> None:
        self._facts = self._facts | _GHOST if yes else self._facts & ~_GHOST

    @property
    def seen(self) -> bool:
        """Whether the reading of its level that is under way has come upon it."""
        return bool(self._facts & _SEEN)

    @seen.setter
    def seen(self, yes: bool) -> None:
        self._facts = self._facts | _SEEN if yes else self._facts & ~_SEEN

    @property
    def is_more_row(self) -> bool:
        """Whether it is no key but a line for what is not read of a level: at its end, or in a gap."""
        return bool(self._facts & _TAIL)

    @property
    def expanded(self) -> bool:
        """Whether what is below is shown."""
        return self.is_open

    @property
    def load_state(self) -> LevelState:
        """How much of the level below is known."""
        return LevelState.UNLOADED if self.branch is None else self.branch.load_state

    @property
    def error(self) -> ExplorerError | None:
        """Why the level below could not be read."""
        return None if self.branch is None else self.branch.error


class Run:
    """Children of a level that were read without a gap between them, by the order of their first keys."""

    __slots__ = ("end", "last", "start")

    def __init__(self, start: bytes, end: bytes | None, last: str) -> None:
        self.start = start
        """The first key from which on the children are known."""
        self.end = end
        """The first key up to which they are known; None: to the end of the level."""
        self.last = last
        """The name of the last child."""

    def holds(self, key: bytes) -> bool:
        """Return whether a first key lies in it."""
        return self.start <= key and (self.end is None or key <= self.end)

    @property
    def gap(self) -> str:
        """The name of the row behind it, which stands for what was not read; no key can have such a name."""
        return f"{self.last}\0\ud800"


class PageKind(Enum):
    """What is wanted of a level."""

    NEXT = auto()
    """The page behind a run."""
    PREVIOUS = auto()
    """The page before the run behind a gap, or the last page of the level."""
    CHILD = auto()
    """The page that a child is on."""


class PageRequest(NamedTuple):
    """A page that somebody waits for."""

    want: PageKind
    name: str | None = None
    """The name of a child, or that of a gap's row; None for what is not read at the end of the level."""


class Level(Branch[Node]):
    """The children of one node as far as they were read: runs, and gaps between them that were not read.

    What lies in a run is kept by the events; what lies in a gap is not known.
    """

    __slots__ = (
        "current_request",
        "deferred",
        "error",
        "gaps",
        "is_loading",
        "is_stale",
        "live_count",
        "requested",
        "runs",
    )

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Run] = []
        """What was read, in order; none as long as nothing was."""
        self.gaps: dict[str, Node] = {}
        """The rows between the runs, by name."""
        self.live_count = 0
        """Children that are no ghosts."""
        self.is_loading = False
        """Whether it was asked for more, or is being read."""
        self.current_request: PageRequest | None = None
        """The page that is being read."""
        self.error: ExplorerError | None = None
        self.is_stale = False
        """Whether all that was read must be read again."""
        self.requested: list[PageRequest] = []
        """Pages that somebody waits for, besides the first."""
        self.deferred: dict[str, DeferredEvents] = {}
        """What events said, by child, while the level is being read; said again when it was."""

    @property
    def complete(self) -> bool:
        """Whether all children were read; from then on the events keep them."""
        return len(self.runs) == 1 and self.runs[0].end is None

    @property
    def known_count(self) -> int:
        """How many children are known."""
        return self.count - len(self.gaps)

    @property
    def load_state(self) -> LevelState:
        """How much of it is known."""
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
        """Return whether a child, of which a key was heard of, belongs to what was read, by the order of first keys.

        Args:
            name: The name of the child.
            separator: What follows it in the keys below it.
            below: Whether the key lies below the child; it may yet have a value itself.
        """
        return self.complete or self.holds(first_key(name, separator, has_value=not below))

    def cover(self, start: bytes, end: bytes | None, last: str) -> None:
        """Note that the children from one first key to another are known; runs that meet become one.

        Args:
            start: The first key of the first.
            end: That of the last; None: to the end of the level.
            last: The name of the last.
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
        """Return the run before a gap, given the name of its row, or None for the end of the level."""
        if gap is None:
            return self.runs[-1] if self.runs else None
        return next((run for run in self.runs if run.gap == gap), None)

    def run_behind(self, gap: str | None) -> Run | None:
        """Return the run behind a gap; None at the end of the level."""
        return next((behind for run, behind in pairwise(self.runs) if run.gap == gap), None)


def _start(run: Run) -> bytes:
    return run.start


class DeferredEvents:
    """What was heard of a child: the last of its value (None: nothing), and what was put and deleted below it.

    Of those below, the last word would not do: the key that was deleted last need not be the one that was put.
    """

    __slots__ = ("deleted_below", "put_below", "value")

    def __init__(self) -> None:
        self.value: bool | None = None
        self.put_below = False
        self.deleted_below = False
