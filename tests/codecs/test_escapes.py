"""Escapes of text that an editor would alter or a terminal interpret."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from explorer.codecs.text.escapes import escape, escape_in_literals, needs_escape, unescape
from explorer.model.errors import InvalidText
from explorer.model.sanitize import sanitize

texts = some.text(some.characters(exclude_categories=["Cs"]))


@given(texts)
def test_escape_any_text_is_safe_and_reversible(text: str) -> None:
    """The escaped form of any text is safe to show, and unescape returns the text."""
    escaped = escape(text)
    assert not needs_escape(escaped)
    assert unescape(escaped) == text


@given(texts)
def test_escape_lines_are_split_by_line_feeds_only(text: str) -> None:
    """str.splitlines finds no other line ends in an escaped text."""
    assert "\n".join(escape(text).splitlines()) == escape(text).removesuffix("\n")


@pytest.mark.parametrize("text", ["plain\n\ttext", "Grüße 値", "back\\slash"])
def test_needs_escape_plain_text_is_false(text: str) -> None:
    """Ordinary text is shown as it is."""
    assert not needs_escape(text)


@pytest.mark.parametrize(
    "hostile", ["\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x1b[2J", "\u202e", "\0"]
)
def test_needs_escape_line_ends_and_controls_is_true(hostile: str) -> None:
    """Other line ends and controls need an escape."""
    assert needs_escape(f"a{hostile}b")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a\\", 1, 2), ("\n \\q", 2, 2), ("\\u{d800}", 1, 1), ("\\u{110000}", 1, 1), ("\\x1", 1, 1)],
)
def test_unescape_invalid_escape_has_line_and_column(text: str, line: int, column: int) -> None:
    """An unknown escape is an error at its place."""
    with pytest.raises(InvalidText) as caught:
        unescape(text)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_unescape_short_escapes_are_accepted() -> None:
    """The short escapes can be typed."""
    assert unescape(r"a\tb\nc\rd\\e\x41\u{1f511}") == "a\tb\nc\rd\\eA\U0001f511"


@given(texts, some.booleans())
def test_escape_in_literals_is_safe(text: str, octal: bool) -> None:  # noqa: FBT001 - generated
    """Escaped literals are safe to show."""
    printed = "".join(character for character in text if character.isprintable() or ord(character) > 0x7F)
    assert sanitize(escape_in_literals(printed, octal=octal), multiline=True) == escape_in_literals(
        printed, octal=octal
    )
