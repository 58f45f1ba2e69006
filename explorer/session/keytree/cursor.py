"""The cursor of a tree view: it stays on its node while rows come and go."""

from collections.abc import Sequence

from explorer.session.keytree.key_rows import KeyRows
from explorer.session.keytree.nodes import Node


class TreeCursor:
    """The current node of a tree, and where it is shown."""

    def __init__(self, rows: KeyRows) -> None:
        self._rows = rows
        self.node: Node | None = None
        """The current node; a filter may hide it."""
        self.direction = 1
        """The direction of the last move: 1 down, -1 up, 0 neither. Unread keys are loaded in this direction."""
        self._last_row = 0
        self._gap_neighbours: tuple[Node | None, Node | None] = (None, None)
        """The nodes above and below the gap of unread keys that the cursor is on."""
        self._is_at_gap_end = False
        """True if the cursor came to the gap from below, or by a jump to the end: it stays at that side of the gap."""

    @property
    def row(self) -> int:
        """Row in which the cursor is shown: that of the node or of its nearest visible ancestor; -1 without rows."""
        if self.node is None:
            return -1
        ancestor: Node | None = self.node
        while ancestor is not None and ancestor is not self._rows.root:
            row = self._rows.row_of(ancestor)
            if row is not None:
                return row
            ancestor = ancestor.parent
        return max(0, min(self._last_row, len(self._rows) - 1))

    @property
    def visible_node(self) -> Node | None:
        """Node of the row in which the cursor is shown."""
        row = self.row
        return self._rows.at(row) if 0 <= row < len(self._rows) else None

    def move_to_row(self, row: int, direction: int | None = None) -> None:
        """Move to an existing row.

        Args:
            row: Index of the row.
            direction: 1 down, -1 up, 0 neither; None to derive it from the current row.
        """
        if direction is not None:
            self.direction = direction
        elif row != self.row:
            self.direction = 1 if row > self.row else -1
        self.node, self._last_row = self._rows.at(row), row
        if self.node.is_more_row:
            last = len(self._rows) - 1
            self._is_at_gap_end = self.direction < 0
            above = self._rows.at(row - 1) if row else None
            self._gap_neighbours = above, self._rows.at(row + 1) if row < last else None

    def shift(self, rows: int) -> None:
        """Follow the rows in sight, which moved by so many rows."""
        self._last_row += rows

    def update(self, in_sight: Sequence[Node]) -> None:
        """Move on to a neighbour if the node is gone, or was a gap that has been read.

        Args:
            in_sight: The nodes that were drawn last, from the top.
        """
        is_kept = self.node is not None and self._rows.contains(self.node) and not self.node.is_more_row
        if not len(self._rows):
            self.node = self.node if is_kept else None
        elif self.node is None:
            self.node = self._rows.at(0)
        elif not is_kept:
            self.node = self._rows.at(min(self._row_after(self.node, in_sight), len(self._rows) - 1))
        self._last_row = self.row

    def _row_after(self, gone: Node, in_sight: Sequence[Node]) -> int:
        """Return the row below the nearest node above one that is gone."""
        if gone.is_more_row:
            return self._row_in_gap()
        index = in_sight.index(gone) if gone in in_sight else 0
        for above in reversed(in_sight[:index]):
            row = self._rows.row_of(above)
            if row is not None:
                return row + 1
        return self._last_row

    def _row_in_gap(self) -> int:
        """Return the first row that was read into the gap; the last one on the way up."""
        above, below = self._gap_neighbours
        if self._is_at_gap_end:
            row = len(self._rows) if below is None else self._rows.row_of(below)
            return self._last_row if row is None else row - 1
        row = -1 if above is None else self._rows.row_of(above)
        return self._last_row if row is None else row + 1
