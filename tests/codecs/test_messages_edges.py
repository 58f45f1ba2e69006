"""Edge cases of messages that a serialization of the text alone would lose."""

import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from explorer.codecs.base import Choice, Form, Limits
from explorer.codecs.codecs import Codecs
from explorer.codecs.protobuf import wire
from explorer.codecs.protobuf.fields import serialized
from explorer.codecs.protobuf.schema_files import load
from explorer.codecs.protobuf.schemas import Schemas
from explorer.codecs.protobuf.wire import WireType, encode_varint
from explorer.model.errors import InvalidText
from tests.codecs.common import EDITION, LOOSE, THREE, TWO, edges, edited, made, opened


def varint(number: int, value: int) -> bytes:
    return wire.tag(number, WireType.VARINT) + encode_varint(value)


def text(number: int, value: str | bytes) -> bytes:
    return wire.delimited(number, value if isinstance(value, bytes) else value.encode())


ID = text(1, "marker")
"""Field of every value; the tests edit it."""

THREES: Mapping[str, bytes] = {
    "unknown at the top": varint(1000, 1) + text(1001, "x"),
    "unknown in a message": text(10, text(1, "n") + varint(1000, 1)),
    "unknown in a value of a map": text(14, text(1, "k") + text(2, varint(1000, 1))),
    "unknown in a group": wire.grouped(1000, varint(1, 1)),
    "a known number in another wire type": text(3, "not a number"),
    "present and empty": text(2, ""),
    "an empty message": text(10, ""),
    "a member of a oneof at its default": varint(18, 0),
    "a default written out": varint(3, 0),
    "a message in two pieces": text(10, text(1, "n")) + text(10, varint(2, 7)),
    "a field twice": varint(3, 1) + varint(3, 2),
    "two members of a oneof": text(16, "first") + varint(18, 3),
    "an overlong number": wire.tag(3, WireType.VARINT) + b"\x81\x80\x00",
    "a bool of 2": varint(7, 2),
    "numbers packed": text(12, b"\x01\x02\x03"),
    "numbers not packed": varint(12, 1) + varint(12, 2),
    "an open enumeration": varint(9, 99),
    "the least and the greatest": varint(3, 1 << 63) + varint(4, (1 << 64) - 1),
    "what a double cannot hold": varint(3, 2**53 + 1),
    "minus zero": wire.tag(5, WireType.I64) + struct.pack("<d", -0.0),
    "the smallest double": wire.tag(5, WireType.I64) + struct.pack("<d", 5e-324),
    "NaN with a payload": wire.tag(5, WireType.I64) + bytes.fromhex("010000000000f87f"),
    "signalling NaNs in a list": text(24, bytes.fromhex("010000000000f47f") * 2),
    "infinity": wire.tag(6, WireType.I32) + struct.pack("<f", float("inf")),
    "a map in an odd order with a key twice": text(13, text(1, "b") + text(2, "1"))
    + text(13, text(1, "a") + text(2, "2"))
    + text(13, text(1, "b") + text(2, "3")),
    "an entry of a map without its key": text(13, text(2, "v")),
    "an entry of a map, value first": text(13, text(2, "v") + text(1, "k")),
    "keys that are no text": text(15, varint(1, 5) + text(2, text(1, "n"))) + text(25, varint(1, 1) + varint(2, 1)),
    "an Any of a known type, in another order and with unknown fields": text(
        19, text(2, varint(2, 1) + text(1, "n") + varint(1000, 1)) + text(1, "type.googleapis.com/edges.three.Leaf")
    ),
    "an Any of an unknown type": text(19, text(1, "type.googleapis.com/no.Such") + text(2, b"\x00\xff")),
    "an Any whose content is broken": text(19, text(1, "type.googleapis.com/edges.three.Leaf") + text(2, b"\x0a\xff")),
    "an Any without a prefix": text(19, text(1, "/edges.three.Leaf") + text(2, text(1, "n"))),
    "an Any in an Any": text(
        19,
        text(1, "type.googleapis.com/edges.three.Edge")
        + text(2, text(19, text(1, "t/edges.three.Leaf") + text(2, text(1, "n")))),
    ),
    "a time that is none": text(21, varint(1, 1 << 62) + varint(2, 1 << 40)),
    "a Struct with a value of no kind": text(22, text(1, text(1, "k") + text(2, ""))),
    "a Struct with NaN": text(
        22, text(1, text(1, "k") + text(2, wire.tag(2, WireType.I64) + struct.pack("<d", float("nan"))))
    ),
    "NUL, quotes and escapes": text(2, 'a\0b"c\\d\n\t\r\x1b'),
    "what reorders, hides and ends lines": text(2, "a\u202eb\u2028c\x85d\u200b"),
    "all bytes": text(8, bytes(range(256))),
}
LOSSY_TWOS: Mapping[str, bytes] = {
    "an unknown number of a closed enumeration": varint(3, 99),
    "the same in a list": varint(4, 1) + varint(4, 99) + varint(4, 2),
    "the same in a map": text(7, text(1, "k") + varint(2, 99)),
    "a default written out": text(2, "told"),
    "a group": wire.grouped(5, varint(1, 1) + varint(1000, 5)),
    "several groups": wire.grouped(6, text(1, "a") + varint(1000, 5)) + wire.grouped(6, text(1, "b")),
    "extensions": text(100, "noted") + text(101, varint(2, 1) + varint(1000, 5)) + varint(102, 5),
    "an extension that nobody knows": text(199, "x"),
    "strings that are not UTF-8": text(2, b"\xff\xfe") + text(8, b"\xff"),
}


