"""JSON of messages of every type, with the expected results."""

import json
from collections.abc import Iterator
from typing import NamedTuple

ALL, OPEN, MESSAGES = "edges.all.All", "edges.open.Open", "edges.open.Messages"
URL = "type.googleapis.com/"
TWO53 = 2**53


class Case(NamedTuple):
    """JSON and the expected result."""

    text: str
    """JSON of the message."""
    expected: object
    """JSON of the stored message, or a part of the reason of the refusal."""
    kind: str = ALL

    @property
    def refused(self) -> bool:
        return isinstance(self.expected, str)


INTEGERS = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "sint32": (-(2**31), 2**31 - 1),
    "sint64": (-(2**63), 2**63 - 1),
    "fixed32": (0, 2**32 - 1),
    "fixed64": (0, 2**64 - 1),
    "sfixed32": (-(2**31), 2**31 - 1),
    "sfixed64": (-(2**63), 2**63 - 1),
}


def integers() -> Iterator[Case]:
    """Every type of integer, alone, wrapped, as an element, a map's key, in an Any."""
    for name, (low, high) in INTEGERS.items():
        long = "64" in name
        for text, number in (
            (f"{low}", low),
            (f"{high}", high),
            (f'"{high}"', high),
            (f'"{low}"', low),
            ("1e3", 1000),
            ('"1e3"', 1000),
            ("12.50e1", 125),
            ("7.0", 7),
        ):
            yield Case(f'{{"{name}": {text}}}', {name: str(number) if long else number} if number else {})
        for text in (f"{low - 1}", f"{high + 1}", f'"{high + 1}"', "1e99", "1e99999999999999999999"):
            yield Case(f'{{"{name}": {text}}}', f"{name} is out of range")
        for text in ("1.5", '"1.5"', "1e-3"):
            yield Case(f'{{"{name}": {text}}}', f"{name} is not an integer")
        for text in ("true", "[]", "{}", '""', '" 1"', '"1_0"', '"0x10"', '"NaN"', '"\u0661"'):
            yield Case(f'{{"{name}": {text}}}', f"{name} must be a number")
        if long:
            yield Case(f'{{"{name}": {TWO53 + 1}}}', {name: str(TWO53 + 1)})
            yield Case(f'{{"{name}": {TWO53 + 1}.0}}', "too large to be written with a point")
            yield Case(f'{{"{name}": 1e18}}', {name: str(10**18)})
            yield Case(f'{{"{name}": "9.2e18"}}', {name: str(92 * 10**17)})
        for zero in ("-0", '"-0.0"', "0e999999999", "0E+99999999999999999999"):
            yield Case(f'{{"{name}": {zero}}}', {})
        yield Case(f'{{"by_{name}": {{"{high}": "a", "{low}": "b"}}}}', {f"by_{name}": {str(low): "b", str(high): "a"}})
        yield Case(f'{{"by_{name}": {{"1": "a", "01": "b"}}}}', f'by_{name}["01"] is the same key as "1"')
        yield Case(f'{{"by_{name}": {{"1": "a", "1.0": "b"}}}}', "is the same key")
        yield Case(f'{{"by_{name}": {{"1": "a", "1": "b"}}}}', f'by_{name}["1"] is a duplicate')
        yield Case(f'{{"by_{name}": {{"{high + 1}": "a"}}}}', "out of range")
        yield Case(f'{{"by_{name}": {{"x": "a"}}}}', f'by_{name}["x"] is a key that must be a number')
        yield Case(f'{{"by_{name}": {{"1": null}}}}', f'by_{name}["1"] must not be null')
    for name in ("int32", "int64", "uint32", "uint64"):
        kind = f"{'UInt' if name[0] == 'u' else 'Int'}{name[-2:]}Value"
        inside = f'{{"@type": "{URL}google.protobuf.{kind}", "value": %s}}'
        for wrap in (f'{{"{name}_value": %s}}', f'{{"any": {inside}}}', f'{{"anys": [{inside}]}}'):
            for text, reason in (
                ("1.5", "is not an integer"),
                (f"{2**70}", "is out of range"),
                ("true", "must be a number"),
                ('"x"', "must be a number"),
            ):
                yield Case(wrap % text, reason)
            if "64" in name:
                yield Case(wrap % f"{TWO53 + 1}.0", "too large")
        yield Case(f'{{"{name}_value": "5"}}', {f"{name}_value": "5" if "64" in name else 5})
    yield Case(f'{{"int64s": [1, "{TWO53 + 1}"]}}', {"int64s": ["1", str(TWO53 + 1)]})
    yield Case('{"int64s": [1, 1.5]}', "int64s[1] is not an integer")
    yield Case('{"int64s": [null]}', "int64s[0] must not be null")
    yield Case('{"int64s": 1}', "int64s must be a list, not a number")
    yield Case('{"int64_values": [null]}', "int64_values[0] must not be null")


