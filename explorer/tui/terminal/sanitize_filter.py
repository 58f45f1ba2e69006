"""A filter for all drawn lines: no control character reaches the terminal, whatever widget drew it.

Every text from a store passes `sanitize` before it is drawn. This filter catches the rest, such as a paste into an
input or a message of a library.
"""

from rich.segment import Segment
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter

from explorer.model.sanitize import sanitize


class SanitizeFilter(LineFilter):
    """Replaces control, bidirectional and invisible characters; the width of the line stays."""

    @classmethod
    def install(cls, app: App[None]) -> None:
        """Add the filter to an app."""
        app._filters.append(cls())  # noqa: SLF001 - there is no public way to add a filter; a test relies on it

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments without characters that a terminal would act on."""
        del background
        if all(segment.control or _is_sanitized(segment.text) for segment in segments):
            return segments
        replaced = [
            segment if segment.control else Segment(_replace(segment.text), segment.style) for segment in segments
        ]
        return Segment.adjust_line_length(replaced, Segment.get_line_length(segments))


def _is_sanitized(text: str) -> bool:
    return (text.isascii() and text.isprintable()) or sanitize(text) == text


def _replace(text: str) -> str:
    """Replace each unsafe character with one of a single cell; many of them have no width."""
    return text if sanitize(text) == text else "".join(map(_replace_character, text))


def _replace_character(character: str) -> str:
    return character if sanitize(character) == character else "\N{REPLACEMENT CHARACTER}"
