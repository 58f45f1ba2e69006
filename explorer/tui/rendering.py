"""How text becomes something that may be drawn: harmless, cut to its place, and never read as markup."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip

from explorer.model.sanitize import sanitize

Piece: TypeAlias = tuple[str, str]
"""The name of a style and a text to draw in it; the empty name is the plain style."""

Styles: TypeAlias = Callable[[str], Style]
"""Gives the style of a name."""

ELLIPSIS = "…"
TAB_SIGN = "→   "
"""How a tab is drawn where it matters that it is one."""
_KIBIBYTE = 1024
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_TENTHS_BELOW = 10
_NAME = 60
_LONG = 1 << 16
"""Characters beyond which a text is not broken one by one."""


def safe_content(text: str, style: str = "", *, multiline: bool = False) -> Content:
    """Make content of what anybody said: harmless, without markup, and in one line unless lines are put together."""
    harmless = sanitize(text, multiline=multiline)
    return Content.styled(harmless, style) if style else Content(harmless)


def render_line(pieces: Iterable[Piece], width: int, styles: Styles, *, base: str = "") -> Strip:
    """Draw one line: pieces one after the other, made harmless, cut and filled up to the width in cells.

    On a base of its own, such as a cursor's, colours are the base's: what is bold or struck through stays so.
    """
    plain = styles("") + styles(base) if base else styles("")

    def style(name: str) -> Style:
        return plain + (styles(name).without_color if base else styles(name)) if name else plain

    drawn = [Segment(sanitize(text), style(name)) for name, text in pieces]
    return Strip(drawn).adjust_cell_length(width, plain)


def named(key: str) -> str:
    """Spell a key in a heading or a question: harmless, in a line, and short enough to leave room for the rest."""
    return middle(sanitize(key), _NAME)


def middle(text: str, width: int) -> str:
    """Shorten a harmless text in its middle, where keys differ least, to a number of cells."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return ELLIPSIS[:width]
    head = (width - 1) // 2
    return f"{head_of(text, head)}{ELLIPSIS}{tail_of(text, width - 1 - head)}"


def head_of(text: str, width: int) -> str:
    """Give as much of the beginning as fits into so many cells."""
    return set_cell_size(text, width).rstrip(" ") if cell_len(text) > width else text


def tail_of(text: str, width: int) -> str:
    """Give as much of the end as fits into so many cells."""
    end = text[-width:] if width else ""
    while cell_len(end) > width:
        end = end[1:]
    return end


def chopped(text: str, width: int) -> list[str]:
    """Break a harmless text into rows of so many cells at most; an empty one is one row.

    A very long one of wide characters is broken at half of them, because to look at each would take seconds.
    """
    if not text.isascii():
        if len(text) <= _LONG:
            return chop_cells(text, width) or [text]  # of marks without a letter it gives nothing
        if any(cell_len(letter) > 1 for letter in set(text)):
            width = max(1, width // 2)
    return [text[at : at + width] for at in range(0, max(1, len(text)), width)]


def visible(white_space: str) -> str:
    """Return white space as signs."""
    return "".join({" ": "·", "\t": TAB_SIGN}.get(one, sanitize(one)) for one in white_space)


def format_bytes(count: int) -> str:
    """Spell a number of bytes."""
    if count < _KIBIBYTE:
        return f"{count} B"
    amount = float(count)
    for unit in ("KiB", "MiB"):
        amount /= _KIBIBYTE
        if amount < _KIBIBYTE:
            return f"{amount:.1f} {unit}"
    return f"{amount / _KIBIBYTE:.1f} GiB"


def format_duration(seconds: float) -> str:
    """Spell a length of time in a few characters: `0.4s`, `12s`, `3m20s`, `5h03m`, `2d4h`."""
    if seconds < _TENTHS_BELOW:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR}h"
