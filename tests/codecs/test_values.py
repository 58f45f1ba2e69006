"""Values as Python data: exact, by the codecs of their documents."""

from pathlib import Path

import pytest

import explorer
from explorer.codecs.base import Choice, Fields
from explorer.codecs.codecs import Codecs
from explorer.codecs.entry_decoder import EntryDecoder
from explorer.codecs.patterns import Pattern
from explorer.codecs.protobuf import wire
from explorer.codecs.rules import Rule, Rules
from explorer.codecs.values import decode_value
from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.model.entries import Entry
from tests.codecs.common import PROTOS, THREE, TWO, edges, made

DECODER = EntryDecoder(MemoryStore(parse("memory:")))


def decode(value: bytes, key: str = "k") -> object:
    return DECODER.decode(Entry(key, value, 1))


def decode_message(value: bytes, name: str = THREE) -> object:
    rules = Rules((Rule(Pattern.parse("**"), Choice("protobuf", name), "rule"),))
    return decode_value(Codecs(edges().schemas, rules), "k", value)


class TestText:
    @pytest.mark.parametrize(
        ("value", "data"),
        [
            (b"", ""),
            (b"plain", "plain"),
            (b"42", "42"),
            (b"\xff\x00", b"\xff\x00"),
            (b"a\x00b", b"a\x00b"),
            (b'{"a": {"b": [1, null, true, 1.5]}}', {"a": {"b": [1, None, True, 1.5]}}),
            (b'{"n": 18446744073709551615}', {"n": 18446744073709551615}),
            (b"a: 1\nb: [x, {c: d}]\n", {"a": 1, "b": ["x", {"c": "d"}]}),
            (b"a: 1\nb: 2\n---\na: 3\nb: 4\n", [{"a": 1, "b": 2}, {"a": 3, "b": 4}]),
        ],
    )
    def test_value_is_decoded_by_its_codec(self, value: bytes, data: object) -> None:
        assert decode(value) == data

    @pytest.mark.parametrize(
        "text",
        [
            '{"a": 1, "a": 2}',
            '{"a": ' + "9" * 5000 + "}",
            "[" * 5000 + "]" * 5000,
            "a: 2001-99-99\nb: 1\n",
            "a: !mine 1\nb: 2\n",
            "a: &a [*a]\nb: 1\n",
            "a: 1\nb: {[1]: 2}\n",
        ],
    )
    def test_text_without_exact_data_stays_text(self, text: str) -> None:
        """No member is dropped, no number is cut, and no alias loops."""
        assert decode(text.encode()) == text

    def test_aliases_that_grow_stay_text(self) -> None:
        """Ten lines would stand for 9^10 elements, also where mappings are merged."""
        for first, more in (("[x, x]", "[{}]"), ("{k: v}", "{{<<: [{}]}}")):
            levels = (more.format(", ".join([f"*a{level - 1}"] * 9)) for level in range(1, 11))
            text = "\n".join(f"a{level}: &a{level} {value}" for level, value in enumerate((first, *levels)))
            assert decode(text.encode()) == text

    def test_objects_are_fields_and_other_names_a_dict(self) -> None:
        assert type(decode(b'{"a": {"b": 1}}')) is Fields
        assert decode(b"a: 1\n2: b\n") == {"a": 1, 2: "b"}
        assert type(decode(b"a: 1\n2: b\n")) is dict


