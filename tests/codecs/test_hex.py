"""Hex dumps of any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs
from explorer.codecs.text.content import HexDump
from explorer.codecs.text.hex import parse_dump
from explorer.model.errors import InvalidText

CODECS = Codecs()


@given(some.binary(max_size=100))
def test_parse_dump_of_any_dump_returns_the_value(value: bytes) -> None:
    """A dump of any value parses to the value."""
    assert parse_dump(HexDump(value).text) == value


def test_hex_line_has_offset_bytes_and_ascii() -> None:
    """A line has the offset, sixteen bytes and their ASCII."""
    assert HexDump(b"k8s\0|0123456789abcdef\xff").text.split("\n") == [
        "00000000: 6b 38 73 00 7c 30 31 32  33 34 35 36 37 38 39 61  |k8s.|0123456789a|",
        "00000010: 62 63 64 65 66 ff                                 |bcdef.|",
    ]


@pytest.mark.parametrize("text", ["6b38 73", "6B\n\n00:38 73 | anything", "  00000000: 6b\t38\n73|"])
def test_parse_dump_ignores_offset_and_ascii(text: str) -> None:
    """Offset, ASCII and white space are ignored."""
    assert parse_dump(text) == b"k8s"


@pytest.mark.parametrize(("text", "line", "column"), [("6b 3", 1, 4), ("6b\n38 xy", 2, 4), ("00: 6b 38g", 1, 10)])
def test_parse_dump_invalid_digit_has_line_and_column(text: str, line: int, column: int) -> None:
    """An invalid digit is an error at its place."""
    with pytest.raises(InvalidText) as caught:
        parse_dump(text)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_hex_merge_combines_lines() -> None:
    """Changes of different lines are merged."""
    value = bytes(64)
    document = CODECS.open("k", value, Choice("hex"))
    lines = document.text.split("\n")
    lines[0] = lines[0].replace("00000000: 00", "00000000: 01")
    merge = document.merge("\n".join(lines), value[:-1] + b"\x02")
    assert merge.conflicts == ()
    assert merge.document.encode(merge.text).value == b"\x01" + bytes(62) + b"\x02"
