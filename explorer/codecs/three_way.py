"""Three versions of a text side by side, with the side that changed each line."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from explorer.codecs.line_merge import Side, diff3_chunks

CONTEXT_LINES: Final = 100
"""Unchanged lines around a difference; the others are omitted, and counted in one row."""
MAX_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class ThreeWayRow:
    """Row with a line of each version; None for a version without one."""

    base: str | None
    theirs: str | None
    mine: str | None
    side: Side = Side.UNCHANGED
    omitted: int = 0
    """Number of lines omitted here: unchanged ones, or at the end those beyond `MAX_ROWS`."""


def three_way_rows(base: str, theirs: str, mine: str) -> tuple[ThreeWayRow, ...]:
    """Return the aligned lines of three versions."""
    rows: list[ThreeWayRow] = []
    for row in _with_context(_aligned(_lines(base), _lines(theirs), _lines(mine))):
        if len(rows) == MAX_ROWS:
            remaining = max(len(_lines(text)) for text in (base, theirs, mine)) - MAX_ROWS
            rows.append(ThreeWayRow(None, None, None, Side.CONFLICT, omitted=max(1, remaining)))
            break
        rows.append(row)
    return tuple(rows)


def _lines(text: str) -> list[str]:
    """Return the lines; a final line feed does not begin another."""
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def _aligned(base: list[str], theirs: list[str], mine: list[str]) -> Iterator[ThreeWayRow]:
    for chunk in diff3_chunks(base, mine, theirs):
        for lines in zip_longest(base[chunk.base], theirs[chunk.theirs], mine[chunk.mine]):
            yield ThreeWayRow(*lines, chunk.side)


def _with_context(rows: Iterator[ThreeWayRow]) -> Iterator[ThreeWayRow]:
    """Yield the rows with unchanged ones omitted that are far from every difference."""
    unchanged: list[ThreeWayRow] = []
    differed = False
    for row in rows:
        if row.side is Side.UNCHANGED:
            unchanged.append(row)
            continue
        yield from _shorten(unchanged, head=differed, tail=True)
        unchanged, differed = [], True
        yield row
    yield from _shorten(unchanged, head=differed, tail=not differed)


def _shorten(rows: list[ThreeWayRow], *, head: bool, tail: bool) -> Iterator[ThreeWayRow]:
    first = CONTEXT_LINES if head else 0
    last = CONTEXT_LINES if tail else 0
    if len(rows) <= first + last + 1:
        yield from rows
        return
    yield from rows[:first]
    yield ThreeWayRow(None, None, None, omitted=len(rows) - first - last)
    yield from rows[len(rows) - last :]