class TestMessages:
    def test_fields_are_exact(self) -> None:
        edge = made(THREE)(
            text="x", large=-(2**63), larger=2**64 - 1, real=1.5, single=0.1, data=b"\xff", colour=1, third=0
        )
        edge.leaf.name = "l"
        edge.leaves.add(number=3)
        edge.labels["a"] = "b"
        edge.numbered[-1].name = "n"
        edge.choices[True] = 2
        edge.taken.seconds = 1
        edge.free["q"] = 1.0
        data = decode_message(edge.SerializeToString())
        assert isinstance(data, Fields)
        assert data["large"] == -(2**63)
        assert data["larger"] == 2**64 - 1
        assert (data["real"], data["single"], data["data"], data["colour"]) == (1.5, 0.1, b"\xff", "RED")
        assert (data["leaf"], type(data["leaf"])) == ({"name": "l", "number": 0}, Fields)
        assert data["leaves"] == [{"name": "", "number": 3}]
        assert (data["labels"], type(data["labels"])) == ({"a": "b"}, dict)
        assert data["numbered"] == {-1: {"name": "n", "number": 0}}
        assert data["choices"] == {True: "BLUE"}
        assert data["taken"] == "1970-01-01T00:00:01Z"
        assert data["free"] == {"q": 1.0}

    def test_field_without_presence_has_its_default(self) -> None:
        """Zero is not written to the wire; a field with presence that is not set is missing."""
        data = decode_message(b"")
        assert isinstance(data, Fields)
        assert (data["flag"], data["large"], data["text"], data["colour"]) == (False, 0, "", "COLOUR_UNSPECIFIED")
        assert (data["numbers"], data["labels"]) == ([], {})
        assert not {"maybe", "leaf", "first", "third", "inner"} & data.keys()
        assert next(iter(data)) == "text"

    def test_value_without_a_notation_keeps_its_fields(self) -> None:
        edge = made(THREE)()
        edge.any.type_url = "type.googleapis.com/nobody.Knows"
        edge.any.value = b"\x01"
        edge.taken.seconds = 2**62
        edge.free["n"] = float("inf")
        edge.colour = 77
        data = decode_message(edge.SerializeToString())
        assert isinstance(data, Fields)
        assert data["any"] == {"type_url": "type.googleapis.com/nobody.Knows", "value": b"\x01"}
        assert data["taken"] == {"seconds": 2**62, "nanos": 0}
        assert data["free"] == {"n": {"number_value": float("inf")}}
        assert data["colour"] == 77

    def test_any_is_the_fields_of_its_message(self) -> None:
        edge = made(THREE)()
        edge.any.Pack(made("edges.three.Leaf")(name="n"))
        data = decode_message(edge.SerializeToString())
        assert isinstance(data, Fields)
        assert data["any"] == {"@type": "type.googleapis.com/edges.three.Leaf", "name": "n", "number": 0}
        assert type(data["any"]) is Fields

    def test_strings_that_are_not_utf8_are_bytes(self) -> None:
        data = decode_message(wire.delimited(1, b"\xff"), TWO)
        assert isinstance(data, Fields)
        assert b"\xff" in data.values()

    @pytest.mark.parametrize(("value", "data"), [(b"\xff\xff", b"\xff\xff"), (b"text", "text")])
    def test_value_of_another_type_is_detected(self, value: bytes, data: object) -> None:
        assert decode_message(value) == data

    def test_unknown_type_of_a_rule_is_detected(self) -> None:
        assert decode_message(b'{"a": 1}', "nobody.Knows") == {"a": 1}


class TestOptions:
    def test_profile_has_schemas_and_rules(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A store that was opened by a profile is decoded by the schemas of the profile."""
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        (tmp_path / "keyscope").mkdir()
        (tmp_path / "rules.toml").write_text(f'version = 1\n[[map]]\nkey = "m/**"\ntype = "{THREE}"\n')
        (tmp_path / "keyscope" / "config.toml").write_text(
            f'[profiles.here]\nurl = "memory:"\nproto = "{PROTOS}"\ncodecs = "{tmp_path / "rules.toml"}"\n'
        )
        entry = Entry("m/x", made(THREE)(large=7).SerializeToString(), 1)
        decoded = EntryDecoder(explorer.open("@here")).decode(entry)
        assert isinstance(decoded, Fields)
        assert decoded["large"] == 7
        given = EntryDecoder(explorer.open("memory:"), proto=[PROTOS], codecs=str(tmp_path / "rules.toml"))
        assert given.decode(entry) == decoded

    def test_problems_of_rules_are_warnings(self, tmp_path: Path) -> None:
        rules = tmp_path / "rules.toml"
        rules.write_text('version = 1\n[[map]]\nkey = "**"\ntype = "nobody.Knows"\n')
        decoder = EntryDecoder(explorer.open("memory:"), codecs=rules)
        with pytest.warns(UserWarning, match=r"nobody\.Knows"):
            assert decoder.decode(Entry("k", b"x", 1)) == "x"

    def test_entry_without_a_value_is_none(self) -> None:
        assert DECODER.decode(Entry("dir", None, 1)) is None
