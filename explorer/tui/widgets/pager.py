"""A view of a text of any size: wrapped, highlighted where it is in sight, and sanitised."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from textual.geometry import Size
from textual.widget import Widget

from explorer.codecs.text.content import Content, PlainText
from explorer.tui.cells import Piece
from explorer.tui.widgets.text_layout import Anchor, TextLayout
from explorer.tui.widgets.virtual_list import VirtualList

_STRING: Final = r'"(?:[^"\\]|\\.)*"?|\'(?:[^\'\\]|\\.)*\'?'
_NUMBER: Final = r"(?<![\w.])[-+]?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])"
_LITERAL: Final = r"\b(?:true|false|null|True|False|nan|inf)\b"
_TOKENS: Final = {
    "json": re.compile(
        rf"(?P<key>{_STRING})(?=\s*:)|(?P<string>{_STRING})|(?P<number>{_NUMBER})|(?P<literal>{_LITERAL})"
    ),
    "yaml": re.compile(
        rf"(?P<comment>(?:^|(?<=\s))\#.*)|(?P<key>(?:^|(?<=\s)|(?<=-\s))[\w./\-]+(?=:(?:\s|$)))"
        rf"|(?P<string>{_STRING})|(?P<number>{_NUMBER})|(?P<literal>{_LITERAL})"
    ),
    "textproto": re.compile(
        rf"(?P<comment>\#.*)|(?P<string>{_STRING})|(?P<key>(?:\[[\w./]+\]|\b[A-Za-z_]\w*)(?=\s*[:{{<]))"
        rf"|(?P<number>{_NUMBER})|(?P<literal>\b[A-Za-z_]\w*\b)"
    ),
    "diff": re.compile(r"^(?P<strong>rev .*)|^(?P<good>  \+.*)|^(?P<bad>  -.*)|^(?P<key>  @@.*)|^(?P<dim>  [ (].*)"),
    "hex": re.compile(r"(?P<comment>^[0-9a-f]{4,}(?=:))|(?P<string>\s\|.*\|?$)"),
}


class Pager(VirtualList):
    """A text to read. Lines longer than the screen are wrapped, never cut off.

    In a large text only what is near the screen is laid out, and the number of other rows is estimated; the row at the
    top keeps its place when an estimate was wrong.
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.content: Content = PlainText("")
        self.language = "text"
        self.dimmed = False
        self._layout: TextLayout | None = None
        self._anchor = Anchor()
        """The position at the top."""

    def show(
        self,
        content: Content | str,
        language: str = "text",
        *,
        dimmed: bool = False,
        keep: bool = False,
    ) -> None:
        """Show another text.

        Args:
            content: The text.
            language: Its language, for syntax highlighting.
            dimmed: Whether to show it dimmed, as outdated.
            keep: Whether to keep the scroll position, for a new version of the same text.
        """
        if isinstance(content, str):
            content = PlainText(content)
        if (language, dimmed, content) == (self.language, self.dimmed, self.content):
            return
        self.content, self.language, self.dimmed = content, language, dimmed
        self._layout = None
        self.update_rows(top=not keep)

    def count(self) -> int:
        """Return the number of rows at this width; an estimate for a large text."""
        return 0 if self._layout is None else self._layout.total

    def update_rows(self, *, top: bool = False) -> None:
        """Lay out another text, or the same at another width; with `top` from the first row on."""
        width = self.row_width
        if top:
            self._anchor = Anchor()
        if not self.is_mounted or width <= 0:
            return
        if self._layout is None or self._layout.width != width:
            self._layout = TextLayout(self.content.at_width(width), width)
        self._settle(self._layout, self._layout.find(self._anchor))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Lay out the rows that come into sight."""
        super().watch_scroll_y(old_value, new_value)
        layout, row = self._layout, round(new_value)
        if layout is None or round(old_value) == row:
            return
        if row >= self.max_scroll_y:
            row = layout.settle_end(self.size.height)
        self._settle(layout, row, upwards=new_value < old_value)

    def _settle(self, layout: TextLayout, row: int, *, upwards: bool = False) -> None:
        """Lay out the rows around a row, and scroll it to the top."""
        height = max(1, self.size.height)
        row = layout.settle(row, height, upwards=upwards)
        size = Size(self.row_width, layout.total)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
            self._scroll_update(size)
        row = max(0, min(row, layout.total - height))
        if row != self.scroll_y:
            self.set_reactive(Widget.scroll_y, float(row))
            self.set_reactive(Widget.scroll_target_y, float(row))
        self.vertical_scrollbar.position = row
        self._anchor = layout.anchor(row)
        self.refresh()

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Return a highlighted row."""
        del width
        found = None if self._layout is None else self._layout.row(index)
        if found is None or self._layout is None:
            return []
        block, (line, start, stop) = found
        if self.dimmed:
            return [("virtual-list--dim", block.lines[line][start:stop])]
        return slice_pieces(highlight(block.lines[line], self.language), start, stop)


@lru_cache(maxsize=256)
def highlight(line: str, language: str) -> Sequence[Piece]:
    """Return the keys, strings, numbers and comments of a line as styled pieces."""
    tokens = _TOKENS.get(language)
    if tokens is None:
        return (("", line),)
    pieces: list[Piece] = []
    at = 0
    for found in tokens.finditer(line):
        if found.start() > at:
            pieces.append(("", line[at : found.start()]))
        pieces.append((f"virtual-list--{found.lastgroup}", found[0]))
        at = found.end()
    pieces.append(("", line[at:]))
    return pieces


def slice_pieces(pieces: Sequence[Piece], start: int, stop: int) -> list[Piece]:
    """Return the part of a line between two indices."""
    part_pieces: list[Piece] = []
    at = 0
    for style, text in pieces:
        part = text[max(0, start - at) : max(0, stop - at)]
        if part:
            part_pieces.append((style, part))
        at += len(text)
    return part_pieces
