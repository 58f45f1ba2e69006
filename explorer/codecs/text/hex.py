"""Any bytes, sixteen a line: where they are, their figures, and the printable ones as ASCII.

    00000000: 6b 38 73 00 0a 0f 0a 02  76 31 12 09 4e 61 6d 65  |k8s.....v1..Name|

What is before a colon and what is behind a bar is there for the eye and ignored when it is read back.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from explorer.codecs.base import Choice, Document, EncodeResult, Limits, MergeResult
from explorer.codecs.line_merge import merge_lines
from explorer.codecs.text.content import HexDump
from explorer.model.errors import InvalidText

_LINE: Final = re.compile(r"\s*(?:[0-9a-fA-F]*:)?(?P<figures>[^|]*)(?:\|.*)?")
_NO_FIGURE: Final = re.compile(r"[^0-9a-fA-F\s]")


def undump(text: str) -> bytes:
    """Read bytes back from lines.

    Raises:
        InvalidText: There is something else in a line, or half a byte.
    """
    value = bytearray()
    for number, line in enumerate(text.split("\n"), start=1):
        found = _LINE.fullmatch(line)
        if found is None:
            raise InvalidText("no hexadecimal", number)
        figures = found["figures"]
        if wrong := _NO_FIGURE.search(figures):
            at = found.start("figures") + wrong.start() + 1
            raise InvalidText(f"{wrong[0]!r} is no hexadecimal figure", number, at)
        for pair in figures.split():
            if len(pair) % 2:
                raise InvalidText(f"half a byte: {pair}", number, line.index(pair, found.start("figures")) + 1)
            value += bytes.fromhex(pair)
    return bytes(value)


@dataclass(frozen=True, slots=True)
class HexDocument(Document):
    """A value that is read as nothing but bytes."""

    @classmethod
    def open(cls, value: bytes, reason: str, limits: Limits) -> Self:
        """Open any value; of one that is too large the beginning is shown."""
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
        """Give the bytes of a dump.

        Raises:
            InvalidText: There is something else in a line, half a byte, or the document refuses to be edited.
        """
        if self.read_only_reason is not None:
            raise InvalidText(self.read_only_reason)
        value = self.value if text == self.text else undump(text)
        return EncodeResult(value, changed=value != self.value)

    def merge(self, mine: str, theirs: bytes) -> MergeResult:
        """Merge line by line.

        Raises:
            InvalidText: Mine is no dump, or the document refuses to be edited.
        """
        if self.read_only_reason is not None:
            raise InvalidText(self.read_only_reason)
        undump(mine)
        document = HexDocument.open(theirs, self.reason, Limits(max_hex_value=max(len(theirs), len(self.value))))
        text, conflicts = merge_lines(self.text, mine, document.text)
        return MergeResult(document, text, conflicts)
