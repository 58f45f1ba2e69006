"""A text of any size to read: wrapped, coloured where it is in sight, and never sent to the terminal as it is."""

import re
from bisect import bisect_right
from collections.abc import Collection
from itertools import accumulate
from typing import Final

from rich.cells import cell_len

from explorer.model.text import inert
from explorer.tui.drawing import Piece, chopped
from explorer.tui.widgets.lines import Lines

_TAB: Final = 4
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
    "hex": re.compile(r"(?P<comment>^[0-9a-f]{4,}(?=\s))|(?P<string>\s\|.*\|?$)"),
}


class Pager(Lines):
    """Shows a text. Of a line longer than the screen the parts are wrapped, never cut off."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.text = ""
        self.language = "text"
        self.dimmed = False
        self.marked: Collection[int] | None = None
        self._lines: list[str] = []
        self._starts: list[int] = [0]
        """At which row a line begins; one more than there are lines."""
        self._width = 0
        self._parts: dict[int, list[str]] = {}

    def show(
        self,
        text: str,
        language: str = "text",
        *,
        dimmed: bool = False,
        keep: bool = False,
        marked: Collection[int] | None = None,
    ) -> None:
        """Show another text.

        Args:
            text: Of any length.
            language: What it is, for its colours.
            dimmed: Show it as what was.
            keep: It is the same thing grown older: stay where it was scrolled to.
            marked: Lines, counted from 0, that a margin tells from the others; None is without a margin.
        """
        if (text, language, dimmed, marked) == (self.text, self.language, self.dimmed, self.marked):
            return
        self.text, self.language, self.dimmed, self.marked = text, language, dimmed, marked
        self._lines = text.split("\n")
        if len(self._lines) > 1 and not self._lines[-1]:
            del self._lines[-1]
        self._width = 0
        self.changed(top=not keep)

    def count(self) -> int:
        """Give the number of rows at this width."""
        self._wrap()
        return self._starts[-1]

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Give a row in its colours."""
        self._wrap()
        line = bisect_right(self._starts, index) - 1
        if self._starts[line + 1] - self._starts[line] == 1:
            part = self._harmless(line)
        else:
            if line not in self._parts:
                if len(self._parts) > width:
                    self._parts.clear()
                self._parts[line] = chopped(self._harmless(line), self._width)
            part = self._parts[line][index - self._starts[line]]
        if self.dimmed:
            return [("lines--dim", part)]
        drawn = coloured(part, self.language)
        if self.marked is None:
            return drawn
        return [("lines--marked", "~ "), *drawn] if line in self.marked else [("", "  "), *drawn]

    def _wrap(self) -> None:
        width = max(1, self.room - (0 if self.marked is None else 2))
        if width == self._width:
            return
        self._width = width
        self._parts = {}
        self._starts = [0, *accumulate(self._height(line) for line in range(len(self._lines)))]

    def _height(self, line: int) -> int:
        text = self._lines[line]
        if len(text) * 2 <= self._width and text.isprintable():
            return 1
        harmless = self._harmless(line)
        if harmless.isascii():
            return max(1, -(-len(harmless) // self._width))
        return 1 if cell_len(harmless) <= self._width else len(chopped(harmless, self._width))

    def _harmless(self, line: int) -> str:
        return inert(self._lines[line].expandtabs(_TAB))


def coloured(line: str, language: str) -> list[Piece]:
    """Tell keys, strings, numbers and comments of a line apart."""
    words = _WORDS.get(language)
    if words is None:
        return [("", line)]
    pieces: list[Piece] = []
    at = 0
    for found in words.finditer(line):
        if found.start() > at:
            pieces.append(("", line[at : found.start()]))
        pieces.append((f"lines--{found.lastgroup}", found[0]))
        at = found.end()
    pieces.append(("", line[at:]))
    return pieces
