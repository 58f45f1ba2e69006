"""The tree of keys, its filter, and the selection that the other panes follow."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget

from explorer.model.text import counted
from explorer.session.actions import Place
from explorer.session.keytree.nodes import Extent, Node
from explorer.session.states import Part, Standing
from explorer.tui.drawing import told
from explorer.tui.keys import bindings
from explorer.tui.panes.pane import Pane, failure
from explorer.tui.widgets.key_tree import KeyTree
from explorer.tui.widgets.prompt import Prompt


class BoundTree(KeyTree, inherit_bindings=False):
    """The tree; its keys are those of its pane."""


class TreePane(Pane):
    """The tree of keys."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.TREE)
    place = Place.TREE
    parts = Part.TREE | Part.LIVENESS
    number = "1"
    name_shown = "Keys"

    def body(self) -> Iterable[Widget]:
        """Give the tree."""
        yield BoundTree(self.session.tree)

    @property
    def keys(self) -> KeyTree:
        """The tree's widget."""
        return self.query_one(KeyTree)

    def draw(self) -> None:
        """Show the tree as it is now; before there ever was a connection, why there is none."""
        tree = self.session.tree
        error = self.session.error
        findings = tree.findings
        if findings is not None:
            self.title(str(findings))
        else:
            self.title(counted(len(tree), "row") if tree.loaded else "")
        nothing = not tree.loaded and tree.root.extent is not Extent.LOADED
        if error is not None and nothing:
            self.notice(failure(error))
        elif nothing and self.session.liveness.standing is Standing.DISCONNECTED:
            self.notice(told("connecting …", "dim"))
        else:
            self.notice(None)
            self.keys.sync()

    @on(KeyTree.Moved)
    def moved(self, event: KeyTree.Moved) -> None:
        """Let the other panes follow the cursor."""
        self.session.select(event.key)

    @on(KeyTree.Chosen)
    def chosen(self) -> None:
        """Go to the value."""
        self.post_message(self.Shown())

    class Shown(Message):
        """The value of the selected key is wanted."""

    def select(self, node: Node) -> None:
        """Put the cursor on a node; if it has to be scrolled to, with rows before and after it."""
        keys = self.keys
        top, height = keys.scroll_offset.y, keys.size.height
        keys.go(node)
        if not top <= keys.cursor_row < top + height:
            keys.scroll_to(y=max(0, keys.cursor_row - height // 3), animate=False)

    @property
    def pointed(self) -> str | None:
        """The key of the row that is shown as the cursor's."""
        keys = self.keys
        row = keys.cursor_row
        node = keys.keys.at(row) if 0 <= row < len(keys.keys) else None
        return None if node is None or node.tail else keys.keys.key(node)

    def selected(self) -> str | None:
        """Give the key that the cursor is on."""
        return self.session.selected

    # The filter

    def filter(self, text: str) -> None:
        """Show what matches."""
        self.session.tree.filter(text or None, self.keys.cursor)
        self.draw()

    def unfilter(self) -> None:
        """Show everything again; the cursor stays where it is."""
        self.session.tree.filter(None, self.keys.cursor)
        self.draw()
        cursor = self.keys.cursor
        if cursor is not None:
            self.keys.go(cursor)

    def filter_with(self, prompt: Prompt) -> None:
        """Open the filter's prompt, to go on with what it holds."""
        prompt.open(self.filtered)

    @property
    def filtered(self) -> str:
        """The text of the filter."""
        findings = self.session.tree.findings
        return "" if findings is None else findings.filter.text
