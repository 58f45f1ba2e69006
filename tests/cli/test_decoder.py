"""`get` and `put` of messages."""

import json
from pathlib import Path

import pytest

from explorer.drivers.memory.database import Database
from tests.cli.run_command import Run, run_process

SCHEMA = """\
syntax = "proto3";
package p;
message Person {
  string name = 1;
  int64 born = 2;
  Person friend = 3;
}
"""
ADA = b"\x0a\x03Ada\x10\x97\x0e"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the folders of settings and cache, and return that of the settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "config" / "keyscope").mkdir(parents=True)
    return tmp_path / "config" / "keyscope"


@pytest.fixture
def proto(tmp_path: Path) -> str:
    (tmp_path / "person.proto").write_text(SCHEMA)
    return str(tmp_path / "person.proto")


@pytest.fixture
def mapped(home: Path, proto: str) -> None:
    """Write settings with a rule for `people/*`."""
    (home / "codecs.toml").write_text(
        f'version = 1\n[schemas.people]\npaths = ["{proto}"]\n[[map]]\nkey = "people/*"\ntype = "p.Person"\n'
    )


class TestGet:
    def test_get_prints_a_message_as_text(self, keyscope: Run, database: Database, proto: str) -> None:
        database.put(b"k", ADA)
        words = ("get", "memory:", "k", "--proto", proto, "--type", "p.Person")
        for form in ((), ("--as", "textproto")):
            assert keyscope(*words, *form).output == b'name: "Ada"\nborn: 1815\n'

    @pytest.mark.usefixtures("mapped")
    def test_get_decodes_by_the_rule_of_the_key(self, keyscope: Run, database: Database) -> None:
        database.put(b"people/ada", ADA)
        assert keyscope("get", "memory:", "people/ada", "--as", "textproto").lines == ['name: "Ada"', "born: 1815"]
        shown = keyscope("get", "memory:", "people/ada", "--as", "json").output
        assert json.loads(shown) == {"name": "Ada", "born": "1815"}
        assert keyscope("get", "memory:people", "ada", "--as", "textproto")

    @pytest.mark.usefixtures("mapped")
    def test_get_json_without_a_rule_is_plain_json(self, keyscope: Run, database: Database) -> None:
        database.put(b"k", b'{"a":1}')
        assert keyscope("get", "memory:", "k", "--as", "json").lines == ["{", '  "a": 1', "}"]

    def test_get_of_a_message_is_sanitized(self, keyscope: Run, database: Database, proto: str) -> None:
        database.put(b"k", b"\x0a\x0a\x1b[2J\xe2\x80\xae\xc2\x85z")
        for form in ("textproto", "json"):
            output = keyscope(
                "get", "memory:", "k", "--as", form, "--proto", proto, "--type", "p.Person"
            ).output.decode()
            assert output.replace("\n", "").isprintable()
            assert "\u202e" not in output

    def test_get_textproto_without_a_type_is_refused(self, keyscope: Run, database: Database) -> None:
        database.put(b"k", ADA)
        result = keyscope("get", "memory:", "k", "--as", "textproto")
        assert (result.code, result.output) == (2, b"")
        assert "--type" in result.error

    @pytest.mark.parametrize(
        "case",
        [(b"\xff", "p.Person", "does not parse as p.Person"), (ADA, "q.Person", "did you mean p.Person")],
    )
    def test_get_of_another_message_is_one_error_line(
        self, keyscope: Run, database: Database, proto: str, case: tuple[bytes, str, str]
    ) -> None:
        value, kind, message = case
        database.put(b"k", value)
        for form in ("textproto", "json"):
            result = keyscope("get", "memory:", "k", "--as", form, "--proto", proto, "--type", kind)
            assert (result.code, result.output) == (1, b"")
            assert message in result.error
            assert result.error.count("\n") == 1

    def test_get_decodes_by_the_schema_of_the_demo(self) -> None:
        result = run_process("get", "demo:?still", "service/access/devices/olt-01", "--as", "json")
        assert result.code == 0, result.error
        assert json.loads(result.output)["id"] == "olt-01"


