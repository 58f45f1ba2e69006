"""Constraints of codecs.toml: which values break them, where and why."""

import json
import sys
import time
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st

from explorer.codecs.codecs import Codecs
from explorer.codecs.constraints.constraint import MAX_VIOLATIONS, Violation
from explorer.codecs.constraints.settings import read_constraints
from explorer.codecs.constraints.value_path import ValuePath, format_path
from explorer.codecs.protobuf.protoc import EXTRA_HINT
from explorer.codecs.protobuf.schemas import Schemas
from explorer.codecs.settings import read
from explorer.model.errors import SchemaFailed
from tests.codecs.protovalidate_schema import ORDER, SOURCE

HEAD = "version = 1\n[[constraint]]\nname = 'rule'\nkey = '**'\n"
YAML = b"spec:\n  replicas: 7\n  ports:\n  - {name: http, number: 80}\n  - {name: '', number: 99999}\n"
JSON = json.dumps({"spec": {"replicas": 7, "ports": [{"name": "http", "number": 80}]}, "a.b": "x"}).encode()
NOT_JSON = "cannot be decoded: line %d, column %d: not valid JSON"
NESTED = "json_schema = {properties = {spec = {properties = {replicas = {maximum = 5}}}}}"


def codecs_of(folder: Path, text: str) -> Codecs:
    file = folder / "codecs.toml"
    file.write_text(text)
    settings = read(file)
    return Codecs(Schemas(settings.schemas), settings.rules, constraints=settings.constraints)


def broken(folder: Path, constraint: str, value: bytes, key: str = "key") -> list[str]:
    """Return what breaks a constraint, without its name."""
    found = codecs_of(folder, HEAD + constraint).violations(key, value)
    assert all(one.constraint == "rule" for one in found)
    return [str(one).removeprefix("rule: ") for one in found]


@pytest.mark.parametrize(
    ("constraint", "value", "expected"),
    [
        ("enum = ['debug', 'info']", b"info", []),
        ("enum = ['debug', 'info']", b"warn", ["'warn' is none of 'debug', 'info'"]),
        ("enum = [1, true]", b"true", []),
        ("enum = [1, true]", b"1", []),
        ("path = 'a'\nenum = [1]", b'{"a": true}', ["a: true is none of 1"]),
        ("path = 'a'\nenum = [1]", b'{"a": "1"}', ["a: '1' is none of 1"]),
        ("minimum = 1\nmaximum = 65535", b"80\n", []),
        ("minimum = 1", b"0", ["'0' is less than 1"]),
        ("maximum = 1.5", b"1.500000000000000000001", ["'1.500000000000000000001' is greater than 1.5"]),
        ("minimum = 1", b"eighty", ["'eighty' is not a number"]),
        ("minimum = 1", b"\xff", ["cannot be decoded: a binary value, and no [[map]] for this key"]),
        ("path = 'spec.replicas'\nmaximum = 5", YAML, ["spec.replicas: 7 is greater than 5"]),
        ("path = 'spec.replicas'\nmaximum = 5", JSON, ["spec.replicas: 7 is greater than 5"]),
        ("path = 'spec.ports[*].number'\nmaximum = 65535", YAML, ["spec.ports[1].number: 99999 is greater than 65535"]),
        ("path = 'spec.*[1].name'\nmatches = '.'", YAML, ["spec.ports[1].name: '' does not match ."]),
        ("path = '[\"a.b\"]'\nenum = ['y']", JSON, ["[\"a.b\"]: 'x' is none of 'y'"]),
        ("path = 'other'\nminimum = 1", JSON, []),
        ("path = 'other'\nrequired = true", JSON, ["other is missing"]),
        ("path = 'a'\nminimum = 1", b'{"a": 1', [f"{NOT_JSON % (1, 8)}: expecting ',' delimiter"]),
        ("path = 'a'\nminimum = 1", b"text", ["cannot be decoded: plain text has no parts: neither JSON nor YAML"]),
        ("matches = '^[a-z]+$'", b"abc", []),
        ("matches = '^[a-z]+$'", b"abc\n", ["'abc\\n' does not match ^[a-z]+$"]),
        ("min_size = 1\nmax_size = '2KiB'", b"x" * 2048, []),
        ("min_size = 1", b"", ["0 B: smaller than 1 B"]),
        ("max_size = '2KiB'", b"\xff" * 2049, ["2.0 KiB: larger than 2.0 KiB"]),
        (NESTED, JSON, ["spec.replicas: 7 is greater than the maximum of 5"]),
        (NESTED, YAML, ["spec.replicas: 7 is greater than the maximum of 5"]),
        ("json_schema = {type = 'integer'}", b"8080", []),
        ("json_schema = {type = 'string'}", b"8080", []),
        ("json_schema = {type = 'object'}", b"8080", ['8080 is not of type "object"']),
        ("json_schema = {type = 'object'}", b'{"a"', [f"{NOT_JSON % (1, 5)}: expecting ':' delimiter"]),
        ("path = 'at'\njson_schema = {format = 'date-time'}", b'{"at": "soon"}', ['at: "soon" is not a "date-time"']),
        ("path = 'spec'\njson_schema = {required = ['image']}", JSON, ['spec: "image" is a required property']),
    ],
)  # fmt: skip
def test_violations_have_path_and_reason(tmp_path: Path, constraint: str, value: bytes, expected: list[str]) -> None:
    assert broken(tmp_path, constraint, value) == expected


