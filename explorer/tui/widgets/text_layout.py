"""The rows of a text at a given width: exact near the screen, estimated elsewhere, so that any size opens at once."""

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from explorer.codecs.text.content import BLOCK_SIZE, Content
from explorer.model.sanitize import sanitize
from explorer.tui.widgets.line_breaks import row_starts

_TAB_SIZE: Final = 4
_EXACT_BLOCKS: Final = 8
"""Number of blocks up to which all rows are counted at once."""
_CACHED_BLOCKS: Final = 64


@dataclass(frozen=True, slots=True)
class Anchor:
    """A position in a text that stays valid when rows change: a block, a line of it, and an index in that."""

    block: int = 0
    line: int = 0
    offset: int = 0
    lines: int = 1
    """Number of lines of the block, by which the position is found in a hex dump of another width."""


@dataclass(frozen=True, slots=True)
class LineBlock:
    """A part of the text with its rows."""

    lines: tuple[str, ...]
    """Its lines, sanitised."""
    rows: tuple[tuple[int, int, int], ...]
    """For each row the line, and the start and end in it."""


class TextLayout:
    """The rows of a text at a width in cells."""

    def __init__(self, content: Content, width: int) -> None:
        self.content = content
        self.width = max(1, width)
        self._blocks: OrderedDict[int, LineBlock] = OrderedDict()
        count = max(1, -(-content.size // BLOCK_SIZE))
        self._counts = [1] * count
        self._exact: set[int] = set()
        self._block_starts: list[int] | None = None
        """The first row of each block and, at the end, the number of rows; None if it has to be counted again."""
        samples = range(count) if count <= _EXACT_BLOCKS else (0, count // 2, count - 1)
        rows = sum(self.measure(block) for block in samples)
        if count > _EXACT_BLOCKS:
            estimate = max(1, round(rows / len(samples)))
            self._counts = [self._counts[block] if block in self._exact else estimate for block in range(count)]
            self._block_starts = None

    @property
    def total(self) -> int:
        """Number of rows, as far as it is known."""
        return self._starts()[-1]

    def row(self, index: int) -> tuple[LineBlock, tuple[int, int, int]] | None:
        """Return a row and its block; None behind the end of a block that is shorter than estimated."""
        number, within = self._locate(index)
        block = self._block(number)
        return (block, block.rows[within]) if within < len(block.rows) else None

    def settle(self, top: int, height: int, *, upwards: bool = False) -> int:
        """Lay out a row and two screens around it; return the index of the row after that.

        Args:
            top: The row at the top of the screen.
            height: Number of rows of the screen.
            upwards: Whether the text is scrolled up, so that the rows below have to keep their places.
        """
        number, within = self._locate(top)
        before = self._counts[number]
        after = self.measure(number)
        within = max(0, after - before + within) if upwards else min(within, after - 1)
        self._measure_around(number, within, height)
        return self._starts()[number] + within

    def settle_end(self, height: int) -> int:
        """Lay out the last screens; return the row at the top when the last row is in sight."""
        last = len(self._counts) - 1
        self._measure_around(last, self.measure(last), height)
        return max(0, self.total - height)

    def anchor(self, index: int) -> Anchor:
        """Return the position of a row."""
        number, within = self._locate(index)
        block = self._block(number)
        line, start, _ = block.rows[min(within, len(block.rows) - 1)]
        return Anchor(number, line, start, len(block.lines))

    def find(self, anchor: Anchor) -> int:
        """Return the row of a position, and lay out its block."""
        number = min(anchor.block, len(self._counts) - 1)
        self.measure(number)
        block = self._block(number)
        line = anchor.line * len(block.lines) // anchor.lines if anchor.lines != len(block.lines) else anchor.line
        within = bisect_right(block.rows, (line, anchor.offset, len(block.lines[-1]) + self.content.size)) - 1
        return self._starts()[number] + max(0, within)

    def measure(self, number: int) -> int:
        """Return the exact number of rows of a block."""
        if number not in self._exact:
            self._exact.add(number)
            self._counts[number] = len(self._block(number).rows)
            self._block_starts = None
        return self._counts[number]

    def _measure_around(self, number: int, within: int, height: int) -> None:
        below, block = self._counts[number] - within, number
        while below < 2 * height and block + 1 < len(self._counts):
            block += 1
            below += self.measure(block)
        above, block = within, number
        while above < 2 * height and block > 0:
            block -= 1
            above += self.measure(block)

    def _starts(self) -> list[int]:
        if self._block_starts is None:
            self._block_starts = list(accumulate(self._counts, initial=0))
        return self._block_starts

    def _locate(self, index: int) -> tuple[int, int]:
        starts = self._starts()
        number = max(0, min(bisect_right(starts, index) - 1, len(self._counts) - 1))
        return number, max(0, index - starts[number])

    def _bounds(self, number: int) -> tuple[int, int]:
        boundary = self.content.boundary
        return boundary(number * BLOCK_SIZE), boundary((number + 1) * BLOCK_SIZE)

    def _block(self, number: int) -> LineBlock:
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = self._lay_out(number)
            if len(self._blocks) > _CACHED_BLOCKS:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(number)
        return block

    def _lay_out(self, number: int) -> LineBlock:
        text = self.content.part(*self._bounds(number)).removesuffix("\n")
        lines = tuple(sanitize(line.expandtabs(_TAB_SIZE)) for line in text.split("\n"))
        rows: list[tuple[int, int, int]] = []
        for at, line in enumerate(lines):
            if len(line) <= self.width and line.isascii():
                rows.append((at, 0, len(line)))
                continue
            starts = row_starts(line, self.width)
            rows += ((at, start, stop) for start, stop in zip(starts, [*starts[1:], len(line)], strict=True))
        return LineBlock(lines, tuple(rows))
