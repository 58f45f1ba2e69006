"""Text from a store is sanitized by every verb that prints it."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from explorer.drivers.memory.database import Database
from tests.cli.run_command import Result, Run

HOSTILE = {
    "escape": "\x1b[2J\x1b[31m",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "C1": "\x9b31m\x9d0;title\x9c",
    "bidirectional": "\u202egnp.\u2066exe\u2069",
    "carriage return": "safe\rEVIL",
    "line feed": "a\nkeyscope: deleted",
    "backspace": "a\b\b\b",
    "nothing": "a\x00b\x7f",
    "invisible": "pay\u200bpal\u3164\ufeff",
    "tags": "\U000e0041\U000e007f",
    "piled marks": "a" + "\u0301" * 50,
    "markup": "[bold red]x <b>&",
    "separators": "a\u2028b\u2029c",
}
ACTS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]"
)


def assert_sanitized(result: Result, lines: int | None = None) -> None:
    for text in (result.output.decode(), result.error):
        assert not ACTS.search(text)
        assert "\u0301" * 5 not in text
    if lines is not None:
        assert result.output.count(b"\n") == lines
        assert b"\t" not in result.output


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
class TestHostileText:
    @pytest.fixture(autouse=True)
    def _stored(self, database: Database, text: str) -> None:
        database.put(b"d/" + text.encode(), text.encode())

    def test_names_are_sanitized(self, keyscope: Run) -> None:
        assert_sanitized(keyscope("ls", "memory:", "d"), 1)
        assert_sanitized(keyscope("ls", "memory:", "-r"), 1)
        assert_sanitized(keyscope("ls", "memory:", "-r", "--values"), 1)

    def test_values_are_sanitized(self, keyscope: Run, text: str) -> None:
        assert_sanitized(keyscope("get", "memory:", f"d/{text}"))
        assert_sanitized(keyscope("get", "memory:", f"d/{text}", "--as", "hex"))
        assert_sanitized(keyscope("get", "memory:", f"d/{text}", "--as", "json"))
        assert_sanitized(keyscope("history", "memory:", f"d/{text}"), 1)

    def test_broken_rules_are_sanitized(self, keyscope: Run, tmp_path: Path) -> None:
        """Their reasons quote the value."""
        schema = "json_schema = {type = 'object'}"
        tables = "".join(
            f"[[constraint]]\nname = 'r{number}'\nkey = '**'\n{check}\n"
            for number, check in enumerate((schema, "enum = ['x']", "minimum = 1", "matches = '^x$'"))
        )
        (tmp_path / "codecs.toml").write_text(f"version = 1\n{tables}")
        for form in ((), ("--json",)):
            result = keyscope("check", "memory:", "d", "--codecs", str(tmp_path / "codecs.toml"), *form)
            assert result.code == 1
            assert_sanitized(result, 4)

    def test_events_are_sanitized(self, keyscope: Run) -> None:
        assert_sanitized(keyscope("watch", "memory:", "", "--since", "1", "--count", "1"), 1)

    def test_json_is_ascii_and_keeps_the_text(self, keyscope: Run, text: str) -> None:
        for words in (("ls", "memory:", "d"), ("ls", "memory:", "", "-r"), ("get", "memory:", f"d/{text}")):
            result = keyscope(*words, "--json")
            assert_sanitized(result, 1)
            assert result.output.isascii()
            assert result.record["key"] == f"d/{text}"
        event = keyscope("watch", "memory:", "", "--since", "1", "--count", "1", "--json")
        assert_sanitized(event, 1)
        assert (event.record["key"], event.record["text"]) == (f"d/{text}", text)

    def test_rm_messages_are_sanitized(self, keyscope: Run, text: str) -> None:
        assert_sanitized(keyscope("rm", "memory:", f"d/{text}"))
        assert_sanitized(keyscope("rm", "memory:", f"d/{text}", "--yes"), 1)

    def test_errors_are_sanitized(self, keyscope: Run, text: str) -> None:
        text = text.replace("\x00", "")  # no command line can hold it
        for words in (("get", "memory:", text), ("ls", f"{text}:"), (text,), ("ls", "memory:", f"--{text}")):
            result = keyscope(*words)
            assert_sanitized(result)
            assert result.code in (1, 2, 3)
            assert result.error.count("\n") == 1

    def test_locks_are_sanitized(self, keyscope: Run, database: Database, text: str) -> None:
        lease = database.grant(60).name
        database.put(f"l/{text}/{lease}".encode(), text.encode(), lease=lease)
        assert_sanitized(keyscope("locks", "memory:"), 2)
        assert keyscope("locks", "memory:", "--json").record["key"] == f"l/{text}"


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(key=some.binary(min_size=1, max_size=20), value=some.binary(max_size=300))
def test_no_bytes_are_printed_unsanitized(keyscope: Run, database: Database, key: bytes, value: bytes) -> None:
    database.put(b"d/" + key, value)
    assert_sanitized(keyscope("ls", "memory:", "-r", "--values"))
    name = (b"d/" + key).decode("utf-8", "surrogateescape")
    assert_sanitized(keyscope("get", "memory:", "--", name))
    database.delete([b"d/" + key])
