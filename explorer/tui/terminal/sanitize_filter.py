"""The last line of defence: nothing that controls a terminal leaves the app, wherever it came from.

Every text from a store passes `model.text.inert` before it is drawn. Should one ever slip by (a paste into an input, a
library's own message), this filter makes it visible at the very end, where all lines pass.
"""

from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter

from explorer.model.sanitize import sanitize


class SanitizeFilter(LineFilter):
    """Makes control, bidi and invisible characters of any line visible, in no more room than the line had."""

    @classmethod
    def install(cls, app: App[None]) -> None:
        """Let all lines of an app pass."""
        app._filters.append(cls())  # noqa: SLF001 - Textual has filters of its own only; a test holds us to this place

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Give the segments without what a terminal would act on."""
        del background
        if all(segment.control or _is_harmless(segment.text) for segment in segments):
            return segments
        marked = [segment if segment.control else Segment(_marked(segment.text), segment.style) for segment in segments]
        return Segment.adjust_line_length(marked, Segment.get_line_length(segments))


def _is_harmless(text: str) -> bool:
    return (text.isascii() and text.isprintable()) or sanitize(text) == text


def _marked(text: str) -> str:
    """Put a sign of one cell in place of each character that must not be sent; many of them had no room at all."""
    return text if sanitize(text) == text else "".join(_mark(character) for character in text)


def _mark(character: str) -> str:
    return character if sanitize(character) == character else "\N{REPLACEMENT CHARACTER}"
