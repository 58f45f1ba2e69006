"""Any number of lines, of which only those in sight are drawn."""

from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from explorer.tui.rendering import Piece, render_line


class VirtualList(ScrollView, can_focus=True, inherit_bindings=False):
    """A list drawn line by line; what it shows is told by `count` and `pieces`.

    With `cursor` set it has a current line, which stays in sight. What a key does is a method `do_` and the name of an
    action of the registry; the bindings are for where a list has the focus and no screen or pane has them.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--cursor",
        "lines--dim",
        "lines--strong",
        "lines--marked",
        "lines--good",
        "lines--warning",
        "lines--bad",
        "lines--key",
        "lines--string",
        "lines--number",
        "lines--literal",
        "lines--comment",
    }
    DEFAULT_CSS = """
    VirtualList {
        background: $surface; color: $foreground;
        overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
    }
    VirtualList > .lines--cursor { background: $panel-lighten-1; }
    VirtualList:nocolor > .lines--cursor { text-style: reverse; }
    VirtualList:focus > .lines--cursor { background: $primary; color: $background; }
    VirtualList > .lines--dim { color: $foreground; text-style: dim; }
    VirtualList > .lines--strong { text-style: bold; }
    VirtualList > .lines--marked { color: $warning; text-style: bold; }
    VirtualList > .lines--good { color: $success; }
    VirtualList > .lines--warning { color: $warning; text-style: bold; }
    VirtualList > .lines--bad { color: $error; text-style: bold; }
    VirtualList > .lines--key { color: $primary; }
    VirtualList > .lines--string { color: $success; }
    VirtualList > .lines--number { color: $warning; }
    VirtualList > .lines--literal { color: $accent; text-style: bold; }
    VirtualList > .lines--comment { color: $foreground; text-style: italic dim; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "do('up')", show=False, id="up"),
        Binding("down,j", "do('down')", show=False, id="down"),
        Binding("g,home", "do('top')", show=False, id="top"),
        Binding("G,end", "do('bottom')", show=False, id="bottom"),
        Binding("pageup", "do('page_up')", show=False, id="page-up"),
        Binding("pagedown", "do('page_down')", show=False, id="page-down"),
        Binding("ctrl+u", "do('half_page_up')", show=False, id="half-page-up"),
        Binding("ctrl+d", "do('half_page_down')", show=False, id="half-page-down"),
        Binding("space", "do('read_on')", show=False, id="read-on"),
    ]

    class Chosen(Message):
        """The current line was clicked twice."""

        def __init__(self, lines: "VirtualList") -> None:
            super().__init__()
            self.lines = lines

        @property
        def control(self) -> "VirtualList":
            """The list."""
            return self.lines

    def __init__(self, *, cursor: bool = False, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id, classes=classes)
        self.cursor: int | None = 0 if cursor else None
        self._styles: dict[str, Style] = {}
        self._drawn: dict[int, tuple[bool, list[Piece]]] = {}
        """What was drawn last, by the row of the screen."""

    class Moved(Message):
        """The current line is another one."""

    def count(self) -> int:
        """Give the number of lines."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Give what stands in a line, as styles and texts."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    @property
    def room(self) -> int:
        """The cells of a line. The last column is left to the scrollbar, so that it never covers anything."""
        return self.scrollable_content_region.width

    def changed(self, *, top: bool = False) -> None:
        """Say that the lines are others now; with `top` they are shown from the first on."""
        total = Size(self.room, self.count())
        if total != self.virtual_size:
            self.set_reactive(Widget.virtual_size, total)
            self._scroll_update(total)
        if self.cursor is not None:
            self.cursor = max(0, min(self.cursor, total.height - 1))
        if top:
            self.scroll_home(animate=False, immediate=True)
        self.refresh_rows()

    def refresh_rows(self) -> None:
        """Draw the rows again that differ from what was drawn."""
        for y in range(self.size.height):
            if self._drawn.get(y) != self._row(y + self.scroll_offset.y):
                self.refresh(Region(0, y, self.size.width, 1))

    def _row(self, index: int) -> tuple[bool, list[Piece]]:
        """Return whether a row is the current one, and what stands in it."""
        return index == self.cursor, self.pieces(index, self.room) if index < self.count() else []

    def move(self, by: int) -> None:
        """Move the current line, or what is in sight where there is none."""
        if self.cursor is None:
            self.scroll_relative(y=by, animate=False, immediate=True)
            return
        self.cursor = max(0, min(self.cursor + by, self.count() - 1))
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False)
        self.post_message(self.Moved())
        self.refresh()

    def page(self, by: int) -> None:
        """Move by so many pages."""
        self.move(by * max(1, self.size.height - 1))

    # What keys do

    def action_do(self, name: str) -> None:
        """Do one of the things below, by its name."""
        getattr(self, f"do_{name}")()

    def do_up(self) -> None:
        """Move to the line above."""
        self.move(-1)

    def do_down(self) -> None:
        """Move to the line below."""
        self.move(1)

    def do_page_up(self) -> None:
        """Move up by a page."""
        self.page(-1)

    def do_page_down(self) -> None:
        """Move down by a page."""
        self.page(1)

    def do_half_page_up(self) -> None:
        """Move up by half a page."""
        self.move(-max(1, self.size.height // 2))

    def do_half_page_down(self) -> None:
        """Move down by half a page."""
        self.move(max(1, self.size.height // 2))

    def do_read_on(self) -> None:
        """Move down by a page."""
        self.page(1)

    def do_top(self) -> None:
        """Move to the first line."""
        self.move(-self.count())

    def do_bottom(self) -> None:
        """Move to the last line."""
        self.move(self.count())

    def on_click(self, event: Click) -> None:
        """Move to the line; a second click chooses it, wherever it has moved meanwhile."""
        offset = event.get_content_offset(self)
        if offset is None or self.cursor is None or event.button > 1:
            return
        line = offset.y + self.scroll_offset.y
        if event.chain == 1:
            self.cursor = line
            self.move(0)
        elif event.chain == 2 and line < self.count():  # noqa: PLR2004 - a double click
            self.post_message(self.Chosen(self))

    def render_line(self, y: int) -> Strip:
        """Draw a line in sight."""
        current, pieces = self._drawn[y] = self._row(y + self.scroll_offset.y)
        base = "lines--cursor" if current else ""
        return render_line(pieces, self.size.width, self._style, base=base)

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self.get_component_rich_style(name, partial=True) if name else self.rich_style
            self._styles[name] = style
        return style

    def notify_style_update(self) -> None:
        """Forget the styles when the theme or the focus changes them."""
        self._styles = {}
        super().notify_style_update()
        self.refresh()

    def on_resize(self) -> None:
        """Take the new width."""
        self._styles = {}
        self.changed()
