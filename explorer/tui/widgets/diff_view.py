"""The lines of a diff, told apart by sign and style, with what differs inside a line marked below it."""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import ClassVar, Final, NamedTuple

from rich.cells import cell_len

from explorer.model.line_diff import DiffLine
from explorer.model.sanitize import sanitize
from explorer.tui.rendering import TAB_SIGN, Piece, chopped, visible
from explorer.tui.widgets.virtual_list import VirtualList

_STYLES: Final = {"+": "lines--good", "-": "lines--bad", "@": "lines--key", "\\": "lines--marked"}
_MARKED: Final = {"+": "difference--added", "-": "difference--removed"}
_TRAILING: Final = re.compile(r"[ \t]+\Z")


class _Row(NamedTuple):
    """A row on the screen."""

    sign: str
    pieces: list[Piece]


class DiffView(VirtualList):
    """What a save would change; what is unchanged in long lines is left out.

    What differs inside a line has carets below it, which can be seen without colours, too.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"difference--added", "difference--removed"}
    DEFAULT_CSS = """
    DiffView > .difference--added { color: $success; text-style: bold reverse; }
    DiffView > .difference--removed { color: $error; text-style: bold reverse; }
    """

    def __init__(self, lines: Sequence[DiffLine]) -> None:
        super().__init__()
        self.lines = lines
        self._rows: list[_Row] = []
        self._width = 0
        self._place = 0

    def count(self) -> int:
        """Return the number of rows; a long line takes several."""
        width = max(8, self.room)
        if width != self._width:
            self._width = width
            self._rows = [row for line in self.lines for row in _rows(line, width - 1)]
        return len(self._rows)

    def do_next_difference(self) -> None:
        """Go to the next place that differs."""
        self._go(self._place + 1)

    def do_previous_difference(self) -> None:
        """Go to the place before."""
        self._go(self._place - 1)

    def _go(self, number: int) -> None:
        self.count()
        places = [at for at, row in enumerate(self._rows) if row[0] == "@"]
        if places:
            self._place = max(0, min(number, len(places) - 1))
            self.scroll_to(y=places[self._place], animate=False, immediate=True)

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Return a row."""
        del width
        sign, pieces = self._rows[index]
        return [(_STYLES.get(sign.strip(), ""), sign), *pieces]


def _rows(line: DiffLine, width: int) -> Iterator[_Row]:
    """Break a line into rows, each with carets below it where it has marks."""
    style = _STYLES.get(line.sign, "")
    shown = list(_shown(line))
    ends = list(accumulate(len(text) for text, _ in shown))
    sign, start, at = line.sign, 0, 0
    for row in chopped("".join(text for text, _ in shown), width):
        pieces: list[Piece] = []
        carets = ""
        end = start + len(row)
        while start < end:
            while ends[at] <= start:
                at += 1
            text = row[len(row) - (end - start) :][: ends[at] - start]
            marked = shown[at][1]
            pieces.append((_MARKED.get(line.sign, style) if marked else style, text))
            carets += ("^" if marked else " ") * cell_len(text)
            start += len(text)
        yield _Row(sign, pieces)
        if carets.strip():
            yield _Row(" ", [("lines--marked", carets.rstrip())])
        sign = " "


def _shown(line: DiffLine) -> Iterator[tuple[str, bool]]:
    """Return the pieces of a line as they are drawn, and whether each is marked."""
    differs = line.sign in _MARKED
    for number, part in enumerate(line.parts):
        last = number == len(line.parts) - 1
        marked = differs and part.kind == "changed"
        if part.kind == "elided":
            yield sanitize(part.text), False
        elif marked and part.text.isspace():
            yield visible(part.text), True
        elif differs and last and (trailing := _TRAILING.search(part.text)):
            yield _drawn(part.text[: trailing.start()], marked=marked), marked
            yield visible(trailing[0]), marked
        else:
            yield _drawn(part.text, marked=marked), marked


def _drawn(text: str, *, marked: bool) -> str:
    return sanitize(text.replace("\t", TAB_SIGN if marked else " " * len(TAB_SIGN)))