def reals() -> Iterator[Case]:
    """Floats and doubles: fractions are rounded, everything else is exact or refused."""
    for name in ("float", "double"):
        for text, number in (
            ("0.1", 0.1),
            ("-0.0", -0.0),
            ("-0", -0.0),
            ('"-0"', -0.0),
            ("1e3", 1000.0),
            ('"1.5"', 1.5),
            ('"NaN"', "NaN"),
            ('"Infinity"', "Infinity"),
            ('"-Infinity"', "-Infinity"),
            ("3e38", 3e38),
            ("3.4028234663852886e+38", 3.4028235e38 if name == "float" else 3.4028234663852886e38),
            ("0.30000000000000000001", 0.3),
        ):
            yield Case(f'{{"{name}": {text}}}', {name: number})
            if name == "double":
                yield Case(f'{{"doubles_by_name": {{"k": {text}}}}}', {"doubles_by_name": {"k": number}})
        largest = "1e39" if name == "float" else "1e309"
        smallest = "1e-50" if name == "float" else "1e-400"
        exact = 2**24 if name == "float" else TWO53
        for place in (f'{{"{name}": %s}}', f'{{"{name}_value": %s}}'):
            yield Case(place % largest, f"is too large for a {name}")
            yield Case(place % f'"-{largest}"', f"is too large for a {name}")
            yield Case(place % smallest, f"is too small for a {name}")
            yield Case(place % f"{exact + 1}", f"has more digits than a {name} holds")
            yield Case(place % f"{exact + 1}.0", "has more digits")
            for text in ("true", '"nan"', '"inf"', '"1_0"', '""', "[]", "{}"):
                yield Case(place % text, "must be a number")
        yield Case(f'{{"{name}": {exact + 2}}}', {name: float(exact + 2)})
        yield Case(f'{{"{name}": 1e23}}', {name: 1e23})
        yield Case(f'{{"{name}": 0e-999}}', {})
        yield Case(f'{{"{name}_value": 0}}', {f"{name}_value": 0.0})
    yield Case('{"floats": [1, 1e39]}', "floats[1] is too large")
    for place in ('{"value": %s}', '{"list": [%s]}', '{"struct": {"a": %s}}', '{"values": [%s]}'):
        yield Case(place % f"{TWO53 + 1}", "has more digits than a double holds")
        yield Case(place % "1e999", "is too large")


def scalars() -> Iterator[Case]:
    """Booleans, strings, bytes and enums."""
    yield Case('{"bool": true}', {"bool": True})
    for text in ('"true"', "1", "0", "[]", '""'):
        yield Case(f'{{"bool": {text}}}', "bool must be true or false")
        yield Case(f'{{"bool_value": {text}}}', "bool_value must be true or false")
    yield Case('{"by_bool": {"true": "a", "false": "b"}}', {"by_bool": {"false": "b", "true": "a"}})
    for text in ("True", "1", "", "yes"):
        yield Case(f'{{"by_bool": {{"{text}": "a"}}}}', "must be true or false")
    yield Case(r'{"string": "a\u0000\ud83d\ude00"}', {"string": "a\0😀"})
    for place in ('{"string": %s}', '{"string_value": %s}', '{"by_string": {"k": %s}}', '{"first": %s}'):
        for text in ("1", "true", "[]", "{}", r'"\ud800"', r'"a\udc00b"'):
            yield Case(place % text, "must be a string" if text[0] != '"' else "surrogate")
    for place in (
        '{"by_string": {%s: "a"}}',
        '{"struct": {%s: 1}}',
        '{"value": [{%s: "x"}]}',
        '{"value": %s}',
        '{"colour": %s}',
        '{"mask": %s}',
        '{"any": {"@type": %s}}'.replace("%s", '"\\ud800/edges.all.All"'),
    ):
        yield Case(place.replace("%s", r'"\ud800"'), "surrogate")
    for text, found in (
        ("", ""),
        ("+/+/", "+/+/"),
        ("-_-_", "+/+/"),
        ("QQ==", "QQ=="),
        ("QQ", "QQ=="),
        ("QUI=", "QUI="),
        ("QUI", "QUI="),
    ):
        yield Case(f'{{"bytes_value": "{text}"}}', {"bytes_value": found})
        yield Case(f'{{"many_bytes": ["{text}"]}}', {"many_bytes": [found]})
        if found:
            yield Case(f'{{"bytes": "{text}"}}', {"bytes": found})
    senseless = ("****", "A", "QQ=", "QUI==", "QQ===", "QR", "QUJ", "Q Q=", "Q\\nQ=", "QQ==QQ==", "=", "é")
    for place in (
        '{"bytes": %s}',
        '{"bytes_value": %s}',
        '{"many_bytes": ["", %s]}',
        f'{{"any": {{"@type": "{URL}google.protobuf.BytesValue", "value": %s}}}}',
        f'{{"any": {{"@type": "{URL}edges.all.All", "bytes": %s}}}}',
        '{"alls": [{"all_by_name": {"k": {"bytes": %s}}}]}',
    ):
        for text in senseless:
            yield Case(place % f'"{text}"', "is not base64")
        yield Case(place % "5", "must be a string")
    yield Case('{"[edges.open.raw]": "****"}', "[edges.open.raw] is not base64", OPEN)
    for place in ('{"colour": %s}', '{"colours": [%s]}', '{"colours_by_name": {"k": %s}}'):
        for text, name in (('"GREEN"', "GREEN"), ("2", "GREEN"), ("2.0", "GREEN"), ("99", 99), ("-1", -1)):
            tree = json.loads(place % json.dumps(name))
            yield Case(place % text, tree)
        for text in ("1.7", f"{2**31}", "true", '"BLUE"', '"green"', "[]", '""', "1e99"):
            yield Case(place % text, "is ")
    yield Case('{"closed": "ONE", "list": [0, "ONE"]}', {"closed": "ONE", "list": ["ZERO", "ONE"]}, OPEN)
    for place in ('{"closed": %s}', '{"list": [%s]}', '{"[edges.open.closed_extension]": %s}'):
        yield Case(place % "2", "is not a value of edges.open.Closed", OPEN)
        yield Case(place % "1.7", "is not an integer", OPEN)


