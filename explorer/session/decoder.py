"""How bytes become documents without stopping everything else: what is large is decoded in a thread of the session."""

import logging
import time
from typing import Final, Protocol

from explorer.codecs.base import Choice, Document, EncodeResult, MergeResult
from explorer.codecs.three_way import ThreeWayRow, three_way_rows
from explorer.model.line_diff import DiffLine, diff
from explorer.model.sanitize import sanitize
from explorer.session.aside import Aside

_LOG: Final = logging.getLogger(__package__)

LARGE: Final = 32 * 1024
"""Bytes (or characters) from which a thread decodes and encodes."""
PREVIEWED: Final = 256 * 1024
"""Bytes from which the beginning of a value is shown before all of it was looked through."""


class Codecs(Protocol):
    """What a session asks of the codecs."""

    def open(self, key: str, value: bytes, choice: Choice | None = None) -> Document:
        """Give the document of a value; never raises on any bytes."""

    def preview(self, key: str, value: bytes, choice: Choice | None = None) -> Document | None:
        """Return the beginning of a large value as a document, at once; None where only the whole can be read."""

    def patterns(self, key: str) -> tuple[str, ...]:
        """Return patterns for keys like this one, the likeliest first."""

    def add_rule(self, key: str, text: str, choice: Choice) -> None:
        """Read all keys that match a pattern in a certain way; raise SchemaFailed if that cannot be kept."""

    def choices(self, key: str, value: bytes) -> tuple[Choice, ...]:
        """Give the ways in which a value can be read, likely ones first."""


class Decoder:
    """The codecs, beside a thread for what is large."""

    def __init__(self, codecs: Codecs) -> None:
        self.codecs = codecs
        self._aside = Aside("keyscope-decoding")

    async def open(self, key: str, value: bytes, choice: Choice | None = None) -> Document:
        """Give the document of a value."""
        if len(value) < LARGE:
            return self.codecs.open(key, value, choice)
        began = time.monotonic()
        document = await self._aside.do(self.codecs.open, key, value, choice)
        _LOG.debug("decoded %s: %d bytes in %.1f ms", sanitize(key), len(value), (time.monotonic() - began) * 1000)
        return document

    def preview(self, key: str, value: bytes, choice: Choice | None = None) -> Document | None:
        """Return what is shown of a large value until `open` is through; None where that is nothing."""
        return self.codecs.preview(key, value, choice) if len(value) >= PREVIEWED else None

    def choices_now(self, key: str, value: bytes) -> tuple[Choice, ...] | None:
        """Return the ways in which a small value can be read, likely ones first; None where that would take long."""
        return self.codecs.choices(key, value) if len(value) < LARGE else None

    async def choices(self, key: str, value: bytes) -> tuple[Choice, ...]:
        """Return the ways in which a value can be read, likely ones first."""
        return await self._aside.do(self.codecs.choices, key, value)

    async def add_rule(self, key: str, text: str, choice: Choice) -> None:
        """Read all keys that match a pattern in a certain way from now on.

        Raises:
            SchemaFailed: That cannot be kept.
        """
        await self._aside.do(self.codecs.add_rule, key, text, choice)

    async def encode(self, document: Document, text: str) -> EncodeResult:
        """Give the bytes that an edited text stands for.

        Raises:
            InvalidText: It stands for none.
        """
        if max(len(document.value), len(text)) < LARGE:
            return document.encode(text)
        return await self._aside.do(document.encode, text)

    async def merge(self, document: Document, mine: str, theirs: bytes) -> MergeResult:
        """Bring two changes of a document together.

        Raises:
            InvalidText: There is nothing to merge.
        """
        return await self._aside.do(document.merge, mine, theirs)

    async def compare(self, document: Document, before: str, after: str) -> tuple[tuple[DiffLine, ...], bool]:
        """Return the lines of a diff of two texts of a document, and whether they were laid out anew to be compared."""
        return await self._aside.do(_compared, document, before, after)

    async def compare_three(self, base: str, theirs: str, mine: str) -> tuple[ThreeWayRow, ...]:
        """Return the lines of three versions of a text side by side."""
        return await self._aside.do(three_way_rows, base, theirs, mine)

    def close(self) -> None:
        """End the thread."""
        self._aside.close()


def _compared(document: Document, before: str, after: str) -> tuple[tuple[DiffLine, ...], bool]:
    """Compare two texts; what is in one line is compared indented, where both are."""
    old, new = document.indented_text(before), document.indented_text(after)
    if old is None or new is None:
        return diff(before, after), False
    return diff(old, new), True
