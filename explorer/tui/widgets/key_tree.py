"""The tree of keys on the screen: any number of rows, of which only those in sight are drawn, and if they differ."""

from collections.abc import Callable
from typing import ClassVar, Final

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from explorer.session.nodes import Extent, Node
from explorer.session.rows import Line
from explorer.session.tree import Tree
from explorer.tui.drawing import Piece, strip
from explorer.tui.widgets.key_row import Look, look, pieces

_SECOND: Final = 1.0


class KeyTree(ScrollView, can_focus=True, inherit_bindings=False):
    """A view of a tree. It holds nothing of the store but where the cursor is and what is in sight.

    `sync` has it show the tree as it is now: once per frame, when the tree changed, and never for each event.

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
    KeyTree { background: $surface; color: $foreground; overflow-x: hidden; scrollbar-size-vertical: 1; }
    KeyTree > .key-tree--cursor { background: $block-cursor-blurred-background; text-style: bold; }
    KeyTree:focus > .key-tree--cursor { background: $block-cursor-background; color: $block-cursor-foreground; }
    KeyTree:nocolor > .key-tree--cursor { text-style: reverse; }
    KeyTree > .key-tree--guide { color: $text-muted; text-style: dim; }
    KeyTree > .key-tree--folder { color: $primary; }
    KeyTree > .key-tree--quiet { color: $text-muted; }
    KeyTree > .key-tree--failed { color: $error; text-style: bold; }
    KeyTree > .key-tree--added { color: $success; }
    KeyTree > .key-tree--changed { color: $warning; }
    KeyTree > .key-tree--deleted { color: $error; }
    KeyTree > .key-tree--ghost { color: $error; text-style: strike; }
    KeyTree > .key-tree--fresh { text-style: bold; }
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
    ]

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
            return None if node is None or node.tail else self.key_tree.keys.key(node)

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
        self._told: Node | None = None
        self._looks: list[Look] = []
        self._total = -1
        self._styles: dict[str, Style] = {}

    # The tree changed

    def sync(self) -> None:
        """Show the tree as it is now: the row at the top remains there, the cursor on its node."""
        total = len(self.keys)
        moved = self._shifted()
        self._row += moved
        top = round(self.scroll_y) + moved
        size = Size(self.size.width, total)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
            self._scroll_update(size)
        if moved:
            top = max(0, min(top, self.max_scroll_y))
            self.set_reactive(Widget.scroll_y, float(top))
            self.set_reactive(Widget.scroll_target_y, float(top))
            if self.show_vertical_scrollbar:
                self.vertical_scrollbar.position = top
        self._place_cursor()
        self._look_again(all_of_it=bool(moved) or total != self._total)
        self._total = total
        self._load_near()

    def _shifted(self) -> int:
        """Tell by how many rows the first row in sight moved; at the very top there is nothing to hold."""
        if not self.scroll_offset.y:
            return 0
        for place, seen in enumerate(self._looks):
            row = self.keys.row_of(seen.node)
            if row is not None:
                return row - place - self.scroll_offset.y
        return 0

    def _place_cursor(self) -> None:
        """Find the cursor's row. If its node is gone, or was the end of what was read, it goes to what is now there."""
        stays = self._cursor is not None and self.keys.holds(self._cursor) and not self._cursor.tail
        if not len(self.keys):
            self._cursor = self._cursor if stays else None
        elif self._cursor is None:
            self._cursor = self.keys.at(0)
        elif not stays:
            self._cursor = self.keys.at(min(self._row_after_gone(self._cursor), len(self.keys) - 1))
        self._row = self.cursor_row
        if self._told is not self._cursor:
            self._told = self._cursor
            self.post_message(self.Moved(self, self._cursor))

    def _row_after_gone(self, gone: Node) -> int:
        nodes = [seen.node for seen in self._looks]
        place = nodes.index(gone) if gone in nodes else 0
        for before in reversed(nodes[:place]):
            row = self.keys.row_of(before)
            if row is not None:
                return row + 1
        return self._row

    def _look_again(self, *, all_of_it: bool = False) -> None:
        """Have drawn again what differs from what was drawn."""
        height, width = self.size.height, self.size.width
        cursor = self._stand_in()
        looks = [look(self.keys, line, width=width, cursor=cursor) for line in self._window(height)]
        before, self._looks = self._looks, looks
        if all_of_it or len(before) != len(looks) or not looks:
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, looks, strict=True)):
            if old != new:
                self.refresh(Region(0, y, width, 1))

    def _window(self, height: int) -> list[Line[Node]]:
        top = max(0, min(self.scroll_offset.y, len(self.keys) - height))
        return list(self.keys.window(top, height))

    def _load_near(self) -> None:
        """Load further pages where the end of what was read comes near; a filter is of what is loaded."""
        if self.keys.findings is not None or not self.size.height:
            return
        height = self.size.height
        for line in list(self.keys.window(max(0, self.scroll_offset.y - height), 3 * height)):
            if line.row.tail:
                self.keys.load_more(line.row)

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

    def _stand_in(self) -> Node | None:
        row = self.cursor_row
        return self.keys.at(row) if 0 <= row < len(self.keys) else None

    def go(self, node: Node) -> None:
        """Put the cursor on a node that has a row, and bring it into sight."""
        row = self.keys.row_of(node)
        if row is not None:
            self._go_row(row)

    def _go_row(self, row: int) -> None:
        if not len(self.keys):
            return
        row = max(0, min(row, len(self.keys) - 1))
        self._cursor = self.keys.at(row)
        self.sync()
        top, height = self.scroll_offset.y, self.size.height
        if row < top:
            self.scroll_to(y=row, animate=False)
        elif row >= top + height > top:
            self.scroll_to(y=row - height + 1, animate=False)

    def _act(self, act: Callable[[Node], None], node: Node) -> None:
        act(node)
        self.sync()

    # What a person does

    def action_do(self, name: str) -> None:
        """Do one of the things below, by its name."""
        getattr(self, f"do_{name}")()

    def do_up(self) -> None:
        """Move to the row above."""
        self._go_row(self.cursor_row - 1)

    def do_down(self) -> None:
        """Move to the row below."""
        self._go_row(self.cursor_row + 1)

    def do_page_up(self) -> None:
        """Move up by a page."""
        self._go_row(self.cursor_row - max(1, self.size.height - 1))

    def do_page_down(self) -> None:
        """Move down by a page."""
        self._go_row(self.cursor_row + max(1, self.size.height - 1))

    def do_top(self) -> None:
        """Move to the first row."""
        self._go_row(0)

    def do_bottom(self) -> None:
        """Move to the last row."""
        self._go_row(len(self.keys) - 1)

    def do_open(self) -> None:
        """Open the folder, or go into it."""
        node = self._stand_in()
        if node is None or node.tail:
            return
        if not node.opened:
            self._act(self.keys.expand, node)
        elif node.branch is not None and node.branch.total:
            self._go_row(self.cursor_row + 1)

    def do_close(self) -> None:
        """Close the folder, or go to the one around it."""
        node = self._stand_in()
        if node is None:
            return
        if node.opened:
            self._cursor = node
            self._act(self.keys.collapse, node)
        elif node.parent is not None and node.parent is not self.keys.root:
            self.go(node.parent)

    def do_toggle(self) -> None:
        """Open or close the folder."""
        node = self._stand_in()
        if node is not None and not node.tail:
            self._cursor = node
            self._act(self.keys.toggle, node)

    def do_show(self) -> None:
        """Go to the value; open or close a folder without one; load more, or try again what failed."""
        node = self._stand_in()
        if node is None:
            return
        if node.tail:
            failed = node.parent is not None and node.parent.extent is Extent.FAILED
            self._act(self.keys.reload if failed else self.keys.load_more, node)
        elif node.has_value or not (node.has_children or node.branch is not None):
            self.post_message(self.Chosen(self, node))
        else:
            self.do_toggle()

    def on_click(self, event: events.Click) -> None:
        """Move to the row; on the sign of a folder, or by a second click, open or close it."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y >= len(self._looks):
            return
        event.stop()
        row = self._looks[offset.y]
        at = self.keys.row_of(row.node)
        if at is None:
            return
        self._go_row(at)
        if row.node.tail or event.chain > 1:
            self.do_show()
        elif row.icon.strip() and row.indent <= offset.x < row.indent + len(row.icon):
            self.do_toggle()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Draw a line in sight."""
        width = self.size.width
        self.drawn += 1
        if y < len(self._looks):
            row = self._looks[y]
            return strip(pieces(row, width), width, self._style, base="cursor" if row.cursor else "")
        notice: list[Piece] = [("quiet", self._notice())] if y == 0 and not self._looks else []
        return strip(notice, width, self._style)

    def _notice(self) -> str:
        findings = self.keys.findings
        if findings is not None:
            return "No loaded key matches." if findings.done else "Searching …"
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

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Look at other rows."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._look_again(all_of_it=True)
            self._load_near()

    def on_mount(self) -> None:
        """Show the tree, and let ages go on."""
        self.sync()
        self.set_interval(_SECOND, self._age)

    def on_resize(self) -> None:
        """Take the new size."""
        self._styles = {}
        self.sync()
        self._look_again(all_of_it=True)

    def _age(self) -> None:
        if any(row.change is not None for row in self._looks):
            self._look_again()
