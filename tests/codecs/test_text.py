"""Values of JSON, YAML and plain text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from explorer.codecs.base import Choice, Codec, Limits
from explorer.codecs.codecs import Codecs
from explorer.codecs.text.escapes import escape
from explorer.codecs.text.text import TextDocument
from explorer.model.errors import InvalidText
from explorer.model.sanitize import sanitize
from tests.scale import examples

CODECS = Codecs()
values = some.one_of(
    some.binary(),
    some.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
    some.text(some.sampled_from("\r\n\t\x0b\x85\u2028 {}[]:,\"'-#a1\\")).map(str.encode),
)


@settings(max_examples=examples(300, 20_000))
@given(values, some.sampled_from(["", "a.json", "a.yaml"]))
def test_open_any_bytes_is_safe_and_reversible(value: bytes, key: str) -> None:
    """Any bytes have a safe text that encodes to the same bytes."""
    document = CODECS.open(key, value)
    assert sanitize(document.text, multiline=True) == document.text
    assert document.reason
    for choice in CODECS.choices(key, value):
        chosen = CODECS.open(key, value, choice)
        encoded = chosen.encode(chosen.text)
        assert (encoded.value, encoded.changed) == (value, False)


@settings(max_examples=examples(300, 20_000))
@given(some.text(), some.text())
def test_encode_stores_text_as_written(old: str, new: str) -> None:
    """An edited text is stored as written."""
    before, after = old.encode("utf-8", "replace"), new.encode("utf-8", "replace")
    document = CODECS.open("k", before, Choice("text"))
    assert isinstance(document, TextDocument)
    found = document.encode(escape(after.decode()) if document.escaped else after.decode())
    assert (found.value, found.changed) == (after, before != after)


@pytest.mark.parametrize(
    ("key", "value", "codec", "why"),
    [
        ("k", b"", "text", "empty"),
        ("k.JSON", b"", "json", "empty"),
        ("k.yml", b"", "yaml", "empty"),
        ("k", b"info", "text", "UTF-8"),
        ("k", b"42", "text", "UTF-8"),
        ("k", b"true", "text", "UTF-8"),
        ("k", b' {"a": 1}\n', "json", "valid JSON"),
        ("k", b"[1, 2]", "json", "valid JSON"),
        ("k.json", b"42", "json", "valid JSON"),
        ("k", b'{"a": 1', "text", "UTF-8"),
        ("k", b'{"a": NaN}', "text", "UTF-8"),
        ("k", b"a: 1\nb: 2\n", "yaml", "valid YAML"),
        ("k", b"a:\n  - 1\n  - 2\n", "yaml", "valid YAML"),
        ("k", b"- 1\n- 2\n", "yaml", "valid YAML"),
        ("k", b"error: the disk is full", "text", "UTF-8"),
        ("k.yml", b"a: 1", "yaml", "the key ends with .yml"),
        ("k", b"a=1\nb=2\n", "text", "UTF-8"),
        ("k", b"\x1b[31mred\x1b[0m\x07", "text", "UTF-8"),
        ("k", b"\x08\x01", "hex", "control character 0x08 at 0"),
        ("k", b"a\0b", "hex", "control character 0x00 at 1"),
        ("k", b"\x0a\x05hello", "hex", "control character 0x05 at 1"),
        ("k", b"ab\xff", "hex", "byte 0xff at 2 is not UTF-8"),
        ("k", b"[" * 100_000, "text", "UTF-8"),
        ("k.yaml", b"a: *nothing", "text", "UTF-8"),
    ],
)
def test_detect_codec_and_reason(key: str, value: bytes, codec: Codec, why: str) -> None:
    """The codec is detected, with the reason."""
    document = CODECS.open(key, value)
    assert document.choice == Choice(codec)
    assert why in document.reason


class TestStructuredText:
    @pytest.mark.parametrize(
        ("codec", "wrong", "line", "column"),
        [
            ("json", '{"a": 1,\n "b": }', 2, 7),
            ("json", "", 1, 1),
            ("json", '{"a": NaN}', None, None),
            ("json", "[" * 10_000, None, None),
            ("yaml", "a: 1\n b: 2", 2, 3),
            ("yaml", "a: [1", 2, 1),
            ("yaml", "a: 1\nb: *c", 2, 4),
            ("yaml", "[" * 10_000, 1, 101),
            ("yaml", "a: \x07", None, None),
        ],
    )
    def test_encode_invalid_syntax_has_line_and_column(
        self, codec: Codec, wrong: str, line: int | None, column: int | None
    ) -> None:
        """Invalid JSON or YAML is an error at its place."""
        document = CODECS.open("k", b"{}", Choice(codec))
        with pytest.raises(InvalidText) as caught:
            document.encode(wrong)
        assert (caught.value.line, caught.value.column) == (line, column)
        assert "\n" not in str(caught.value)

    def test_encode_keeps_digits_order_names_and_spaces(self) -> None:
        """Digits, order, repeated names and spaces are kept."""
        text = '{ "b":1.10, "a":1e400,\t"b" : 12345678901234567890123 }\n\n'
        assert CODECS.open("k", b"{}").encode(text).value == text.encode()

    def test_check_json_accepts_long_numbers(self) -> None:
        """Numbers may have any length."""
        text = f"[{'9' * 100_000}]"
        assert CODECS.open("k", b"{}").encode(text).value == text.encode()

    def test_check_yaml_alias_bomb_is_fast(self) -> None:
        """Aliases are not expanded."""
        lines = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 60))]
        value = "\n".join(lines).encode()
        assert CODECS.open("k.yaml", value).choice == Choice("yaml")

    def test_invalid_stored_json_can_be_corrected(self) -> None:
        """Invalid stored JSON is shown with a note and can be corrected."""
        document = CODECS.open("k", b'{"a": 1', Choice("json"))
        assert document.notes == (
            "the stored value is invalid: line 1, column 8: not valid JSON: expecting ',' delimiter",
        )
        assert document.encode('{"a": 1}').value == b'{"a": 1}'

    def test_escaped_json_is_checked_unescaped(self) -> None:
        """JSON in its escaped form is checked without the escapes."""
        document = CODECS.open("k", '{"a": "\u2028"}'.encode())
        assert document.text == '{\n  "a": "\\u{2028}"\n}'
        assert document.encode('{\n  "a": "\\u{2028}\\\\n"\n}').value == '{"a": "\u2028\\n"}'.encode()
        with pytest.raises(InvalidText):
            document.encode('{"a": ')


class TestEscaped:
    def test_crlf_line_ends_are_noted_and_kept(self) -> None:
        """A file whose lines all end with CRLF is shown with line feeds; each is CRLF again when stored."""
        document = CODECS.open("k", b"a\r\nb\\c\r\nd", Choice("text"))
        assert (document.text, document.notes) == ("a\nb\\c\nd", ("CRLF line ends: kept on save",))
        assert document.encode("A\nb\\c\nd\ne").value == b"A\r\nb\\c\r\nd\r\ne"
        assert CODECS.open("k.yaml", b"a: 1\r\nb: 2\r\n").encode("a: 1\nb: 3\n").value == b"a: 1\r\nb: 3\r\n"
        merge = document.merge("A\nb\\c\nd", b"a\r\nb\\c\r\nD")
        assert merge.document.encode(merge.text).value == b"A\r\nb\\c\r\nD"

    def test_mixed_line_ends_are_shown_and_kept(self) -> None:
        """With mixed line ends each CR is shown, and a note has their number."""
        document = CODECS.open("k", b"a\r\nb\\c\r\nd\n", Choice("text"))
        assert document.text == "a\\r\nb\\\\c\\r\nd\n"
        assert "escaped" in document.notes[0]
        assert document.notes[1] == "mixed line ends: 2 of 3 line ends are CRLF, shown as \\r"
        assert document.encode("A\\r\nb\\\\c\\r\nd\n").value == b"A\r\nb\\c\r\nd\n"

    def test_encode_lone_surrogate_is_refused(self) -> None:
        """A lone surrogate is refused."""
        with pytest.raises(InvalidText) as caught:
            CODECS.open("k", b"a").encode("a\n\ud800")
        assert (caught.value.line, caught.value.column) == (2, 1)


class TestMerge:
    def test_merge_keeps_lines_of_both_sides(self) -> None:
        """Changes of different lines are both kept."""
        document = CODECS.open("k", b"a\nb\nc\nd\ne\n", Choice("text"))
        merge = document.merge("a\nB\nc\nd\ne\n", b"a\nb\nc\nd\nE\nf\n")
        assert (merge.text, merge.conflicts) == ("a\nB\nc\nd\nE\nf\n", ())
        assert merge.document.encode(merge.text).value == b"a\nB\nc\nd\nE\nf\n"

    def test_merge_conflict_takes_mine_and_names_lines(self) -> None:
        """A conflict takes mine and names the lines."""
        document = CODECS.open("k", b"a\nb\nc\n", Choice("text"))
        merge = document.merge("a\nmine\nmine\nc\n", b"a\ntheirs\nc\n")
        assert (merge.text, merge.conflicts) == ("a\nmine\nmine\nc\n", ("lines 2-3",))

    def test_merge_of_equal_changes_has_no_conflict(self) -> None:
        """The same change on both sides is not a conflict."""
        merge = CODECS.open("k", b"a", Choice("text")).merge("b", b"b")
        assert (merge.text, merge.conflicts) == ("b", ())
        assert not merge.document.encode(merge.text).changed

    def test_merge_escapes_if_the_merged_text_needs_it(self) -> None:
        """The merged text is escaped if it needs it."""
        document = CODECS.open("k", b"a\nb\nc", Choice("text"))
        merge = document.merge("A\nb\nc", b"a\nb\nc\r")
        assert merge.text == "A\nb\nc\\r"
        assert merge.document.encode(merge.text).value == b"A\nb\nc\r"
        escaped = CODECS.open("k", b"a\r\nb\nc", Choice("text"))
        merge = escaped.merge("a\\r\nb\nC\\x1b", b"a\nb\nc")
        assert merge.document.encode(merge.text).value == b"a\nb\nC\x1b"

    def test_merge_with_binary_is_refused(self) -> None:
        """A value that is no longer text cannot be merged."""
        with pytest.raises(InvalidText, match="no longer text"):
            CODECS.open("k", b"a").merge("b", b"\xff")


class TestTooLarge:
    def test_too_large_value_is_truncated_and_read_only(self) -> None:
        """The beginning is shown; nothing can be edited."""
        codecs = Codecs(limits=Limits(max_shown=10, max_value=10, max_hex_value=8))
        for value in ("äöüß" * 5, "\x01" * 20):
            document = codecs.open("k", value.encode())
            assert document.read_only_reason is not None
            assert "too large" in document.read_only_reason
            with pytest.raises(InvalidText, match="too large"):
                document.encode("x")
            with pytest.raises(InvalidText, match="too large"):
                document.merge("x", b"x")
        assert codecs.open("k", ("äöüß" * 5).encode()).text == "äöüßä"

    def test_truncated_character_is_still_text(self) -> None:
        """A value truncated within a character is still text."""
        for most in range(1, 12):
            assert Codecs(limits=Limits(max_shown=most)).open("k", ("a€" * 20).encode()).choice == Choice("text")
