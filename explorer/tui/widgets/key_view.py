"""The tree of keys on the screen: what of it is in sight, what differs from what was drawn, and where the cursor is."""

from textwrap import wrap
from typing import ClassVar, Final

from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from explorer.session.keytree.nodes import Node
from explorer.session.keytree.row_index import VisibleRow
from explorer.session.keytree.tree import Tree
from explorer.tui.rendering import Piece, render_line
from explorer.tui.widgets.key_row import RowView, pieces, row_view

_SECOND: Final = 1.0
MARGIN: Final = 3
"""Rows that stay in sight above and below the cursor where there are that many."""


class KeyView(ScrollView, inherit_bindings=False):
    """Rows of a tree, any number, of which those in sight are drawn, and only when they differ.

    It holds nothing of the store but where the cursor is and what is in sight. `sync` has it show the tree as it is
    now: once per frame, when the tree changed, and never for each event.

    Args:
        tree: What is shown.
        empty: What to say when there is no key.
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
        "key-tree--ghost",
        "key-tree--fresh",
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
    KeyView > .key-tree--ghost { color: $error; text-style: strike; }
    KeyView > .key-tree--fresh { text-style: bold; }
    """

    def __init__(
        self,
        tree: Tree,
        *,
        empty: str = "No keys here. n makes one.",
        id: str | None = None,  # noqa: A002 - Textual's word
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.keys = tree
        self.empty = empty
        self.drawn = 0
        """Lines that were drawn so far, for tests and measurements."""
        self._cursor: Node | None = None
        self._row = 0
        """Where the cursor was last."""
        self._notified: Node | None = None
        """The node of which it was last said that the cursor is on it."""
        self.heading = 1
        """Whether one is on the way down (1), up (-1), or neither: what is not read is read where one gets to it."""
        self._beside: tuple[Node | None, Node | None] = (None, None)
        """The nodes above and below the gap that the cursor is on."""
        self._opening: Node | None = None
        """A folder that was just opened: its first children are brought into sight."""
        self.drafts: frozenset[str] = frozenset()
        """The keys of which a draft is kept."""
        self.value_marks = True
        """Whether a folder with a value of its own has a mark; it says nothing where every folder has one."""
        self.looks: list[RowView] = []
        """The rows in sight."""
        self._styles: dict[str, Style] = {}

    # The tree changed

    def sync(self) -> None:
        """Show the tree as it is now: the cursor's row, or else the row at the top, remains where it is in sight."""
        self._sync(hold=next((y for y, seen in enumerate(self.looks) if seen.cursor), None))

    def _sync(self, *, hold: int | None) -> None:
        """Show the tree as it is now.

        Args:
            hold: The line in sight that the cursor is to stay in; None holds the row at the top.
        """
        total = len(self.keys)
        moved = self._shifted()
        self._row += moved
        self._place_cursor()
        top = self.scroll_offset.y + moved
        if hold is not None and (self.scroll_offset.y or not self._in_sight(top)):
            top = self.cursor_row - hold
        size = Size(self.size.width, total)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
        top = max(0, min(top, self.max_scroll_y))
        if top != self.scroll_offset.y:
            self.set_reactive(Widget.scroll_y, float(top))
            self.set_reactive(Widget.scroll_target_y, float(top))
        if self._thumb_moves(total, top):
            self._scroll_update(size)
            self.vertical_scrollbar.position = top
        self._look_again()
        self._load_near()
        self._show_children()

    def _in_sight(self, top: int) -> bool:
        """Return whether the cursor is in sight if the view begins with a row."""
        return top <= self.cursor_row < top + self.size.height

    def _thumb_moves(self, total: int, top: int) -> bool:
        """Tell whether the scrollbar comes to look different, which costs: it is drawn in eighths of cells."""
        bar, height = self.vertical_scrollbar, self.size.height
        before = bar.window_virtual_size
        if not self.show_vertical_scrollbar or not before or total <= height:
            return (total, top) != (before, bar.position)
        eighths = 8 * height
        grown = abs(total - before) * eighths >= total
        return grown or abs(top / total - bar.position / before) * eighths >= 1

    def _shifted(self) -> int:
        """Return by how many rows the first row in sight moved; at the very top there is nothing to hold."""
        if not self.scroll_offset.y:
            return 0
        for place, seen in enumerate(self.looks):
            row = self.keys.row_of(seen.node)
            if row is not None:
                return row - place - self.scroll_offset.y
        return 0

    def _place_cursor(self) -> None:
        """Find the cursor's row. If its node is gone, or was the end of what was read, it goes to what is now there."""
        stays = self._cursor is not None and self.keys.contains(self._cursor) and not self._cursor.is_more_row
        if not len(self.keys):
            self._cursor = self._cursor if stays else None
        elif self._cursor is None:
            self._cursor = self.keys.at(0)
        elif not stays:
            self._cursor = self.keys.at(min(self._row_after_gone(self._cursor), len(self.keys) - 1))
        self._row = self.cursor_row
        self.keys.pin(self, self._cursor)
        if self._notified is not (node := self.under_cursor):
            self._notified = node
            self.cursor_moved(node)

    def _row_after_gone(self, gone: Node) -> int:
        if gone.is_more_row:
            return self._row_in_gap()
        nodes = [seen.node for seen in self.looks]
        place = nodes.index(gone) if gone in nodes else 0
        for before in reversed(nodes[:place]):
            row = self.keys.row_of(before)
            if row is not None:
                return row + 1
        return self._row

    def _row_in_gap(self) -> int:
        """Return the first row of what was read where the cursor was on a gap, or the last if one came from below."""
        above, below = self._beside
        if self.heading < 0:
            row = len(self.keys) if below is None else self.keys.row_of(below)
            return self._row if row is None else row - 1
        row = -1 if above is None else self.keys.row_of(above)
        return self._row if row is None else row + 1

    def _look_again(self, *, all_of_it: bool = False) -> None:
        """Have drawn again what differs from what was drawn."""
        height, width = self.size.height, self._room
        cursor = self.under_cursor
        looks = [
            row_view(self.keys, line, width=width, cursor=cursor, value_marks=self.value_marks, drafts=self.drafts)
            for line in self._window(height)
        ]
        before, self.looks = self.looks, looks
        if all_of_it or len(before) != len(looks) or not looks:
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, looks, strict=True)):
            if old != new:
                self.refresh(Region(0, y, width, 1))

    def _window(self, height: int) -> list[VisibleRow[Node]]:
        top = max(0, min(self.scroll_offset.y, len(self.keys) - height))
        return list(self.keys.window(top, height))

    def _load_near(self) -> None:
        """Read what was not read and comes near, in the direction one is on the way to; a filter is of what is loaded.

        Somebody who goes to the very end is on no way.
        """
        if self.keys.filter_progress is not None or not self.size.height:
            return
        height, cursor = self.size.height, self.cursor_row
        top = max(0, self.scroll_offset.y - height)
        for number, line in enumerate(list(self.keys.window(top, 3 * height)), top):
            if not line.row.is_more_row:
                continue
            if number >= cursor and self.heading > 0:
                self.keys.load_more(line.row)
            elif number <= cursor and self.heading < 0:
                self.keys.load_previous(line.row)

    # The cursor

    @property
    def cursor(self) -> Node | None:
        """The node that the cursor is on, though a filter may hide it for now."""
        return self._cursor

    @property
    def cursor_row(self) -> int:
        """The row that the cursor is shown in; -1 if there are no rows."""
        if self._cursor is None:
            return -1
        up: Node | None = self._cursor
        while up is not None and up is not self.keys.root:
            row = self.keys.row_of(up)
            if row is not None:
                return row
            up = up.parent
        return max(0, min(self._row, len(self.keys) - 1))

    @property
    def under_cursor(self) -> Node | None:
        """The node in the row that the cursor is shown in."""
        row = self.cursor_row
        return self.keys.at(row) if 0 <= row < len(self.keys) else None

    def go(self, node: Node, *, heading: int | None = None) -> None:
        """Put the cursor on a node that has a row, and bring it into sight; see `go_row`."""
        row = self.keys.row_of(node)
        if row is not None:
            self.go_row(row, heading=heading)

    def go_row(self, row: int, *, margin: int = MARGIN, heading: int | None = None) -> None:
        """Put the cursor on a row, or the first or last if there is none such.

        Args:
            row: The number of the row.
            margin: Rows that are kept in sight above and below it.
            heading: 1 on the way down, -1 on the way up, 0 neither; None by where the row is.
        """
        if not len(self.keys):
            return
        row = max(0, min(row, len(self.keys) - 1))
        if heading is not None:
            self.heading = heading
        elif row != self.cursor_row:
            self.heading = 1 if row > self.cursor_row else -1
        self._cursor, self._row = self.keys.at(row), row - self._shifted()
        if self._cursor.is_more_row:
            last = len(self.keys) - 1
            self._beside = (self.keys.at(row - 1) if row else None, self.keys.at(row + 1) if row < last else None)
        self._sync(hold=None)
        self.bring_into_sight(margin=margin)

    def bring_into_sight(self, *, below: int = 0, margin: int = MARGIN) -> None:
        """Scroll, if need be, so that the cursor is in sight.

        Args:
            below: Rows below the cursor that are to be in sight, too, as far as there is room.
            margin: Rows that are kept in sight above and below.
        """
        row, top, height = self.cursor_row, self.scroll_offset.y, self.size.height
        if row < 0 or not height:
            return
        margin = min(margin, (height - 1) // 2)
        last = min(row + max(below, margin), len(self.keys) - 1)
        if last >= top + height:
            top = last - height + 1
        top = max(0, min(top, row - margin))
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True)

    def show_children(self, node: Node) -> None:
        """Bring the first children of a folder that was opened into sight, as soon as they are read."""
        self._opening = node
        self._show_children()

    def _show_children(self) -> None:
        node = self._opening
        if node is None:
            return
        if not node.is_open or node is not self.under_cursor or node.branch is None:
            self._opening = None
            return
        if not node.branch.is_loading:
            self._opening = None
        self.bring_into_sight(below=node.branch.total)

    def cursor_moved(self, node: Node | None) -> None:
        """Hear that the cursor is on another node; what is made of it is for whoever can be focused."""

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw a line in sight."""
        width = self.size.width
        self.drawn += 1
        if y < len(self.looks):
            row = self.looks[y]
            return render_line(pieces(row, self._room), width, self._style, base="cursor" if row.cursor else "")
        said = [] if self.looks else wrap(self._notice(), max(1, self._room))
        notice: list[Piece] = [("quiet", said[y])] if y < len(said) else []
        return render_line(notice, width, self._style)

    @property
    def _room(self) -> int:
        """The cells of a row; the scrollbar covers nothing."""
        return self.scrollable_content_region.width

    def _notice(self) -> str:
        findings = self.keys.filter_progress
        if findings is not None:
            cased = " Upper case is matched as typed." if findings.filter.cased else ""
            return f"No loaded key matches.{cased}" if findings.done else "Searching …"
        return self.empty

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self.rich_style if not name else Style()
            for part in name.split():
                style += self.get_component_rich_style(f"key-tree--{part}", partial=True)
            self._styles[name] = style
        return style

    def notify_style_update(self) -> None:
        """Forget the styles when the theme or the focus changes them."""
        self._styles = {}
        super().notify_style_update()
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Look at other rows."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._look_again(all_of_it=True)
            self._load_near()

    def on_mouse_scroll_down(self) -> None:
        """Note that one is on the way down; Textual scrolls."""
        self.heading = 1

    def on_mouse_scroll_up(self) -> None:
        """Note that one is on the way up; Textual scrolls."""
        self.heading = -1

    def on_mount(self) -> None:
        """Show the tree, and let ages go on."""
        self.sync()
        self.set_interval(_SECOND, self._age)

    def on_unmount(self) -> None:
        """Pin no row any more."""
        self.keys.pin(self, None)

    def on_resize(self) -> None:
        """Take the new size."""
        self._styles = {}
        self.sync()
        self._look_again(all_of_it=True)

    def _age(self) -> None:
        if any(row.change is not None for row in self.looks):
            self.sync()