def well_known_types() -> Iterator[Case]:
    """Times, masks, and JSON within JSON."""
    for text, found in (
        ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z"),
        ("2024-01-01T00:00:00.5+01:00", "2023-12-31T23:00:00.500Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
        ("1969-12-31T23:59:59.1-00:00", "1969-12-31T23:59:59.100Z"),
        ("2024-01-01T00:00:00.1234567890Z", "2024-01-01T00:00:00.123456789Z"),
    ):
        yield Case(f'{{"timestamp": "{text}"}}', {"timestamp": found})
    for text in (
        "2023-02-29T00:00:00Z",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:60Z",
        "2024-01-01t00:00:00z",
        "0001-01-01T00:00:00+01:00",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "2024-01-01T00:00:00.1234567891Z",
        "2024-01-01T00:00:00+25:00",
        "",
    ):
        yield Case(f'{{"timestamp": "{text}"}}', "timestamp ")
    for text, found in (
        ("1s", "1s"),
        ("-1.5s", "-1.500s"),
        ("-0.000000001s", "-0.000000001s"),
        ("315576000000s", "315576000000s"),
        ("-315576000000s", "-315576000000s"),
        ("00.1000000000s", "0.100s"),
    ):
        yield Case(f'{{"duration": "{text}"}}', {"duration": found})
    for text in (
        "1",
        "1.s",
        ".5s",
        "+1s",
        "1 s",
        "1m",
        "315576000001s",
        f"{10**40}s",
        "0.1234567891s",
        "",
        "s",
        "1e3s",
    ):
        yield Case(f'{{"duration": "{text}"}}', "duration ")
    for name in ("timestamp", "duration", "mask"):
        for text in ("1", "{}", "[]", "true"):
            yield Case(f'{{"{name}": {text}}}', f"{name} must be a string")
    yield Case('{"mask": "a.fooBar,b"}', {"mask": "a.fooBar,b"})
    yield Case('{"mask": ""}', {"mask": ""})
    for text in ("foo_bar", "a,,b", ",", "a,"):
        yield Case(f'{{"mask": "{text}"}}', "mask is not a list of paths")
    anything = {"a": [1.5, "x", None, True, {"b": []}], "z": {}}
    for name in ("struct", "value"):
        yield Case(json.dumps({name: anything}), {name: anything})
    yield Case('{"value": [1]}', {"value": [1.0]})
    yield Case('{"value": null}', {"value": None})
    yield Case('{"values": [[1, [2]], null, {"a": null}]}', {"values": [[1.0, [2.0]], None, {"a": None}]})
    yield Case('{"values_by_name": {"k": [null]}}', {"values_by_name": {"k": [None]}})
    yield Case('{"list": [[], {}]}', {"list": [[], {}]})
    yield Case('{"struct": []}', "struct must be an object, not a list")
    yield Case('{"list": {}}', "list must be a list, not an object")
    yield Case('{"struct": {"a": {"b": 1, "b": 2}}}', 'struct["a"]["b"] is a duplicate')
    yield Case('{"value": {"a": 1, "a": 1}}', 'value["a"] is a duplicate')
    yield Case('{"empty": {}}', {"empty": {}})
    yield Case('{"empty": {"a": 1}}', "empty.a is not a field of google.protobuf.Empty")
    yield Case('{"empty": []}', "empty must be an object")
    yield Case("[1.5]", [1.5], "google.protobuf.ListValue")
    yield Case("null", None, "google.protobuf.Value")
    yield Case('"1.5s"', '"1.500s"', "google.protobuf.Duration")
    yield Case("null", "the message must be a string, not null", "google.protobuf.Duration")


def anys() -> Iterator[Case]:
    """Yield cases of the content of an Any, at any depth."""

    def packed(kind: str, **fields: object) -> dict[str, object]:
        return {"@type": f"{URL}{kind}", **fields}

    for good in (
        {},
        packed("edges.all.All", int64="5"),
        packed("google.protobuf.Duration", value="1s"),
        packed("google.protobuf.Value", value=[1.0]),
        packed("google.protobuf.Value", value=None),
        packed("google.protobuf.Any", value={}),
        packed("google.protobuf.Any", value=packed("google.protobuf.Int64Value", value="5")),
        packed("google.protobuf.Empty"),
        packed("edges.open.Strict", id="x"),
        packed("edges.all.All", any=packed("edges.open.Open", **{"[edges.open.wrapped]": "5"})),
    ):
        yield Case(json.dumps({"any": good}), {"any": good})
        yield Case(json.dumps({"anys": [{}, good]}), {"anys": [{}, good]})
    yield Case(json.dumps({"any": packed("google.protobuf.Empty", value={})}), {"any": packed("google.protobuf.Empty")})
    for bad, reason in (
        ([], "any must be an object, not a list"),
        ({"value": 1}, 'any has no "@type"'),
        ({"@type": 1}, "any.@type must be a string"),
        ({"@type": ""}, "any.@type is an unknown message type"),
        ({"@type": None}, "any.@type must be a string, not null"),
        ({"@type": "\ud800"}, "any.@type has a lone surrogate: '\\ud800'"),
        ({"@type": f"{URL}edges.open.Open", "[\ud800]": 1}, "any.[\ud800] is not a field"),
        ({"@type": f"{URL}no.Such"}, "any.@type is an unknown message type"),
        (packed("google.protobuf.Empty", value=1), "any.value must be an object"),
        (packed("google.protobuf.Empty", value={"a": 1}), "any.value.a is not a field"),
        (packed("google.protobuf.Empty", other={}), "any.other is not a field"),
        (packed("google.protobuf.Duration"), 'any has no "value"'),
        (packed("google.protobuf.Duration", value=None), "any.value must be a string, not null"),
        (packed("google.protobuf.Duration", value="1s", more=1), 'any.more is not allowed beside "value"'),
        (packed("google.protobuf.Int64Value", value=1.5), "any.value is not an integer"),
        (packed("edges.all.All", value={"x": 1}, int64=1.5), "any.int64 is not an integer"),
        (packed("edges.all.All", alls=[{"bytes": "*"}]), "any.alls[0].bytes is not base64"),
        (packed("edges.open.Strict"), "any has missing required fields: id"),
        (
            packed("edges.open.Open", closed_by_name={"": 0}, stricts=[{}]),
            "any has missing required fields: stricts[0].id",
        ),
        (packed("edges.open.Open", **{"[edges.open.wrapped]": 1.5}), "any.[edges.open.wrapped] is not an integer"),
    ):
        yield Case(json.dumps({"any": bad}), reason)
    yield Case(f'{{"any": {{"@type": "{URL}edges.all.All", "@type": "x/y.Z"}}}}', "any.@type is a duplicate")
    yield Case(
        f'{{"any": {{"@type": "{URL}google.protobuf.StringValue", "value": "a", "value": "b"}}}}',
        "any.value is a duplicate",
    )


def fields() -> Iterator[Case]:
    """Names of fields, null, oneofs, extensions, groups."""
    yield Case('{"int32Value": 5}', {"int32_value": 5})
    yield Case('{"int32Value": 5, "int32_value": 5}', "int32_value is the same field as int32Value")
    yield Case('{"int32_value": null, "int32Value": 5}', "int32Value is the same field as int32_value")
    yield Case('{"int32": 5, "int32": 5}', "int32 is a duplicate")
    yield Case('{"@custom": "a"}', {"custom": "a"})
    yield Case('{"@custom": "a", "custom": "a"}', "is the same field")
    yield Case('{"": 5}', 'column 2: "" is not a field of edges.all.All')
    yield Case('{"nested": {"": 5}}', 'nested."" is not a field of edges.all.All')
    yield Case('{"[\\ud800]": 5}', "[\ud800] is not a field of edges.all.All")
    yield Case('{"int46": 5}', "int46 is not a field of edges.all.All (did you mean int64?)")
    yield Case('{"nested": {"nested": {"nope": 1}}}', "nested.nested.nope is not a field")
    for name in ("int32", "bytes", "colour", "int64_value", "struct", "list", "any", "timestamp", "empty", "nested"):
        yield Case(f'{{"{name}": null}}', {})
    for name in ("int64s", "alls", "by_string", "values", "values_by_name", "all_by_name", "optional_int32", "first"):
        yield Case(f'{{"{name}": null}}', {})
    for place in ('{"alls": [%s]}', '{"all_by_name": {"k": %s}}', '{"anys": [%s]}', '{"colours": [%s]}'):
        yield Case(place % "null", "must not be null in a list or map")
    yield Case('{"third": null}', {"third": None})
    yield Case('{"third": "NULL_VALUE"}', {"third": None})
    yield Case('{"fourth": null}', {"fourth": None})
    yield Case('{"null": null}', {})
    yield Case('{"first": "a", "second": null}', {"first": "a"})
    yield Case('{"first": "a", "second": {}}', "second cannot be set together with first: both are in the oneof choice")
    yield Case('{"first": "a", "third": null}', "third cannot be set together with first")
    yield Case('{"fourth": null, "first": ""}', "first cannot be set together with fourth")
    yield Case('{"nested": {"first": "a"}, "second": {"first": "b"}}', None)
    yield Case('{"optional_int32": 0}', {"optional_int32": 0})
    yield Case('{"second": {}}', {"second": {}})
    for shape in ("[]", '""', "5", "true"):
        yield Case(f'{{"nested": {shape}}}', "nested must be an object")
        yield Case(f'{{"by_string": {shape}}}', "by_string must be an object")
        yield Case(shape, "the message must be an object")
    yield Case('{"by_string": {"a": "1", "\\u0061": "2"}}', 'by_string["a"] is a duplicate')
    yield Case('{"grouped": {"number": 5}}', {"grouped": {"number": "5"}}, OPEN)
    yield Case('{"grouped": {"number": 1.5}}', "grouped.number is not an integer", OPEN)
    yield Case('{"[edges.open.numbers]": [1, 2]}', {"[edges.open.numbers]": ["1", "2"]}, OPEN)
    yield Case('{"[edges.open.numbers]": [1.5]}', "[edges.open.numbers][0] is not an integer", OPEN)
    yield Case(f'{{"[edges.open.wrapped]": {TWO53 + 1}.0}}', "too large to be written", OPEN)
    yield Case('{"[edges.open.open]": {"closed": 1.5}}', "[edges.open.open].closed is not an integer", OPEN)
    yield Case('{"[edges.open.Strict.nested]": 1}', {"[edges.open.Strict.nested]": "1"}, OPEN)
    for name in ("edges.open.Strict", "edges.open.nested", ".edges.open.raw", " edges.open.raw "):
        yield Case(f'{{"[{name}]": 1}}', f"[{name}] is not a field", OPEN)
    yield Case(
        '{"closedByName": {"": 0}, "stricts": [{"id": ""}, {}], "strictByNumber": {"7": {}}, "strict": {}}',
        "required fields are missing: strict.id, strict_by_number[7].id, stricts[1].id",
        OPEN,
    )
    yield Case('{"[edges.open.nope]": 1}', "[edges.open.nope] is not a field", OPEN)
    yield Case('{"[edges.open.raw]": ""}', "[edges.open.raw] is not a field")
    yield Case('{"strict": {"id": ""}}', {"strict": {"id": ""}}, OPEN)
    yield Case('{"strict": {}}', "required fields are missing: strict.id", OPEN)
    yield Case('{"[edges.open.Member]": {"number": 5}}', {"[edges.open.Member.member]": {"number": "5"}}, MESSAGES)
    yield Case('{"[edges.open.Member.member]": {"number": 1.5}}', "number is not an integer", MESSAGES)


CASES = [*integers(), *reals(), *scalars(), *well_known_types(), *anys(), *fields()]
