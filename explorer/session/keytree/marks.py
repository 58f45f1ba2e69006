"""Marks of recent changes: stored only for the nodes that changed."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

from explorer.session.keytree.nodes import Node

FRESH_SECONDS: Final = 3.0
"""Age in seconds up to which a mark is fresh."""
RECENT_SECONDS: Final = 30.0
"""Age in seconds at which a mark is removed."""
TOMBSTONE_SECONDS: Final = 5.0
"""Seconds for which the row of a deleted key is still shown."""
MAX_MARKS: Final = 50_000
"""Maximum number of marks and of tombstones; beyond it the oldest are removed early."""
_NODES_PER_CLOCK_CHECK: Final = 256
"""Number of nodes between two checks of the clock."""


class MarkKind(Enum):
    """Kind of a change; the value is its glyph."""

    ADDED = "+"
    CHANGED = "~"
    DELETED = "-"


class MarkAge(Enum):
    """Age of a mark."""

    FRESH = auto()
    RECENT = auto()


class Mark(NamedTuple):
    """Mark of a node that changed recently."""

    change: MarkKind
    age: MarkAge
    since: float
    """Moment of the change, in seconds of the tree's clock."""


class Marks:
    """Marks of nodes, ordered by age."""

    def __init__(self) -> None:
        # ordered, because popping the first key of a dict repeatedly is slow
        self._fresh: OrderedDict[Node, tuple[MarkKind, float]] = OrderedDict()
        self._recent: OrderedDict[Node, tuple[MarkKind, float]] = OrderedDict()
        self._tombstones: OrderedDict[Node, float] = OrderedDict()
        self._below: dict[Node, int] = {}

    def __len__(self) -> int:
        return len(self._fresh) + len(self._recent)

    def of(self, node: Node) -> Mark | None:
        """Return the mark of a node."""
        for age, marks in ((MarkAge.FRESH, self._fresh), (MarkAge.RECENT, self._recent)):
            if (mark := marks.get(node)) is not None:
                return Mark(mark[0], age, mark[1])
        return None

    def below(self, node: Node) -> int:
        """Return the number of changes below a collapsed folder since it was last expanded."""
        return self._below.get(node, 0)

    def add(self, node: Node, change: MarkKind, now: float) -> None:
        """Mark a node. A node that was added and then changes stays marked as added."""
        before = self._fresh.pop(node, None) or self._recent.pop(node, None)
        if before is not None and before[0] is MarkKind.ADDED and change is MarkKind.CHANGED:
            change = MarkKind.ADDED
        self._fresh[node] = change, now
        if change is MarkKind.DELETED and node.tombstone:
            self._tombstones.pop(node, None)
            self._tombstones[node] = now

    def count(self, node: Node) -> None:
        """Count a change below a collapsed folder."""
        self._below[node] = self._below.get(node, 0) + 1

    def open(self, node: Node) -> None:
        """Reset the count of a folder that was expanded or removed."""
        self._below.pop(node, None)

    def revive(self, node: Node) -> None:
        """Note that a tombstone is a key again."""
        self._tombstones.pop(node, None)

    def forget(self, node: Node) -> None:
        """Remove everything about a node that is no longer in the tree."""
        self._fresh.pop(node, None)
        self._recent.pop(node, None)
        self._tombstones.pop(node, None)
        self._below.pop(node, None)

    def clear(self) -> None:
        """Remove all marks; tombstones stay until they expire."""
        self._fresh.clear()
        self._recent.clear()
        self._below.clear()

    def age(self, now: float, until: Callable[[], bool]) -> bool:
        """Move marks to their next age, or remove them, until `until` returns true; return whether one changed."""
        passed = False
        for node in _expired(self._fresh, now - FRESH_SECONDS, until):
            self._recent[node] = self._fresh.pop(node)
            passed = True
        for node in _expired(self._recent, now - RECENT_SECONDS, until):
            del self._recent[node]
            passed = True
        return passed

    def expired(self, now: float, until: Callable[[], bool]) -> Iterator[Node]:
        """Yield the expired tombstones until `until` returns true, but some at least; the caller removes them."""
        while self._tombstones:
            for _ in range(_NODES_PER_CLOCK_CHECK):
                node = next(iter(self._tombstones), None)
                if node is None or (
                    self._tombstones[node] > now - TOMBSTONE_SECONDS and len(self._tombstones) <= MAX_MARKS
                ):
                    return
                del self._tombstones[node]
                yield node
            if until():
                return


def _expired(
    marks: OrderedDict[Node, tuple[MarkKind, float]], before: float, until: Callable[[], bool]
) -> Iterator[Node]:
    while marks:
        for _ in range(_NODES_PER_CLOCK_CHECK):
            node = next(iter(marks), None)
            if node is None or (marks[node][1] > before and len(marks) <= MAX_MARKS):
                return
            yield node
        if until():
            return


def budget(seconds: float) -> Callable[[], bool]:
    """Return a function that returns False for some seconds, and then True."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end
