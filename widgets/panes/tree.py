"""The tree of keys, its filter, and the selection that the other panes follow."""

from collections.abc import Sequence

from explorer.model.capabilities import Capability
from explorer.model.key_text import escape_key
from explorer.model.sanitize import sanitize
from explorer.session.actions import Place
from explorer.session.keytree.navigator import TreeNavigator
from explorer.session.keytree.nodes import Node
from explorer.session.keytree.row_index import VisibleRow
from explorer.session.keytree.row_view import TREE_SIGNS, RowView, draft_signs, row_view
from explorer.session.keytree.tree import Tree
from explorer.session.session import Session
from explorer.session.states import Part
from explorer.session.tree_text import tree_notice, tree_title
from widgets.panes.base import Head, Json, Jump, Pane, PaneRow, error_text
from widgets.panes.cursor_pane import step_of


class TreePane(Pane):
    """The tree of keys."""

    name = "tree"
    label = "Keys"
    place = Place.TREE
    parts = Part.TREE | Part.LIVENESS | Part.EDIT
    signs = TREE_SIGNS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._navigator = TreeNavigator(session.tree)
        self._in_sight: list[Node] = []

    @property
    def navigator(self) -> TreeNavigator:
        """Cursor in the session's tree, which is another one once the store's separator is known."""
        if self._navigator.model is not self.session.tree:
            self._navigator = TreeNavigator(self.session.tree)
        return self._navigator

    @property
    def _tree(self) -> Tree:
        return self.session.tree

    def count(self) -> int:
        """Return the number of visible rows."""
        return len(self._tree.rows)

    @property
    def cursor(self) -> int:
        """Row with the cursor."""
        return self.navigator.cursor.row

    def rows(self, start: int, count: int) -> Sequence[PaneRow]:
        """Return visible rows."""
        editor, marked = self.session.editor, self.session.marked
        drafts = draft_signs(editor.draft_keys, editor.staged)
        marks = Capability.DIRECTORIES not in self.session.store_capabilities
        lines = list(self._tree.rows.window(start, count))
        if lines:
            self._in_sight = [line.row for line in lines]
        views = [
            row_view(self._tree, line, has_value_marks=marks, draft_signs=drafts, marked_keys=marked) for line in lines
        ]
        return [_pane_row(view, line) for view, line in zip(views, lines, strict=True)]

    def position(self, row: PaneRow) -> int | None:
        """Return the index of a node's row."""
        return self._tree.rows.row_of(row.source) if isinstance(row.source, Node) else None

    def head(self) -> Head:
        """Return title, filter, and what is shown without keys."""
        tree, session = self._tree, self.session
        findings, notice = tree.filter.progress, tree_notice(session)
        filter_text = "" if findings is None else sanitize(findings.filter.text)
        selected = session.selected or ""
        folder, separator, _ = selected.rpartition(tree.separator)
        fields = {"filter": filter_text, "selected": sanitize(selected), "folder": escape_key(folder + separator)}
        text = "" if notice is None else notice.text if notice.error is None else error_text(notice.error)
        return Head(tree_title(tree), text, notice is not None and notice.error is not None, fields)

    # Changes

    def on_shown(self, start: int, count: int, step: int) -> None:
        """Load unread keys among the rows that a view shows, and before and after them."""
        if step:
            self.navigator.cursor.direction = step
        self.navigator.load_unread(start, count)

    def on_change(self) -> None:
        """Keep the cursor on its node, and select its key."""
        self.navigator.follow(self._in_sight)
        node = self.navigator.cursor.visible_node
        key = None if node is None or node.is_more_row else self._tree.rows.key(node)
        if key != self.session.selected:
            self.session.select(key)

    def select(self, node: Node) -> None:
        """Move the cursor to a node, if it has a row."""
        self.navigator.move_to(node, direction=-1)
        self._moved()

    def filter(self, text: str) -> None:
        """Show only the keys that match; "" shows all again."""
        node = self.navigator.cursor.node
        self._tree.filter.set(text or None, node)
        if not text and node is not None:
            self.navigator.move_to(node)
            self._moved()
        self.on_change()

    def _moved(self) -> None:
        self.reveals += 1
        self.session.marked.extend_range(self._tree, self.navigator.cursor.visible_node)
        self.on_change()

    # Actions

    def click(self, row: PaneRow, gesture: str) -> None:
        """Move to a row, and open, close or show it."""
        if not isinstance(row.source, Node):
            return
        self.navigator.move_to(row.source)
        if gesture == "toggle":
            self.navigator.toggle()
        elif gesture == "mark":
            self.session.marked.toggle(self._tree, row.source)
        elif gesture == "show" or row.source.is_more_row:
            self._show()
        self.on_change()

    def _show(self) -> None:
        """Go to the value, open or close a folder, or load more keys."""
        if self.navigator.show() is not None:
            self._jump = Jump("value")

    def _mark(self) -> None:
        """Mark the row or unmark it, and move to the next."""
        node = self.navigator.cursor.visible_node
        if node is not None and self.session.marked.toggle(self._tree, node):
            self.navigator.move_by(1)

    def perform(self, action: str, times: int, height: int) -> bool:
        """Perform an action of the registry; return False if it is none of the tree's."""
        navigator = self.navigator
        step = step_of(action, times, height)
        if step is not None:
            navigator.move_by(step)
        else:
            match action:
                case "top":
                    navigator.move_to_row(0)
                case "bottom":
                    navigator.move_to_end()
                case "open":
                    for _ in range(times):
                        navigator.open()
                case "close":
                    for _ in range(times):
                        navigator.close()
                case "toggle" | "mark" if action == "mark" or self.session.marked.is_active:
                    for _ in range(times):
                        self._mark()
                case "mark-range" if (node := navigator.cursor.visible_node) is not None:
                    self.session.marked.toggle_range(self._tree, node)
                case "unmark":
                    self.session.marked.unmark()
                case "back" if self.session.marked.leave() or self._tree.filter.progress is None:
                    pass
                case "toggle":
                    for _ in range(times):
                        navigator.toggle()
                case "show":
                    self._show()
                case "seen":
                    self._tree.marks.clear()
                case "back" if self._tree.filter.progress is not None:
                    self.filter("")
                case _:
                    return False
        self._moved()
        return True


def _pane_row(view: RowView, line: VisibleRow[Node]) -> PaneRow:
    fields: dict[str, Json] = {
        "depth": line.depth,
        "name": view.name,
        "hint": view.hint,
        "suffix": view.suffix,
        "folder": "" if not view.is_folder else "open" if view.is_open else "closed",
        "value": view.has_value_mark,
        "placeholder": view.placeholder,
        "failed": view.failed,
        "tombstone": view.tombstone,
        "below": view.changes_below,
        "mark": "" if view.change is None else view.change.value,
        "fresh": view.fresh,
        "draft": view.draft,
        "marked": view.marked,
    }
    moments = {} if view.changed_at is None else {"changed": view.changed_at}
    return PaneRow(id(view.node), fields, moments, view.node)
