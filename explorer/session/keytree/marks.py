"""What changed lately, and how long ago: kept for the nodes that changed, at the cost of those alone."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

from explorer.session.keytree.nodes import Node

FRESH_SECONDS: Final = 3.0
"""Seconds for which a change is new."""
RECENT_SECONDS: Final = 30.0
"""Seconds after which nothing is left of it."""
TOMBSTONE_SECONDS: Final = 5.0
"""Seconds for which a deleted row is still shown."""
MAX_MARKS: Final = 50_000
"""Marks and ghosts that are kept of each kind; beyond it the oldest end early."""
_NODES_PER_CLOCK_CHECK: Final = 256
"""Steps between two looks at the clock."""


class MarkKind(Enum):
    """What happened to a node; the value is the glyph that tells it without a colour."""

    ADDED = "+"
    CHANGED = "~"
    DELETED = "-"


class MarkAge(Enum):
    """How new a change is."""

    FRESH = auto()
    RECENT = auto()


class Mark(NamedTuple):
    """What happened to a node lately."""

    change: MarkKind
    age: MarkAge
    since: float
    """When, in seconds of the tree's clock."""


class Marks:
    """The marks of nodes, in the order of their age."""

    def __init__(self) -> None:
        # ordered: a dict that loses its first key again and again is slow
        self._fresh: OrderedDict[Node, tuple[MarkKind, float]] = OrderedDict()
        self._recent: OrderedDict[Node, tuple[MarkKind, float]] = OrderedDict()
        self._tombstones: OrderedDict[Node, float] = OrderedDict()
        self._below: dict[Node, int] = {}

    def __len__(self) -> int:
        return len(self._fresh) + len(self._recent)

    def of(self, node: Node) -> Mark | None:
        """Tell what happened to a node lately."""
        for stage, marks in ((MarkAge.FRESH, self._fresh), (MarkAge.RECENT, self._recent)):
            if (mark := marks.get(node)) is not None:
                return Mark(mark[0], stage, mark[1])
        return None

    def below(self, node: Node) -> int:
        """Tell how many changes there were below a closed folder since it was last open."""
        return self._below.get(node, 0)

    def add(self, node: Node, change: MarkKind, now: float) -> None:
        """Mark a node. What was added and changes while the mark lasts remains added."""
        before = self._fresh.pop(node, None) or self._recent.pop(node, None)
        if before is not None and before[0] is MarkKind.ADDED and change is MarkKind.CHANGED:
            change = MarkKind.ADDED
        self._fresh[node] = change, now
        if change is MarkKind.DELETED and node.tombstone:
            self._tombstones.pop(node, None)
            self._tombstones[node] = now

    def count(self, node: Node) -> None:
        """Count a change below a closed folder."""
        self._below[node] = self._below.get(node, 0) + 1

    def open(self, node: Node) -> None:
        """Forget the changes below a folder that is open or gone."""
        self._below.pop(node, None)

    def revive(self, node: Node) -> None:
        """Note that a ghost is a key again."""
        self._tombstones.pop(node, None)

    def forget(self, node: Node) -> None:
        """Forget a node that is no longer in the tree."""
        self._fresh.pop(node, None)
        self._recent.pop(node, None)
        self._tombstones.pop(node, None)
        self._below.pop(node, None)

    def clear(self) -> None:
        """Forget all marks; ghosts stay for as long as they would."""
        self._fresh.clear()
        self._recent.clear()
        self._below.clear()

    def age(self, now: float, until: Callable[[], bool]) -> bool:
        """Let marks pass into their next stage, as long as `until` is not true; tell whether one did."""
        passed = False
        for node in _expired(self._fresh, now - FRESH_SECONDS, until):
            self._recent[node] = self._fresh.pop(node)
            passed = True
        for node in _expired(self._recent, now - RECENT_SECONDS, until):
            del self._recent[node]
            passed = True
        return passed

    def expired(self, now: float, until: Callable[[], bool]) -> Iterator[Node]:
        """Give the ghosts whose time is over, as long as `until` is not true; the caller forgets them."""
        while self._tombstones and not until():
            for _ in range(_NODES_PER_CLOCK_CHECK):
                node = next(iter(self._tombstones), None)
                if node is None or (
                    self._tombstones[node] > now - TOMBSTONE_SECONDS and len(self._tombstones) <= MAX_MARKS
                ):
                    return
                del self._tombstones[node]
                yield node


def _expired(
    marks: OrderedDict[Node, tuple[MarkKind, float]], before: float, until: Callable[[], bool]
) -> Iterator[Node]:
    while marks and not until():
        for _ in range(_NODES_PER_CLOCK_CHECK):
            node = next(iter(marks), None)
            if node is None or (marks[node][1] > before and len(marks) <= MAX_MARKS):
                return
            yield node


def budget(seconds: float) -> Callable[[], bool]:
    """Give a question that is answered with no for some seconds of processing, and then with yes."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end
