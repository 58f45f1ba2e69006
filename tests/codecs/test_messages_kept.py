"""An edit keeps unknown fields, their order, and every other byte."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as some

from explorer.codecs.base import Form
from explorer.codecs.protobuf import wire
from explorer.codecs.protobuf.fields import serialized
from explorer.codecs.protobuf.wire import WireType, encode_varint
from tests.codecs.common import THREE, made, opened
from tests.scale import examples

Edit = Callable[[Any], None]


def varint(number: int, value: int) -> bytes:
    return wire.tag(number, WireType.VARINT) + encode_varint(value)


def text(number: int, value: str) -> bytes:
    return wire.delimited(number, value.encode())


unknown_fields = some.one_of(  # numbers that are not in the schema
    some.builds(varint, some.integers(1000, 1010), some.integers(0, 2**64 - 1)),
    some.builds(wire.delimited, some.integers(1000, 1010), some.binary(max_size=5)),
    some.builds(
        lambda number, inner: wire.grouped(number, varint(7, inner)), some.integers(1000, 1010), some.integers(0, 9)
    ),
    some.just(wire.tag(1003, WireType.I64) + b"12345678"),
    some.just(wire.tag(1003, WireType.I32) + b"1234"),
    some.just(wire.tag(1, WireType.VARINT) + b"\x05"),  # a known number in another wire type
)


def mixed(*parts: some.SearchStrategy[bytes]) -> some.SearchStrategy[bytes]:
    """Return the parts in any order, with unknown fields among them."""
    return some.tuples(some.tuples(*parts), some.lists(unknown_fields, max_size=3)).flatmap(
        lambda found: some.permutations([*found[0], *found[1]]).map(b"".join)
    )


def leaf(name: str) -> some.SearchStrategy[bytes]:
    return mixed(some.just(text(1, name)), some.integers(1, 2**31 - 1).map(lambda value: varint(2, value)))


def entry(number: int, key: bytes, name: str) -> some.SearchStrategy[bytes]:
    return leaf(name).map(lambda value: wire.delimited(number, key + wire.delimited(2, value)))


edges = mixed(
    some.just(text(1, "the text")),
    leaf("only").map(lambda value: wire.delimited(10, value)),
    leaf("leaf 0").map(lambda value: wire.delimited(11, value)),
    leaf("leaf 1").map(lambda value: wire.delimited(11, value)),
    leaf("leaf 2").map(lambda value: wire.delimited(11, value)),
    some.sampled_from([wire.delimited(12, b"\x01\x02"), varint(12, 1) + varint(12, 2)]),  # packed or not
    some.just(wire.delimited(13, text(1, "b") + text(2, "2"))),
    some.just(wire.delimited(13, text(2, "1") + text(1, "a"))),
    entry(14, text(1, "y"), "named y"),
    entry(14, text(1, "x"), "named x"),
    leaf("chosen").map(lambda value: wire.delimited(17, value)),
    some.just(wire.delimited(23, text(1, "inner text") + varint(1004, 4))),
)


def names(message: Any) -> list[str]:
    return [one.name for one in message.leaves]


def at(message: Any, name: str) -> int:
    return names(message).index(name)


def _delete(name: str) -> Edit:
    return lambda message: message.leaves.__delitem__(at(message, name))


def _rename(name: str) -> Edit:
    return lambda message: setattr(message.leaves[at(message, name)], "name", "renamed")


def _reverse(message: Any) -> None:
    found = [type(one).FromString(one.SerializeToString()) for one in message.leaves]
    message.ClearField("leaves")
    message.leaves.extend(reversed(found))


EDITS: dict[str, Edit] = {
    "a text": lambda message: setattr(message, "text", "another"),
    "a field that was not there": lambda message: setattr(message, "real", 0.5),
    "a field emptied": lambda message: message.ClearField("text"),
    "inside a message": lambda message: setattr(message.leaf, "name", "another"),
    "a message taken away": lambda message: message.ClearField("leaf"),
    "inside the member of a oneof": lambda message: setattr(message.second, "number", 7),
    "two levels down": lambda message: setattr(message.inner, "larger", 2**64 - 1),
    "an element": _rename("leaf 1"),
    "an element deleted": _delete("leaf 0"),
    "an element appended": lambda message: message.leaves.add(name="new"),
    "an element inserted": lambda message: message.leaves.insert(1, made("edges.three.Leaf")(name="new")),
    "elements reversed": _reverse,
    "a list of numbers": lambda message: message.numbers.append(3),
    "a map": lambda message: message.labels.update({"a": "changed", "c": "new"}),
    "a key taken away": lambda message: message.labels.pop("b"),
    "inside a value of a map": lambda message: setattr(message.named["x"], "name", "another"),
    "a message into a map": lambda message: setattr(message.named["z"], "name", "new"),
}


@pytest.mark.parametrize("form", ["text", "json"])
@settings(max_examples=examples(100, 20_000 // len(EDITS)))
@given(value=edges, edit=some.sampled_from(sorted(EDITS)))
def test_edit_changes_only_the_edited_field(value: bytes, edit: str, form: Form) -> None:
    """An edit of the text has the same result as that edit of the parsed message."""
    document = opened(value, form=form)
    assert not document.encode(document.text).changed
    shown = opened(value, form="text")
    wanted = text_format.Parse(shown.text, made(THREE)())
    EDITS[edit](wanted)
    new_text = opened(serialized(wanted), form=form).text
    expected = made(THREE).FromString(value)
    EDITS[edit](expected)

    encoded = document.encode(new_text)

    assert serialized(made(THREE).FromString(encoded.value)) == serialized(expected)
    assert encoded.changed


@settings(max_examples=examples(100, 5_000))
@given(value=edges)
def test_edit_keeps_bytes_and_order_of_other_fields(value: bytes) -> None:
    """Every other field keeps its bytes and its position."""
    document = opened(value)
    encoded = document.encode(document.text.replace('text: "the text"', 'text: "another, longer text"', 1))
    old, new = list(wire.spans(value)), list(wire.spans(encoded.value))
    assert len(old) == len(new)
    for was, now in zip(old, new, strict=True):
        if (was.number, was.wire_type) != (1, WireType.LEN):
            assert value[was.whole] == encoded.value[now.whole]


@settings(max_examples=examples(100, 5_000))
@given(value=edges)
def test_nested_edit_keeps_surrounding_bytes(value: bytes) -> None:
    """A nested edit keeps the bytes around it."""
    document = opened(value)
    encoded = document.encode(document.text.replace('"leaf 1"', '"LEAF 1"', 1))
    assert encoded.value == value.replace(b"leaf 1", b"LEAF 1")


@settings(max_examples=examples(100, 5_000))
@given(value=edges)
def test_unchanged_text_encodes_to_the_same_bytes(value: bytes) -> None:
    """An unchanged text encodes to the same bytes."""
    for form in ("text", "json"):
        document = opened(value, form=form)
        assert document.encode(document.text).value == value


def test_edit_of_comments_and_spaces_writes_nothing() -> None:
    """Comments and white space alone write nothing."""
    value = text(1, "a") + varint(1000, 1)
    document = opened(value)
    encoded = document.encode(f"# a comment\n{document.text}  ")
    assert (encoded.value, encoded.changed) == (value, False)


def test_unknown_fields_lost_with_an_element_are_noted() -> None:
    """Unknown fields that are removed with an element are noted."""
    value = wire.delimited(11, text(1, "a") + text(1000, "secret")) + wire.delimited(11, text(1, "b"))
    document = opened(value)
    assert "9 bytes" in " ".join(document.notes)
    encoded = document.encode(document.text.replace('leaves {\n  name: "a"\n}\n', ""))
    assert encoded.value == wire.delimited(11, text(1, "b"))
    assert any("9 bytes" in note for note in encoded.notes)
