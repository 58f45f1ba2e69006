"""A list of any number of rows, of which only those in sight are drawn."""

from typing import ClassVar

from rich.style import Style
from textual.binding import BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from explorer.tui.cells import Piece, render_line
from explorer.tui.keys import scroll_bindings


class VirtualList(ScrollView, can_focus=True, inherit_bindings=False):
    """A list drawn row by row; subclasses provide `count` and `pieces`.

    With `cursor` set it has a current row, which stays in sight. An action of the registry runs the method `do_` with
    its name.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "virtual-list--cursor",
        "virtual-list--dim",
        "virtual-list--strong",
        "virtual-list--marked",
        "virtual-list--good",
        "virtual-list--warning",
        "virtual-list--bad",
        "virtual-list--key",
        "virtual-list--string",
        "virtual-list--number",
        "virtual-list--literal",
        "virtual-list--comment",
    }
    DEFAULT_CSS = """
    VirtualList {
        background: $surface; color: $foreground;
        overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable;
    }
    VirtualList > .virtual-list--cursor { background: $panel-lighten-1; }
    VirtualList:nocolor > .virtual-list--cursor { text-style: reverse; }
    VirtualList:focus > .virtual-list--cursor { background: $primary; color: $background; }
    VirtualList > .virtual-list--dim { color: $foreground; text-style: dim; }
    VirtualList > .virtual-list--strong { text-style: bold; }
    VirtualList > .virtual-list--marked { color: $warning; text-style: bold; }
    VirtualList > .virtual-list--good { color: $success; }
    VirtualList > .virtual-list--warning { color: $warning; text-style: bold; }
    VirtualList > .virtual-list--bad { color: $error; text-style: bold; }
    VirtualList > .virtual-list--key { color: $primary; }
    VirtualList > .virtual-list--string { color: $success; }
    VirtualList > .virtual-list--number { color: $warning; }
    VirtualList > .virtual-list--literal { color: $accent; text-style: bold; }
    VirtualList > .virtual-list--comment { color: $foreground; text-style: italic dim; }
    """

    BINDINGS: ClassVar[list[BindingType]] = scroll_bindings()

    class Highlighted(Message):
        """Another row is the current one."""

    class Selected(Message):
        """The current row was double-clicked."""

        def __init__(self, virtual_list: "VirtualList") -> None:
            super().__init__()
            self.virtual_list = virtual_list

        @property
        def control(self) -> "VirtualList":
            """The list that was clicked."""
            return self.virtual_list

    def __init__(self, *, cursor: bool = False, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id, classes=classes)
        self.cursor: int | None = 0 if cursor else None
        """Index of the current row; None if the list has no cursor."""
        self._styles: dict[str, Style] = {}
        self._drawn: dict[int, tuple[bool, list[Piece]]] = {}
        """The rows as they were drawn last, by their line of the widget."""

    def count(self) -> int:
        """Return the number of rows."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Return a row as styled pieces of text."""
        raise NotImplementedError  # abstract; Textual's own metaclass leaves no room for ABC

    @property
    def row_width(self) -> int:
        """Width of a row in cells. The scrollbar has a column of its own."""
        return self.scrollable_content_region.width

    def update_rows(self, *, top: bool = False) -> None:
        """Show rows that have changed; with `top` from the first row on."""
        total = Size(self.row_width, self.count())
        if total != self.virtual_size:
            self.set_reactive(Widget.virtual_size, total)
            self._scroll_update(total)
        if self.cursor is not None:
            self.cursor = max(0, min(self.cursor, total.height - 1))
        if top:
            self.scroll_home(animate=False, immediate=True)
        self.refresh_rows()

    def refresh_rows(self) -> None:
        """Redraw the rows that differ from what is on the screen."""
        for y in range(self.size.height):
            if self._drawn.get(y) != self._row(y + self.scroll_offset.y):
                self.refresh(Region(0, y, self.size.width, 1))

    def _row(self, index: int) -> tuple[bool, list[Piece]]:
        """Return whether a row is the current one, and its pieces."""
        return index == self.cursor, self.pieces(index, self.row_width) if index < self.count() else []

    def move_by(self, rows: int) -> None:
        """Move the cursor by some rows; scroll a list without one."""
        if self.cursor is None:
            self.scroll_relative(y=rows, animate=False, immediate=True)
            return
        self.cursor = max(0, min(self.cursor + rows, self.count() - 1))
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False)
        self.post_message(self.Highlighted())
        self.refresh()

    # Actions

    def do_up(self) -> None:
        """Move to the row above."""
        self.move_by(-1)

    def do_down(self) -> None:
        """Move to the row below."""
        self.move_by(1)

    def do_page_up(self) -> None:
        """Move up by a page."""
        self.move_by(-max(1, self.size.height - 1))

    def do_page_down(self) -> None:
        """Move down by a page."""
        self.move_by(max(1, self.size.height - 1))

    def do_read_on(self) -> None:
        """Move down by a page."""
        self.do_page_down()

    def do_half_page_up(self) -> None:
        """Move up by half a page."""
        self.move_by(-max(1, self.size.height // 2))

    def do_half_page_down(self) -> None:
        """Move down by half a page."""
        self.move_by(max(1, self.size.height // 2))

    def do_top(self) -> None:
        """Move to the first row."""
        self.move_by(-self.count())

    def do_bottom(self) -> None:
        """Move to the last row."""
        self.move_by(self.count())

    def on_click(self, event: Click) -> None:
        """Move to the clicked row; a double click selects that row, even if it moved in between."""
        offset = event.get_content_offset(self)
        if offset is None or self.cursor is None or event.button > 1:
            return
        index = offset.y + self.scroll_offset.y
        if event.chain == 1:
            self.cursor = index
            self.move_by(0)
        elif event.chain == 2 and index < self.count():  # noqa: PLR2004 - a double click
            self.post_message(self.Selected(self))

    def render_line(self, y: int) -> Strip:
        """Draw a line of the widget."""
        current, pieces = self._drawn[y] = self._row(y + self.scroll_offset.y)
        base = "virtual-list--cursor" if current else ""
        return render_line(pieces, self.size.width, self._style, base=base)

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = self.get_component_rich_style(name, partial=True) if name else self.rich_style
            self._styles[name] = style
        return style

    def notify_style_update(self) -> None:
        """Drop the cached styles when the theme or the focus changes."""
        self._styles = {}
        super().notify_style_update()
        self.refresh()

    def on_resize(self) -> None:
        """Lay the rows out at the new width."""
        self._styles = {}
        self.update_rows()
