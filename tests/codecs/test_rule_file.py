"""Rules added from the app: appended to codecs.toml, whose other contents are kept."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from explorer.codecs.base import Choice
from explorer.codecs.codecs import Codecs, KeyScope
from explorer.codecs.patterns import Pattern, similar_keys
from explorer.codecs.rule_file import RuleFile
from explorer.codecs.settings import read
from explorer.model.errors import SchemaFailed
from tests.codecs.common import THREE, edges

STORE = "etcd://[::1]:2379/app"
ORDER = Choice("protobuf", "shop.Order", "json")
RULED = "version = 1\n[[map]]\nkey = 'a'\ncodec = 'json'\n"
WRITTEN = '[[map]]\nkey = "orders/*"\ntype = "shop.Order"\nform = "json"\nstore = "etcd://[[]::1]:2379/app"\n'


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, f"version = 1\n\n{WRITTEN}"),
        ("", f"version = 1\n\n{WRITTEN}"),
        ("# mine\n", f"# mine\n\nversion = 1\n\n{WRITTEN}"),
        ("version = 1  # ours", f"version = 1  # ours\n\n{WRITTEN}"),
        ("version = 1\n[limits]\nmax_value = '1MiB'\n", f"version = 1\n[limits]\nmax_value = '1MiB'\n\n{WRITTEN}"),
        ("version = 1\r\n# é\r\n", f"version = 1\n# é\n\n{WRITTEN}".replace("\n", "\r\n")),
        (RULED, f"{RULED}\n{WRITTEN}"),
    ],
    ids=["missing", "empty", "comment", "no line feed", "table", "crlf", "rules"],
)
def test_rule_is_added_and_everything_kept(tmp_path: Path, before: str | None, expected: str) -> None:
    """Comments, line ends and other tables stay; the rule is read for its store."""
    file = tmp_path / "keyscope" / "codecs.toml"
    if before is not None:
        file.parent.mkdir()
        file.write_bytes(before.encode())
        file.chmod(0o640)
    RuleFile(file, STORE).add("orders/*", ORDER)
    assert file.read_bytes().decode() == expected
    assert stat.S_IMODE(file.stat().st_mode) == (0o600 if before is None else 0o640)
    assert read(file, STORE).rules.rules[-1].choice == ORDER
    assert [found.name for found in file.parent.iterdir()] == ["codecs.toml"]


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (b"version = 2\n", "version is not 1"),
        (b"[limits]\n", "version is not 1"),
        (b"version = 1\nmap = [{key = 'a', codec = 'json'}]\n", "cannot be added"),
        (b"version = \n", "not valid TOML"),
        (b"version = 1 # \xff\n", "not valid TOML"),
    ],
)
def test_file_that_cannot_be_extended_is_left_alone(tmp_path: Path, before: bytes, why: str) -> None:
    """An invalid file is never overwritten."""
    file = tmp_path / "codecs.toml"
    file.write_bytes(before)
    with pytest.raises(SchemaFailed, match=why):
        RuleFile(file, STORE).add("orders/*", ORDER)
    assert file.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["codecs.toml"]


def test_file_behind_a_link_is_replaced_and_the_link_kept(tmp_path: Path) -> None:
    """A link to the file, as dotfile managers make, stays a link; a folder in its place is an error."""
    real, link = tmp_path / "real.toml", tmp_path / "codecs.toml"
    real.write_text("version = 1\n", encoding="utf-8")
    link.symlink_to(real)
    RuleFile(link, STORE).add("a", ORDER)
    assert link.is_symlink()
    assert "shop.Order" in real.read_text(encoding="utf-8")
    with pytest.raises(SchemaFailed, match="cannot write"):
        RuleFile(tmp_path, STORE).add("a", ORDER)


@given(some.text(), some.text(some.sampled_from('"\\\n\x00\x7f é🙂*{}')))
def test_rule_file_any_pattern_is_read_back(tmp_path_factory: pytest.TempPathFactory, one: str, other: str) -> None:
    """Quotes, controls and any other character of a key are read back unchanged."""
    file = tmp_path_factory.mktemp("rules") / "codecs.toml"
    for text in (one, other):
        try:
            text.encode()
            Pattern.parse(text)
        except (UnicodeEncodeError, SchemaFailed):
            continue
        if text:
            RuleFile(file, "").add(text, Choice("json", indented=False))
            assert str(read(file).rules.rules[-1].pattern) == text


@pytest.mark.parametrize(
    ("key", "patterns"),
    [
        ("orders/4711", ("orders/{id:digits}", "orders/*", "orders/**")),
        ("fleet/machines/m-07", ("fleet/machines/*", "fleet/machines/**")),
        ("cluster/42/node/a", ("cluster/{number:digits}/node/*", "cluster/{number:digits}/node/**")),
        ("u/1b4e28ba-2fa1-11d2-883f-0016d3cca427/name", ("u/*/*", "u/*/**")),
        ("config/app.yaml", ("config/*.yaml", "config/*", "config/**")),
        ("a{b}/c*", ("*/*", "*/**")),
        ("alone", ("*",)),
        ("/abs/x", ("/abs/*", "/abs/**")),
    ],
)
def test_similar_keys_generalizes_identifiers(key: str, patterns: tuple[str, ...]) -> None:
    """Each suggestion matches its key; identifiers in it become wildcards."""
    found = similar_keys(key, "/")
    assert found == patterns
    assert all(Pattern.parse(one).matches(key) for one in found)


def test_added_rule_takes_precedence_for_its_key(tmp_path: Path) -> None:
    """It precedes the earlier rule for the key and similar keys, now and after a restart."""
    file = tmp_path / "codecs.toml"
    file.write_text('version = 1\n[[map]]\nkey = "a/orders/*"\ncodec = "hex"\npriority = 3\n', encoding="utf-8")
    settings = read(file)
    codecs = Codecs(edges().schemas, settings.rules, scope=KeyScope("a/"), rule_file=RuleFile(file, ""))
    assert codecs.open("orders/1", b"").choice.codec == "hex"
    codecs.add_rule("orders/1", codecs.patterns("orders/1")[1], Choice("protobuf", THREE, "json"))
    for now in (codecs, Codecs(edges().schemas, read(file).rules, scope=KeyScope("a/"))):
        assert now.open("orders/2", b"").title == f"{THREE} as JSON"
    with pytest.raises(SchemaFailed, match="does not match"):
        codecs.add_rule("orders/1", "other/*", Choice("hex"))
    with pytest.raises(SchemaFailed, match="brace"):
        codecs.add_rule("orders/1", "orders/{", Choice("hex"))


def test_choices_offer_each_message_as_text_and_json() -> None:
    """A value without a rule says that a type can be chosen; each likely type has both forms, and merges in both."""
    value = b"\x08\x96\x01"
    document = edges().open("k", value)
    assert document.language == "hex"
    assert any("t chooses a message type" in note for note in document.notes)
    choices = edges().choices("k", value)
    assert {Choice("protobuf", THREE), Choice("protobuf", THREE, "json")} <= set(choices)
    shown = edges().open("k", value, Choice("protobuf", THREE, "json"))
    assert (shown.language, shown.alternative()) == ("json", Choice("protobuf", THREE))
