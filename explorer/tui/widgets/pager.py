"""A text of any size to read: wrapped, coloured where it is in sight, and never sent to the terminal as it is."""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final

from textual.geometry import Size
from textual.widget import Widget

from explorer.codecs.text.content import Content, PlainText
from explorer.tui.rendering import Piece
from explorer.tui.widgets.text_layout import Anchor, TextLayout
from explorer.tui.widgets.virtual_list import VirtualList

_STRING: Final = r'"(?:[^"\\]|\\.)*"?|\'(?:[^\'\\]|\\.)*\'?'
_NUMBER: Final = r"(?<![\w.])[-+]?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])"
_LITERAL: Final = r"\b(?:true|false|null|True|False|nan|inf)\b"
_WORDS: Final = {
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
    """Shows a text. Of a line longer than the screen the parts are wrapped, never cut off.

    Of a large one only what is near the screen is laid out; the rest counts by estimate, and the row at the top stays
    where it is when an estimate turns out to be wrong.
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.content: Content = PlainText("")
        self.language = "text"
        self.dimmed = False
        self.marked: Collection[int] | None = None
        self._layout: TextLayout | None = None
        self._anchor = Anchor()
        """The place at the top."""

    def show(
        self,
        content: Content | str,
        language: str = "text",
        *,
        dimmed: bool = False,
        keep: bool = False,
        marked: Collection[int] | None = None,
    ) -> None:
        """Show another text.

        Args:
            content: Of any length.
            language: What it is, for its colours.
            dimmed: Show it as what was.
            keep: It is the same thing grown older: stay where it was scrolled to.
            marked: Lines, counted from 0, that a margin tells from the others; None is without a margin.
        """
        if isinstance(content, str):
            content = PlainText(content)
        if (language, dimmed, marked, content) == (self.language, self.dimmed, self.marked, self.content):
            return
        self.content, self.language, self.dimmed, self.marked = content, language, dimmed, marked
        self._layout = None
        self.changed(top=not keep)

    def count(self) -> int:
        """Return the number of rows at this width, of a large text an estimate."""
        return 0 if self._layout is None else self._layout.total

    def changed(self, *, top: bool = False) -> None:
        """Take another text or another width; with `top` it is shown from the first row on."""
        width = self.room - (0 if self.marked is None else 2)
        if top:
            self._anchor = Anchor()
        if not self.is_mounted or width <= 0:
            return
        if self._layout is None or self._layout.width != width:
            self._layout = TextLayout(self.content.at_width(width), width)
        self._settle(self._layout, self._layout.find(self._anchor))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Lay out what comes into sight."""
        super().watch_scroll_y(old_value, new_value)
        layout, row = self._layout, round(new_value)
        if layout is None or round(old_value) == row:
            return
        if row >= self.max_scroll_y:
            row = layout.settle_end(self.size.height)
        self._settle(layout, row, upwards=new_value < old_value)

    def _settle(self, layout: TextLayout, row: int, *, upwards: bool = False) -> None:
        """Count exactly what is around a row, and have it at the top."""
        height = max(1, self.size.height)
        row = layout.settle(row, height, upwards=upwards)
        size = Size(self.room, layout.total)
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
        """Return a row in its colours."""
        del width
        found = None if self._layout is None else self._layout.row(index)
        if found is None or self._layout is None:
            return []
        block, (line, start, stop) = found
        if self.dimmed:
            return [("lines--dim", block.lines[line][start:stop])]
        drawn = cut(coloured(block.lines[line], self.language), start, stop)
        if self.marked is None:
            return drawn
        return [("lines--marked", "~ ") if self._layout.line_number(index) in self.marked else ("", "  "), *drawn]


@lru_cache(maxsize=256)
def coloured(line: str, language: str) -> Sequence[Piece]:
    """Tell keys, strings, numbers and comments of a line apart."""
    words = _WORDS.get(language)
    if words is None:
        return (("", line),)
    pieces: list[Piece] = []
    at = 0
    for found in words.finditer(line):
        if found.start() > at:
            pieces.append(("", line[at : found.start()]))
        pieces.append((f"lines--{found.lastgroup}", found[0]))
        at = found.end()
    pieces.append(("", line[at:]))
    return pieces


def cut(pieces: Sequence[Piece], start: int, stop: int) -> list[Piece]:
    """Return the part of a line between two characters."""
    drawn: list[Piece] = []
    at = 0
    for style, text in pieces:
        part = text[max(0, start - at) : max(0, stop - at)]
        if part:
            drawn.append((style, part))
        at += len(text)
    return drawn
