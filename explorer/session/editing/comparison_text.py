"""Lines of a diff and of three versions as sanitised texts, with marks at what differs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from explorer.codecs.line_merge import Side
from explorer.codecs.three_way import ThreeWayRow
from explorer.model.line_diff import DiffLine, changed_parts
from explorer.model.sanitize import sanitize

TAB_SIGN: Final = "→   "
"""A visible tab, for text in which white space differs."""
DIFFERENCE_PLACE: Final = "Difference {number}; {keys}: next, previous"
CHANGED_IN: Final = (
    (),
    (Side.THEIRS, Side.BOTH, Side.CONFLICT),
    (Side.MINE, Side.BOTH, Side.CONFLICT),
)
"""Sides of the rows that differ from the base in base, theirs and mine."""
_TAB_SIZE: Final = 4
_TRAILING_SPACE: Final = re.compile(r"[ \t]+\Z")


@dataclass(frozen=True, slots=True)
class Cell:
    """A line of one version as it is shown."""

    text: str | None
    """None if the version has no such line."""
    marks: tuple[tuple[int, int], ...] = ()
    """Start and end of the parts that differ from the base."""


def show_white_space(text: str) -> str:
    """Return visible signs for white space."""
    return "".join({" ": "·", "\t": TAB_SIGN}.get(one, sanitize(one)) for one in text)


def visible_parts(line: DiffLine) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a line of a diff as they are shown, and whether each is marked."""
    differs = line.sign in ("+", "-")
    for number, part in enumerate(line.parts):
        last = number == len(line.parts) - 1
        marked = differs and part.kind == "changed"
        if part.kind == "elided":
            yield sanitize(part.text), False
        elif marked and part.text.isspace():
            yield show_white_space(part.text), True
        elif differs and last and (trailing := _TRAILING_SPACE.search(part.text)):
            yield _visible(part.text[: trailing.start()], marked=marked), marked
            yield show_white_space(trailing[0]), marked
        else:
            yield _visible(part.text, marked=marked), marked


def _visible(text: str, *, marked: bool) -> str:
    return sanitize(text.replace("\t", TAB_SIGN if marked else " " * len(TAB_SIGN)))


def version_cells(row: ThreeWayRow) -> tuple[Cell, Cell, Cell]:
    """Return the lines of base, theirs and mine in a row."""
    base = row.base
    if base is None or row.side is Side.UNCHANGED:
        base_cell, theirs, mine = (Cell(None if one is None else _shown(one)) for one in (base, row.theirs, row.mine))
        return base_cell, theirs, mine
    theirs, mine = (_compared(base, one) for one in (row.theirs, row.mine))
    return Cell(_shown(base)), theirs, mine


def omitted_text(row: ThreeWayRow) -> str:
    """Return what is shown for omitted lines."""
    what = "more lines, too many to show" if row.side is Side.CONFLICT else "unchanged lines"
    return f"… {row.omitted:,} {what}"


@lru_cache(maxsize=512)
def _compared(base: str, text: str | None) -> Cell:
    """Return a line with marks at what differs from the base, and signs for white space that differs."""
    if text is None or text == base:
        return Cell(None if text is None else _shown(text))
    shown: list[str] = []
    marks: list[tuple[int, int]] = []
    at = 0
    for part, kind in changed_parts(base, text)[1]:
        differs = kind == "changed"
        piece = show_white_space(part) if differs and part.isspace() else sanitize(part.replace("\t", " " * _TAB_SIZE))
        if differs:
            marks.append((at, at + len(piece)))
        shown.append(piece)
        at += len(piece)
    joined = "".join(shown)
    return Cell(joined, tuple(marks)) if sanitize(joined) == joined else Cell(_shown(text))


def _shown(text: str) -> str:
    return sanitize(text.expandtabs(_TAB_SIZE))
