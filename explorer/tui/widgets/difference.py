"""The lines of a unified diff, told apart by sign and style."""

from collections.abc import Iterator, Sequence

from explorer.model.text import inert
from explorer.tui.drawing import Piece, chopped
from explorer.tui.widgets.lines import Lines

_STYLES = {"+": "lines--good", "-": "lines--bad", "@": "lines--key"}


class Difference(Lines):
    """What a save would change; all of it, however long its lines are and whatever is in them."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__()
        self.lines = lines
        self._rows: list[tuple[str, str]] = []
        self._width = 0

    def count(self) -> int:
        """Give the number of rows; a long line takes several."""
        width = max(8, self.room)
        if width != self._width:
            self._width = width
            self._rows = [row for line in self.lines for row in _rows(line, width)]
        return len(self._rows)

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Give a row."""
        del width
        sign, text = self._rows[index]
        return [(_STYLES.get(sign, ""), text)]


def _rows(line: str, width: int) -> Iterator[tuple[str, str]]:
    """Break a line into rows: what goes on below stands behind the sign."""
    sign, text = line[:1], inert(line[1:])
    for number, part in enumerate(chopped(text, width - 1)):
        yield sign, f"{' ' if number else sign}{part}"
