"""The text of a document in parts: a large value is decoded once, but escaped or dumped only where it is seen.

A content is a sequence of units (characters, or bytes of a dump) that is cut into blocks of about `BLOCK_SIZE` units. A
block can be had without the ones before it.
"""

import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from explorer.codecs.text.escapes import escape

BLOCK_SIZE: Final = 4096
"""Units of a block; what is drawn at once costs a few milliseconds."""
_WORD_SIZE: Final = 256
"""Characters before the end of a block among which a good place to break a very long line is looked for."""
_BYTES_PER_LINE: Final = 16
_LINE_WIDTH: Final = 78
"""Cells of a line of sixteen bytes."""
_PRINTABLE: Final = range(0x20, 0x7F)
_MAX_UTF8_BYTES: Final = 4
"""Bytes of the longest UTF-8 character."""
_FIRST_MULTIBYTE: Final = 0x80
"""From here on a byte belongs to a character of several bytes."""


def truncate_utf8(value: bytes, max_bytes: int) -> bytes:
    """Return the beginning of a value, cut between two UTF-8 characters."""
    if len(value) <= max_bytes:
        return value
    start = value[:max_bytes]
    for _ in range(_MAX_UTF8_BYTES):
        if start and start[-1] >= _FIRST_MULTIBYTE:
            start = start[:-1]
    return start


class Content(ABC):
    """What a document shows."""

    @property
    @abstractmethod
    def text(self) -> str:
        """Return the whole text."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Return the number of units."""

    @abstractmethod
    def part(self, start: int, stop: int) -> str:
        """Return the text of the units between two boundaries."""

    @abstractmethod
    def boundary(self, near: int) -> int:
        """Return where the block around a unit ends: less than a block before it, behind a line if one ends there."""

    def at_width(self, width: int) -> "Content":
        """Return what to show where a line has so many cells."""
        del width
        return self

    @abstractmethod
    def line_count(self, start: int, stop: int) -> int:
        """Return how many lines end between two boundaries."""


@dataclass(frozen=True)
class PlainText(Content):
    """A text shown as it is."""

    whole: str

    @property
    def text(self) -> str:
        """Return the whole text."""
        return self.whole

    @property
    def size(self) -> int:
        """Return the number of characters."""
        return len(self.whole)

    def part(self, start: int, stop: int) -> str:
        """Return a part of the text."""
        return self.whole[start:stop]

    def boundary(self, near: int) -> int:
        """Return where a block ends."""
        text = self.whole
        if not 0 < near < len(text):
            return max(0, min(near, len(text)))
        line = text.rfind("\n", near - BLOCK_SIZE + 1, near)
        if line >= 0:
            return line + 1
        word = text.rfind(" ", near - _WORD_SIZE, near)
        if word >= 0:
            return word + 1
        for at in range(near, near - _WORD_SIZE, -1):  # a mark stays with its letter
            if not unicodedata.category(text[at]).startswith("M"):
                return at
        return near

    def line_count(self, start: int, stop: int) -> int:
        """Return how many lines end there."""
        return self.whole.count("\n", start, stop)


@dataclass(frozen=True)
class EscapedText(PlainText):
    """A text shown in its escaped form; its lines are those of the text."""

    @cached_property
    def text(self) -> str:
        """Return the whole text, escaped."""
        return escape(self.whole)

    def part(self, start: int, stop: int) -> str:
        """Return a part of the text, escaped."""
        return escape(self.whole[start:stop])


@dataclass(frozen=True)
class HexDump(Content):
    """Bytes in hexadecimal, so many a line: sixteen as they are edited, eight where there is little room."""

    value: bytes
    bytes_per_line: int = _BYTES_PER_LINE

    @cached_property
    def text(self) -> str:
        """Return all lines."""
        return self.part(0, len(self.value)).removesuffix("\n")

    @property
    def size(self) -> int:
        """Return the number of bytes."""
        return len(self.value)

    def part(self, start: int, stop: int) -> str:
        """Return the lines of some bytes."""
        step = self.bytes_per_line
        return "".join(f"{self._line(at)}\n" for at in range(start, stop, step))

    def boundary(self, near: int) -> int:
        """Return where a block ends."""
        if near >= len(self.value):
            return len(self.value)
        return max(0, near - near % self.bytes_per_line)

    def at_width(self, width: int) -> Content:
        """Return the same with half as many bytes a line where they would not fit."""
        return replace(self, bytes_per_line=_BYTES_PER_LINE if width >= _LINE_WIDTH else _BYTES_PER_LINE // 2)

    def line_count(self, start: int, stop: int) -> int:
        """Return how many lines there are."""
        return -(-(stop - start) // self.bytes_per_line)

    def _line(self, start: int) -> str:
        part = self.value[start : start + self.bytes_per_line]
        shown = "".join(chr(byte) if byte in _PRINTABLE else "." for byte in part)
        half = _BYTES_PER_LINE // 2
        figures = [f"{part[at : at + half].hex(' '):23}" for at in range(0, self.bytes_per_line, half)]
        return f"{start:08x}: {'  '.join(figures)}  |{shown}|"
