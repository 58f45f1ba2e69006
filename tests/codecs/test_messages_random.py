"""Random messages, and random mistakes in their JSON."""

import re
from collections.abc import Mapping
from typing import Any, cast

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.codecs.base import Form
from explorer.codecs.protobuf.fields import entry_type, is_map, serialized
from explorer.codecs.protobuf.json_tree import JsonNode, JsonNumber, JsonObject, parse_json
from explorer.codecs.protobuf.numbers import as_single
from explorer.codecs.protobuf.text_formats import JsonFormat, TextFormat
from explorer.model.errors import InvalidText
from tests.codecs.common import made
from tests.scale import examples

ALL, OPEN = "edges.all.All", "edges.open.Open"
TYPES = FieldDescriptor
FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
SCALARS: Mapping[int, st.SearchStrategy[object]] = {
    TYPES.TYPE_DOUBLE: st.floats(allow_nan=False),
    TYPES.TYPE_FLOAT: st.floats(width=32, allow_nan=False),
    TYPES.TYPE_BOOL: st.booleans(),
    TYPES.TYPE_STRING: TEXTS,
    TYPES.TYPE_BYTES: st.binary(max_size=5),
    **{kind: st.integers(-(2**31), 2**31 - 1) for kind in (TYPES.TYPE_INT32, TYPES.TYPE_SINT32, TYPES.TYPE_SFIXED32)},
    **{kind: st.integers(-(2**63), 2**63 - 1) for kind in (TYPES.TYPE_INT64, TYPES.TYPE_SINT64, TYPES.TYPE_SFIXED64)},
    **{kind: st.integers(0, 2**32 - 1) for kind in (TYPES.TYPE_UINT32, TYPES.TYPE_FIXED32)},
    **{kind: st.integers(0, 2**64 - 1) for kind in (TYPES.TYPE_UINT64, TYPES.TYPE_FIXED64)},
}
NANOS = st.integers(0, 999_999_999)


def scalar(field: FieldDescriptor) -> st.SearchStrategy[object]:
    if field.enum_type is None:
        return SCALARS[field.type]
    numbers = sorted(field.enum_type.values_by_number)
    return st.sampled_from(numbers if field.enum_type.is_closed or len(numbers) == 1 else [*numbers, 99, -1])


def fill(draw: st.DrawFn, message: Any, depth: int) -> None:
    """Set random fields of a message, whatever its type."""
    descriptor = cast("Descriptor", message.DESCRIPTOR)
    match descriptor.full_name:
        case "google.protobuf.Timestamp":
            message.seconds, message.nanos = draw(st.integers(-62135596800, 253402300799)), draw(NANOS)
        case "google.protobuf.Duration":
            sign = draw(st.sampled_from([1, -1]))
            message.seconds, message.nanos = sign * draw(st.integers(0, 315576000000)), sign * draw(NANOS)
        case "google.protobuf.FieldMask":
            message.paths.extend(draw(st.lists(st.sampled_from(["a", "a.b_c", "foo_bar"]), max_size=2)))
        case "google.protobuf.Any" if depth and draw(st.booleans()):
            inner = made(draw(st.sampled_from([ALL, OPEN, "google.protobuf.Duration", "google.protobuf.Value"])))()
            fill(draw, inner, depth - 1)
            message.type_url = f"type.googleapis.com/{inner.DESCRIPTOR.full_name}"
            message.value = serialized(inner)
        case "google.protobuf.Any":
            return
        case "google.protobuf.Value":
            match draw(st.integers(0, 5 if depth else 3)):
                case 0:
                    message.null_value = 0
                case 1:
                    message.number_value = draw(FINITE)
                case 2:
                    message.string_value = draw(TEXTS)
                case 3:
                    message.bool_value = draw(st.booleans())
                case 4:
                    fill(draw, message.struct_value, depth - 1)
                    message.struct_value.SetInParent()
                case _:
                    fill(draw, message.list_value, depth - 1)
                    message.list_value.SetInParent()
        case _:
            if descriptor.fields:
                for field in draw(st.lists(st.sampled_from(list(descriptor.fields)), max_size=5, unique=True)):
                    fill_field(draw, message, field, depth)


