"""JSON of messages: legal JSON is stored as written, and anything else is refused."""

import gc
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from explorer.codecs.base import Choice, Form
from explorer.codecs.codecs import Codecs
from explorer.codecs.protobuf import wire
from explorer.codecs.protobuf.fields import serialized
from explorer.codecs.protobuf.schema_files import load
from explorer.codecs.protobuf.schemas import Schemas
from explorer.codecs.protobuf.text_formats import JsonFormat
from explorer.model.errors import InvalidText
from tests.codecs.common import edges, edited, made, opened
from tests.codecs.json_cases import ALL, CASES


def tree(message: Any) -> object:
    """Return the JSON of a message."""
    return json.loads(JsonFormat(message.DESCRIPTOR.file.pool).write(message))


def same(one: object, other: object) -> bool:
    """Return whether two trees are the same; 0.0 is not -0.0."""
    return repr(one) == repr(other)


@pytest.mark.parametrize("refused", [False, True], ids=["legal", "refused"])
def test_json_every_type_of_field_is_exact_or_refused(*, refused: bool) -> None:
    """Each text of the table is stored as written, or refused with the path and the reason."""
    wrong: list[object] = []
    for case in CASES:
        literal = isinstance(case.expected, str) and case.expected.startswith('"')
        if (case.refused and not literal) is not refused:
            continue
        document = opened(b"", case.kind, "json")
        try:
            value = document.encode(case.text).value
        except InvalidText as error:
            if not refused or str(case.expected) not in error.message or "\n" in str(error):
                wrong.append((case.text, case.expected, str(error)))
            continue
        found = tree(made(case.kind).FromString(value))
        if refused:
            wrong.append((case.text, case.expected, found))
        elif case.expected is not None or case.kind != ALL:
            expected = json.loads(str(case.expected)) if literal else case.expected
            if not same(found, expected):
                wrong.append((case.text, expected, found))
    assert wrong == []


def test_json_accepted_is_stored_like_the_library() -> None:
    """Accepted JSON is stored as the library's own parser stores it, where that accepts it, too."""
    from google.protobuf import json_format  # noqa: PLC0415 - the other reader, for this test alone

    agreed = 0
    for case in CASES:
        if case.refused:
            continue
        kind = made(case.kind)
        pool = kind.DESCRIPTOR.file.pool
        theirs = kind()
        try:
            json_format.Parse(case.text, theirs, descriptor_pool=pool)
        except json_format.ParseError:
            continue
        if ": -0}" in case.text:  # of which the library drops the sign
            continue
        assert serialized(JsonFormat(pool).read(case.text, kind)) == serialized(theirs), case.text
        agreed += 1
    assert agreed > 150


def test_json_error_has_line_and_column_of_the_value() -> None:
    """Repeated names do not change the place."""
    text = '{\n  "bytes": "",\n  "alls": [\n    {"bytes": "QQ=="},\n    {"bytes": "****"}\n  ]\n}'
    with pytest.raises(InvalidText) as caught:
        opened(b"", ALL, "json").encode(text)
    assert (caught.value.line, caught.value.column) == (5, 15)
    with pytest.raises(InvalidText) as caught:
        opened(b"", ALL, "json").encode('{"struct": {"a": 1,\n "b": {"[,]": 2, "[,]": 3}}}')
    assert (caught.value.line, caught.value.column) == (2, 18)


def test_any_present_and_empty_is_shown_and_kept() -> None:
    """Bytes `c2 02 00`, an Any of no type, are JSON's `{"any": {}}`."""
    number = made(ALL).DESCRIPTOR.fields_by_name["any"].number
    value = wire.delimited(number, b"")
    document = opened(value, ALL, "json")
    assert (document.language, document.notes) == ("json", ())
    assert json.loads(document.text) == {"any": {}}
    assert document.encode('{"any": {}, "int32": 5}').value == b"\x08\x05" + value


