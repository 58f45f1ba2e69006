"""Text format of messages: what would be stored differently from what was written is refused with its place."""

import pytest

from explorer.codecs.protobuf.fields import serialized
from explorer.codecs.protobuf.text_formats import TextFormat
from explorer.model.errors import InvalidText
from tests.codecs.common import made

ALL, OPEN, MESSAGES = "edges.all.All", "edges.open.Open", "edges.open.Messages"
TWO53 = 2**53

LEGAL = [
    (ALL, "int64: 9223372036854775807 uint64: 0xffffffffffffffff int32: -010", None),
    (ALL, "double: 0.1 float: .5", None),
    (ALL, "double: 1e23 float: 3.4028235e+38", None),
    (ALL, "double: -0.0 float: 1.5f", "float: 1.5 double: -0.0"),
    (ALL, "double: nan float: -inf", None),
    (ALL, f"double: {TWO53}", f"double: {TWO53}.0"),
    (ALL, 'by_int32 { key: 1 value: "a" } by_int32 { key: 2 }', None),
    (ALL, 'by_string { key: "a:{ key" value: "1" } by_string { key: \'b\' }', None),
    (ALL, "colours: [RED, 2, 99] int64s: [1, 2] int64s: 3", None),
    (ALL, "any { [type.googleapis.com/edges.all.All] { int64: 5 } }", None),
    (ALL, "any { }", None),
    (ALL, "all_by_name { key: 'k' value < by_bool { key: true } by_bool { key: false } > }", None),
    (ALL, '# by_int32 { key: 1 }\nby_int32 { key: 1 }; string: "# no comment" "\\303\\251"', None),
    (ALL, r'bytes: "\a\b\f\n\r\t\v\\\'\"\0\12\377\xf\xfff\u00e9\U0001F600\\q\\u005c"', None),
    (OPEN, "Grouped { number: 5 } [edges.open.numbers]: [1, 2] [edges.open.raw]: '\\377'", None),
    (MESSAGES, "[edges.open.Member.member] { number: 5 }", None),
]
REFUSED = [
    (ALL, 'by_int32 { key: 1 value: "a" }\nby_int32 { key: 1 value: "b" }', 2, "by_int32 has a duplicate key 1"),
    (ALL, "by_int64 { key: 8 } by_int64 { key: 0x8 }", 1, "by_int64 has a duplicate key 8"),
    (ALL, "by_sint32 { key: 8 } by_sint32 { key: 010 }", 1, "by_sint32 has a duplicate key 8"),
    (ALL, "by_uint64 { } by_uint64 { key: 0 }", 1, "by_uint64 has a duplicate key 0"),
    (ALL, "by_bool { key: true } by_bool { key: 1 }", 1, "by_bool has a duplicate key true"),
    (ALL, "by_string: [{ key: 'a' }, { key: '\\141' }]", 1, 'by_string has a duplicate key "a"'),
    (ALL, "struct { fields { key: 'a' } fields { key: 'a' } }", 1, 'struct.fields has a duplicate key "a"'),
    (
        ALL,
        "all_by_name { key: 'k' value { nested { by_string { } by_string { } } } }",
        1,
        "all_by_name.value.nested.by_string",
    ),
    (ALL, "any { [t/edges.all.All] { by_string { } by_string { } } }", 1, 'any.by_string has a duplicate key ""'),
    (OPEN, "[edges.open.open] { [edges.open.open] { list: [ONE] closed: 5 } }", 1, "5"),
    (ALL, "any { [t/edges.all.All] { } [t/edges.open.Open] { } }", 1, "any has duplicate content"),
    (ALL, "any { type_url: 'x' [t/edges.all.All] { } }", 1, "any has duplicate content"),
    (ALL, "any { [t/edges.open.Strict] { } }", None, "edges.open.Strict in an Any has missing required fields: id"),
    (ALL, "anys { [t/edges.open.Open] { closed_by_name { } stricts { } } }", None, "required fields: stricts[0].id"),
    (OPEN, "[edges.open.Strict]: 5", 1, 'extension "edges.open.Strict" not registered.'),
    (ALL, "double: +1e-999", 1, "double is too small"),
    (ALL, "float: 1e39", 1, "float is too large for a float"),
    (ALL, "floats: [0, 1e39]", 1, "floats is too large"),
    (ALL, "double: 1e999", 1, "double is too large for a double"),
    (ALL, "double: 1e-999", 1, "double is too small"),
    (ALL, f"double: {TWO53 + 1}", 1, "has more digits than a double holds"),
    (ALL, f"value {{ number_value: {TWO53 + 1} }}", 1, "value.number_value has more digits"),
    (ALL, "double_value { value: 1e999 }", 1, "double_value.value is too large"),
    (ALL, "int64: 1_0", 1, "int64 is not a number"),
    (ALL, "double: 1_0", 1, "double is not a number"),
    (ALL, "int64: 9223372036854775808", 1, "out of range"),
    (ALL, "uint32: -1", 1, "out of range"),
    (ALL, "int32: 1.5", 1, "1.5"),
    (ALL, "int32: 1e3", 1, "1e3"),
    (ALL, "bool: 2", 1, "true"),
    (ALL, "colour: 1.7", 1, "1.7"),
    (ALL, "colour: BLUE", 1, "BLUE"),
    (OPEN, "closed: 5", 1, "5"),
    (ALL, "string: 'a' string: 'b'", 1, "string"),
    (ALL, "string: '' string: 'b'", 1, "string is a duplicate"),
    (ALL, "int32: 0\nint32: 1", 2, "int32 is a duplicate"),
    (ALL, "bool: false bool: true", 1, "bool is a duplicate"),
    (ALL, "double: 0 double: -0.0", 1, "double is a duplicate"),
    (ALL, "by_int32 { key: 0 key: 1 }", 1, "by_int32.key is a duplicate"),
    (ALL, "by_int32 { value: '' value: 'a' }", 1, "by_int32.value is a duplicate"),
    (ALL, "int64_value { value: 0 value: 1 }", 1, "int64_value.value is a duplicate"),
    (ALL, "any { type_url: '' type_url: 'a' }", 1, "any.type_url is a duplicate"),
    (ALL, "any { [t/edges.all.All] { int32: 0 int32: 1 } }", 1, "any.int32 is a duplicate"),
    ("edges.edition.Edge", "implicit: 0 implicit: 1", 1, "implicit is a duplicate"),
    *(
        (ALL, f"{field}: 'a{escape}'", 1, f"invalid escape: {escape}")
        for field in ("string", "bytes")
        for escape in (r"\q", r"\?", r"\8", r"\u005c", r"\X41")
    ),
    (ALL, "int32\u00a0: 1", 1, "is not a number"),
    (ALL, "nested { } nested { }", 1, "nested"),
    (ALL, "first: 'a' second { }", 1, "second"),
    (ALL, "string: '\\377'", 1, "utf-8"),
    (ALL, "string: '\\ud800'", 1, "surrogates"),
    (OPEN, "Grouped { number: 1 } Grouped { number: 2 }", 1, "grouped"),
    (OPEN, "[edges.open.raw]: 'a' [edges.open.raw]: 'b'", 1, "edges.open.raw"),
]


def form(kind: str) -> TextFormat:
    return TextFormat(made(kind).DESCRIPTOR.file.pool)


@pytest.mark.parametrize(("kind", "text", "shown"), LEGAL)
def test_text_format_legal_is_stored_as_written(kind: str, text: str, shown: str | None) -> None:
    """Valid text format parses to the message that it describes."""
    message = form(kind).read(text, made(kind))
    again = form(kind).write(message)
    assert serialized(form(kind).read(again, made(kind))) == serialized(message)
    if shown is not None:
        assert " ".join(again.split()) == shown


@pytest.mark.parametrize(("kind", "text", "line", "reason"), REFUSED)
def test_text_format_that_would_change_is_refused(kind: str, text: str, line: int | None, reason: str) -> None:
    """Nothing is dropped, rounded or read as infinity."""
    with pytest.raises(InvalidText) as caught:
        form(kind).read(text, made(kind))
    assert caught.value.line == line
    assert reason in caught.value.message
    assert "_pb2" not in caught.value.message
