"""Three versions of a text side by side, which scroll together: what both began with, theirs, and mine."""

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len

from explorer.codecs.merging import Side
from explorer.codecs.three_way import ThreeWayRow
from explorer.model.text import inert
from explorer.tui.drawing import Piece
from explorer.tui.line_breaks import row_starts
from explorer.tui.widgets.lines import Lines
from explorer.tui.widgets.pager import coloured, cut

_SEPARATOR: Final = "│"
_MARGIN: Final = 2
_TAB_SIZE: Final = 4
_THEIRS: Final = (Side.THEIRS, Side.BOTH, Side.CONFLICT)
_MINE: Final = (Side.MINE, Side.BOTH, Side.CONFLICT)
_CONTEXT: Final = 2
"""Rows above a difference that is gone to."""


class ThreeWayView(Lines):
    """Draws the aligned lines, each as high as the highest of the three; what differs from the base has a margin."""

    def __init__(self, rows: Sequence[ThreeWayRow], language: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.lines = tuple(rows)
        self.language = language
        self._width = 0
        self._rows: list[tuple[int, int]] = []
        """For each row on the screen the line, and which of its rows."""
        self._differences: list[int] = []
        """The rows at which differences begin."""
        self._current = -1

    @property
    def column_widths(self) -> tuple[int, int, int]:
        """Return the cells of each column, its margin and what separates it included."""
        each = max(_MARGIN + 2, self.room // 3)
        return each, each, max(_MARGIN + 2, self.room - 2 * each)

    def count(self) -> int:
        """Return the number of rows at this width."""
        if self.room != self._width and self.room > 0:
            self._width = self.room
            self._rows, self._differences = [], []
            before = Side.NOBODY
            for at, line in enumerate(self.lines):
                if line.side is not Side.NOBODY and line.side is not before:
                    self._differences.append(len(self._rows))
                before = line.side
                self._rows += ((at, row) for row in range(self._height(line)))
        return len(self._rows)

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Return a row of all three columns."""
        del width
        self.count()
        at, row = self._rows[index]
        line = self.lines[at]
        if line.left_out:
            what = (
                "further lines are too many to be shown" if line.side is Side.CONFLICT else "lines that nobody changed"
            )
            return [("lines--dim", f"  … {line.left_out:,} {what}")]
        drawn: list[Piece] = []
        sides: tuple[tuple[str | None, tuple[Side, ...]], ...] = (
            (line.base, ()),
            (line.theirs, _THEIRS),
            (line.mine, _MINE),
        )
        for number, ((text, changed), cells) in enumerate(zip(sides, self.column_widths, strict=True)):
            if number:
                drawn.append(("lines--dim", _SEPARATOR))
            mark: Piece = ("", "  ")
            if line.side in changed:
                mark = ("lines--bad", "! ") if line.side is Side.CONFLICT else ("lines--marked", "~ ")
            room = cells - _MARGIN - (1 if number else 0)
            drawn += [mark, *self._cell(text, row, room)]
        return drawn

    @property
    def difference_count(self) -> int:
        """Return in how many places the versions differ."""
        self.count()
        return len(self._differences)

    def do_next_difference(self) -> None:
        """Go to the next difference."""
        self._go(self._current + 1)

    def do_previous_difference(self) -> None:
        """Go to the difference before."""
        self._go(self._current - 1)

    def _go(self, number: int) -> None:
        self.count()
        if not self._differences:
            return
        self._current = max(0, min(number, len(self._differences) - 1))
        row = max(0, self._differences[self._current] - _CONTEXT)
        self.scroll_to(y=row, animate=False, immediate=True)
        self.post_message(self.Moved())

    @property
    def current_difference(self) -> int:
        """Return the number of the difference that was gone to, counted from 1; 0 before that."""
        return self._current + 1

    def _height(self, line: ThreeWayRow) -> int:
        if line.left_out:
            return 1
        texts = zip((line.base, line.theirs, line.mine), self.column_widths, strict=True)
        return max(
            1 if text is None else len(self._starts(text, cells - _MARGIN - (1 if number else 0)))
            for number, (text, cells) in enumerate(texts)
        )

    def _starts(self, text: str, room: int) -> list[int]:
        return [0] if len(text) <= room and text.isascii() and text.isprintable() else row_starts(_shown(text), room)

    def _cell(self, text: str | None, row: int, room: int) -> list[Piece]:
        """Return a row of one column, filled up to its width."""
        if text is None:
            return [("", " " * room)]
        shown = _shown(text)
        starts = [*row_starts(shown, room), len(shown)]
        if row + 1 >= len(starts):
            return [("", " " * room)]
        start, stop = starts[row], starts[row + 1]
        if cell_len(shown[start:stop]) > room:  # by the space that hangs over the end
            stop -= 1
        pieces = cut(coloured(shown, self.language), start, stop)
        return [*pieces, ("", " " * (room - sum(cell_len(piece) for _, piece in pieces)))]


def _shown(text: str) -> str:
    return inert(text.expandtabs(_TAB_SIZE))
