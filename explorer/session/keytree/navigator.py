"""Navigator: what keys and clicks do to the cursor of a tree and to the folders under it."""

from collections.abc import Sequence

from explorer.session.keytree.cursor import TreeCursor
from explorer.session.keytree.nodes import LevelState, Node
from explorer.session.keytree.tree import Tree


class TreeNavigator:
    """A cursor in a tree, moved by row, by node, and by what a person wants to open or close.

    After a move, views show the cursor's row; after a change of the tree, they call `follow`.
    """

    def __init__(self, model: Tree) -> None:
        self.model = model
        self.cursor = TreeCursor(model.rows)

    def follow(self, in_sight: Sequence[Node]) -> None:
        """Keep the cursor on its node, or move it on if the node is gone.

        Args:
            in_sight: The nodes that were drawn last, from the top.
        """
        self.cursor.update(in_sight)
        self.model.rows.pin(self, self.cursor.node)

    def release(self) -> None:
        """Unpin the cursor's node."""
        self.model.rows.pin(self, None)

    # Moves

    def move_to_row(self, row: int, direction: int | None = None) -> None:
        """Move to a row, or to the nearest one that exists."""
        if len(self.model.rows):
            self.cursor.move_to_row(max(0, min(row, len(self.model.rows) - 1)), direction)

    def move_by(self, rows: int) -> None:
        """Move down by so many rows; up, if negative."""
        self.move_to_row(self.cursor.row + rows)

    def move_to(self, node: Node, direction: int | None = None) -> None:
        """Move to a node, if it has a row."""
        row = self.model.rows.row_of(node)
        if row is not None:
            self.move_to_row(row, direction)

    def move_to_end(self) -> None:
        """Move to the last row. If it is not loaded, load the end only, not what comes before it."""
        last = len(self.model.rows) - 1
        node = self.model.rows.at(last) if last >= 0 else None
        if node is None or not node.is_more_row or self.model.filter.progress is not None:
            self.move_to_row(last, direction=0)
            return
        self.model.load_previous(node)
        self.move_to_row(last, direction=-1)

    # Folders

    def open(self) -> None:
        """Open the folder; if it is open, move to its first child."""
        node = self.cursor.visible_node
        if node is None or node.is_more_row:
            return
        if not node.is_open:
            self.model.expand(node)
        elif node.branch is not None and node.branch.total:
            self.move_by(1)

    def close(self) -> None:
        """Close the folder; if it is closed, move to its parent."""
        node = self.cursor.visible_node
        if node is None:
            return
        if node.is_open:
            self.move_to(node)
            self.model.collapse(node)
        elif node.parent is not None and node.parent is not self.model.rows.root:
            self.move_to(node.parent)

    def toggle(self) -> None:
        """Open or close the folder."""
        node = self.cursor.visible_node
        if node is not None and not node.is_more_row:
            self.move_to(node)
            self.model.toggle(node)

    @property
    def key_to_show(self) -> Node | None:
        """Node under the cursor whose value `show` leads to; None for a folder without a value, and for unread keys."""
        node = self.cursor.visible_node
        if node is None or node.is_more_row:
            return None
        return node if node.has_value or not (node.has_children or node.branch is not None) else None

    def show(self) -> Node | None:
        """Return the key whose value is to be shown; else open or close the folder, or load more keys.

        After a failure, what failed is read again.
        """
        node, key = self.cursor.visible_node, self.key_to_show
        if key is None and node is not None:
            if node.is_more_row:
                self._load(node)
            else:
                self.toggle()
        return key

    def _load(self, more_row: Node) -> None:
        if more_row.parent is not None and more_row.parent.load_state is LevelState.FAILED:
            self.model.reload(more_row)
        elif self.cursor.direction >= 0 or not more_row.name:
            self.model.load_more(more_row)
        else:
            self.model.load_previous(more_row)

    # Loading

    def load_unread(self, start: int, count: int) -> None:
        """Load unread keys among some rows, in the direction of the cursor, unless a filter is active.

        After a jump to the very end there is no direction.
        """
        if self.model.filter.progress is not None:
            return
        row, direction = self.cursor.row, self.cursor.direction
        for number, line in enumerate(list(self.model.rows.window(start, count)), start):
            if not line.row.is_more_row:
                continue
            if number >= row and direction > 0:
                self.model.load_more(line.row)
            elif number <= row and direction < 0:
                self.model.load_previous(line.row)
