"""The verbs `ls`, `get` and `history`."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from explorer.codecs.text.json_syntax import indent_json
from explorer.drivers.memory.database import Database
from tests.cli.run_command import Run


def put(keyscope: Run, *keys: str, value: bytes = b"v") -> None:
    for key in keys:
        assert keyscope("put", "memory:", key, "--force", stdin=value)


class TestLs:
    def test_ls_lists_a_level_and_marks_folders(self, keyscope: Run) -> None:
        put(keyscope, "a", "b", "b/c", "b/d/e", "f/g")
        assert keyscope("ls", "memory:").lines == ["a", "b", "b/", "f/"]
        assert keyscope("ls", "memory:", "b").lines == ["c", "d/"]

    def test_ls_json_of_a_child(self, keyscope: Run) -> None:
        put(keyscope, "x/b", "x/b/c")
        assert keyscope("ls", "memory:", "x", "--json").record == {
            "name": "b",
            "key": "x/b",
            "has_value": True,
            "has_children": True,
        }

    def test_ls_shows_an_empty_name(self, keyscope: Run) -> None:
        put(keyscope, "a//b")
        assert keyscope("ls", "memory:", "a").lines == ['""/']

    def test_keys_are_relative_to_the_path_of_the_url(self, keyscope: Run) -> None:
        put(keyscope, "config/app/name")
        assert keyscope("ls", "memory:config").lines == ["app/"]
        assert keyscope("get", "memory:config", "app/name").output == b"v\n"

    def test_ls_lists_every_page_up_to_the_limit(self, keyscope: Run, database: Database) -> None:
        for number in range(2345):
            database.put(b"n/%05d" % number, b"")
        names = [f"{number:05}" for number in range(2345)]
        assert keyscope("ls", "memory:", "n").lines == names
        for limit in (1, 999, 1000, 1001, 2345, 9999):
            assert keyscope("ls", "memory:", "n", "--limit", str(limit)).lines == names[:limit]
            assert len(keyscope("ls", "memory:", "-r", "--limit", str(limit)).lines) == min(limit, 2345)

    def test_ls_recursive_json_has_values_with_the_option(self, keyscope: Run) -> None:
        put(keyscope, "a/b", value=b"\xff")
        record = keyscope("ls", "memory:", "-r", "--json").record
        assert record == {"key": "a/b", "revision": 2, "created": 2, "version": 1, "lease": None, "ttl": None}
        assert keyscope("ls", "memory:", "-r", "--json", "--values").record == {**record, "value_base64": "/w=="}

    def test_ls_foo_does_not_list_foobar(self, keyscope: Run) -> None:
        put(keyscope, "foo/a", "foobar")
        assert keyscope("ls", "memory:", "foo", "-r").lines == ["foo/a"]

    def test_ls_missing_prefix_exits_3(self, keyscope: Run) -> None:
        put(keyscope, "a")
        result = keyscope("ls", "memory:", "nope")
        assert (result.code, result.output) == (3, b"")
        assert "'nope'" in result.error

    def test_ls_of_an_empty_store_prints_a_note(self, keyscope: Run) -> None:
        result = keyscope("ls", "memory:")
        assert (result.code, result.output) == (0, b"")
        assert "no keys below" in result.error


class TestGet:
    @settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
    @given(value=some.binary() | some.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
    def test_get_raw_is_the_value_byte_for_byte(self, keyscope: Run, value: bytes) -> None:
        put(keyscope, "k", value=value)
        assert keyscope("get", "memory:", "k", "--as", "raw").output == value

    @settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
    @given(value=some.binary(max_size=100))
    def test_get_hex_can_be_read_back(self, keyscope: Run, value: bytes) -> None:
        put(keyscope, "k", value=value)
        dumped = keyscope("get", "memory:", "k", "--as", "hex").lines
        assert b"".join(bytes.fromhex(line[10:58]) for line in dumped) == value

    def test_get_text_ends_with_one_line_feed(self, keyscope: Run) -> None:
        for value in (b"a\nb", b"a\nb\n"):
            put(keyscope, "k", value=value)
            assert keyscope("get", "memory:", "k").output == b"a\nb\n"

    def test_get_text_escapes_other_bytes_with_a_note(self, keyscope: Run) -> None:
        put(keyscope, "k", value=b"a\xff")
        result = keyscope("get", "memory:", "k")
        assert result.output == b"a\\xff\n"
        assert "--as raw" in result.error

    def test_get_json_of_an_entry(self, keyscope: Run) -> None:
        assert keyscope("put", "memory:", "k", "--value", "ä", "--ttl", "60")
        record = keyscope("get", "memory:", "k", "--json").record
        assert 0 < record.pop("ttl") <= 60
        assert record.pop("lease")
        assert record == {"key": "k", "text": "ä", "revision": 2, "created": 2, "version": 1}

    def test_get_json_keeps_bytes_that_are_not_utf_8(self, keyscope: Run) -> None:
        put(keyscope, "k\udcff", value=b"\xff\x00")
        record = keyscope("get", "memory:", "k\udcff", "--json").record
        assert (record["key"], record["value_base64"]) == ("k\udcff", "/wA=")
        assert "text" not in record

    def test_get_empty_value_is_not_a_missing_key(self, keyscope: Run) -> None:
        put(keyscope, "k", value=b"")
        assert keyscope("get", "memory:", "k", "--json").record["text"] == ""
        assert keyscope("get", "memory:", "nope").code == 3

    def test_get_as_json_is_indented_and_unchanged(self, keyscope: Run) -> None:
        put(keyscope, "k", value=b'{"b":1.10,"a":[1,{}],"b":"\xc3\xa4"}')
        assert keyscope("get", "memory:", "k", "--as", "json").lines == [
            "{",
            '  "b": 1.10,',
            '  "a": [',
            "    1,",
            "    {}",
            "  ],",
            '  "b": "\\u00e4"',
            "}",
        ]

    @pytest.mark.parametrize(
        "value",
        [b"{", b"", b"\xff", b"NaN", b"[" * 100_000, b"\xef\xbb\xbf1"],
        ids=["open", "empty", "not UTF-8", "NaN", "deep", "BOM"],
    )
    def test_get_as_json_of_other_text_is_one_error_line(self, keyscope: Run, value: bytes) -> None:
        put(keyscope, "k", value=value)
        result = keyscope("get", "memory:", "k", "--as", "json")
        assert (result.code, result.output) == (1, b"")
        assert result.error.startswith("keyscope: ")
        assert "not valid JSON" in result.error
        assert result.error.count("\n") == 1


values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)


@given(value=values, separators=some.sampled_from([(",", ":"), (" , ", "\n:\t")]), plain=some.booleans())
def test_indent_json_keeps_values_and_is_ascii(value: object, separators: tuple[str, str], *, plain: bool) -> None:
    text = json.dumps(value, separators=separators, ensure_ascii=plain).encode("utf-8", "replace").decode()
    shown = indent_json(text)
    assert json.loads(shown) == json.loads(text)
    assert shown.isascii()
    assert shown.replace("\n", "").isprintable()


class TestHistory:
    def test_history_begins_with_the_current_entry(self, keyscope: Run) -> None:
        for value in (b"one", b"two", b"three"):
            put(keyscope, "k", value=value)
        record = keyscope("history", "memory:", "k", "--json").records
        assert [(entry["text"], entry["revision"], entry["version"]) for entry in record] == [
            ("three", 4, 3),
            ("two", 3, 2),
            ("one", 2, 1),
        ]
        assert keyscope("history", "memory:", "k", "--limit", "1").lines == ["4  version 3  three"]

    def test_history_of_a_deleted_key(self, keyscope: Run) -> None:
        put(keyscope, "k", value=b"gone")
        assert keyscope("rm", "memory:", "k", "--yes")
        assert [entry["text"] for entry in keyscope("history", "memory:", "k", "--json").records] == ["gone"]

    def test_history_of_an_unknown_key_exits_3(self, keyscope: Run) -> None:
        assert keyscope("history", "memory:", "never").code == 3
