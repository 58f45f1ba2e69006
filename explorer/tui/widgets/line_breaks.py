"""Wrapping of lines into rows: at words where possible, never within a character."""

from typing import Final

from rich.cells import cell_len

_PUNCTUATION: Final = ",;&|"
"""Characters after which a row may end if there are no spaces, as in compact JSON and in URLs."""
_MAX_WORD_WRAPPED: Final = 1 << 16
"""Characters up to which a line is wrapped at words."""


def row_starts(line: str, width: int) -> list[int]:
    """Return the indices at which the rows of a sanitised line start; an empty line is one row.

    A row ends after the last space, or else the last comma, in its second half. A space that does not fit hangs over
    the end.

    Args:
        line: The line.
        width: Width of a row in cells.
    """
    if len(line) <= width and (line.isascii() or cell_len(line) <= width):
        return [0]
    starts, at, size = [0], 0, len(line)
    while size - at > width or not line.isascii():
        end = at + width if line.isascii() else _cell_end(line, at, width)
        if end >= size or (end == size - 1 and line[end] == " "):
            break
        word = _word_end(line, at, end) if size <= _MAX_WORD_WRAPPED else end
        at = end if word < size and not line[word].isascii() and not cell_len(line[word]) else word
        starts.append(at)
    return starts


def _cell_end(line: str, start: int, width: int) -> int:
    """Return the index after `width` cells and the combining marks behind them, at least one character further."""
    cell = 0
    for at in range(start, len(line)):
        cell += 1 if line[at].isascii() else cell_len(line[at])
        if cell > width and at > start:
            return at
    return len(line)


def _word_end(line: str, start: int, end: int) -> int:
    """Return the index at which a row is best broken, near its end."""
    least = start + (end - start) // 2
    if line[end] == " " and line[end - 1] != " ":
        return end + 1
    space = line.rfind(" ", least, end)
    if space >= 0:
        return space + 1
    return max((line.rfind(mark, least, end) for mark in _PUNCTUATION), default=-1) + 1 or end
