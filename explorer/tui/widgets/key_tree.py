"""The tree of keys as a person uses it: keys and mouse, and what they lead to."""

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from explorer.session.keytree.nodes import LevelState, Node
from explorer.tui.widgets.key_view import KeyView


class KeyTree(KeyView, can_focus=True, inherit_bindings=False):
    """A tree of keys with a cursor that is moved and folders that are opened.

    What a key does is a method `do_` and the name of an action of the registry; the bindings here are for it alone.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "do('up')", "Up", show=False, id="up"),
        Binding("down,j", "do('down')", "Down", show=False, id="down"),
        Binding("right,l", "do('open')", "Open", show=False, id="open"),
        Binding("left,h", "do('close')", "Close", show=False, id="close"),
        Binding("space", "do('toggle')", "Open/close", show=False, id="toggle"),
        Binding("enter", "do('show')", "Show", show=False, id="show"),
        Binding("g,home", "do('top')", "First", show=False, id="top"),
        Binding("G,end", "do('bottom')", "Last", show=False, id="bottom"),
        Binding("pageup", "do('page_up')", "Page up", show=False, id="page-up"),
        Binding("pagedown", "do('page_down')", "Page down", show=False, id="page-down"),
        Binding("ctrl+u", "do('half_page_up')", "Half page up", show=False, id="half-page-up"),
        Binding("ctrl+d", "do('half_page_down')", "Half page down", show=False, id="half-page-down"),
        Binding("m", "do('seen')", "Seen", show=False, id="seen"),
    ]

    _clicked: Node | None = None
    """What was clicked once, and is opened or closed by a second click."""

    class Moved(Message):
        """The cursor is on another node. Of several that wait only the last is handled."""

        def __init__(self, tree: "KeyTree", node: Node | None) -> None:
            super().__init__()
            self.key_tree = tree
            self.node = node

        @property
        def control(self) -> "KeyTree":
            """The view whose cursor moved."""
            return self.key_tree

        @property
        def key(self) -> str | None:
            """The key the cursor is on; None if it is on none."""
            node = self.node
            return None if node is None or node.is_more_row else self.key_tree.keys.key(node)

        def can_replace(self, message: Message) -> bool:
            """Let only the last of several be handled."""
            return isinstance(message, KeyTree.Moved) and message.key_tree is self.key_tree

    class Chosen(Message):
        """A person wants to see the value of a node."""

        def __init__(self, tree: "KeyTree", node: Node) -> None:
            super().__init__()
            self.key_tree = tree
            self.node = node
            self.key = tree.keys.key(node)

        @property
        def control(self) -> "KeyTree":
            """The view in which it was chosen."""
            return self.key_tree

    def cursor_moved(self, node: Node | None) -> None:
        """Tell that the cursor is on another node."""
        self.post_message(self.Moved(self, node))

    def _act(self, act: Callable[[Node], None], node: Node) -> None:
        act(node)
        self.sync()
        if node.is_open:
            self.show_children(node)

    # What a person does

    def action_do(self, name: str) -> None:
        """Do one of the things below, by its name."""
        getattr(self, f"do_{name}")()

    def do_up(self) -> None:
        """Move to the row above."""
        self.go_row(self.cursor_row - 1)

    def do_down(self) -> None:
        """Move to the row below."""
        self.go_row(self.cursor_row + 1)

    def do_page_up(self) -> None:
        """Move up by a page."""
        self.go_row(self.cursor_row - max(1, self.size.height - 1))

    def do_page_down(self) -> None:
        """Move down by a page."""
        self.go_row(self.cursor_row + max(1, self.size.height - 1))

    def do_half_page_up(self) -> None:
        """Move up by half a page."""
        self.go_row(self.cursor_row - max(1, self.size.height // 2))

    def do_half_page_down(self) -> None:
        """Move down by half a page."""
        self.go_row(self.cursor_row + max(1, self.size.height // 2))

    def do_seen(self) -> None:
        """Clear the marks of changes."""
        self.keys.clear_marks()
        self.sync()

    def do_top(self) -> None:
        """Move to the first row."""
        self.go_row(0)

    def do_bottom(self) -> None:
        """Move to the last row; where that is not read, the end is read and not what comes before it."""
        last = len(self.keys) - 1
        node = self.keys.at(last) if last >= 0 else None
        if node is None or not node.is_more_row or self.keys.filter_progress is not None:
            self.go_row(last, heading=0)
            return
        self.keys.load_previous(node)
        self.go_row(last, heading=-1)

    def do_open(self) -> None:
        """Open the folder, or go into it."""
        node = self.under_cursor
        if node is None or node.is_more_row:
            return
        if not node.is_open:
            self._act(self.keys.expand, node)
        elif node.branch is not None and node.branch.total:
            self.go_row(self.cursor_row + 1)

    def do_close(self) -> None:
        """Close the folder, or go to the one around it."""
        node = self.under_cursor
        if node is None:
            return
        if node.is_open:
            self.go(node)
            self._act(self.keys.collapse, node)
        elif node.parent is not None and node.parent is not self.keys.root:
            self.go(node.parent)

    def do_toggle(self) -> None:
        """Open or close the folder."""
        node = self.under_cursor
        if node is not None and not node.is_more_row:
            self.go(node)
            self._act(self.keys.toggle, node)

    def do_show(self) -> None:
        """Go to the value; open or close a folder without one; load more, or try again what failed."""
        node = self.under_cursor
        if node is None:
            return
        if node.is_more_row:
            failed = node.parent is not None and node.parent.load_state is LevelState.FAILED
            forward = self.heading >= 0 or not node.name
            act = self.keys.reload if failed else self.keys.load_more if forward else self.keys.load_previous
            self._act(act, node)
        elif node.has_value or not (node.has_children or node.branch is not None):
            self.post_message(self.Chosen(self, node))
        else:
            self.do_toggle()

    def on_click(self, event: events.Click) -> None:
        """Move to the row; on the sign of a folder, or by a second click, open or close it.

        Where the first click of a chain moved another row below the pointer, the further ones do nothing.
        """
        offset = event.get_content_offset(self)
        if offset is None or offset.y >= len(self.looks) or event.button > 1:
            return
        event.stop()
        row, first = self.looks[offset.y], event.chain == 1
        at = self.keys.row_of(row.node)
        if at is None or not (first or row.node is self._clicked):
            return
        self._clicked = row.node if first else None
        self.go_row(at, margin=0)
        if row.node.is_more_row or not first:
            self.do_show()
        elif row.icon.strip() and row.indent <= offset.x < row.indent + len(row.icon):
            self._clicked = None  # a second click would undo it
            self.do_toggle()
