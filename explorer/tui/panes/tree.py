"""The tree of keys, its filter, and the selection that the other panes follow."""

from collections.abc import Iterable
from typing import ClassVar, Final

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
from explorer.tui.panes.pane import Pane, failure
from explorer.tui.rendering import safe_content
from explorer.tui.widgets.key_tree import KeyTree
from explorer.tui.widgets.prompt import Prompt
from explorer.tui.widgets.status_label import StatusLabel

_NO_KEYS: Final = "No keys here. n makes one."
_NO_KEYS_READ_ONLY: Final = "No keys here. w unlocks writing, then n makes one."


class BoundTree(KeyTree, inherit_bindings=False):
    """The tree; its keys are those of its pane."""


class TreePane(Pane):
    """The tree of keys."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.TREE)
    place = Place.TREE
    parts = Part.TREE | Part.LIVENESS | Part.EDIT
    number = "1"
    name_shown = "Keys"

    def body(self) -> Iterable[Widget]:
        """Give the tree, and below it the filter while there is one."""
        yield BoundTree(self.session.tree)
        yield StatusLabel(classes="tree--filter")

    @property
    def keys(self) -> KeyTree:
        """The tree's widget."""
        return self.query_one(KeyTree)

    def draw(self) -> None:
        """Show the tree as it is now; before there ever was a connection, why there is none."""
        tree = self.session.tree
        error = self.session.connection.error
        findings = tree.filter_progress
        self._show_filter()
        if findings is not None:
            self.title(str(findings))
        else:
            self.title(f"{pluralize(tree.loaded, 'key')} loaded" if tree.loaded else "")
        self.keys.drafts = self.session.editor.draft_keys
        self.keys.value_marks = Capability.DIRECTORIES not in self.session.store_capabilities
        nothing = not tree.loaded and tree.root.load_state is not LevelState.LOADED
        if error is not None and nothing:
            self.notice(failure(error))
        elif nothing and self.session.liveness.status is LivenessStatus.DISCONNECTED:
            self.notice(safe_content("connecting …", "dim"))
        elif not tree.loaded and findings is None and (hint := self._hint()):
            self.notice(hint)
        else:
            self.notice(None)
            self.keys.empty = _NO_KEYS if self.session.writable else _NO_KEYS_READ_ONLY
            self.keys.sync()

    def _hint(self) -> Content | None:
        """Return where the keys are if there are none here; it is looked for when it is first asked."""
        session = self.session
        session.find_nearby_keys()
        if session.lookup.nearby is None:
            return None
        line = f"Nothing is stored below {session.address}, but {session.lookup.nearby}."
        return safe_content(line) + Content("\n") + safe_content("" if session.writable else _NO_KEYS_READ_ONLY, "dim")

    def _show_filter(self) -> None:
        """Show the text of the filter for as long as it decides what is shown."""
        words = self.query_one(".tree--filter", StatusLabel)
        words.display = bool(self.filtered)
        words.say(safe_content(f"/{self.filtered}") + safe_content("  esc ends the filter", "dim"))

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
        self.keys.go(node, heading=-1)
        self.keys.bring_into_sight(margin=self.keys.size.height // 3)

    @property
    def pointed(self) -> str | None:
        """The key of the row that is shown as the cursor's."""
        keys = self.keys
        row = keys.cursor_row
        node = keys.keys.at(row) if 0 <= row < len(keys.keys) else None
        return None if node is None or node.is_more_row else keys.keys.key(node)

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
        findings = self.session.tree.filter_progress
        return "" if findings is None else findings.filter.text
