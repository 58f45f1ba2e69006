"""Codecs of a store from options, settings and its own schema."""

from pathlib import Path

import pytest

from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs, KeyScope
from explorer.codecs.load import codecs_for
from explorer.codecs.options import CodecOptions
from explorer.codecs.patterns import Pattern
from explorer.codecs.rules import Rule, Rules
from explorer.drivers.memory import DemoStore, MemoryStore
from explorer.model.address import parse
from explorer.model.errors import SchemaFailed
from tests.codecs.common import PROTOS, THREE, edges

DEVICE = "keyscope.demo.Device"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the folders of settings and cache, and return that of the settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "config" / "keyscope").mkdir(parents=True)
    return tmp_path / "config" / "keyscope"


class TestTheDemo:
    async def test_demo_binary_values_are_shown_as_messages(self) -> None:
        """Each binary value of the demo is shown as its message."""
        async with DemoStore(parse("demo:?still")) as store:
            codecs = codecs_for(store)
            assert codecs.problems == ()
            seen: set[str] = set()
            async for entry in store.walk(""):
                document = codecs.open(entry.key, entry.value or b"")
                assert document.read_only_reason is None
                assert document.encode(document.text).value == entry.value
                if document.choice.type is not None:
                    assert document.notes == ()
                    seen.add(document.choice.type)
        assert seen == set(store.messages.values())

    def test_rules_match_whole_keys_below_any_root(self) -> None:
        """Rules match whole keys, whatever the root of the address."""
        codecs = codecs_for(DemoStore(parse("demo:service/access")))
        document = codecs.open("devices/olt-01", b"")
        assert document.choice == Choice("protobuf", DEVICE, schema="own")
        assert document.reason == f"the store's own schema: service/access/devices/** -> {DEVICE}"

    def test_rule_of_a_person_precedes_the_stores_own(self, home: Path) -> None:
        """A rule of codecs.toml takes precedence over the store's own."""
        (home / "codecs.toml").write_text('version = 1\n[[map]]\nkey = "service/**"\ncodec = "hex"\n')
        document = codecs_for(DemoStore(parse("demo:"))).open("service/access/devices/olt-01", b"")
        assert document.choice == Choice("hex")
        assert document.reason == "rule 1 of codecs.toml: service/** -> hex"


def test_codecs_for_without_schemas_or_rules() -> None:
    """A store without a schema, and no settings."""
    codecs = codecs_for(MemoryStore(parse("memory:")))
    assert codecs.schemas.types() == ()
    assert codecs.open("k", b"{}").choice == Choice("json")


def test_codecs_for_has_schemas_of_this_run() -> None:
    """Schemas of the command line are loaded."""
    codecs = codecs_for(MemoryStore(parse("memory:")), CodecOptions((PROTOS,)))
    assert codecs.open("k", b"", Choice("protobuf", THREE)).choice.type == THREE


def test_codecs_for_missing_rule_file_is_an_error(tmp_path: Path) -> None:
    """A rule file that was named must exist."""
    with pytest.raises(SchemaFailed, match="does not exist"):
        codecs_for(MemoryStore(parse("memory:")), CodecOptions(codecs=tmp_path / "nothing.toml"))
    with pytest.raises(SchemaFailed, match="directory"):
        codecs_for(MemoryStore(parse("memory:")), CodecOptions(codecs=tmp_path))


def test_rule_with_unknown_type_is_a_problem(home: Path) -> None:
    """A rule with an unknown type is a problem; its values are still shown."""
    (home / "codecs.toml").write_text('version = 1\n[[map]]\nkey = "a"\ntype = "no.Such"\n')
    codecs = codecs_for(MemoryStore(parse("memory:")))
    assert codecs.problems == ("rule 1 of codecs.toml: no schema has a message 'no.Such'",)
    document = codecs.open("a", b"text")
    assert document.choice == Choice("text")
    assert document.reason == ("rule 1 of codecs.toml: a -> no.Such, but no schema has a message 'no.Such'; UTF-8 text")


class TestChoices:
    RULES = Rules((Rule(Pattern.parse("m/**"), Choice("protobuf", THREE), "a rule"),))

    def test_choice_precedes_every_rule(self) -> None:
        """A choice for one value takes precedence over rules."""
        codecs = Codecs(edges().schemas, self.RULES)
        assert codecs.open("m/a", b"").choice == Choice("protobuf", THREE)
        document = codecs.open("m/a", b"", Choice("hex"))
        assert (document.choice, document.reason) == (Choice("hex"), "chosen by hand")

    def test_value_that_contradicts_its_rule_is_detected(self) -> None:
        """A value that does not fit its rule is shown by detection."""
        codecs = Codecs(edges().schemas, self.RULES)
        for value, choice in ((b"\xff\xff", Choice("hex")), (b'{"a": 1}', Choice("json"))):
            document = codecs.open("m/a", value)
            assert document.choice == choice
            assert f"it does not parse as {THREE}" in document.reason
            assert document.read_only_reason is None

    def test_rule_not_editable_makes_documents_read_only(self) -> None:
        """A rule with editable = false makes documents read-only."""
        rules = Rules((Rule(Pattern.parse("**"), Choice("text"), "rule 1", editable=False),))
        document = Codecs(rules=rules).open("a", b"text")
        assert document.text == "text"
        assert document.read_only_reason == "rule 1 has editable = false"

    def test_choices_most_likely_come_first(self) -> None:
        """The most likely choices come first."""
        codecs = Codecs(edges().schemas, self.RULES)
        assert codecs.choices("m/a", b"\x0a\x01\x00")[:2] == (
            Choice("protobuf", THREE),
            Choice("protobuf", THREE, "json"),
        )
        assert codecs.choices("x", b"{}")[:3] == (Choice("json"), Choice("text"), Choice("yaml"))
        assert codecs.choices("x", b"\xff") == (Choice("hex"),)
        assert all(len(set(found)) == len(found) for found in (codecs.choices("m/a", b""), codecs.choices("x", b"1")))

    def test_choice_of_a_rule_with_a_schema_set_is_listed_once(self) -> None:
        """A rule that names the set is the same choice as the first type of that name."""
        schemas = edges().schemas
        choice = Choice("protobuf", THREE, schema=schemas.sets[0].name)
        codecs = Codecs(schemas, Rules((Rule(Pattern.parse("m/**"), choice, "rule 1"),)))
        titles = [str(one) for one in codecs.choices("m/a", b"\x0a\x01\x00")]
        assert titles[:2] == [THREE, f"{THREE} as JSON"]
        assert len(set(titles)) == len(titles)

    def test_scope_root_precedes_every_key(self) -> None:
        """The root of the scope is the prefix of every key."""
        codecs = Codecs(edges().schemas, self.RULES, scope=KeyScope("m/"))
        assert codecs.rule("a") is self.RULES.rules[0]
        assert Codecs(rules=self.RULES).rule("a") is None
