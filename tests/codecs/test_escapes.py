"""Text that an editor or a terminal would not leave alone, and the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from explorer.codecs.text.escapes import escape, escape_in_literals, needs_escape, unescape
from explorer.model.errors import InvalidText
from explorer.model.sanitize import sanitize

texts = some.text(some.characters(exclude_categories=["Cs"]))


@given(texts)
def test_an_escaped_text_is_harmless_and_turns_back_exactly(text: str) -> None:
    escaped = escape(text)
    assert not needs_escape(escaped)
    assert unescape(escaped) == text


@given(texts)
def test_the_lines_of_an_escaped_text_are_what_python_takes_for_lines(text: str) -> None:
    assert "\n".join(escape(text).splitlines()) == escape(text).removesuffix("\n")


@pytest.mark.parametrize("text", ["plain\n\ttext", "Grüße 値", "back\\slash"])
def test_ordinary_text_needs_no_escape(text: str) -> None:
    assert not needs_escape(text)


@pytest.mark.parametrize(
    "hostile", ["\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x1b[2J", "\u202e", "\0"]
)
def test_what_ends_lines_or_acts_on_a_terminal_needs_it(hostile: str) -> None:
    assert needs_escape(f"a{hostile}b")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a\\", 1, 2), ("\n \\q", 2, 2), ("\\u{d800}", 1, 1), ("\\u{110000}", 1, 1), ("\\x1", 1, 1)],
)
def test_an_escape_that_names_nothing_is_told_with_its_place(text: str, line: int, column: int) -> None:
    with pytest.raises(InvalidText) as caught:
        unescape(text)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_the_short_escapes_can_be_typed() -> None:
    assert unescape(r"a\tb\nc\rd\\e\x41\u{1f511}") == "a\tb\nc\rd\\eA\U0001f511"


@given(texts, some.booleans())
def test_literals_become_harmless(text: str, octal: bool) -> None:  # noqa: FBT001 - generated
    printed = "".join(character for character in text if character.isprintable() or ord(character) > 0x7F)
    assert sanitize(escape_in_literals(printed, octal=octal), multiline=True) == escape_in_literals(
        printed, octal=octal
    )