def test_map_of_the_key_decodes_the_value(tmp_path: Path) -> None:
    """A value that is not of the type of its [[map]] is reported as such."""
    text = "[[map]]\nkey = '**'\ncodec = 'json'\n" + HEAD.removeprefix("version = 1\n")
    codecs = codecs_of(tmp_path, f"version = 1\n{text}path = 'a'\nminimum = 1")
    assert codecs.violations("key", b'{"a": 1}') == ()
    (found,) = codecs.violations("key", b"a: 1")
    assert (found.reason, found.is_unchecked) == (
        "cannot be decoded: not json: not JSON, or JSON that Python has no data for",
        True,
    )


def test_all_matching_constraints_apply(tmp_path: Path) -> None:
    """Those of other keys and of other stores do not."""
    text = (
        "version = 1\n"
        "[[constraint]]\nname = 'a'\nkey = 'k*'\nmax_size = 1\n"
        "[[constraint]]\nname = 'b'\nregex = '^key$'\nmax_size = 2\n"
        "[[constraint]]\nname = 'c'\nkey = 'other'\nmax_size = 1\n"
        "[[constraint]]\nname = 'd'\nkey = '**'\nmax_size = 1\nstore = 'redis*'\n"
    )
    assert [one.constraint for one in codecs_of(tmp_path, text).violations("key", b"xxx")] == ["a", "b"]


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("maximun = 3", "line 2: unknown setting 'maximun' (known settings: name, key"),
        ("", "line 2: the constraint rule checks nothing (write one of enum"),
        ("matches = '('", "line 2: not a regular expression: ("),
        ("matches = '(?=a)'", "line 2: not a regular expression: (?=a) (look-around and back references"),
        ("minimum = 'a'", "line 2: minimum must be a number"),
        ("max_size = '1 GB'", "line 2: max_size '1 GB' is not a size"),
        ("enum = []", "line 2: enum must be a list of values"),
        ("path = 'a..b'\nenum = [1]", "line 2: 'a..b' is no path"),
        ("path = 'a'\nmax_size = 1", "line 2: max_size is about the whole value"),
        ("required = true", "line 2: required needs a path"),
        ("json_schema = 'missing.json'", "missing.json: No such file or directory"),
        ("json_schema = {type = 'strin'}", 'line 2: type: "strin" is not valid'),
        ("json_schema = {'$ref' = 'http://127.0.0.1:9/x.json'}", "http://127.0.0.1:9/x.json"),
        ("json_schema = {pattern = '(?<x'}", "line 2: pattern:"),
    ],
)
def test_mistake_is_a_problem_of_its_constraint(tmp_path: Path, constraint: str, expected: str) -> None:
    """File, line and hint are listed once; the values of its keys count as not checked; other constraints work."""
    text = f"{HEAD}{constraint}\n[[constraint]]\nname = 'small'\nkey = '**'\nmax_size = 2\n"
    codecs = codecs_of(tmp_path, text)
    (problem,) = codecs.problems
    assert problem.startswith(f"{tmp_path / 'codecs.toml'}, line 2: ")
    assert expected in problem
    unchecked, small = codecs.violations("key", b"xxx")
    assert unchecked.reason.startswith("cannot be checked: ")
    assert unchecked.is_unchecked
    assert small == Violation("small", "", "3 B: larger than 2 B")


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("key = 'a'\nmax_size = 1", "a constraint needs a name"),
        ("name = 'a b'\nkey = 'a'\nmax_size = 1", "a constraint needs a name"),
        ("name = 'a'\nmax_size = 1", "needs either key or regex"),
        ("name = 'a'\nkey = '{'\nmax_size = 1", "brace"),
    ],
)
def test_constraint_without_name_or_key_is_a_problem(tmp_path: Path, table: str, expected: str) -> None:
    (problem,) = codecs_of(tmp_path, f"version = 1\n\n[[constraint]]\n{table}\n").problems
    assert "line 3: " in problem
    assert expected in problem


