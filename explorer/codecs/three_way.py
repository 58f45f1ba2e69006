"""Three versions of a text side by side: which lines stand for each other, and who changed them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from explorer.codecs.line_merge import Side, parts

CONTEXT_LINES: Final = 100
"""Unchanged lines that are shown before and after a difference; more of them are one row that says so."""
MAX_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class ThreeWayRow:
    """One line of each version; None where a version has no line."""

    base: str | None
    theirs: str | None
    mine: str | None
    side: Side = Side.UNCHANGED
    omitted: int = 0
    """How many lines are left out here: unchanged ones, or at the end those beyond `MAX_ROWS`."""


def three_way_rows(base: str, theirs: str, mine: str) -> tuple[ThreeWayRow, ...]:
    """Return the lines of three versions, aligned."""
    found: list[ThreeWayRow] = []
    for row in _folded(_aligned(_lines(base), _lines(theirs), _lines(mine))):
        if len(found) == MAX_ROWS:
            rest = max(len(_lines(text)) for text in (base, theirs, mine)) - MAX_ROWS
            found.append(ThreeWayRow(None, None, None, Side.CONFLICT, omitted=max(1, rest)))
            break
        found.append(row)
    return tuple(found)


def _lines(text: str) -> list[str]:
    """Return the lines; a line feed at the end begins no further one."""
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def _aligned(base: list[str], theirs: list[str], mine: list[str]) -> Iterator[ThreeWayRow]:
    for part in parts(base, mine, theirs):
        for lines in zip_longest(base[part.base], theirs[part.theirs], mine[part.mine]):
            yield ThreeWayRow(*lines, part.side)


def _folded(rows: Iterator[ThreeWayRow]) -> Iterator[ThreeWayRow]:
    """Leave out what is far from every difference."""
    before: list[ThreeWayRow] = []
    differed = False
    for row in rows:
        if row.side is Side.UNCHANGED:
            before.append(row)
            continue
        yield from _shortened(before, head=differed, tail=True)
        before, differed = [], True
        yield row
    yield from _shortened(before, head=differed, tail=not differed)


def _shortened(rows: list[ThreeWayRow], *, head: bool, tail: bool) -> Iterator[ThreeWayRow]:
    first = CONTEXT_LINES if head else 0
    last = CONTEXT_LINES if tail else 0
    if len(rows) <= first + last + 1:
        yield from rows
        return
    yield from rows[:first]
    yield ThreeWayRow(None, None, None, omitted=len(rows) - first - last)
    yield from rows[len(rows) - last :]