def check(value: bytes, name: str, form: Form, *, marker: str = '"marker"') -> None:
    """Edit the marker: on the parsed message, and by text. Both must be the same, and the bytes as well."""
    document = opened(value, name, form)
    assert document.encode(document.text).value == value
    expected = made(name).FromString(value.replace(b"marker", b"MARKER"))
    found = edited(document, marker, '"MARKER"')
    assert serialized(made(name).FromString(found)) == serialized(expected)
    assert found == value.replace(b"marker", b"MARKER")


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("case", THREES)
def test_proto3_edit_keeps_all_other_fields(case: str, form: Form) -> None:
    """An edit of a proto3 message keeps every other byte."""
    check(ID + THREES[case], THREE, form)
    check(THREES[case] + ID, THREE, form)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("case", [case for case in LOSSY_TWOS if "UTF-8" not in case])
def test_proto2_edit_keeps_all_other_fields(case: str, form: Form) -> None:
    """An edit of a proto2 message keeps every other byte."""
    check(ID + LOSSY_TWOS[case], TWO, form)


def test_proto2_invalid_strings_are_shown_as_bytes() -> None:
    """Strings of proto2 that are not UTF-8 are shown as bytes and kept."""
    value = ID + LOSSY_TWOS["strings that are not UTF-8"]
    for form in ("text", "json"):  # JSON would show them as the text b'\xff\xfe'
        document = opened(value, TWO, form)
        assert document.language == "textproto"
        assert "not UTF-8" in document.notes[0]
        assert edited(document, '"marker"', '"MARKER"') == value.replace(b"marker", b"MARKER")
        assert edited(document, r'"\377\376"', r'"now text"') == value.replace(b"\x12\x02\xff\xfe", b"\x12\x08now text")


