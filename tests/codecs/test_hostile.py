"""Hostile values: random, too deep, too large, invalid."""

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
from tests.scale import examples

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


@settings(max_examples=examples(300, 20_000))
@given(some.binary(max_size=60), some.sampled_from([THREE, TWO]), some.sampled_from(["text", "json"]))
def test_open_any_bytes_is_safe_and_reversible(value: bytes, name: str, form: str) -> None:
    """Any bytes have a safe text that encodes to the same bytes."""
    document = edges().open("k", value, Choice("protobuf", name, "json" if form == "json" else "text"))
    assert sanitize(document.text, multiline=True) == document.text
    encoded = document.encode(document.text)
    assert (encoded.value, encoded.changed) == (value, False)


@settings(max_examples=examples(300, 20_000))
@given(some.text() | some.text(some.sampled_from('text leaf{}:"[]/.,1-\n#\\')), some.sampled_from(["text", "json"]))
def test_encode_any_text_is_a_message_or_invalid_text(text: str, form: str) -> None:
    """Any text is a message or an InvalidText, never another error."""
    document = opened(b"", form="json" if form == "json" else "text")
    try:
        document.encode(text)
    except InvalidText as error:
        assert "\n" not in str(error)  # noqa: PT017 - what was said is what is looked at


@pytest.mark.parametrize("value", [nested(101), nested(5_000)], ids=["a little", "much"])
def test_open_too_deep_message_is_hex(value: bytes) -> None:
    """A message that is nested too deeply is shown as hex."""
    document = edges().open("k", value, MESSAGE)
    assert document.choice == Choice("hex")
    assert "does not parse" in document.reason


@pytest.mark.parametrize("form", ["text", "json"])
def test_open_too_deep_any_shows_its_bytes(form: str) -> None:
    """An Any that is nested too deeply is shown by its bytes."""
    document = edges().open("k", nested_any(2_000), Choice("protobuf", THREE, "json" if form == "json" else "text"))
    assert document.choice == Choice("protobuf", THREE)
    assert any("nested too deeply" in note for note in document.notes)
    assert document.encode(document.text).value == nested_any(2_000)


@pytest.mark.parametrize(
    ("form", "text"), [("text", "inner {" * 5_000), ("text", "leaf <" * 5_000), ("json", '{"inner":' * 5_000)]
)
def test_encode_too_deep_text_is_invalid(form: str, text: str) -> None:
    """A text that is nested too deeply is an InvalidText."""
    document = opened(b"", form="json" if form == "json" else "text")
    with pytest.raises(InvalidText):
        document.encode(text)


class TestManyElements:
    def test_too_many_elements_are_truncated_and_read_only(self) -> None:
        """The first elements are shown; nothing can be edited."""
        value = wire.delimited(12, bytes(100_000)) + b"".join(wire.delimited(11, b"") for _ in range(5))
        document = opened(value)
        assert document.text.count("leaves {") == 5
        assert document.text.count("numbers: 0") == 9_995
        assert document.read_only_reason is not None
        assert "more than 10,000 elements" in document.read_only_reason
        with pytest.raises(InvalidText, match="elements"):
            document.encode(document.text + "numbers: 1")

    def test_nested_elements_count_together(self) -> None:
        """The elements of all lists count together."""
        inner = wire.delimited(23, wire.delimited(12, bytes(60)) + wire.delimited(23, wire.delimited(12, bytes(60))))
        codecs = Codecs(edges().schemas, limits=Limits(max_elements=100))
        assert codecs.open("k", wire.delimited(12, bytes(99)), MESSAGE).read_only_reason is None
        document = codecs.open("k", inner, MESSAGE)
        assert document.read_only_reason is not None
        assert document.text.count("numbers") == 100

    def test_map_entries_count_as_elements(self) -> None:
        """The entries of maps count as elements."""
        entries = b"".join(wire.delimited(14, wire.delimited(1, b"%d" % number)) for number in range(200))
        document = Codecs(edges().schemas, limits=Limits(max_elements=100)).open("k", entries, MESSAGE)
        assert document.text.count("named {") == 100


def test_open_too_large_message_is_hex() -> None:
    """A value that is too large for a message is shown as hex."""
    codecs = Codecs(edges().schemas, limits=Limits(max_value=100, max_hex_value=50))
    document = codecs.open("k", wire.delimited(8, bytes(200)), MESSAGE)
    assert document.choice == Choice("hex")
    assert "too large for a message" in document.reason
    assert document.read_only_reason is not None


def test_open_too_long_text_is_truncated_and_read_only() -> None:
    """The text of a message that is too long is truncated and cannot be edited."""
    codecs = Codecs(edges().schemas, limits=Limits(max_value=1_000))
    document = codecs.open("k", wire.delimited(8, bytes(900)), MESSAGE)
    assert (len(document.text), document.read_only_reason is None) == (1_000, False)


def test_open_wrong_length_is_refused_at_once() -> None:
    """A length beyond the value is refused without allocating it."""
    value = wire.tag(1, WireType.LEN) + encode_varint(1 << 40)
    assert edges().open("k", value, MESSAGE).choice == Choice("hex")


@pytest.mark.parametrize(
    "data",
    [b"\x0a", b"\x0a\x05a", b"\xff" * 20, b"\x0b", b"\x0c", b"\x0b\x14", b"\x0e", b"\x09\x00"],
    ids=["no length", "short", "endless", "open group", "stray end", "another end", "no kind", "half a number"],
)
def test_spans_invalid_message_is_refused(data: bytes) -> None:
    """Bytes that are not a message are refused."""
    with pytest.raises(ValueError, match=r".+"):
        list(wire.spans(data))


@given(some.integers(0, 2**64 - 1))
def test_varint_any_number_is_reversible(number: int) -> None:
    """encode_varint and varint are inverse."""
    assert wire.varint(b"x" + encode_varint(number), 1) == (number, 1 + len(encode_varint(number)))
