"""Text for the screen: sanitised, without markup, and cut or padded to a width."""

from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip

from explorer.model.sanitize import sanitize

Piece: TypeAlias = tuple[str, str]
"""A style name and the text to draw in it; the empty name is the plain style."""

Styles: TypeAlias = Callable[[str], Style]
"""Returns the style of a name."""

ELLIPSIS: Final = "…"
_MAX_KEY_WIDTH: Final = 60
_MAX_EXACT_LENGTH: Final = 1 << 16
"""Characters up to which each character of a text is measured for wrapping."""


def safe_content(text: str, style: str = "", *, multiline: bool = False) -> Content:
    """Return content that shows a text of any origin: sanitised, without markup, and in one line unless `multiline`."""
    harmless = sanitize(text, multiline=multiline)
    return Content.styled(harmless, style) if style else Content(harmless)


def render_line(pieces: Iterable[Piece], width: int, styles: Styles, *, base: str = "") -> Strip:
    """Draw one line: the sanitised pieces one after the other, cut or padded to the width in cells.

    With a base style, such as that of the cursor, its colours replace those of the pieces; bold and strike stay.
    """
    plain = styles("") + styles(base) if base else styles("")

    def style(name: str) -> Style:
        return plain + (styles(name).without_color if base else styles(name)) if name else plain

    drawn = [Segment(sanitize(text), style(name)) for name, text in pieces]
    return Strip(drawn).adjust_cell_length(width, plain)


def short_key(key: str) -> str:
    """Return a key for a heading or a message: sanitised, in one line, and shortened."""
    return shorten_middle(sanitize(key), _MAX_KEY_WIDTH)


def shorten_middle(text: str, width: int) -> str:
    """Shorten a sanitised text to a number of cells; leave out its middle, where keys differ least."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return ELLIPSIS[:width]
    head = (width - 1) // 2
    return f"{fit_start(text, head)}{ELLIPSIS}{fit_end(text, width - 1 - head)}"


def shorten_end(text: str, width: int) -> str:
    """Shorten a sanitised text to a number of cells; leave out its end."""
    return text if cell_len(text) <= width else f"{fit_start(text, max(0, width - 1))}{ELLIPSIS}"


def fit_start(text: str, width: int) -> str:
    """Return as much of the start of a text as fits into a number of cells."""
    return set_cell_size(text, width).rstrip(" ") if cell_len(text) > width else text


def fit_end(text: str, width: int) -> str:
    """Return as much of the end of a text as fits into a number of cells."""
    end = text[-width:] if width else ""
    while cell_len(end) > width:
        end = end[1:]
    return end


def wrap_cells(text: str, width: int) -> list[str]:
    """Break a sanitised text into rows of at most `width` cells; an empty text is one row.

    A very long text with wide characters is broken after half as many characters: to measure each takes seconds.
    """
    if not text.isascii():
        if len(text) <= _MAX_EXACT_LENGTH:
            return chop_cells(text, width) or [text]  # it returns no row for combining marks without a letter
        if any(cell_len(letter) > 1 for letter in set(text)):
            width = max(1, width // 2)
    return [text[at : at + width] for at in range(0, max(1, len(text)), width)]