@pytest.mark.parametrize("form", ["text", "json"])
def test_proto2_map_of_bytes_is_a_message(form: Form, tmp_path: Path) -> None:
    """The values of Kubernetes' Secret and ConfigMap are such maps: bytes in them are no strings."""
    (tmp_path / "secret.proto").write_text(
        'syntax = "proto2";\npackage p;\nmessage Secret { map<string, bytes> data = 1; optional string type = 2; }\n'
    )
    codecs = Codecs(Schemas(load([tmp_path])))
    value = text(1, text(1, "password") + text(2, b"\xff\x00secret")) + text(2, "Opaque")
    document = opened(value, "p.Secret", form, codecs)
    assert document.choice.form == form
    assert edited(document, "Opaque", "Other") == value.replace(b"\x06Opaque", b"\x05Other")
    broken = codecs.open("key", text(1, text(1, b"\xff") + text(2, b"x")), Choice("protobuf", "p.Secret", form))
    assert "a map key is not UTF-8" in broken.reason


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("entries", [1, 20_000])
@pytest.mark.parametrize("key", [b"\xff", b"\xed\xa0\x80"])
def test_invalid_map_key_makes_the_value_hex(key: bytes, entries: int, form: Form) -> None:
    """Proto2 allows them, and the library raises when such a key is read."""
    value = ID + varint(4, 1) * (entries - 1) + text(7, text(1, key) + varint(2, 1))
    document = edges().open("key", value, Choice("protobuf", TWO, form))
    assert document.language == "hex"
    assert "a map key is not UTF-8" in document.reason
    assert TWO not in edges().schemas.candidates(value[-100:], Limits())
    assert document.encode(document.text).value == value


def test_proto3_invalid_strings_are_shown_as_bytes() -> None:
    """The whole message would not parse."""
    value = ID + text(13, text(1, "k") + text(2, b"\xff")) + varint(1000, 1)
    document = opened(value, THREE)
    assert edited(document, '"marker"', '"MARKER"') == value.replace(b"marker", b"MARKER")


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    "case",
    [
        wire.grouped(3, varint(1, 5) + varint(1000, 5)),
        text(3, varint(1, 5)),  # as if it were length-delimited: unknown to this schema
        varint(4, 1) + varint(4, 2),
        text(4, b"\x01\x02"),
        varint(5, 99),
        varint(2, 0),
        text(6, b"\xff"),
    ],
    ids=["delimited", "in another encoding", "expanded", "packed", "closed", "implicit default", "bytes"],
)
def test_editions_edit_keeps_all_other_fields(case: bytes, form: Form) -> None:
    """An edit of a message of an edition keeps every other byte."""
    check(ID + case, EDITION, form)


