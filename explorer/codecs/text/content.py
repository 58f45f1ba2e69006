"""Text of a document that is readable in parts, so that a large value is escaped or dumped only where it is shown.

A content is a sequence of units (characters, or bytes of a hex dump) in blocks of at most `BLOCK_SIZE` units, each of
which can be read alone.
"""

import unicodedata
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from explorer.codecs.text.escapes import escape

BLOCK_SIZE: Final = 4096
"""Units of a block, which takes a few milliseconds to render."""
_BREAK_SEARCH_SIZE: Final = 256
"""Characters before the end of a block that are searched for a place to break a very long line."""
_BYTES_PER_LINE: Final = 16
_LINE_WIDTH: Final = 78
"""Cells of a hex line of 16 bytes."""
_PRINTABLE: Final = range(0x20, 0x7F)
_MAX_UTF8_BYTES: Final = 4
"""Bytes of the longest UTF-8 character."""
_FIRST_MULTIBYTE: Final = 0x80
"""The lowest byte of UTF-8 characters of several bytes."""


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
    """Text in parts."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The whole text."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of units."""

    @abstractmethod
    def part(self, start: int, stop: int) -> str:
        """Return the text of the units between two boundaries."""

    @abstractmethod
    def boundary(self, near: int) -> int:
        """Return the boundary at or before a unit, less than a block away, after a line feed if there is one."""

    def at_width(self, width: int) -> "Content":
        """Return the content for lines of a number of cells."""
        del width
        return self

    @abstractmethod
    def line_count(self, start: int, stop: int) -> int:
        """Return the number of lines that end between two boundaries."""


@dataclass(frozen=True)
class PlainText(Content):
    """Text without escapes."""

    whole: str

    @property
    def text(self) -> str:
        """The whole text."""
        return self.whole

    @property
    def size(self) -> int:
        """Number of characters."""
        return len(self.whole)

    def part(self, start: int, stop: int) -> str:
        """Return a part of the text."""
        return self.whole[start:stop]

    def boundary(self, near: int) -> int:
        """Return the boundary at or before a unit, less than a block away."""
        text = self.whole
        if not 0 < near < len(text):
            return max(0, min(near, len(text)))
        line = text.rfind("\n", near - BLOCK_SIZE + 1, near)
        if line >= 0:
            return line + 1
        word = text.rfind(" ", near - _BREAK_SEARCH_SIZE, near)
        if word >= 0:
            return word + 1
        for at in range(near, near - _BREAK_SEARCH_SIZE, -1):  # a combining mark stays with its letter
            if not unicodedata.category(text[at]).startswith("M"):
                return at
        return near

    def line_count(self, start: int, stop: int) -> int:
        """Return the number of line feeds between two boundaries."""
        return self.whole.count("\n", start, stop)


@dataclass(frozen=True)
class EscapedText(PlainText):
    """Text that is escaped when it is read; its lines are those of the text."""

    @cached_property
    def text(self) -> str:
        """The whole text, escaped."""
        return escape(self.whole)

    def part(self, start: int, stop: int) -> str:
        """Return a part of the text, escaped."""
        return escape(self.whole[start:stop])


@dataclass(frozen=True)
class HexDump(Content):
    """Hex dump with 16 bytes a line, or 8 for narrow views."""

    value: bytes
    bytes_per_line: int = _BYTES_PER_LINE

    @cached_property
    def text(self) -> str:
        """All lines."""
        return self.part(0, len(self.value)).removesuffix("\n")

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.value)

    def part(self, start: int, stop: int) -> str:
        """Return the lines of the bytes between two boundaries."""
        step = self.bytes_per_line
        return "".join(f"{self._line(at)}\n" for at in range(start, stop, step))

    def boundary(self, near: int) -> int:
        """Return the boundary at or before a unit, less than a block away."""
        if near >= len(self.value):
            return len(self.value)
        return max(0, near - near % self.bytes_per_line)

    def at_width(self, width: int) -> Content:
        """Return a dump whose lines fit the width if 8 bytes do."""
        return replace(self, bytes_per_line=_BYTES_PER_LINE if width >= _LINE_WIDTH else _BYTES_PER_LINE // 2)

    def line_count(self, start: int, stop: int) -> int:
        """Return the number of lines between two boundaries."""
        return -(-(stop - start) // self.bytes_per_line)

    def _line(self, start: int) -> str:
        part = self.value[start : start + self.bytes_per_line]
        printable = "".join(chr(byte) if byte in _PRINTABLE else "." for byte in part)
        half = _BYTES_PER_LINE // 2
        columns = [f"{part[at : at + half].hex(' '):23}" for at in range(0, self.bytes_per_line, half)]
        return f"{start:08x}: {'  '.join(columns)}  |{printable}|"
