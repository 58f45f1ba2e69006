"""A view of a diff, with marks below the parts of a line that differ."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import ClassVar, Final, NamedTuple

from rich.cells import cell_len

from explorer.model.line_diff import DiffLine
from explorer.session.editing.comparison_text import visible_parts
from explorer.tui.cells import Piece, wrap_cells
from explorer.tui.widgets.virtual_list import VirtualList

_STYLES: Final = {
    "+": "virtual-list--good",
    "-": "virtual-list--bad",
    "@": "virtual-list--key",
    "\\": "virtual-list--marked",
}
_MARKED_STYLES: Final = {"+": "diff-view--added", "-": "diff-view--removed"}


class _Row(NamedTuple):
    """A row on the screen."""

    sign: str
    pieces: list[Piece]


class DiffView(VirtualList):
    """A diff. Unchanged parts of long lines are left out.

    Carets below a line mark what differs in it, so that it is visible without colours, too.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {"diff-view--added", "diff-view--removed"}
    DEFAULT_CSS = """
    DiffView > .diff-view--added { color: $success; text-style: bold reverse; }
    DiffView > .diff-view--removed { color: $error; text-style: bold reverse; }
    """

    def __init__(self, lines: Sequence[DiffLine]) -> None:
        super().__init__()
        self.lines = lines
        self._rows: list[_Row] = []
        self._width = 0
        self._current = 0

    def show(self, lines: Sequence[DiffLine]) -> None:
        """Show another diff, from its first row on."""
        self.lines, self._width, self._current = lines, 0, 0
        self.update_rows(top=True)

    def count(self) -> int:
        """Return the number of rows; a long line takes several."""
        width = max(8, self.row_width)
        if width != self._width:
            self._width = width
            self._rows = [row for line in self.lines for row in _rows(line, width - 1)]
        return len(self._rows)

    def do_next_difference(self) -> None:
        """Scroll to the next difference."""
        self._go(self._current + 1)

    def do_previous_difference(self) -> None:
        """Scroll to the previous difference."""
        self._go(self._current - 1)

    def _go(self, number: int) -> None:
        self.count()
        hunks = [index for index, row in enumerate(self._rows) if row.sign == "@"]
        if hunks:
            self._current = max(0, min(number, len(hunks) - 1))
            self.scroll_to(y=hunks[self._current], animate=False, immediate=True)

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Return a row."""
        del width
        sign, pieces = self._rows[index]
        return [(_STYLES.get(sign.strip(), ""), sign), *pieces]


def _rows(line: DiffLine, width: int) -> Iterator[_Row]:
    """Wrap a line into rows, each followed by a row of carets if it has marks."""
    style = _STYLES.get(line.sign, "")
    parts = list(visible_parts(line))
    ends = list(accumulate(len(text) for text, _ in parts))
    sign, start, at = line.sign, 0, 0
    for row in wrap_cells("".join(text for text, _ in parts), width):
        pieces: list[Piece] = []
        carets = ""
        end = start + len(row)
        while start < end:
            while ends[at] <= start:
                at += 1
            text = row[len(row) - (end - start) :][: ends[at] - start]
            marked = parts[at][1]
            pieces.append((_MARKED_STYLES.get(line.sign, style) if marked else style, text))
            carets += ("^" if marked else " ") * cell_len(text)
            start += len(text)
        yield _Row(sign, pieces)
        if carets.strip():
            yield _Row(" ", [("virtual-list--marked", carets.rstrip())])
        sign = " "
