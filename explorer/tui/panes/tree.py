"""The pane with the tree of keys, its filter, and the selection that the other panes follow."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from explorer.model.capabilities import Capability
from explorer.model.sanitize import pluralize
from explorer.session.actions import Place
from explorer.session.keytree.nodes import LevelState, Node
from explorer.session.states import LivenessStatus, Part
from explorer.tui.keys import bindings
from explorer.tui.panes.pane import Pane, StatusLabel
from explorer.tui.rendering import safe_content
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
        tree = self.session.tree
        error = self.session.connection.error
        findings = tree.filter.progress
        self._show_filter_text()
        if findings is not None:
            self.set_title(str(findings))
        else:
            self.set_title(f"{pluralize(tree.rows.loaded, 'key')} loaded" if tree.rows.loaded else "")
        self.key_tree.draft_keys = self.session.editor.draft_keys
        self.key_tree.has_value_marks = Capability.DIRECTORIES not in self.session.store_capabilities
        is_unread = not tree.rows.loaded and tree.rows.root.load_state is not LevelState.LOADED
        if error is not None and is_unread:
            self.show_error(error)
        elif is_unread and self.session.liveness.status is LivenessStatus.DISCONNECTED:
            self.set_notice(safe_content("connecting …", "dim"))
        elif not tree.rows.loaded and findings is None and (nearby := self._nearby_notice()):
            self.set_notice(nearby)
        else:
            self.set_notice(None)
            self.key_tree.empty = f"No keys here. {self._how_to_create()}"
            self.key_tree.sync()

    def _how_to_create(self) -> str:
        """Return how a key is created, with the keys of this person."""
        create, unlock = (self.session.actions[name].key_hint(self.place) for name in ("new", "writing"))
        if self.session.writable:
            return f"{create or 'The command New'} creates one."
        return f"{unlock or 'The command Writing'} unlocks writing, then {create or 'the command New'} creates one."

    def _nearby_notice(self) -> Content | None:
        """Return where the keys are if there are none below the address; the first call starts the search."""
        session = self.session
        session.find_nearby_keys()
        if session.lookup.nearby is None:
            return None
        line = f"Nothing is stored below {session.address}, but {session.lookup.nearby}."
        how = "" if session.writable else self._how_to_create()
        return safe_content(line) + Content("\n") + safe_content(how, "dim")

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
