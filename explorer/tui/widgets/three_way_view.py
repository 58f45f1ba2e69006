"""A three-way view: base, theirs and mine side by side, scrolled together."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from rich.cells import cell_len

from explorer.codecs.line_merge import Side
from explorer.codecs.three_way import ThreeWayRow
from explorer.session.editing.comparison_text import CHANGED_IN, Cell, omitted_text, version_cells
from explorer.tui.cells import Piece
from explorer.tui.widgets.line_breaks import row_starts
from explorer.tui.widgets.pager import highlight, slice_pieces
from explorer.tui.widgets.virtual_list import VirtualList

_SEPARATOR: Final = "│"
_MARGIN_WIDTH: Final = 2
_CONTEXT_ROWS: Final = 2
"""Rows above the current difference."""


class ThreeWayView(VirtualList):
    """The aligned lines of three versions. A sign in the margin marks lines that differ from the base.

    Carets below a line mark what differs in it, so that it is visible without colours, too.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"three-way-view--changed"}
    DEFAULT_CSS = """
    ThreeWayView > .three-way-view--changed { color: $warning; text-style: bold reverse; }
    """

    def __init__(self, rows: Sequence[ThreeWayRow], language: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.lines = tuple(rows)
        self.language = language
        self._width = 0
        self._rows: list[tuple[int, int]] = []
        """For each row the index of its line, and the row within it; see `_line_rows`."""
        self._differences: list[int] = []
        """The first rows of the differences."""
        self._current = -1

    @property
    def column_widths(self) -> tuple[int, int, int]:
        """Width of each column in cells, including margin and separator."""
        each = max(_MARGIN_WIDTH + 2, self.row_width // 3)
        return each, each, max(_MARGIN_WIDTH + 2, self.row_width - 2 * each)

    def count(self) -> int:
        """Return the number of rows at this width."""
        if self.row_width != self._width and self.row_width > 0:
            self._width = self.row_width
            self._rows, self._differences = [], []
            before = Side.UNCHANGED
            for at, line in enumerate(self.lines):
                if line.side is not Side.UNCHANGED and line.side is not before:
                    self._differences.append(len(self._rows))
                before = line.side
                self._rows += ((at, row) for row in self._line_rows(line))
        return len(self._rows)

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Return a row of all three columns."""
        del width
        self.count()
        at, row = self._rows[index]
        line = self.lines[at]
        if line.omitted:
            return [("virtual-list--dim", f"  {omitted_text(line)}")]
        drawn: list[Piece] = []
        columns = zip(version_cells(line), CHANGED_IN, self.column_widths, strict=True)
        for number, (cell, changed, cells) in enumerate(columns):
            if number:
                drawn.append(("virtual-list--dim", _SEPARATOR))
            mark: Piece = ("", "  ")
            if line.side in changed and row >= 0:
                mark = ("virtual-list--bad", "! ") if line.side is Side.CONFLICT else ("virtual-list--marked", "~ ")
            room = cells - _MARGIN_WIDTH - (1 if number else 0)
            drawn += [mark, *(self._cell(cell, row, room) if row >= 0 else _carets(cell, ~row, room))]
        return drawn

    @property
    def difference_count(self) -> int:
        """Number of differences."""
        self.count()
        return len(self._differences)

    def do_next_difference(self) -> None:
        """Scroll to the next difference."""
        self._go(self._current + 1)

    def do_previous_difference(self) -> None:
        """Scroll to the previous difference."""
        self._go(self._current - 1)

    def _go(self, number: int) -> None:
        self.count()
        if not self._differences:
            return
        self._current = max(0, min(number, len(self._differences) - 1))
        row = max(0, self._differences[self._current] - _CONTEXT_ROWS)
        self.scroll_to(y=row, animate=False, immediate=True)
        self.post_message(self.Highlighted())

    @property
    def current_difference(self) -> int:
        """Number of the current difference, counted from 1; 0 at the start."""
        return self._current + 1

    def _line_rows(self, line: ThreeWayRow) -> Iterator[int]:
        """Yield the rows of a line; the bitwise complement of a row is the row of carets below it."""
        if line.omitted:
            yield 0
            return
        rooms = [cells - _MARGIN_WIDTH - (1 if number else 0) for number, cells in enumerate(self.column_widths)]
        columns = list(zip(version_cells(line), rooms, strict=True))
        for row in range(max(len(_starts(cell.text or "", room)) for cell, room in columns)):
            yield row
            if any("^" in text for cell, room in columns for _, text in _carets(cell, row, room)):
                yield ~row

    def _cell(self, cell: Cell, row: int, room: int) -> list[Piece]:
        """Return a row of one column, padded to its width."""
        start, stop = _span(cell, row, room)
        shown = cell.text or ""
        pieces: list[Piece] = []
        at = start
        for mark in (*cell.marks, (stop, stop)):
            first, last = (max(start, min(place, stop)) for place in mark)
            pieces += slice_pieces(highlight(shown, self.language), at, max(at, first))
            if first < last:
                pieces.append(("three-way-view--changed", shown[first:last]))
            at = max(at, last)
        return [*pieces, ("", " " * (room - sum(cell_len(piece) for _, piece in pieces)))]


def _starts(text: str, room: int) -> list[int]:
    return [0] if len(text) <= room and text.isascii() else row_starts(text, room)


def _span(cell: Cell, row: int, room: int) -> tuple[int, int]:
    """Return the start and end of a row in the text of a cell."""
    shown = cell.text or ""
    starts = [*_starts(shown, room), len(shown)]
    if row + 1 >= len(starts):
        return len(shown), len(shown)
    start, stop = starts[row], starts[row + 1]
    return start, stop - (cell_len(shown[start:stop]) > room)  # a space may hang over the end


def _carets(cell: Cell, row: int, room: int) -> list[Piece]:
    """Return the row of carets below a row."""
    start, stop = _span(cell, row, room)
    carets = [" "] * room
    for first, last in cell.marks:
        if max(first, start) < min(last, stop):
            left = cell_len((cell.text or "")[start : max(first, start)])
            carets[left : cell_len((cell.text or "")[start : min(last, stop)])] = "^" * (
                cell_len((cell.text or "")[start : min(last, stop)]) - left
            )
    return [("virtual-list--marked", "".join(carets))]