def test_two_constraints_of_one_name_are_a_problem(tmp_path: Path) -> None:
    one = "[[constraint]]\nname = 'a'\nkey = '**'\nmax_size = 1\n"
    codecs = codecs_of(tmp_path, f"version = 1\n{one}{one}")
    assert "line 6: two constraints are called a" in codecs.problems[0]
    assert len(codecs.violations("key", b"xx")) == 2


def test_schema_refers_to_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "a.yaml").write_text("properties:\n  port: {$ref: 'common.json#/$defs/port'}\n")
    (tmp_path / "schemas" / "common.json").write_text('{"$defs": {"port": {"maximum": 65535}}}')
    assert broken(tmp_path, "json_schema = 'schemas/a.yaml'", b'{"port": 70000}') == [
        "port: 70000 is greater than the maximum of 65535"
    ]


def test_missing_extra_is_said_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Constraints without it work; the others count as not checked."""
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    codecs = codecs_of(tmp_path, HEAD + "matches = 'a'\n[[constraint]]\nname = 'b'\nkey = '**'\nenum = ['x']\n")
    assert EXTRA_HINT in codecs.problems[0]
    assert [one.constraint for one in codecs.violations("key", b"a")] == ["rule", "b"]


HOSTILE = [
    ("matches = '^(a+)+$'", b"a" * 100_000 + b"b"),
    ("matches = '^(a|a?)+$'", b"a" * 100_000 + b"b"),
    ("json_schema = {items = {'$ref' = '#'}}", b"[" * 900 + b"]" * 900),
    ("json_schema = {additionalProperties = {'$ref' = '#'}}", b'{"a":' * 500 + b"1" + b"}" * 500),
    ("json_schema = {items = {maximum = 1}}", json.dumps([2] * 400_000).encode()),
    ("path = 'a.a.a'\nminimum = 1", b'{"a":' * 900 + b"1" + b"}" * 900),
    ("path = '[*]'\nmaximum = 1", b"[" + b"9" * 5000 + b"]"),
    ("path = '[*]'\nenum = [1]", b"[" + b"9" * 4000 + b"]"),
    ("minimum = 1", b"9" * 100_000),
    ("json_schema = {items = {maximum = 1}}", b"[1e999, NaN]"),
    ("json_schema = {additionalProperties = {type = 'integer'}}", b'{"a": "\\ud800"}'),
    ("path = 'a'\nmatches = 'x'", b'{"a": "\\udfff"}'),
    ("path = '*.*'\nenum = [1]", b"a: &a [1, 2]\nb: {? [1, 2] : 3}\n"),
    ("json_schema = {type = 'object'}", b"? {a: 1}\n: 2\n"),
    ("json_schema = {type = 'array'}", b"a: 2020-01-01\nb: !!set {x, y}\nc: 12:30:45\nd: .nan\n"),
]


@pytest.mark.parametrize(("constraint", "value"), HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_value_ends_in_bounded_time(tmp_path: Path, constraint: str, value: bytes) -> None:
    """Each is a violation, in less than a few seconds, with a reason of bounded length."""
    start = time.monotonic()
    found = broken(tmp_path, constraint, value)
    assert time.monotonic() - start < 10
    assert 0 < len(found) <= MAX_VIOLATIONS + 1
    assert all(len(line) < 500 for line in found)


def test_many_violations_are_cut(tmp_path: Path) -> None:
    found = broken(tmp_path, "path = '[*]'\nmaximum = 1", json.dumps([2] * 100).encode())
    assert len(found) == MAX_VIOLATIONS + 1
    assert found[-1] == f"the first {MAX_VIOLATIONS} violations are listed; there may be more"


def test_protovalidate_says_path_and_rule(tmp_path: Path) -> None:
    """Nested messages and CEL; where no folder has buf/validate/validate.proto, it comes with protovalidate."""
    (tmp_path / "order.proto").write_text(SOURCE)
    text = (
        "version = 1\n[schemas.shop]\npaths = ['order.proto']\n"
        "[[map]]\nkey = 'orders/*'\ntype = 'shop.Order'\n"
        "[[constraint]]\nname = 'order'\nkey = '**'\nprotovalidate = true\n"
        "[[constraint]]\nname = 'total'\nkey = 'orders/*'\npath = 'total'\nmaximum = 10\n"
        "[[constraint]]\nname = 'json'\nkey = 'orders/*'\njson_schema = {properties = {items = {maxItems = 1}}}\n"
    )
    codecs = codecs_of(tmp_path, text)
    assert not codecs.problems
    kind = codecs.schemas.find("shop.Order")
    assert kind is not None
    good = codecs.encode_new("orders/1", 'id: "abc" total: 1 items { sku: "x" count: 1 }').value
    assert codecs.violations("orders/1", good) == ()
    bad = codecs.encode_new("orders/1", 'id: "a" total: 11 items { sku: "x" } items { count: 3 }').value
    assert [str(one) for one in codecs.violations("orders/1", bad)] == ORDER
    reasons = [one.reason for one in codecs.violations("orders/1", b"\xff")]
    assert len(reasons) == 3
    assert all("it does not parse as shop.Order" in reason for reason in reasons)
    (unknown,) = codecs.violations("other", b"text")
    assert unknown.reason == "cannot be decoded: no [[map]] names the message type of this key"


def test_protovalidate_needs_constraints_in_the_schema(tmp_path: Path) -> None:
    """A schema that lost them passes nothing in silence."""
    plain = FileDescriptorProto(name="p.proto", package="p", syntax="proto3")
    field = FieldDescriptorProto(name="s", number=1, type=FieldDescriptorProto.TYPE_STRING)
    plain.message_type.append(DescriptorProto(name="M", field=[field]))
    (tmp_path / "p.binpb").write_bytes(FileDescriptorSet(file=[plain]).SerializeToString())
    text = HEAD + "protovalidate = true\n[[map]]\nkey = '**'\ntype = 'p.M'\n[schemas.p]\npaths = ['p.binpb']\n"
    (found,) = codecs_of(tmp_path, text).violations("key", b"")
    assert found.reason == "cannot be checked: the schema of p.M lacks buf/validate/validate.proto"


PARTS = st.lists(st.integers(0, 9) | st.text(max_size=4).filter(lambda name: name != "*"), max_size=5)


@given(PARTS)
def test_format_path_is_read_back(parts: list[str | int]) -> None:
    """A path that a violation names leads to the same part when it is written into a constraint."""
    path = ValuePath.parse(format_path(parts))
    data: object = "here"
    for part in reversed(parts):
        data = [None] * part + [data] if isinstance(part, int) else {part: data}
    assert list(path.find(data)) == [(tuple(parts), "here")]


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        name: st.one_of(
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=8),
            st.sampled_from(["**", "a*b", "[*].x", "(", "64KiB", "etcd*"]),
            st.lists(st.integers() | st.text(max_size=3), max_size=3),
            st.dictionaries(st.sampled_from(["type", "pattern", "$ref", "maximum"]), st.text(max_size=4), max_size=2),
        )
        for name in (
            *("name", "key", "regex", "store", "path", "enum", "minimum", "maximum", "matches", "min_size", "max_size"),
            *("required", "json_schema", "protovalidate", "other"),
        )
    },
)


@given(st.lists(SETTINGS | st.integers(), max_size=3), st.binary(max_size=20))
def test_any_definition_is_read_and_any_value_is_checked(tables: list[object], value: bytes) -> None:
    """A mistake is a problem or a violation, never another error."""

    def error_at(number: int, message: str, hint: str) -> SchemaFailed:
        return SchemaFailed(f"file, line {number}: {message}", hint=hint)

    constraints = read_constraints(tables, Path("file"), "etcd://host/", "/", error_at)
    assert all(problem.startswith("file, line ") for problem in constraints.problems)
    found = Codecs(constraints=constraints).violations("aab", value)
    assert {one.constraint for one in found} <= {one.name for one in constraints.constraints}


NAMES = st.text(st.characters(), min_size=1, max_size=2)  # jsonschema-rs leaves empty names out of a path
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)
EVERYTHING = {
    "name": "schema",
    "key": "**",
    "json_schema": {
        "maximum": 3,
        "minLength": 2,
        "pattern": "^a",
        "uniqueItems": True,
        "required": ["a"],
        "multipleOf": 0.1,
        "propertyNames": {"maxLength": 1},
        "additionalProperties": {"$ref": "#"},
        "items": {"$ref": "#"},
        "format": "date-time",
    },
}
PARTS_OF_ALL = {"name": "parts", "key": "**", "path": "*", "minimum": 0, "enum": [1, "a", True], "matches": "a"}
ALL = Codecs(
    constraints=read_constraints([EVERYTHING, PARTS_OF_ALL], Path("file"), "", "/", lambda *_: SchemaFailed(""))
)


@given(JSON_VALUES)
def test_any_json_is_checked(value: object) -> None:
    """No value fails otherwise than by a violation; the part that it names is there."""
    assert not ALL.problems
    for one in ALL.violations("key", json.dumps(value).encode()):
        assert one.is_unchecked or list(ValuePath.parse(one.path).find(value))
