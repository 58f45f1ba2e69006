"""Values that were made to break whoever looks at them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from explorer.codecs.base import Choice, Limits
from explorer.codecs.codecs import Codecs
from explorer.codecs.protobuf import wire
from explorer.codecs.protobuf.wire import WireType, encode_varint
from explorer.model.errors import InvalidText
from explorer.model.sanitize import sanitize
from tests.codecs.common import THREE, TWO, edges, opened
from tests.scale import figure

MESSAGE = Choice("protobuf", THREE)


def nested(depth: int) -> bytes:
    value = b""
    for _ in range(depth):
        value = wire.delimited(23, value)
    return value


def nested_any(depth: int) -> bytes:
    value = b""
    for _ in range(depth):
        value = wire.delimited(19, wire.delimited(1, b"t/edges.three.Edge") + wire.delimited(2, value))
    return value


@settings(max_examples=figure(300, 20_000))
@given(some.binary(max_size=60), some.sampled_from([THREE, TWO]), some.sampled_from(["text", "json"]))
def test_any_bytes_open_as_something_harmless_and_come_back_the_same(value: bytes, name: str, form: str) -> None:
    document = edges().open("k", value, Choice("protobuf", name, "json" if form == "json" else "text"))
    assert sanitize(document.text, multiline=True) == document.text
    encoded = document.encode(document.text)
    assert (encoded.value, encoded.changed) == (value, False)


@settings(max_examples=figure(300, 20_000))
@given(some.text() | some.text(some.sampled_from('text leaf{}:"[]/.,1-\n#\\')), some.sampled_from(["text", "json"]))
def test_any_text_is_a_message_or_one_clear_error(text: str, form: str) -> None:
    document = opened(b"", form="json" if form == "json" else "text")
    try:
        document.encode(text)
    except InvalidText as error:
        assert "\n" not in str(error)  # noqa: PT017 - what was said is what is looked at


@pytest.mark.parametrize("value", [nested(101), nested(5_000)], ids=["a little", "much"])
def test_messages_nested_too_deeply_are_shown_as_bytes(value: bytes) -> None:
    document = edges().open("k", value, MESSAGE)
    assert document.choice == Choice("hex")
    assert "does not parse" in document.reason


@pytest.mark.parametrize("form", ["text", "json"])
def test_anys_nested_too_deeply_are_shown_with_plain_bytes(form: str) -> None:
    document = edges().open("k", nested_any(2_000), Choice("protobuf", THREE, "json" if form == "json" else "text"))
    assert document.choice == Choice("protobuf", THREE)
    assert any("nested too deeply" in note for note in document.notes)
    assert document.encode(document.text).value == nested_any(2_000)


@pytest.mark.parametrize(
    ("form", "text"), [("text", "inner {" * 5_000), ("text", "leaf <" * 5_000), ("json", '{"inner":' * 5_000)]
)
def test_text_nested_too_deeply_is_an_error(form: str, text: str) -> None:
    document = opened(b"", form="json" if form == "json" else "text")
    with pytest.raises(InvalidText):
        document.encode(text)


class TestManyElements:
    def test_the_first_are_shown_and_nothing_is_edited(self) -> None:
        value = wire.delimited(12, bytes(100_000)) + b"".join(wire.delimited(11, b"") for _ in range(5))
        document = opened(value)
        assert document.text.count("leaves {") == 5
        assert document.text.count("numbers: 0") == 9_995
        assert document.read_only_reason is not None
        assert "more than 10,000 elements" in document.read_only_reason
        with pytest.raises(InvalidText, match="elements"):
            document.encode(document.text + "numbers: 1")

    def test_elements_within_elements_count_together(self) -> None:
        inner = wire.delimited(23, wire.delimited(12, bytes(60)) + wire.delimited(23, wire.delimited(12, bytes(60))))
        codecs = Codecs(edges().schemas, limits=Limits(max_elements=100))
        assert codecs.open("k", wire.delimited(12, bytes(99)), MESSAGE).read_only_reason is None
        document = codecs.open("k", inner, MESSAGE)
        assert document.read_only_reason is not None
        assert document.text.count("numbers") == 100

    def test_maps_count_too(self) -> None:
        entries = b"".join(wire.delimited(14, wire.delimited(1, b"%d" % number)) for number in range(200))
        document = Codecs(edges().schemas, limits=Limits(max_elements=100)).open("k", entries, MESSAGE)
        assert document.text.count("named {") == 100


def test_a_value_that_is_too_large_is_not_read_as_a_message() -> None:
    codecs = Codecs(edges().schemas, limits=Limits(max_value=100, max_hex_value=50))
    document = codecs.open("k", wire.delimited(8, bytes(200)), MESSAGE)
    assert document.choice == Choice("hex")
    assert "too large for a message" in document.reason
    assert document.read_only_reason is not None


def test_a_text_that_becomes_too_long_is_cut_and_not_edited() -> None:
    codecs = Codecs(edges().schemas, limits=Limits(max_value=1_000))
    document = codecs.open("k", wire.delimited(8, bytes(900)), MESSAGE)
    assert (len(document.text), document.read_only_reason is None) == (1_000, False)


def test_a_length_that_is_a_lie_is_refused_at_once() -> None:
    value = wire.tag(1, WireType.LEN) + encode_varint(1 << 40)
    assert edges().open("k", value, MESSAGE).choice == Choice("hex")


@pytest.mark.parametrize(
    "data",
    [b"\x0a", b"\x0a\x05a", b"\xff" * 20, b"\x0b", b"\x0c", b"\x0b\x14", b"\x0e", b"\x09\x00"],
    ids=["no length", "short", "endless", "open group", "stray end", "another end", "no kind", "half a number"],
)
def test_the_wire_reader_refuses_what_is_no_message(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        list(wire.spans(data))


@given(some.integers(0, 2**64 - 1))
def test_numbers_of_seven_bits_a_byte(number: int) -> None:
    assert wire.varint(b"x" + encode_varint(number), 1) == (number, 1 + len(encode_varint(number)))