class TestEditsAtTheEdges:
    @pytest.mark.parametrize(
        ("value", "old", "new", "expected"),
        [
            (text(2, ""), 'maybe: ""\n', "", b""),
            (b"", "", 'maybe: ""', text(2, "")),
            (text(16, "a"), 'first: "a"', "third: 0", varint(18, 0)),
            (
                text(10, varint(1000, 1)),
                "leaf {\n}",
                'leaf {\n  name: "n"\n}',
                text(10, text(1, "n") + varint(1000, 1)),
            ),
            (text(13, text(2, "v")), 'value: "v"', 'key: "k" value: "v"', text(13, text(1, "k") + text(2, "v"))),
            (varint(9, 99), "99", "RED", varint(9, 1)),
            (varint(12, 1) + varint(12, 2), "numbers: 2\n", "", text(12, b"\x01")),
            (wire.tag(5, WireType.I64) + bytes.fromhex("010000000000f87f"), "nan", "0.5", None),
        ],
        ids=["absent", "present", "oneof", "empty message", "map key", "enumeration", "list", "NaN"],
    )
    def test_edit_sets_presence_and_oneofs_as_written(
        self, value: bytes, old: str, new: str, expected: bytes | None
    ) -> None:
        """Presence and oneofs are stored as written."""
        document = opened(value)
        found = document.encode(document.text.replace(old, new, 1) if old else new).value
        if expected is None:
            assert made(THREE).FromString(found).real == 0.5
        else:
            assert found == expected

    @pytest.mark.parametrize("form", ["text", "json"])
    def test_edit_in_an_any_keeps_unknown_fields(self, form: Form) -> None:
        """An edit inside an Any keeps its unknown fields."""
        value = ID + THREES["an Any of a known type, in another order and with unknown fields"]
        document = opened(value, THREE, form)
        assert edited(document, '"n"', '"N"') == value.replace(b"\x0a\x01n", b"\x0a\x01N")

    def test_edit_of_the_type_replaces_an_any(self) -> None:
        """Another type replaces the content of an Any."""
        value = THREES["an Any of a known type, in another order and with unknown fields"]
        document = opened(value)
        new = 'any {\n  [type.googleapis.com/edges.three.Edge] {\n    text: "t"\n  }\n}\n'
        message = made(THREE).FromString(document.encode(new).value)
        assert (message.any.type_url, message.any.value) == ("type.googleapis.com/edges.three.Edge", text(1, "t"))

    def test_edit_removing_required_field_is_refused(self) -> None:
        """A required field cannot be removed."""
        document = opened(ID, TWO)
        with pytest.raises(InvalidText, match="required fields are missing: id"):
            document.encode("")

    def test_incomplete_message_is_edited_with_a_note(self) -> None:
        """A message with a missing required field can be edited, with a note."""
        document = opened(text(2, "x"), TWO)
        assert any("missing: id" in note for note in document.notes)
        encoded = document.encode('text: "y"')
        assert encoded.value == text(2, "y")
        assert any("missing: id" in note for note in encoded.notes)

    def test_new_message_without_required_field_is_refused(self) -> None:
        """A new message needs its required fields."""
        with pytest.raises(InvalidText, match="id"):
            opened(b"", TWO).encode('text: "y"')

    def test_moved_elements_keep_unknown_fields(self) -> None:
        """Elements that move keep their unknown fields."""
        one, two, three = (text(11, text(1, name) + text(1000, name)) for name in "abc")
        document = opened(one + two + three)
        leaf = 'leaves {{\n  name: "{}"\n}}\n'
        assert document.encode(leaf.format("c") + leaf.format("a") + leaf.format("b")).value == three + one + two
        assert document.encode(leaf.format("b") + leaf.format("new") + leaf.format("c")).value == (
            two + text(11, text(1, "new")) + three
        )

    def test_edited_element_after_deletion_is_aligned(self) -> None:
        """An edited element after a deleted one is aligned with the most similar old one."""
        one = text(11, text(1, "a") + varint(2, 1) + text(1000, "a"))
        two = text(11, text(1, "b") + varint(2, 2) + text(1000, "b"))
        document = opened(one + two)
        assert document.encode('leaves { name: "B" number: 2 }').value == two.replace(b"\x0a\x01b", b"\x0a\x01B")


class TestNotesAndErrors:
    @pytest.mark.parametrize(
        ("wrong", "line", "column", "said"),
        [
            ('text: "a"\nnot_there: 1', 2, 1, "not_there"),
            ("colour: GREEN", 1, 9, "GREEN"),
            ('text: "a"\ntext: "b"', 2, 7, "text"),
            ('text: "a', 1, 7, ""),
            ("leaf {\n  name: 5\n}", 2, 9, ""),
            ('first: "a" third: 1', 1, 12, "third"),
        ],
    )
    def test_text_format_error_has_line_and_column(self, wrong: str, line: int, column: int, said: str) -> None:
        """An error in text format has line and column."""
        with pytest.raises(InvalidText) as caught:
            opened(ID).encode(wrong)
        assert (caught.value.line, caught.value.column) == (line, column)
        assert said in caught.value.message
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("wrong", "line", "said"),
        [
            ('{"text": "a",}', 1, "JSON"),
            ('{\n  "not_there": 1\n}', 2, "not_there"),
            ('{\n  "leaf": {\n    "number": "x"\n  }\n}', 3, "number"),
            ("[]", 1, "a list"),
            ('{"leaf": []}', 1, "leaf must be an object"),
            ('{"leaves": [{}, ""]}', 1, "leaves[1] must be an object"),
            ('{"named": {"k": []}}', 1, 'named["k"] must be an object'),
            ('{"any": {"@type": "x/edges.three.Edge", "leaf": []}}', 1, "any.leaf must be an object"),
            ('{"data": "!!"}', 1, "base64"),
            ('{"large": 9007199254740993.0}', 1, "too large"),
            ('{"text": "a", "text": "b"}', 1, "text"),
            ("", 1, "JSON"),
        ],
    )
    def test_json_error_has_line_and_path(self, wrong: str, line: int, said: str) -> None:
        """An error in JSON has line and path."""
        with pytest.raises(InvalidText) as caught:
            opened(ID, form="json").encode(wrong)
        assert caught.value.line == line
        assert said in caught.value.message
        assert "\n" not in str(caught.value)

    def test_foreign_field_order_is_noted(self) -> None:
        """A message in another field order has a note."""
        assert opened(ID + varint(3, 1)).notes == ()
        assert "what is not edited is kept" in opened(varint(3, 1) + ID).notes[0]

    def test_json_impossible_falls_back_to_text_with_reason(self) -> None:
        """A message that JSON cannot represent is shown as text, with the reason."""
        document = opened(THREES["an Any of an unknown type"], form="json")
        assert (document.language, document.choice.form) == ("textproto", "text")
        assert "not shown as JSON" in document.notes[0]

    def test_maps_are_sorted_by_key(self) -> None:
        """Maps are shown sorted by key."""
        value = b"".join(text(13, text(1, f"k{number}") + text(2, "v")) for number in (3, 1, 2))
        for form in ("text", "json"):
            shown = opened(value, form=form).text
            assert shown.index("k1") < shown.index("k2") < shown.index("k3")


