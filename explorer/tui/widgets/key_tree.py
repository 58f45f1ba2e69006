"""The tree of keys with its actions: keys and mouse clicks move the cursor and open folders."""

from collections.abc import Callable

from textual import events
from textual.message import Message

from explorer.session.keytree.nodes import Node
from explorer.tui.widgets.key_row import ICON_WIDTH
from explorer.tui.widgets.key_view import KeyView


class KeyTree(KeyView, can_focus=True):
    """A tree of keys with a cursor. An action of the registry runs the method `do_` with its name."""

    _clicked: Node | None = None
    """The node of the last single click; a second click on it opens or closes it."""

    class NodeHighlighted(Message):
        """The cursor moved to another node. Of several in the queue only the last is handled."""

        def __init__(self, key_tree: "KeyTree", node: Node | None) -> None:
            super().__init__()
            self.key_tree = key_tree
            self.node = node

        @property
        def control(self) -> "KeyTree":
            """The tree whose cursor moved."""
            return self.key_tree

        @property
        def key(self) -> str | None:
            """Key of the node; None if it has none."""
            node = self.node
            return None if node is None or node.is_more_row else self.key_tree.model.rows.key(node)

        def can_replace(self, message: Message) -> bool:
            """Return whether this message makes an earlier one in the queue superfluous."""
            return isinstance(message, KeyTree.NodeHighlighted) and message.key_tree is self.key_tree

    class NodeSelected(Message):
        """A node was selected: its value is to be shown."""

        def __init__(self, key_tree: "KeyTree", node: Node) -> None:
            super().__init__()
            self.key_tree = key_tree
            self.node = node
            self.key = key_tree.model.rows.key(node)

        @property
        def control(self) -> "KeyTree":
            """The tree that the node is in."""
            return self.key_tree

    def cursor_moved(self, node: Node | None) -> None:
        """Post `NodeHighlighted`, and have a range of marks follow."""
        self.marked.extend_range(self.model, node)
        self.post_message(self.NodeHighlighted(self, node))

    def _navigate(self, step: Callable[[], object]) -> None:
        """Move the cursor, or open or close its folder, and show what comes of it."""
        node = self.cursor.visible_node
        step()
        if node is not None:
            self.show_cursor()
            if node.is_open and node is self.cursor.visible_node:
                self.scroll_to_children(node)

    # Actions

    def do_up(self) -> None:
        """Move to the row above."""
        self.move_cursor_to_row(self.cursor.row - 1)

    def do_down(self) -> None:
        """Move to the row below."""
        self.move_cursor_to_row(self.cursor.row + 1)

    def do_page_up(self) -> None:
        """Move up by a page."""
        self.move_cursor_to_row(self.cursor.row - max(1, self.size.height - 1))

    def do_page_down(self) -> None:
        """Move down by a page."""
        self.move_cursor_to_row(self.cursor.row + max(1, self.size.height - 1))

    def do_half_page_up(self) -> None:
        """Move up by half a page."""
        self.move_cursor_to_row(self.cursor.row - max(1, self.size.height // 2))

    def do_half_page_down(self) -> None:
        """Move down by half a page."""
        self.move_cursor_to_row(self.cursor.row + max(1, self.size.height // 2))

    def do_seen(self) -> None:
        """Clear the marks of changes."""
        self.model.marks.clear()
        self.sync()

    def do_top(self) -> None:
        """Move to the first row."""
        self.move_cursor_to_row(0)

    def do_bottom(self) -> None:
        """Move to the last row. If it is not loaded, load the end only, not what comes before it."""
        self._navigate(self.navigator.move_to_end)

    def do_open(self) -> None:
        """Open the folder; if it is open, move to its first child."""
        self._navigate(self.navigator.open)

    def do_close(self) -> None:
        """Close the folder; if it is closed, move to its parent."""
        self._navigate(self.navigator.close)

    def do_toggle(self) -> None:
        """Open or close the folder; in marking mode mark the row."""
        if self.marked.is_active:
            self.do_mark()
        else:
            self._navigate(self.navigator.toggle)

    def do_mark(self) -> None:
        """Mark the row or unmark it, and move to the next."""
        node = self.cursor.visible_node
        if node is not None and self.marked.toggle(self.model, node):
            self.do_down()
        self.sync()

    def do_mark_range(self) -> None:
        """Begin a range of marks at the row, or end it."""
        if (node := self.cursor.visible_node) is not None:
            self.marked.toggle_range(self.model, node)
        self.sync()

    def do_unmark(self) -> None:
        """Unmark all rows."""
        self.marked.unmark()
        self.sync()

    def do_show(self) -> None:
        """Select a key; open or close a folder without a value; load more keys, or retry after a failure."""
        node = self.navigator.key_to_show
        if node is not None:
            self.post_message(self.NodeSelected(self, node))
        else:
            self._navigate(self.navigator.show)

    def on_click(self, event: events.Click) -> None:
        """Move to the clicked row; a click on a folder's icon, or a double click, opens or closes it.

        If the first click put another row below the pointer, further clicks of the chain do nothing.
        """
        offset = event.get_content_offset(self)
        if offset is None or offset.y >= len(self.visible_rows) or event.button > 1:
            return
        event.stop()
        row, is_first = self.visible_rows[offset.y], event.chain == 1
        index = self.model.rows.row_of(row.node)
        if index is None or not (is_first or row.node is self._clicked):
            return
        self._clicked = row.node if is_first else None
        self.move_cursor_to_row(index, margin=0)
        if event.ctrl and is_first:
            self.marked.toggle(self.model, row.node)
            self.sync()
        elif row.node.is_more_row or not is_first:
            self.do_show()
        elif row.view.is_folder and row.indent <= offset.x < row.indent + ICON_WIDTH:
            self._clicked = None  # a second click would undo it
            self.do_toggle()
