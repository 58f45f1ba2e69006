"""What is known about a store's values when it is opened: what was said, the settings, and what the store brings."""

from pathlib import Path

import pytest

from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs, KeyScope
from explorer.codecs.load import codecs_for
from explorer.codecs.patterns import Pattern
from explorer.codecs.rules import Rule, Rules
from explorer.drivers.memory import DemoStore, MemoryStore
from explorer.model.address import parse
from explorer.model.errors import SchemaFailed
from tests.codecs.common import PROTOS, THREE, edges

DEVICE = "keyscope.demo.Device"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for settings, and one for what is kept."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "config" / "keyscope").mkdir(parents=True)
    return tmp_path / "config" / "keyscope"


class TestTheDemo:
    async def test_every_binary_value_that_it_describes_is_shown_as_its_message(self) -> None:
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

    def test_rules_speak_of_whole_keys_wherever_the_address_begins(self) -> None:
        codecs = codecs_for(DemoStore(parse("demo:service/access")))
        document = codecs.open("devices/olt-01", b"")
        assert document.choice == Choice("protobuf", DEVICE, schema="own")
        assert document.reason == f"the store's own schema: service/access/devices/** -> {DEVICE}"

    def test_what_a_person_says_goes_first(self, home: Path) -> None:
        (home / "codecs.toml").write_text('version = 1\n[[map]]\nkey = "service/**"\ncodec = "hex"\n')
        document = codecs_for(DemoStore(parse("demo:"))).open("service/access/devices/olt-01", b"")
        assert document.choice == Choice("hex")
        assert document.reason == "rule 1 of codecs.toml: service/** -> hex"


def test_a_store_that_brings_nothing_and_nobody_who_says_anything() -> None:
    codecs = codecs_for(MemoryStore(parse("memory:")))
    assert codecs.schemas.types() == ()
    assert codecs.open("k", b"{}").choice == Choice("json")


def test_schemas_that_are_named_for_this_run_are_known() -> None:
    codecs = codecs_for(MemoryStore(parse("memory:")), protos=[PROTOS])
    assert codecs.open("k", b"", Choice("protobuf", THREE)).choice.type == THREE


def test_a_file_of_rules_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SchemaFailed, match="does not exist"):
        codecs_for(MemoryStore(parse("memory:")), file=tmp_path / "nothing.toml")
    with pytest.raises(SchemaFailed, match="directory"):
        codecs_for(MemoryStore(parse("memory:")), file=tmp_path)


def test_a_rule_whose_type_nobody_has_is_told_and_its_values_are_still_shown(home: Path) -> None:
    (home / "codecs.toml").write_text('version = 1\n[[map]]\nkey = "a"\ntype = "no.Such"\n')
    codecs = codecs_for(MemoryStore(parse("memory:")))
    assert codecs.problems == ("rule 1 of codecs.toml: no schema has a message 'no.Such'",)
    document = codecs.open("a", b"text")
    assert document.choice == Choice("text")
    assert document.reason == ("rule 1 of codecs.toml: a -> no.Such, but no schema has a message 'no.Such'; UTF-8 text")


class TestChoosing:
    RULES = Rules((Rule(Pattern.parse("m/**"), Choice("protobuf", THREE), "a rule"),))

    def test_a_choice_for_one_value_goes_before_every_rule(self) -> None:
        codecs = Codecs(edges().schemas, self.RULES)
        assert codecs.open("m/a", b"").choice == Choice("protobuf", THREE)
        document = codecs.open("m/a", b"", Choice("hex"))
        assert (document.choice, document.reason) == (Choice("hex"), "chosen by hand")

    def test_a_value_that_is_not_what_its_rule_says_is_shown_as_what_it_is(self) -> None:
        codecs = Codecs(edges().schemas, self.RULES)
        for value, choice in ((b"\xff\xff", Choice("hex")), (b'{"a": 1}', Choice("json"))):
            document = codecs.open("m/a", value)
            assert document.choice == choice
            assert f"it does not parse as {THREE}" in document.reason
            assert document.read_only_reason is None

    def test_a_rule_may_say_that_nothing_is_edited(self) -> None:
        rules = Rules((Rule(Pattern.parse("**"), Choice("text"), "rule 1", editable=False),))
        document = Codecs(rules=rules).open("a", b"text")
        assert document.text == "text"
        assert document.read_only_reason == "rule 1 has editable = false"

    def test_what_is_likely_is_offered_first(self) -> None:
        codecs = Codecs(edges().schemas, self.RULES)
        assert codecs.choices("m/a", b"\x0a\x01\x00")[:2] == (
            Choice("protobuf", THREE),
            Choice("protobuf", THREE, "json"),
        )
        assert codecs.choices("x", b"{}")[:3] == (Choice("json"), Choice("text"), Choice("yaml"))
        assert codecs.choices("x", b"\xff") == (Choice("hex"),)
        assert all(len(set(found)) == len(found) for found in (codecs.choices("m/a", b""), codecs.choices("x", b"1")))

    def test_a_place_stands_before_every_key(self) -> None:
        codecs = Codecs(edges().schemas, self.RULES, scope=KeyScope("m/"))
        assert codecs.rule("a") is self.RULES.rules[0]
        assert Codecs(rules=self.RULES).rule("a") is None
