"""Hex dumps in a narrow value pane."""

from hypothesis import given
from hypothesis import strategies as some

from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs


@given(some.binary(max_size=100))
def test_hex_dump_narrow_has_all_bytes(value: bytes) -> None:
    lines = Codecs().open("k", value, Choice("hex")).content.at_width(46).text.splitlines()
    assert all(len(line) <= 46 for line in lines)
    digits = "".join(line.partition(": ")[2].partition("  |")[0] for line in lines)
    assert bytes.fromhex(digits) == value
    assert [int(line.partition(":")[0], 16) for line in lines] == list(range(0, len(value), 8))