def test_extensions_are_shown_by_name() -> None:
    """Extensions are shown by their full names."""
    value = ID + LOSSY_TWOS["extensions"]
    assert "[edges.two.note]" in opened(value, TWO).text
    found = edited(opened(value, TWO), '"noted"', '"noted again"')
    assert made(TWO).FromString(found) == made(TWO).FromString(value.replace(b"\x05noted", b"\x0bnoted again"))


def test_proto2_plain_message_is_kept() -> None:
    """A plain message of proto2 is shown and kept."""
    value = text(1, "a") + varint(2, 5)
    assert edited(opened(value, LOOSE), '"a"', '"b"') == text(1, "b") + varint(2, 5)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("value", "missing"),
    [
        (text(5, b"") + text(7, b""), "stricts[0].id"),
        (text(5, b"") + text(6, b"") + text(3, b""), "strict.id, strict_by_number[0].id"),
        (text(5, text(1, "k") + varint(2, 1)) + text(104, text(3, b"")), "[edges.open.open].strict.id"),
    ],
)
def test_missing_required_fields_have_paths(value: bytes, missing: str, form: Form) -> None:
    """A map of scalars before them made the library read invalid memory, which could crash the process."""
    document = opened(value, "edges.open.Open", form)
    assert f"required fields are missing: {missing}" in document.notes
    assert document.encode(document.text).value == value


@pytest.mark.parametrize(
    ("stored", "written", "expected"),
    [
        (b"", "by_bool { key: true }", b"\x9a\x03\x04\x08\x01\x12\x00"),
        (b"", "colours_by_name { }", b"\xaa\x03\x04\x0a\x00\x10\x00"),
        (b"\x9a\x03\x05\x08\x01\x12\x01a", "by_bool { key: true }", b"\x9a\x03\x04\x08\x01\x12\x00"),
        (b"\x9a\x03\x05\x12\x01a\x08\x01", "by_bool { key: true }", b"\x9a\x03\x02\x08\x01"),
    ],
    ids=["new", "new and empty", "edited", "edited, value first"],
)
def test_map_entries_are_encoded_like_the_library(stored: bytes, written: str, expected: bytes) -> None:
    """A new entry has key and value, also if they are defaults; an unedited entry keeps its encoding."""
    document = opened(stored, "edges.all.All")
    value = document.encode(written).value
    assert value == expected
    assert len(opened(value, "edges.all.All").notes) == ("value first" in repr(stored) or stored.endswith(b"\x08\x01"))