class TestPut:
    @pytest.mark.parametrize(
        ("form", "text"),
        [
            ((), 'name: "Ada" # Lovelace\nborn: 1815'),
            (("--form", "text"), 'name: "Ada" born: 1815'),
            (("--form", "json"), '{"name": "Ada", "born": "1815"}'),
        ],
    )
    def test_put_stores_the_bytes_of_a_message_text(
        self, keyscope: Run, proto: str, form: tuple[str, ...], text: str
    ) -> None:
        words = ("--proto", proto, "--type", "p.Person", *form)
        assert keyscope("put", "memory:", "k", *words, stdin=text.encode())
        assert keyscope("get", "memory:", "k", "--as", "raw").output == ADA

    def test_put_takes_what_get_prints(self, keyscope: Run, database: Database, proto: str) -> None:
        database.put(b"k", ADA)
        words = ("--proto", proto, "--type", "p.Person")
        for form, back in (("textproto", "text"), ("json", "json")):
            shown = keyscope("get", "memory:", "k", "--as", form, *words).output
            assert keyscope("put", "memory:", "copy", "--force", *words, "--form", back, stdin=shown)
            assert keyscope("get", "memory:", "copy", "--as", "raw").output == ADA

    def test_put_invalid_text_has_its_place_and_stores_nothing(self, keyscope: Run, proto: str) -> None:
        result = keyscope(
            "put", "memory:", "k", "--proto", proto, "--type", "p.Person", "--value", 'name: "a"\nborn: "b"'
        )
        assert (result.code, result.output) == (2, b"")
        assert "line 2, column 7" in result.error
        assert keyscope("get", "memory:", "k").code == 3

    @pytest.mark.parametrize("text", ["", "{}", '{"id": null}'])
    def test_put_empty_message_names_missing_required_fields(self, keyscope: Run, tmp_path: Path, text: str) -> None:
        """Also for an empty text, which is the text of the empty value."""
        (tmp_path / "m.proto").write_text('syntax = "proto2"; message M { required string id = 1; }')
        words = ("--proto", str(tmp_path), "--type", "M", "--form", "json" if text else "text")
        result = keyscope("put", "memory:", "k", *words, "--value", text)
        assert (result.code, "required fields are missing: id" in result.error) == (2, True)

    def test_put_text_that_is_not_utf_8_is_refused(self, keyscope: Run, proto: str) -> None:
        result = keyscope("put", "memory:", "k", "--proto", proto, "--type", "p.Person", stdin=b"\xff")
        assert result.code == 2
        assert "UTF-8" in result.error

    def test_put_unknown_type_is_refused_with_a_similar_one(self, keyscope: Run, proto: str) -> None:
        result = keyscope("put", "memory:", "k", "--proto", proto, "--type", "Person", "--value", "")
        assert result.code == 2
        assert "did you mean p.Person" in result.error
        assert "--proto" in result.error

    def test_put_without_a_type_stores_the_value_as_given(self, keyscope: Run, proto: str) -> None:
        assert keyscope("put", "memory:", "k", "--proto", proto, "--value", "name: 1")
        assert keyscope("get", "memory:", "k", "--as", "raw").output == b"name: 1"
        assert keyscope("put", "memory:", "k", "--form", "json", "--value", "{}").code == 2


class TestSchemas:
    def test_invalid_schema_has_file_line_and_column(self, keyscope: Run, tmp_path: Path) -> None:
        (tmp_path / "bad.proto").write_text('syntax = "proto3";\nmessage {')
        result = keyscope("put", "memory:", "k", "--type", "M", "--value", "", "--proto", str(tmp_path / "bad.proto"))
        assert result.code == 2
        assert f"{tmp_path / 'bad.proto'}:2:9:" in result.error
        assert result.error.count("\n") == 1

    def test_imports_are_found_in_include_folders(self, keyscope: Run, tmp_path: Path, proto: str) -> None:
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "a.proto").write_text(
            'syntax = "proto3"; import "person.proto"; message A { p.Person p = 1; }'
        )
        words = ("put", "memory:", "k", "--type", "A", "--value", "p {}", "--proto", str(tmp_path / "other"))
        assert "-I" in keyscope(*words).error
        assert keyscope(*words, "-I", str(Path(proto).parent))

    def test_codecs_option_names_a_file_of_rules(
        self, keyscope: Run, database: Database, tmp_path: Path, proto: str
    ) -> None:
        (tmp_path / "mine.toml").write_text('version = 1\n[[map]]\nkey = "k"\ntype = "p.Person"\n')
        database.put(b"k", ADA)
        words = ("get", "memory:", "k", "--as", "textproto", "--codecs", str(tmp_path / "mine.toml"))
        assert keyscope(*words, "--proto", proto).lines[0] == 'name: "Ada"'
        result = keyscope(*words)
        assert result.code == 1
        assert "no schema has a message 'p.Person'" in result.error

    def test_invalid_file_of_rules_has_its_line(self, keyscope: Run, database: Database, home: Path) -> None:
        (home / "codecs.toml").write_text("version = 1\n[[map]]\nkey = 1\n")
        database.put(b"k", b"{}")
        result = keyscope("get", "memory:", "k", "--as", "json")
        assert result.code == 2
        assert "codecs.toml, line 2: key must be a string" in result.error
        assert keyscope("get", "memory:", "k")  # without a need for rules the file is not read
