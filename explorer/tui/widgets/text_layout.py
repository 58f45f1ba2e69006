"""The rows of a text at a width: exact near what is in sight, estimated elsewhere, so that any size opens at once."""

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
"""Blocks up to which every row is counted at once."""
_CACHED_BLOCKS: Final = 64


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place in a text that stays when rows change: a block, a line of it, and a character of that."""

    block: int = 0
    line: int = 0
    offset: int = 0
    lines: int = 1
    """How many lines the block had, by which a dump of another width finds its place."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the text that was laid out."""

    lines: tuple[str, ...]
    """Its lines, harmless."""
    rows: tuple[tuple[int, int, int], ...]
    """For each row the line, and from where to where in it."""


class TextLayout:
    """Counts rows and gives them."""

    def __init__(self, content: Content, width: int) -> None:
        self.content = content
        self.width = max(1, width)
        self._blocks: OrderedDict[int, Block] = OrderedDict()
        count = max(1, -(-content.size // BLOCK_SIZE))
        self._counts = [1] * count
        self._exact: set[int] = set()
        self._begins: list[int] | None = None
        """The first row of each block and, at the end, how many rows there are; None when it has to be counted."""
        self._line_numbers: list[int] | None = None
        samples = range(count) if count <= _EXACT_BLOCKS else (0, count // 2, count - 1)
        rows = sum(self.measure(block) for block in samples)
        if count > _EXACT_BLOCKS:
            estimate = max(1, round(rows / len(samples)))
            self._counts = [self._counts[block] if block in self._exact else estimate for block in range(count)]
            self._begins = None

    @property
    def total(self) -> int:
        """Return the number of rows, as far as it is known."""
        return self._starts()[-1]

    def row(self, index: int) -> tuple[Block, tuple[int, int, int]] | None:
        """Return a row and the block it is of; None behind the end of a block that turned out to be shorter."""
        number, within = self._locate(index)
        block = self._block(number)
        return (block, block.rows[within]) if within < len(block.rows) else None

    def line_number(self, index: int) -> int:
        """Return which line a row is of, counted from 0."""
        if self._line_numbers is None:
            ends = [self._bounds(block) for block in range(len(self._counts))]
            self._line_numbers = list(accumulate((self.content.line_count(*end) for end in ends), initial=0))
        number, within = self._locate(index)
        rows = self._block(number).rows
        return self._line_numbers[number] + rows[min(within, len(rows) - 1)][0]

    def line_row(self, line: int) -> int:
        """Return the first row of a line, counted from 0; its block becomes exact."""
        self.line_number(0)
        numbers = self._line_numbers or [0]
        number = min(max(0, bisect_right(numbers, line) - 1), len(self._counts) - 1)
        self.measure(number)
        rows = self._block(number).rows
        within = next((at for at, row in enumerate(rows) if row[0] >= line - numbers[number]), len(rows) - 1)
        return self._starts()[number] + within

    def settle(self, top: int, height: int, *, upwards: bool = False) -> int:
        """Count exactly what is in sight and a screen above and below; return where the row at the top is then.

        Args:
            top: The row at the top.
            height: Rows of the screen.
            upwards: It was come to from below, whose rows stay where they are.
        """
        number, within = self._locate(top)
        before = self._counts[number]
        after = self.measure(number)
        within = max(0, after - before + within) if upwards else min(within, after - 1)
        self._measure_around(number, within, height)
        return self._starts()[number] + within

    def settle_end(self, height: int) -> int:
        """Count the last screens exactly; return the row at the top when the last row is in sight."""
        last = len(self._counts) - 1
        self._measure_around(last, self.measure(last), height)
        return max(0, self.total - height)

    def anchor(self, index: int) -> Anchor:
        """Return the place of a row."""
        number, within = self._locate(index)
        block = self._block(number)
        line, start, _ = block.rows[min(within, len(block.rows) - 1)]
        return Anchor(number, line, start, len(block.lines))

    def find(self, anchor: Anchor) -> int:
        """Return the row of a place; its block becomes exact."""
        number = min(anchor.block, len(self._counts) - 1)
        self.measure(number)
        block = self._block(number)
        line = anchor.line * len(block.lines) // anchor.lines if anchor.lines != len(block.lines) else anchor.line
        within = bisect_right(block.rows, (line, anchor.offset, len(block.lines[-1]) + self.content.size)) - 1
        return self._starts()[number] + max(0, within)

    def measure(self, number: int) -> int:
        """Count the rows of a block exactly."""
        if number not in self._exact:
            self._exact.add(number)
            self._counts[number] = len(self._block(number).rows)
            self._begins = None
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
        if self._begins is None:
            self._begins = list(accumulate(self._counts, initial=0))
        return self._begins

    def _locate(self, index: int) -> tuple[int, int]:
        starts = self._starts()
        number = max(0, min(bisect_right(starts, index) - 1, len(self._counts) - 1))
        return number, max(0, index - starts[number])

    def _bounds(self, number: int) -> tuple[int, int]:
        boundary = self.content.boundary
        return boundary(number * BLOCK_SIZE), boundary((number + 1) * BLOCK_SIZE)

    def _block(self, number: int) -> Block:
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = self._laid_out(number)
            if len(self._blocks) > _CACHED_BLOCKS:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(number)
        return block

    def _laid_out(self, number: int) -> Block:
        text = self.content.part(*self._bounds(number)).removesuffix("\n")
        lines = tuple(sanitize(line.expandtabs(_TAB_SIZE)) for line in text.split("\n"))
        rows: list[tuple[int, int, int]] = []
        for at, line in enumerate(lines):
            if len(line) <= self.width and line.isascii():
                rows.append((at, 0, len(line)))
                continue
            starts = row_starts(line, self.width)
            rows += ((at, start, stop) for start, stop in zip(starts, [*starts[1:], len(line)], strict=True))
        return Block(lines, tuple(rows))
