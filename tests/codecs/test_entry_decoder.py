"""Texts of values, and the way back from a text to the bytes of a message."""

from pathlib import Path

import pytest

import explorer
from explorer.codecs.base import Form
from explorer.codecs.entry_decoder import EntryDecoder
from explorer.model.entries import Entry
from explorer.model.errors import InvalidText, SchemaFailed
from tests.codecs.common import PROTOS, THREE, TWO, made

MESSAGE = made(THREE)(large=7)


@pytest.fixture
def decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EntryDecoder:
    """A decoder with a rule for the keys below `m/`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rules = tmp_path / "rules.toml"
    constraint = '[[constraint]]\nname = "small"\nkey = "m/**"\npath = "large"\nmaximum = 7\n'
    rules.write_text(f'version = 1\n[[map]]\nkey = "m/**"\ntype = "{THREE}"\n{constraint}')
    return EntryDecoder(explorer.open("memory:"), proto=[PROTOS], codecs=rules)


def test_text_of_a_message_is_encoded_to_its_bytes(decoder: EntryDecoder) -> None:
    """An unchanged text gives the same bytes, also those of fields that the schema does not have."""
    entry = Entry("m/x", MESSAGE.SerializeToString() + b"\xfa\x7f\x01x", 1)
    assert "large: 7" in decoder.text(entry)
    assert decoder.encode(entry, decoder.text(entry)) == entry.value


def test_edited_text_is_encoded(decoder: EntryDecoder) -> None:
    entry = Entry("m/x", MESSAGE.SerializeToString(), 1)
    encoded = decoder.encode(entry, decoder.text(entry).replace("7", "8"))
    assert encoded == made(THREE)(large=8).SerializeToString()
    assert decoder.encode(entry, decoder.text(entry, form="json").replace("7", "8"), form="json") == encoded


def test_violations_of_an_entry_and_of_a_new_value(decoder: EntryDecoder) -> None:
    entry = Entry("m/x", MESSAGE.SerializeToString(), 1)
    assert decoder.violations(entry) == decoder.violations("other", b"x") == ()
    new = decoder.encode(entry, decoder.text(entry).replace("7", "8"))
    expected = explorer.Violation("small", "large", "8 is greater than 7")
    assert decoder.violations(entry, new) == decoder.violations("m/x", new) == (expected,)


@pytest.mark.parametrize(("form", "text"), [(None, "large: 7"), ("text", "large: 7"), ("json", '{"large": "7"}')])
def test_text_of_a_new_value_is_encoded_by_the_rule(decoder: EntryDecoder, form: Form | None, text: str) -> None:
    """By the key alone, as nothing is stored there."""
    assert decoder.encode("m/new", text, form=form) == MESSAGE.SerializeToString()


def test_text_is_encoded_as_a_named_message(decoder: EntryDecoder) -> None:
    """Without a rule for the key, and in place of its rule."""
    assert decoder.encode("elsewhere", "large: 7", message=THREE) == MESSAGE.SerializeToString()
    entry = Entry("elsewhere", MESSAGE.SerializeToString(), 1)
    assert "large: 7" in decoder.text(entry, message=THREE)


@pytest.mark.parametrize("value", [b"plain text", b'{"a": 1}', b"a: 1\nb: 2\n", b"\xff\x00\x01", b""])
def test_other_values_come_back_as_they_are(decoder: EntryDecoder, value: bytes) -> None:
    entry = Entry("k", value, 1)
    assert decoder.encode(entry, decoder.text(entry)) == value


def test_text_without_a_rule_is_the_value(decoder: EntryDecoder) -> None:
    assert decoder.encode("k", "naïve: {") == "naïve: {".encode()


def test_text_of_another_message_is_an_error_with_its_place(decoder: EntryDecoder) -> None:
    with pytest.raises(InvalidText, match="line 2") as caught:
        decoder.encode("m/new", "large: 7\nnobody: 1")
    assert caught.value.line == 2


def test_required_fields_of_a_new_value_are_required(decoder: EntryDecoder) -> None:
    with pytest.raises(InvalidText, match="required"):
        decoder.encode("k", "", message=TWO)


def test_unknown_message_type_is_an_error(decoder: EntryDecoder) -> None:
    with pytest.raises(SchemaFailed, match=r"nobody\.Knows"):
        decoder.encode("k", "a: 1", message="nobody.Knows")
