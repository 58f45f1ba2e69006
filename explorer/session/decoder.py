"""Decoder: decodes and encodes values, large ones in a thread."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeVar, TypeVarTuple

from explorer.codecs.base import Choice, Document, EncodeResult, MergeResult
from explorer.codecs.constraints.constraint import Violation
from explorer.codecs.three_way import ThreeWayRow, three_way_rows
from explorer.model.format import format_bytes
from explorer.model.line_diff import DiffLine, LinePart, diff
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)

Args = TypeVarTuple("Args")
Result = TypeVar("Result")

THREAD_SIZE: Final = 32 * 1024
"""Size in bytes or characters from which a value is decoded and encoded in the thread."""
PREVIEW_SIZE: Final = 256 * 1024
"""Size in bytes from which the beginning of a value is shown before all of it is decoded."""
MAX_COMPARED: Final = 1 << 20
"""Size in bytes up to which two stored values are compared line by line."""
_PREVIEW_DELAY: Final = 0.05
"""Minimum number of seconds for drawing a preview; a frame of the notifier fits into it."""
_MAX_PREVIEW_DELAY: Final = 0.5
"""Seconds after which decoding starts although the event loop is still busy, as on a store that changes constantly."""
_IDLE_INTERVAL: Final = 0.02
_IDLE_CPU_TIME: Final = 0.002
"""Seconds of processor time within an interval up to which the event loop counts as idle."""


class ValueCodecs(Protocol):
    """Documents of values by key and choice: what a session needs of the codecs."""

    def open(self, key: str, value: bytes, choice: Choice | None = None) -> Document:
        """Return the document of a value; never raises on any bytes."""

    def preview(self, key: str, value: bytes, choice: Choice | None = None) -> Document | None:
        """Return the beginning of a large value as a document; None where only the whole can be decoded."""

    def has_constraints(self, key: str) -> bool:
        """Return whether the values of a key have constraints."""

    def violations(self, key: str, value: bytes) -> tuple[Violation, ...]:
        """Return what breaks the constraints of a key; never raises on any bytes."""

    def patterns(self, key: str) -> tuple[str, ...]:
        """Return patterns of keys like this one, the most likely first."""

    def add_rule(self, key: str, text: str, choice: Choice) -> None:
        """Decode all keys that match a pattern in one way; raise SchemaFailed if the rule cannot be stored."""

    def choices(self, key: str, value: bytes) -> tuple[Choice, ...]:
        """Return the ways to decode a value, the most likely first."""

    def loads_for_choices(self, key: str) -> bool:
        """Return whether schemas have to be loaded before the choices for a key are known."""

    def message_text(self, key: str, value: bytes) -> str | None:
        """Return the text of a value that is a message; None for any other."""


class Decoder:
    """The codecs, and a thread for large values; its calls run one after the other."""

    def __init__(self, codecs: ValueCodecs) -> None:
        self.codecs = codecs
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="keyscope-decoder")

    async def open(self, key: str, value: bytes, choice: Choice | None = None) -> Document:
        """Return the document of a value."""
        if len(value) < THREAD_SIZE:
            return self.codecs.open(key, value, choice)
        began = time.monotonic()
        document = await self._in_thread(self.codecs.open, key, value, choice)
        _LOG.debug("decoded %s: %d bytes in %.1f ms", sanitize(key), len(value), (time.monotonic() - began) * 1000)
        return document

    def preview(self, key: str, value: bytes, choice: Choice | None = None) -> Document | None:
        """Return the document to show of a large value until `open` has finished; None for a small value."""
        return self.codecs.preview(key, value, choice) if len(value) >= PREVIEW_SIZE else None

    def choices_now(self, key: str, value: bytes) -> tuple[Choice, ...] | None:
        """Return the ways to decode a value, the most likely first; None if finding them takes a while."""
        is_slow = len(value) >= THREAD_SIZE or self.codecs.loads_for_choices(key)
        return None if is_slow else self.codecs.choices(key, value)

    async def choices(self, key: str, value: bytes) -> tuple[Choice, ...]:
        """Return the ways to decode a value, the most likely first."""
        return await self._in_thread(self.codecs.choices, key, value)

    async def add_rule(self, key: str, text: str, choice: Choice) -> None:
        """Decode all keys that match a pattern in one way from now on.

        Raises:
            SchemaFailed: The rule cannot be stored.
        """
        await self._in_thread(self.codecs.add_rule, key, text, choice)

    async def encode(self, document: Document, text: str) -> EncodeResult:
        """Return the encoded value of an edited text.

        Raises:
            InvalidText: The text cannot be encoded.
        """
        if max(len(document.value), len(text)) < THREAD_SIZE:
            return document.encode(text)
        return await self._in_thread(document.encode, text)

    async def check(self, key: str, value: bytes) -> tuple[Violation, ...]:
        """Return what breaks the constraints of a key if a value is stored; empty if it has none."""
        if not self.codecs.has_constraints(key):
            return ()
        return await self._in_thread(self.codecs.violations, key, value)

    async def merge(self, document: Document, mine: str, theirs: bytes) -> MergeResult:
        """Merge two changes of a document.

        Raises:
            InvalidText: The changes cannot be merged.
        """
        return await self._in_thread(document.merge, mine, theirs)

    async def compare(self, document: Document, before: str, after: str) -> tuple[tuple[DiffLine, ...], bool]:
        """Return the lines of a diff of two texts of a document, and whether they were indented to be compared."""
        return await self._in_thread(_compare, document, before, after)

    async def compare_values(self, key: str, before: bytes | None, after: bytes | None) -> tuple[DiffLine, ...]:
        """Return the lines of a diff of two stored values of a key, as the review of a save shows them.

        Bytes that differ in what their text does not show (the order of a message's fields, for example) are one
        remark.

        Args:
            key: The key, relative to the root.
            before: The one value; None for none.
            after: The other.
        """
        return await self._in_thread(_compare_values, self.codecs, key, before, after)

    async def compare_three(self, base: str, theirs: str, mine: str) -> tuple[ThreeWayRow, ...]:
        """Return three versions of a text side by side, line by line."""
        return await self._in_thread(three_way_rows, base, theirs, mine)

    def close(self) -> None:
        """End the thread; calls that did not start are dropped."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    @staticmethod
    async def wait_drawn() -> None:
        """Wait until the event loop is idle: the preview is drawn, and the thread may compete for the processor."""
        await asyncio.sleep(_PREVIEW_DELAY)
        deadline = time.monotonic() + _MAX_PREVIEW_DELAY
        while time.monotonic() < deadline:
            began = time.thread_time()
            await asyncio.sleep(_IDLE_INTERVAL)
            if time.thread_time() - began < _IDLE_CPU_TIME:
                return

    async def _in_thread(self, call: Callable[[*Args], Result], *args: *Args) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call, *args)


def _compare_values(codecs: ValueCodecs, key: str, before: bytes | None, after: bytes | None) -> tuple[DiffLine, ...]:
    first = before if before is not None else after or b""
    if max(len(first), len(after or b"")) > MAX_COMPARED:
        sizes = (format_bytes(len(value)) if value is not None else "no value" for value in (before, after))
        return (DiffLine("\\", (LinePart(f"too large to compare: {' and '.join(sizes)}"),)),)
    document = codecs.open(key, first)
    old = "" if before is None else document.text
    new = "" if after is None else document.text if before is None else codecs.open(key, after, document.choice).text
    lines, _ = _compare(document, old, new)
    if not lines and before != after:
        return (DiffLine("\\", (LinePart("the bytes differ, and their text is the same"),)),)
    return lines


def _compare(document: Document, before: str, after: str) -> tuple[tuple[DiffLine, ...], bool]:
    """Return the diff of two texts, indented where both are in one line, and whether they were."""
    old, new = document.indented_text(before), document.indented_text(after)
    if old is None or new is None:
        return diff(before, after), False
    return diff(old, new), True
