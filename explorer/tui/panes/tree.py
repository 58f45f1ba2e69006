"""The pane with the tree of keys, its filter, and the selection that the other panes follow."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from explorer.model.capabilities import Capability
from explorer.session.actions import Place
from explorer.session.keytree.nodes import Node
from explorer.session.keytree.row_view import draft_signs
from explorer.session.states import Part
from explorer.session.tree_text import tree_notice, tree_title
from explorer.tui.cells import safe_content
from explorer.tui.keys import bindings
from explorer.tui.panes.pane import Pane, StatusLabel
from explorer.tui.widgets.key_tree import KeyTree
from explorer.tui.widgets.prompt import Prompt


class TreePane(Pane):
    """The tree of keys."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.TREE)
    place = Place.TREE
    parts = Part.TREE | Part.LIVENESS | Part.EDIT
    number = "1"
    label = "Keys"

    def compose_body(self) -> Iterable[Widget]:
        """Yield the tree, and below it the text of the filter."""
        yield KeyTree(self.session.tree, marked=self.session.marked)
        yield StatusLabel(classes="tree--filter")

    @property
    def key_tree(self) -> KeyTree:
        """The tree widget."""
        return self.query_one(KeyTree)

    def draw(self) -> None:
        """Show the tree as it is now; without keys, why there are none."""
        self._show_filter_text()
        self.set_title(tree_title(self.session.tree))
        editor = self.session.editor
        self.key_tree.draft_signs = draft_signs(editor.draft_keys, editor.staged)
        self.key_tree.has_value_marks = Capability.DIRECTORIES not in self.session.store_capabilities
        notice = tree_notice(self.session)
        if notice is not None and notice.error is not None:
            self.show_error(notice.error)
        else:
            self.set_notice(None)
            self.key_tree.empty = "" if notice is None else notice.text
            self.key_tree.sync()

    def _show_filter_text(self) -> None:
        """Show the text of the filter while the filter is active."""
        label = self.query_one(".tree--filter", StatusLabel)
        label.display = bool(self.filter_text)
        key = self.session.actions["back"].key_hint(self.place)
        label.set_content(safe_content(f"/{self.filter_text}") + safe_content(f"  {key} clears it", "dim"))

    @on(KeyTree.NodeHighlighted)
    def select_highlighted(self, event: KeyTree.NodeHighlighted) -> None:
        """Select the key under the cursor; the other panes follow."""
        self.session.select(event.key)

    @on(KeyTree.NodeSelected)
    def request_value(self) -> None:
        """Request the value of the selected key."""
        self.post_message(self.ValueRequested())

    class ValueRequested(Message):
        """A request to focus the value of the selected key."""

    def select(self, node: Node) -> None:
        """Move the cursor to a node; if that scrolls, show rows before and after it."""
        self.key_tree.move_cursor(node, direction=-1)
        self.key_tree.scroll_to_cursor(margin=self.key_tree.size.height // 3)

    @property
    def highlighted_key(self) -> str | None:
        """Key of the row in which the cursor is shown."""
        node = self.key_tree.cursor.visible_node
        return None if node is None or node.is_more_row else self.key_tree.model.rows.key(node)

    # The filter

    def filter(self, text: str) -> None:
        """Show only the keys that match."""
        self.session.tree.filter.set(text or None, self.key_tree.cursor.node)
        self.draw()

    def clear_filter(self) -> None:
        """Show all keys again; the cursor stays on its key."""
        node = self.key_tree.cursor.node
        self.session.tree.filter.set(None, node)
        self.draw()
        if node is not None:
            self.key_tree.move_cursor(node)

    def open_filter(self, prompt: Prompt) -> None:
        """Open the filter's prompt with the current text."""
        prompt.open(self.filter_text)

    @property
    def filter_text(self) -> str:
        """Text of the filter; "" without one."""
        findings = self.session.tree.filter.progress
        return "" if findings is None else findings.filter.text
