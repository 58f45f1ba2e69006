"""The tree of keys on the screen: which rows are in sight, and which of them have to be drawn again."""

from collections.abc import Mapping
from textwrap import wrap
from typing import ClassVar, Final

from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from explorer.session.keytree.cursor import TreeCursor
from explorer.session.keytree.navigator import TreeNavigator
from explorer.session.keytree.nodes import Node
from explorer.session.keytree.row_index import VisibleRow
from explorer.session.keytree.row_view import row_view
from explorer.session.keytree.tree import Tree
from explorer.session.marked_keys import MarkedKeys
from explorer.tui.cells import Piece, render_line
from explorer.tui.widgets.key_row import KeyRow, key_row, pieces

_AGE_INTERVAL: Final = 1.0
"""Seconds between two updates of the ages of changes."""
SCROLL_MARGIN: Final = 3
"""Rows that stay in sight above and below the cursor where there are that many."""


class KeyView(ScrollView, inherit_bindings=False):
    """Rows of a tree of any size. Only rows in sight are drawn, and only when they differ.

    Beside the cursor and the rows in sight it holds no data of the store. `sync` shows the tree as it is now; call it
    once per frame when the tree has changed, not once per event.

    Args:
        model: The tree to show.
        empty: Text to show when there is no key.
        marked: Keys that a person marked.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "key-tree--cursor",
        "key-tree--guide",
        "key-tree--folder",
        "key-tree--quiet",
        "key-tree--failed",
        "key-tree--added",
        "key-tree--changed",
        "key-tree--deleted",
        "key-tree--tombstone",
        "key-tree--fresh",
        "key-tree--marked",
    }
    DEFAULT_CSS = """
    KeyView { background: $surface; color: $foreground; overflow-x: hidden; scrollbar-size-vertical: 1; }
    KeyView > .key-tree--cursor { background: $panel-lighten-1; text-style: bold; }
    KeyView:focus > .key-tree--cursor { background: $primary; color: $background; }
    KeyView:nocolor > .key-tree--cursor { text-style: reverse; }
    KeyView > .key-tree--guide { color: $foreground; text-style: dim; }
    KeyView > .key-tree--folder { color: $primary; }
    KeyView > .key-tree--quiet { color: $foreground; text-style: dim; }
    KeyView > .key-tree--failed { color: $error; text-style: bold; }
    KeyView > .key-tree--added { color: $success; }
    KeyView > .key-tree--changed { color: $warning; }
    KeyView > .key-tree--deleted { color: $error; }
    KeyView > .key-tree--tombstone { color: $error; text-style: strike; }
    KeyView > .key-tree--fresh { text-style: bold; }
    KeyView > .key-tree--marked { text-style: bold; color: $accent; }
    """

    def __init__(
        self,
        model: Tree,
        *,
        empty: str = "No keys here.",
        marked: MarkedKeys | None = None,
        id: str | None = None,  # noqa: A002 - Textual's word
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.model = model
        self.empty = empty
        self.marked = MarkedKeys() if marked is None else marked
        self.navigator = TreeNavigator(model)
        self.drawn_lines = 0
        """Number of lines drawn so far, for tests and measurements."""
        self._highlighted: Node | None = None
        """The node that `cursor_moved` was called with last."""
        self._opened_folder: Node | None = None
        """A folder that was just opened: its first children are scrolled into sight."""
        self.draft_signs: Mapping[str, str] = {}
        """Signs of keys with a draft."""
        self.has_value_marks = True
        """True if folders with a value of their own are marked; useless in stores where every folder has one."""
        self.visible_rows: list[KeyRow] = []
        """The rows in sight, from the top."""
        self._styles: dict[str, Style] = {}

    @property
    def cursor(self) -> TreeCursor:
        """Cursor in the tree."""
        return self.navigator.cursor

    # Changes of the tree

    def sync(self) -> None:
        """Show the tree as it is now. The cursor's line stays; if it is out of sight, the top row does."""
        self._sync(cursor_line=next((y for y, row in enumerate(self.visible_rows) if row.cursor), None))

    def _sync(self, *, cursor_line: int | None) -> None:
        """Show the tree as it is now.

        Args:
            cursor_line: Line of the widget in which the cursor is to stay; None keeps the top row in its place.
        """
        total = len(self.model.rows)
        shift = self._top_shift()
        self.cursor.shift(shift)
        self._update_cursor()
        top = self.scroll_offset.y + shift
        if cursor_line is not None and (self.scroll_offset.y or not self._cursor_in_sight(top)):
            top = self.cursor.row - cursor_line
        size = Size(self.size.width, total)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
        top = max(0, min(top, self.max_scroll_y))
        if top != self.scroll_offset.y:
            self.set_reactive(Widget.scroll_y, float(top))
            self.set_reactive(Widget.scroll_target_y, float(top))
        if self._scrollbar_differs(total, top):
            self._scroll_update(size)
            self.vertical_scrollbar.position = top
        self._refresh_rows()
        self._load_unread_nearby()
        self._scroll_to_children()

    def _cursor_in_sight(self, top: int) -> bool:
        """Return whether the cursor is in sight if the view begins with the row `top`."""
        return top <= self.cursor.row < top + self.size.height

    def _scrollbar_differs(self, total: int, top: int) -> bool:
        """Return whether the scrollbar would look different; it is drawn in eighths of cells, slowly."""
        bar, height = self.vertical_scrollbar, self.size.height
        before = bar.window_virtual_size
        if not self.show_vertical_scrollbar or not before or total <= height:
            return (total, top) != (before, bar.position)
        eighths = 8 * height
        is_resized = abs(total - before) * eighths >= total
        return is_resized or abs(top / total - bar.position / before) * eighths >= 1

    def _top_shift(self) -> int:
        """Return by how many rows the first row in sight moved; 0 at the very top, which stays."""
        if not self.scroll_offset.y:
            return 0
        for y, seen in enumerate(self.visible_rows):
            row = self.model.rows.row_of(seen.node)
            if row is not None:
                return row - y - self.scroll_offset.y
        return 0

    def _update_cursor(self) -> None:
        self.navigator.follow([row.node for row in self.visible_rows])
        if self._highlighted is not (node := self.cursor.visible_node):
            self._highlighted = node
            self.cursor_moved(node)

    def _refresh_rows(self, *, force: bool = False) -> None:
        """Redraw the rows that differ from what is on the screen; all of them with `force`."""
        height, width = self.size.height, self._row_width
        cursor = self.cursor.visible_node
        rows = [
            key_row(
                row_view(
                    self.model,
                    line,
                    has_value_marks=self.has_value_marks,
                    draft_signs=self.draft_signs,
                    marked_keys=self.marked,
                ),
                now=self.model.clock(),
                width=width,
                cursor=line.row is cursor,
            )
            for line in self._lines_in_sight(height)
        ]
        before, self.visible_rows = self.visible_rows, rows
        if force or len(before) != len(rows) or not rows:
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, rows, strict=True)):
            if old != new:
                self.refresh(Region(0, y, width, 1))

    def _lines_in_sight(self, height: int) -> list[VisibleRow[Node]]:
        top = max(0, min(self.scroll_offset.y, len(self.model.rows) - height))
        return list(self.model.rows.window(top, height))

    def _load_unread_nearby(self) -> None:
        """Load unread keys within a page of the screen."""
        height = self.size.height
        if height:
            self.navigator.load_unread(max(0, self.scroll_offset.y - height), 3 * height)

    # Cursor and scrolling

    def move_cursor(self, node: Node, *, direction: int | None = None) -> None:
        """Move the cursor to a node that has a row; see `move_cursor_to_row`."""
        row = self.model.rows.row_of(node)
        if row is not None:
            self.move_cursor_to_row(row, direction=direction)

    def move_cursor_to_row(self, row: int, *, margin: int = SCROLL_MARGIN, direction: int | None = None) -> None:
        """Move the cursor to a row, or to the nearest one that exists, and scroll to it.

        Args:
            row: Index of the row.
            margin: Rows that are kept in sight above and below it.
            direction: 1 on the way down, -1 on the way up, 0 neither; None to derive it from the current row.
        """
        if len(self.model.rows):
            self.navigator.move_to_row(row, direction)
            self.show_cursor(margin=margin)

    def show_cursor(self, *, margin: int = SCROLL_MARGIN) -> None:
        """Show the cursor after a move, and scroll to it.

        Args:
            margin: Rows that are kept in sight above and below it.
        """
        self.cursor.shift(-self._top_shift())  # which `_sync` adds again
        self._sync(cursor_line=None)
        self.scroll_to_cursor(margin=margin)

    def scroll_to_cursor(self, *, below: int = 0, margin: int = SCROLL_MARGIN) -> None:
        """Scroll if the cursor is out of sight.

        Args:
            below: Rows below the cursor to bring into sight, too, as far as they fit.
            margin: Rows that are kept in sight above and below.
        """
        row, top, height = self.cursor.row, self.scroll_offset.y, self.size.height
        if row < 0 or not height:
            return
        margin = min(margin, (height - 1) // 2)
        last = min(row + max(below, margin), len(self.model.rows) - 1)
        if last >= top + height:
            top = last - height + 1
        top = max(0, min(top, row - margin))
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True)

    def scroll_to_children(self, node: Node) -> None:
        """Scroll the first children of an opened folder into sight as soon as they are loaded."""
        self._opened_folder = node
        self._scroll_to_children()

    def _scroll_to_children(self) -> None:
        node = self._opened_folder
        if node is None:
            return
        if not node.is_open or node is not self.cursor.visible_node or node.branch is None:
            self._opened_folder = None
            return
        if not node.branch.is_loading:
            self._opened_folder = None
        self.scroll_to_cursor(below=node.branch.total)

    def cursor_moved(self, node: Node | None) -> None:
        """Handle a move of the cursor; does nothing here."""

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw a line of the widget."""
        width = self.size.width
        self.drawn_lines += 1
        if y < len(self.visible_rows):
            row = self.visible_rows[y]
            return render_line(pieces(row, self._row_width), width, self._style, base="cursor" if row.cursor else "")
        lines = [] if self.visible_rows else wrap(self._notice(), max(1, self._row_width))
        notice: list[Piece] = [("quiet", lines[y])] if y < len(lines) else []
        return render_line(notice, width, self._style)

    @property
    def _row_width(self) -> int:
        """Width of a row in cells. The scrollbar has a column of its own."""
        return self.scrollable_content_region.width

    def _notice(self) -> str:
        progress = self.model.filter.progress
        return self.empty if progress is None else progress.notice

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self.rich_style if not name else Style()
            for part in name.split():
                style += self.get_component_rich_style(f"key-tree--{part}", partial=True)
            self._styles[name] = style
        return style

    def notify_style_update(self) -> None:
        """Drop the cached styles when the theme or the focus changes."""
        self._styles = {}
        super().notify_style_update()
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Draw the rows that were scrolled into sight."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._refresh_rows(force=True)
            self._load_unread_nearby()

    def on_mouse_scroll_down(self) -> None:
        """Note the direction; Textual scrolls."""
        self.cursor.direction = 1

    def on_mouse_scroll_up(self) -> None:
        """Note the direction; Textual scrolls."""
        self.cursor.direction = -1

    def on_mount(self) -> None:
        """Show the tree, and start updating ages."""
        self.sync()
        self.set_interval(_AGE_INTERVAL, self._update_ages)

    def on_unmount(self) -> None:
        """Unpin the cursor's node."""
        self.navigator.release()

    def on_resize(self) -> None:
        """Draw everything at the new size."""
        self._styles = {}
        self.sync()
        self._refresh_rows(force=True)

    def _update_ages(self) -> None:
        if any(row.view.change is not None for row in self.visible_rows):
            self.sync()
