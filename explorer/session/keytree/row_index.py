"""Index of the visible rows of a tree: finds the node of a row and the row of a node without a list of all rows.

It adds up the weights of branches, and does not know what a row means.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, NamedTuple

from explorer.session.keytree.row_blocks import Block, Branch, R, Row, RowPosition


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
