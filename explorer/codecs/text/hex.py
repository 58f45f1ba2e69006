"""Hex dumps, sixteen bytes a line: offset, hex digits, printable ASCII.

    00000000: 6b 38 73 00 0a 0f 0a 02  76 31 12 09 4e 61 6d 65  |k8s.....v1..Name|

The offset before the colon and the ASCII after the bar are ignored when a dump is parsed.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from explorer.codecs.base import Choice, Document, EncodeResult, Limits, MergeResult
from explorer.codecs.line_merge import merge_lines
from explorer.codecs.text.content import HexDump
from explorer.model.errors import InvalidText

_LINE: Final = re.compile(r"\s*(?:[0-9a-fA-F]*:)?(?P<digits>[^|]*)(?:\|.*)?")
_NOT_HEX: Final = re.compile(r"[^0-9a-fA-F\s]")


def parse_dump(text: str) -> bytes:
    """Return the bytes of a hex dump.

    Raises:
        InvalidText: A line has something other than hex digits, or half a byte.
    """
    value = bytearray()
    for number, line in enumerate(text.split("\n"), start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise InvalidText("not a hex dump", number)
        digits = match["digits"]
        if invalid := _NOT_HEX.search(digits):
            at = match.start("digits") + invalid.start() + 1
            raise InvalidText(f"{invalid[0]!r} is not a hex digit", number, at)
        for pair in digits.split():
            if len(pair) % 2:
                raise InvalidText(f"half a byte: {pair}", number, line.index(pair, match.start("digits")) + 1)
            value += bytes.fromhex(pair)
    return bytes(value)


@dataclass(frozen=True, slots=True)
class HexDocument(Document):
    """Binary value, edited as a hex dump."""

    @classmethod
    def open(cls, value: bytes, reason: str, limits: Limits) -> Self:
        """Return the document of any value; a value that is too large is truncated."""
        return cls(
            value=value,
            choice=Choice("hex"),
            reason=reason,
            content=HexDump(value[: limits.max_shown]),
            language="hex",
            read_only_reason=limits.read_only_reason(value, limits.max_hex_value),
            notes=(),
        )

    def encode(self, text: str) -> EncodeResult:
        """Return the bytes of a dump.

        Raises:
            InvalidText: The text is not a hex dump, or the document cannot be edited.
        """
        if self.read_only_reason is not None:
            raise InvalidText(self.read_only_reason)
        value = self.value if text == self.text else parse_dump(text)
        return EncodeResult(value, changed=value != self.value)

    def merge(self, mine: str, theirs: bytes) -> MergeResult:
        """Return the line-by-line merge.

        Raises:
            InvalidText: Mine is not a hex dump, or the document cannot be edited.
        """
        if self.read_only_reason is not None:
            raise InvalidText(self.read_only_reason)
        parse_dump(mine)
        document = HexDocument.open(theirs, self.reason, Limits(max_hex_value=max(len(theirs), len(self.value))))
        text, conflicts = merge_lines(self.text, mine, document.text)
        return MergeResult(document, text, conflicts)