@pytest.mark.parametrize("form", ["json", "text"])
def test_value_with_a_list_is_shown_in_every_form(form: Form) -> None:
    """A list is the content of one Value, not a repeated field."""
    message = made(ALL)()
    message.value.list_value.values.add().number_value = 1
    document = opened(serialized(message), ALL, form)
    assert document.language == {"json": "json", "text": "textproto"}[form]
    assert document.encode(document.text).value == serialized(message)


def test_fields_called_like_methods_are_read_and_edited_as_json() -> None:
    """The library's text format cannot read them; its accessors are reached behind the fields."""
    name = "edges.methods.Methods"
    message = wire.delimited(1, b"x") + wire.tag(2, wire.WireType.VARINT) + b"\x05" + wire.delimited(99, b"unknown")
    document = edges().open("key", message, Choice("protobuf", name))
    assert document.choice.form == "json"
    assert "DESCRIPTOR" in document.notes[0] or "ListFields" in document.notes[0]
    assert json.loads(document.text) == {"DESCRIPTOR": "x", "ListFields": 5}
    encoded = document.encode('{"DESCRIPTOR": "y", "ListFields": 5, "CopyFrom": {"ClearField": ["a"]}}')
    assert encoded.value.replace(wire.delimited(3, wire.delimited(4, b"a")), b"") == message.replace(b"x", b"y")
    assert document.merge('{"DESCRIPTOR": "mine", "ListFields": 5}', message).conflicts == ()


@pytest.mark.parametrize("form", ["json", "text"])
def test_any_without_required_fields_shows_bytes(form: Form) -> None:
    """No form can represent it, so its bytes are shown and kept."""
    number = made(ALL).DESCRIPTOR.fields_by_name["any"].number
    value = wire.delimited(number, wire.delimited(1, b"t/edges.open.Strict"))
    document = opened(value, ALL, form)
    assert document.text == 'any {\n  type_url: "t/edges.open.Strict"\n}\n'
    assert "required fields" in document.notes[0]
    assert document.encode(f"{document.text}int32: 5").value == b"\x08\x05" + value


@pytest.mark.parametrize("text", ['{"value": %s1%s}', '{"nested": %s%s}'])
def test_json_that_is_nested_too_deeply_is_refused(text: str) -> None:
    """Protobuf's own limit is 100 levels; no depth ends the process."""
    pair = ("[", "]") if "value" in text else ('{"nested": ', "}")
    for depth in (150, 100_000):
        with pytest.raises(InvalidText):
            opened(b"", ALL, "json").encode(text % (pair[0] * depth, pair[1] * depth))


@pytest.mark.parametrize("fields", ["foo_bar fooBar", "fooBar foo_bar", "foo_bar foo__bar"])
def test_json_fields_called_alike_have_their_own_names(tmp_path: Path, fields: str) -> None:
    """Protoc only warns of two proto2 fields with one name in JSON: each is written and read by its own name."""
    one, other = fields.split()
    content = f"message A {{ message B {{ optional string {one} = 1; optional string {other} = 2; }} }}"
    (tmp_path / "a.proto").write_text(f'syntax = "proto2"; {content}')
    document = opened(b"\x0a\x01x\x12\x01y", "A.B", "json", Codecs(Schemas(load([tmp_path]))))
    assert json.loads(document.text) == {one: "x", other: "y"}
    assert edited(document, '"x"', '"z"') == b"\x0a\x01z\x12\x01y"


def test_json_of_a_large_message_is_made_without_collections() -> None:
    """Python would search all objects again and again, for half of the time; afterwards it collects as before."""
    text = json.dumps({f"{number}": {"nested": [number]} for number in range(20_000)})
    form = JsonFormat(Struct.DESCRIPTOR.file.pool)
    collections: list[int] = []

    def on_collection(_: str, info: dict[str, int]) -> None:
        collections.append(info["generation"])

    gc.callbacks.append(on_collection)
    try:
        form.write(form.read(text, Struct))
    finally:
        gc.callbacks.remove(on_collection)
    assert len(collections) < 5, "two before and after each of both"
    assert gc.isenabled()
    with pytest.raises(InvalidText):
        form.read("{", Struct)
    assert gc.isenabled()
