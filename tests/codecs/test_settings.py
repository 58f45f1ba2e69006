"""codecs.toml."""

from pathlib import Path

import pytest

from explorer.codecs.base import Choice, Limits
from explorer.codecs.settings import CodecSettings, read
from explorer.model.errors import SchemaFailed

HEAD = "version = 1\n"


def settings(folder: Path, text: str, address: str = "etcd://host/", separator: str = "/") -> CodecSettings:
    file = folder / "codecs.toml"
    file.write_text(text)
    return read(file, address, separator)


def test_read_all_settings(tmp_path: Path) -> None:
    """All settings of the file are read."""
    (tmp_path / "a.proto").write_text('syntax = "proto3"; package p; message M { string s = 1; }')
    found = settings(
        tmp_path,
        HEAD
        + """
        [schemas.net]
        paths = ["a.proto"]
        import_paths = ["."]
        [limits]
        max_value = "2 MiB"
        max_elements = 5
        [[map]]
        key = "a/{id:digits}"
        type = "p.M"
        schema = "net"
        form = "json"
        [[map]]
        regex = "^cache:"
        codec = "text"
        priority = 10
        editable = false
        [[map]]
        store = "redis*"
        key = "b"
        codec = "hex"
        """,
    )
    assert [one.name for one in found.schemas] == ["net"]
    assert found.limits == Limits(max_value=2 << 20, max_hex_value=1 << 20, max_elements=5)
    first, second = found.rules.rules
    assert first.choice == Choice("protobuf", "p.M", "json", "net")
    assert (first.name, second.name) == ("rule 1 of codecs.toml", "rule 2 of codecs.toml")
    assert (second.priority, second.editable) == (10, False)


def test_read_omits_rules_of_other_stores(tmp_path: Path) -> None:
    """Rules of other stores are left out; the others keep their numbers."""
    text = HEAD + '[[map]]\nstore = "etcd*"\nkey = "a"\ncodec = "text"\n[[map]]\nkey = "a:*"\ncodec = "hex"\n'
    (found,) = settings(tmp_path, text, "redis://host/", ":").rules.rules
    assert found.name == "rule 2 of codecs.toml"
    assert found.pattern.matches("a:b/c")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("version = ", None, "not valid TOML"),
        ("", 1, "version is not 1"),
        ("\nversion = 2", 2, "version is not 1"),
        (HEAD + "maps = 1", 1, "unknown setting 'maps'"),
        (HEAD + "[map]\nkey = 'a'", 1, "map must be a list"),
        (HEAD + "[[map]]\ncodec = 'text'\n\n[[map]]\nkey = 'a'\n", 2, "either key or regex"),
        (HEAD + "[[map]]\nkey = 'a'\ncodec = 'text'\n\n[[map]]\nkey = 'b'\n", 6, "needs codec or type"),
        (HEAD + "[[map]]\nkey = 'a'\nkind = 'x'", 2, "unknown setting 'kind'"),
        (HEAD + "[[map]]\nkey = 'a'\ncodec = 'xml'", 2, "unknown codec 'xml'"),
        (HEAD + "[[map]]\nkey = 'a{'\ncodec = 'text'", 2, "brace"),
        (HEAD + "[[map]]\nregex = '('\ncodec = 'text'", 2, "not a regular expression"),
        (HEAD + "[[map]]\nkey = 'a'\ncodec = 'text'\npriority = true", 2, "priority must be an integer"),
        (HEAD + "[[map]]\nkey = 'a'\ncodec = 'text'\neditable = 1", 2, "editable must be true or false"),
        (HEAD + "[[map]]\nkey = 1\ncodec = 'text'", 2, "key must be a string"),
        (HEAD + "[schemas.x]\npaths = []", 2, "has no paths"),
        (HEAD + "[schemas.x]\npaths = ['nothing.proto']", 2, "nothing.proto does not exist"),
        (HEAD + "[schemas.x]\npaths = 'a'", 2, "a does not exist"),
        (HEAD + "[schemas.x]\npaths = [1]", 2, "paths must be a path or a list of paths"),
        (HEAD + "schemas = 1", 1, "schemas must be a table"),
        (HEAD + "[schemas]\nx = 1", None, "this must be a table"),
        (HEAD + "[[map]]\nkey = 'a'\ncodec = 'text'\nindented = 1", 2, "indented must be true or false"),
        (HEAD + "[limits]\nmax_value = 'much'", 2, "not a size"),
        (HEAD + "[limits]\nmax_elements = 0", 2, "must be a positive integer"),
    ],
)
def test_read_invalid_setting_has_file_and_line(tmp_path: Path, text: str, line: int | None, said: str) -> None:
    """An invalid setting is an error with file and line."""
    with pytest.raises(SchemaFailed) as caught:
        settings(tmp_path, text)
    assert said in caught.value.message
    assert str(tmp_path / "codecs.toml") in caught.value.message
    assert line is None or f"line {line}:" in caught.value.message
    assert "\n" not in caught.value.message


def test_read_invalid_utf8_is_an_error(tmp_path: Path) -> None:
    """A file that is not UTF-8 is an error."""
    (tmp_path / "codecs.toml").write_bytes(b"\xff")
    with pytest.raises(SchemaFailed, match="not valid TOML"):
        read(tmp_path / "codecs.toml")
