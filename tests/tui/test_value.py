"""What the value pane makes of a document where there is little room."""

from hypothesis import given
from hypothesis import strategies as some

from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs


@given(some.binary(max_size=100))
def test_a_dump_of_eight_bytes_a_line_tells_the_same(value: bytes) -> None:
    lines = Codecs().open("k", value, Choice("hex")).content.at_width(46).text.splitlines()
    assert all(len(line) <= 46 for line in lines)
    told = "".join(line.partition(": ")[2].partition("  |")[0] for line in lines)
    assert bytes.fromhex(told) == value
    assert [int(line.partition(":")[0], 16) for line in lines] == list(range(0, len(value), 8))
