"""Index of the visible rows of a tree: finds the node of a row and the row of a node without a list of all rows.

The children of a row are sorted by name in blocks that know their number of visible rows; a row is found by adding up
blocks instead of rows. The index does not know what a row means.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
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


class VisibleRow(NamedTuple, Generic[R]):
    """A visible row as it is drawn."""

    row: R
    guides: tuple[bool, ...]
    """For each ancestor below the root and for itself: whether a visible sibling follows."""

    @property
    def depth(self) -> int:
        """Depth below the root; 0 for its children."""
        return len(self.guides) - 1


@dataclass(slots=True)
class _Cursor(Generic[R]):
    place: RowPosition[R]
    left: int
    """Number of visible rows of the branch after this child and all below it."""


class Rows(Generic[R]):
    """All visible rows below a root, which is not shown itself."""

    def __init__(self, root: R) -> None:
        self.root = root
        root.is_open = True
        if root.branch is None:
            root.branch = Branch()

    def __len__(self) -> int:
        branch = self.root.branch
        return 0 if branch is None else branch.total

    def insert(self, parent: R, row: R) -> None:
        """Insert a row below another, which must have a branch."""
        row.parent = parent
        _branch(parent).add(row)
        self._update_weights(parent)

    def remove(self, row: R) -> None:
        """Remove a row with all below it."""
        parent = row.parent
        if parent is None:
            return
        _branch(parent).discard(row)
        row.parent = None
        self._update_weights(parent)

    def set_branch(self, row: R, branch: Branch[R] | None) -> None:
        """Set the children of a row, or remove all of them."""
        if row.branch is not None:
            for child in row.branch:
                child.parent = None
            if row.branch.more_row is not None:
                row.branch.more_row.parent = None
        row.branch = branch
        self._update_weights(row)

    def set_more_row(self, parent: R, tail: R | None) -> None:
        """Set the more-row after all children of a row, or remove it."""
        branch = _branch(parent)
        if branch.more_row is not None:
            branch.more_row.parent = None
        branch.more_row = tail
        if tail is not None:
            tail.parent = parent
        self._update_weights(parent)

    def open(self, row: R, *, opened: bool = True) -> None:
        """Expand a row, or collapse it."""
        row.is_open = opened
        self._update_weights(row)

    def set_kept(self, row: R, *, kept: bool) -> None:
        """Show a row itself, or only above another that is kept."""
        row.kept = kept
        self._update_weights(row)

    def filter_block(self, parent: R, block: Block[R], keeps: Callable[[R], bool]) -> None:
        """Decide which rows of a block are kept; much faster than one by one."""
        before = block.weight
        for row in block:
            row.kept = keeps(row)
            row.weight = _weight(row)
        block.recompute_weight()
        _branch(parent).on_block_weighed(block, before)
        self._update_weights(parent)

    def at(self, index: int) -> R:
        """Return the row at an index; the first has 0.

        Raises:
            IndexError: There are fewer rows.
        """
        if index < 0:
            message = "there is no such row"
            raise IndexError(message)
        branch = _branch(self.root)
        while True:
            place = branch.locate(index)
            if not place.inside:
                return place.row
            index, branch = place.inside - 1, _branch(place.row)

    def row_of(self, row: R) -> int | None:
        """Return the index of a row; None while it is hidden or below a collapsed row, or after its removal."""
        index = -1
        while (parent := row.parent) is not None:
            if not row.weight or not parent.is_open:
                return None
            index += _branch(parent).offset(row) + 1
            row = parent
        return index if row is self.root and index >= 0 else None

    def window(self, start: int, count: int) -> Iterator[VisibleRow[R]]:
        """Yield at most `count` rows from an index on; the tree must not change meanwhile."""
        if not 0 <= start < len(self):
            return
        steps = self._descend(start)
        while count > 0:
            row = steps[-1].place.row
            yield VisibleRow(row, tuple([step.left > 0 for step in steps]))
            count -= 1
            if row.is_open and row.branch is not None and row.branch.total:
                first = row.branch.locate(0)
                steps.append(_Cursor(first, row.branch.total - first.row.weight))
                continue
            while steps and not steps[-1].left:
                steps.pop()
            if not steps:
                return
            step = steps[-1]
            step.place = step.place.branch.next_visible(step.place.block, step.place.number)
            step.left -= step.place.row.weight

    def _descend(self, index: int) -> list[_Cursor[R]]:
        steps: list[_Cursor[R]] = []
        branch = _branch(self.root)
        while True:
            place = branch.locate(index)
            steps.append(_Cursor(place, branch.total - (index - place.inside) - place.row.weight))
            if not place.inside:
                return steps
            index, branch = place.inside - 1, _branch(place.row)

    def _update_weights(self, row: R) -> None:
        """Update the weights from a row upwards."""
        while (parent := row.parent) is not None:
            weight = _weight(row)
            if weight == row.weight:
                return
            _branch(parent).reweigh(row, weight)
            row = parent


def _branch(row: R) -> Branch[R]:
    if row.branch is None:
        message = "the row has no branch"
        raise AssertionError(message)
    return row.branch


def _weight(row: Row) -> int:
    branch = row.branch
    if branch is None:
        return 1 if row.kept else 0
    if not (row.kept or branch.rows):
        return 0
    return 1 + branch.total if row.is_open else 1
