"""The lines of a unified diff, told apart by sign and style."""

from collections.abc import Sequence

from explorer.tui.drawing import Piece
from explorer.tui.widgets.lines import Lines

_STYLES = {"+": "lines--good", "-": "lines--bad", "@": "lines--key"}


class Difference(Lines):
    """What a save would change."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__()
        self.lines = [line for line in lines if not line.startswith(("---", "+++"))]
        self._rows: list[tuple[str, str]] = []
        self._width = 0

    def count(self) -> int:
        """Give the number of rows; a long line takes several."""
        width = max(8, self.size.width)
        if width != self._width:
            self._width = width
            self._rows = [
                (line[:1], line[at : at + width] if at == 0 else f" {line[at : at + width]}")
                for line in self.lines
                for at in range(0, max(1, len(line)), width)
            ]
        return len(self._rows)

    def pieces(self, index: int, width: int) -> list[Piece]:
        """Give a row."""
        del width
        sign, text = self._rows[index]
        return [(_STYLES.get(sign, ""), text)]