def fill_field(draw: st.DrawFn, message: Any, field: FieldDescriptor, depth: int) -> None:
    if field.message_type is not None and not is_map(field) and not depth:
        return
    found = getattr(message, field.name)
    if is_map(field):
        key, value = (entry_type(field).fields_by_name[name] for name in ("key", "value"))
        for _ in range(draw(st.integers(0, 2))):
            if value.message_type is None:
                found[draw(scalar(key))] = draw(scalar(value))
            elif depth:
                fill(draw, found[draw(scalar(key))], depth - 1)
    elif field.is_repeated and field.message_type is not None:
        for _ in range(draw(st.integers(0, 2))):
            fill(draw, found.add(), depth - 1)
    elif field.is_repeated:
        found.extend(draw(st.lists(scalar(field), max_size=2)))
    elif field.message_type is not None:
        found.SetInParent()
        fill(draw, found, depth - 1)
    else:
        setattr(message, field.name, draw(scalar(field)))


@st.composite
def messages(draw: st.DrawFn) -> Any:
    message = made(draw(st.sampled_from([ALL, ALL, OPEN])))()
    fill(draw, message, 3)
    return message


def forms(message: Any) -> Mapping[str, JsonFormat | TextFormat]:
    pool = message.DESCRIPTOR.file.pool
    return {"json": JsonFormat(pool), "text": TextFormat(pool)}


@pytest.mark.parametrize("form", ["json", "text"])
@settings(max_examples=examples(100, 5_000))
@given(message=messages())
def test_message_written_and_read_is_the_same(message: Any, form: Form) -> None:
    """The text of any message encodes to the same bytes."""
    if message.DESCRIPTOR.full_name == OPEN and not message.IsInitialized():
        message.ClearField("strict")
    one = forms(message)[form]
    try:
        text = one.write(message)
        again = one.read(text, type(message))
    except InvalidText as error:
        assert "required" in str(error)  # noqa: PT017 - of what is in an Any
        return
    assert serialized(again) == serialized(message)


# Mistakes

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s\[\]{},:"]+')
PIECES = [
    "null", "true", "0", "-0", "1", "1.5", "1e3", "1e400", "1e39", "-1e-400", "9007199254740993", "4294967296",
    "16777217", '""', '"1"', '"01"', '"1.0"', '"1.5"', '"****"', '"QQ"', '"QR"', '"NaN"', '"true"', '"RED"', '"NONE"',
    r'"\ud800"', '"first"', '"int32"', '"int32Value"', '"value"', '"@type"', "[]", "{}", "[null]", '{"a": 1, "a": 2}',
]  # fmt: skip
ENUMS = {"NONE": 0, "RED": 1, "GREEN": 2, "ZERO": 0, "ONE": 1, "NULL_VALUE": 0}
NAMES = {field.json_name: field.name for kind in (ALL, OPEN) for field in made(kind).DESCRIPTOR.fields}
URL_SAFE = str.maketrans("-_", "+/")
DEFAULTS: tuple[object, ...] = (None, False, "", 0.0, (), b"")


def plain(node: JsonNode) -> object:
    """Return a tree in normal form: numbers as floats, names of the schema, no defaults."""
    match node:
        case JsonObject():
            found = {NAMES.get(name, name): plain(value) for name, value in node}
            assert len(found) == len(node), "a name is a duplicate"
            return {
                repr(number(name) if number(name) is not None else name): value
                for name, value in found.items()
                if value not in DEFAULTS
            }
        case list():
            return tuple(plain(inner) for inner in node)
        case str():
            if node in ENUMS and not isinstance(node, JsonNumber):
                return float(ENUMS[node])
            if (found_number := number(node)) is not None:
                return found_number
            return node.rstrip("=").translate(URL_SAFE)
        case _:
            return node


def number(text: str) -> float | None:
    """Return the number of a text as a float of 32 bits."""
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", text):
        return None
    try:
        return as_single(float(text)) or 0.0
    except OverflowError:
        return float(text)


@settings(max_examples=examples(200, 20_000))
@given(data=st.data(), message=messages())
def test_json_with_a_mistake_is_refused_or_stored_as_written(data: st.DataObject, message: Any) -> None:
    """One token of the JSON is replaced or inserted; if the text is accepted, it is stored as written."""
    form = forms(message)["json"]
    try:
        text = form.write(message)
        form.read(text, type(message))
    except InvalidText:
        return
    tokens = list(TOKEN.finditer(text))
    if not tokens:
        return
    token = data.draw(st.sampled_from(tokens))
    piece = data.draw(st.sampled_from([*PIECES, *(other[0] for other in tokens[:20])]))
    mutated = text[: token.start()] + piece + text[token.end() :]
    try:
        stored = form.read(mutated, type(message))
    except InvalidText:
        return
    shown = form.write(stored)
    assert plain(parse_json(shown)) == plain(parse_json(mutated))
    assert serialized(form.read(shown, type(message))) == serialized(stored)
