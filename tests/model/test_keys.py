import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.model.errors import InvalidKey
from explorer.model.keys import decode, directory, encode, first_name, range_end

_SEPARATORS = st.sampled_from(["/", ":", ".", "::", "·"])


@given(st.binary())
def test_decode_encode_any_bytes_round_trip(data: bytes) -> None:
    assert encode(decode(data)) == data


@given(st.binary())
def test_decode_equals_fsdecode(data: bytes) -> None:
    """A key is spelled as the file system spells names."""
    assert encode(decode(data)) == os.fsencode(os.fsdecode(data))


@given(st.text())
def test_encode_decode_round_trip(text: str) -> None:
    """Any text without lone surrogates is encoded and decoded unchanged."""
    assert decode(encode(text)) == text


@pytest.mark.parametrize("point", [0xD800, 0xDBFF, 0xDC7F, 0xDD00])
def test_encode_lone_surrogate_raises_printable_error(point: int) -> None:
    """A surrogate that is no escaped byte is refused, with a printable error."""
    with pytest.raises(InvalidKey) as raised:
        encode(f"a{chr(point)}b")
    assert str(raised.value).isascii()


@given(st.text(), _SEPARATORS)
def test_as_directory_of_a_directory_is_the_same(prefix: str, separator: str) -> None:
    once = directory(prefix, separator)
    assert directory(once, separator) == once
    assert once in (prefix, prefix + separator)


def test_a_prefix_is_a_directory() -> None:
    assert directory("foo") == directory("foo/") == "foo/"
    assert directory("") == ""
    assert directory("/") == "/"
    assert directory("foo//") == "foo//"
    assert directory("foo", ":") == "foo:"


@given(st.lists(st.text()), _SEPARATORS)
def test_first_name_splitting_is_lossless(parts: list[str], separator: str) -> None:
    """Names split off one by one join to the key."""
    key = separator.join(parts)
    names, rest, more = [], key, True
    while more:
        name, more = first_name(rest, separator)
        names.append(name)
        rest = rest[len(name) + len(separator) :]
    assert separator.join(names) == key
    assert names == key.split(separator)


def test_odd_keys_have_names_too() -> None:
    assert first_name("a/b/c") == ("a", True)
    assert first_name("a") == ("a", False)
    assert first_name("a/") == ("a", True)
    assert first_name("/a") == ("", True)
    assert first_name("") == ("", False)


@given(prefix=st.binary(min_size=1), key=st.binary())
def test_range_end_bounds_exactly_the_prefix(prefix: bytes, key: bytes) -> None:
    """A range holds what starts with its prefix and nothing else."""
    end = range_end(prefix)
    inside = prefix <= key and (key < end or end == b"\0")
    assert inside == key.startswith(prefix)
    assert prefix <= prefix + key
    assert prefix + key < end or end == b"\0"


@pytest.mark.parametrize(
    ("prefix", "end"), [(b"a/", b"a0"), (b"", b"\0"), (b"\xff", b"\0"), (b"a\xff\xff", b"b"), (b"a\xfe", b"a\xff")]
)
def test_range_end_is_before_next_prefix(prefix: bytes, end: bytes) -> None:
    """A range ends before the next prefix."""
    assert range_end(prefix) == end
