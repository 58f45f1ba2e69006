"""Rows and their children, sorted by name in blocks that know their number of visible rows.

A child is found by adding up blocks instead of rows.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain
from operator import attrgetter
from typing import Final, Generic, NamedTuple, Self, TypeVar

BLOCK: Final = 512
"""Number of children in a block after a split; a block is split at twice as many."""


class Row:
    """One row with its children. It has slots only, because there may be a million rows."""

    __slots__ = ("branch", "is_open", "kept", "name", "parent", "weight")

    branch: "Branch[Self] | None"
    """Children; None until there are some to show."""
    parent: "Self | None"
    """Parent; None for the root and for a removed row."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parent = None
        self.branch = None
        self.is_open = False
        self.kept = True
        """True if the row itself is shown; a row that is not kept is shown only above one that is."""
        self.weight = 1
        """Number of visible rows of it: itself and, if open, all below; 0 while it is hidden."""


R = TypeVar("R", bound=Row)

_name: Final = attrgetter("name")


class Block(list[R]):
    """Consecutive siblings, sorted by name; never empty."""

    __slots__ = ("uneven", "weight")

    def __init__(self, rows: Iterable[R]) -> None:
        super().__init__(rows)
        self.recompute_weight()

    def recompute_weight(self) -> None:
        """Add up the weights again."""
        self.weight = sum(row.weight for row in self)
        self.uneven = sum(row.weight != 1 for row in self)
        """Number of rows with another weight than 1; without any, an index is a row."""


def _last_name(block: Block[R]) -> str:
    return block[-1].name


class Branch(Generic[R]):
    """Children of one row, and a more-row that stays after them all."""

    __slots__ = ("_starts", "blocks", "count", "more_row", "rows")

    def __init__(self) -> None:
        self.blocks: list[Block[R]] = []
        self.count = 0
        self.rows = 0
        """Number of visible rows of the children, without the more-row."""
        self.more_row: R | None = None
        self._starts: list[int] | None = None

    def __len__(self) -> int:
        return self.count

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[R]:
        return chain.from_iterable(self.blocks)

    @property
    def total(self) -> int:
        """Number of visible rows, with the more-row."""
        return self.rows + (self.more_row is not None)

    def find(self, name: str) -> R | None:
        """Return the child of a name."""
        block, index = self._locate_name(name)
        if block == len(self.blocks):
            return None
        row = self.blocks[block][index]
        return row if row.name == name else None

    def block_after(self, name: str | None) -> Block[R] | None:
        """Return the block with the first child after a name, or the first block; safe for a walk during changes."""
        if name is None:
            return self.blocks[0] if self.blocks else None
        block = bisect_right(self.blocks, name, key=_last_name)
        return self.blocks[block] if block < len(self.blocks) else None

    def add(self, row: R) -> None:
        """Insert a child; its name must be new."""
        self.count += 1
        self.rows += row.weight
        self._starts = None
        if not self.blocks:
            self.blocks.append(Block((row,)))
            return
        at = min(bisect_left(self.blocks, row.name, key=_last_name), len(self.blocks) - 1)
        block = self.blocks[at]
        block.insert(bisect_left(block, row.name, key=_name), row)
        block.weight += row.weight
        block.uneven += row.weight != 1
        if len(block) >= 2 * BLOCK:
            self.blocks[at : at + 1] = [Block(block[:BLOCK]), Block(block[BLOCK:])]

    def discard(self, row: R) -> None:
        """Remove a child."""
        at, index = self._locate_name(row.name)
        block = self.blocks[at]
        del block[index]
        block.weight -= row.weight
        block.uneven -= row.weight != 1
        self.count -= 1
        self.rows -= row.weight
        self._starts = None
        if not block:
            del self.blocks[at]

    def reweigh(self, row: R, weight: int) -> None:
        """Change the weight of a child."""
        block = self.blocks[self._locate_name(row.name)[0]]
        block.weight += weight - row.weight
        block.uneven += (weight != 1) - (row.weight != 1)
        self.rows += weight - row.weight
        self._starts = None
        row.weight = weight

    def on_block_weighed(self, block: Block[R], before: int) -> None:
        """Note that a block's weight was recomputed."""
        self.rows += block.weight - before
        self._starts = None

    def offset(self, row: R) -> int:
        """Return the number of visible rows before a child, or before the more-row."""
        if row is self.more_row:
            return self.rows
        at, index = self._locate_name(row.name)
        block = self.blocks[at]
        before = index if not block.uneven else sum([one.weight for one in block[:index]])
        return self._sums()[at] + before

    def locate(self, index: int) -> "RowPosition[R]":
        """Return the position of the child that contains the visible row `index` of this branch."""
        if index >= self.rows:
            if self.more_row is None or index > self.rows:
                message = "there is no such row"
                raise IndexError(message)
            return RowPosition(self, len(self.blocks), 0, self.more_row, 0)
        sums = self._sums()
        at = bisect_right(sums, index) - 1
        inside = index - sums[at]
        block = self.blocks[at]
        if not block.uneven:
            return RowPosition(self, at, inside, block[inside], 0)
        for number, row in enumerate(block):
            if inside < row.weight:
                return RowPosition(self, at, number, row, inside)
            inside -= row.weight
        message = "the weights of a block do not add up"
        raise AssertionError(message)

    def next_visible(self, at: int, index: int) -> "RowPosition[R]":
        """Return the position of the next visible child; there must be one, or a more-row."""
        while at < len(self.blocks):
            block = self.blocks[at]
            if block.weight:
                for number in range(index + 1, len(block)):
                    if block[number].weight:
                        return RowPosition(self, at, number, block[number], 0)
            at, index = at + 1, -1
        if self.more_row is None:
            message = "there is no further row"
            raise IndexError(message)
        return RowPosition(self, at, 0, self.more_row, 0)

    def _locate_name(self, name: str) -> tuple[int, int]:
        at = bisect_left(self.blocks, name, key=_last_name)
        return at, 0 if at == len(self.blocks) else bisect_left(self.blocks[at], name, key=_name)

    def _sums(self) -> list[int]:
        if self._starts is None:
            self._starts = [0, *accumulate(block.weight for block in self.blocks)]
        return self._starts


class RowPosition(NamedTuple, Generic[R]):
    """Position of a visible row in a branch."""

    branch: Branch[R]
    block: int
    number: int
    row: R
    inside: int
    """Number of rows below the child's own at which the requested row is."""
