import sys
import unicodedata
from itertools import groupby

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from explorer.model.sanitize import is_sanitized, sanitize

# Unicode's Default_Ignorable_Code_Point, which a person cannot see, and the blank of Braille.
_IGNORABLE = {
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFEFF, 0xFFA0),
    *range(0x180B, 0x1810),
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xFE00, 0xFE10),
    *range(0xFFF0, 0xFFF9),
    *range(0x1BCA0, 0x1BCA4),
    *range(0x1D173, 0x1D17B),
    *range(0xE0000, 0xE1000),
}
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_HOSTILE = st.one_of(
    st.text(),
    st.text(st.characters(categories=("Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Mn", "Me"))),
    st.text(
        st.sampled_from(
            [chr(point) for point in sorted(_IGNORABLE)] + ["\x1b", "\x9b", "\u202e", "a", "\n", "\t", "\\"]
        )
    ),
)


def _harmless(text: str, breaks: str = "") -> bool:
    return all(
        character in breaks
        or (
            unicodedata.category(character) not in _HIDDEN
            and (unicodedata.category(character) != "Zs" or character == " ")
            and ord(character) not in _IGNORABLE
        )
        for character in text
    )


@given(_HOSTILE)
@example("\x1b]52;c;cm0gLXJmIC8=\x07")
@example("\x9b31m")
@example("user\u202etxt.exe")
@example("\u2066a\u2069")
def test_sanitize_leaves_no_harmful_character(text: str) -> None:
    """No control, invisible or reordering character is left."""
    assert _harmless(sanitize(text))
    assert _harmless(sanitize(text, multiline=True), "\n\t")


@pytest.mark.heavy
def test_sanitize_every_character_is_shown_or_escaped() -> None:
    """Each character of Unicode is shown unchanged or as an escape."""

    def honest(character: str, shown: str) -> bool:
        if shown == character:
            return _harmless(shown)
        return shown.isascii() and shown.isprintable() and shown.startswith("\\")

    dishonest = [hex(point) for point in range(sys.maxunicode + 1) if not honest(chr(point), sanitize(chr(point)))]
    assert dishonest == []


def _naive(text: str, breaks: str) -> str:
    """Sanitize a text character by character."""
    marks, shown = 0, []
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        harmless = character in breaks or (character.isprintable() and ord(character) not in _IGNORABLE)
        shown.append(character if harmless and marks <= 4 else _naive_escape(character))
    return "".join(shown)


def _naive_escape(character: str) -> str:
    point = ord(character)
    named = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}
    if character in named:
        return named[character]
    if 0xDC80 <= point <= 0xDCFF:
        return f"\\x{point - 0xDC00:02x}"
    return f"\\x{point:02x}" if point < 0xA0 else f"\\u{{{point:x}}}"


@given(_HOSTILE, st.just(1))
@example("e\u0301\u0302\u034f\u0303\u0304\u0305\ufe00", 1)
@example("\u0301", 70_000)
@example("ab\u0301\u0302", 30_000)
def test_sanitize_distinct_equals_each_in_order(text: str, times: int) -> None:
    """Also long texts, marks across the bounds of a search, and invisible marks."""
    text = (text * times)[:140_000]
    for multiline, breaks in ((False, ""), (True, "\n\t")):
        expected = _naive(text, breaks)
        assert sanitize(text, multiline=multiline) == expected
        assert is_sanitized(text, multiline=multiline) == (expected == text)


@given(_HOSTILE)
def test_sanitize_of_sanitized_text_is_the_same(text: str) -> None:
    assert sanitize(sanitize(text)) == sanitize(text)
    assert sanitize(sanitize(text), multiline=True) == sanitize(text)


@given(st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters=[chr(point) for point in _IGNORABLE])))
def test_sanitize_visible_text_is_unchanged(text: str) -> None:
    """Visible text is shown unchanged."""
    assert sanitize(text) == text


@given(st.text(st.characters(categories=("L", "Mn", "Me"))))
@example("H" + "\u0335" * 30)
@example("ส" + "\u0e47" * 30)
@example("O" + "\u20dd" * 30)
def test_sanitize_limits_marks_in_a_row(text: str) -> None:
    runs = groupby(sanitize(text), key=lambda character: unicodedata.category(character) in ("Mn", "Me"))
    assert all(len(list(run)) <= 4 for marks, run in runs if marks)


@given(st.binary())
def test_sanitize_any_bytes(data: bytes) -> None:
    assert _harmless(sanitize(data))
    assert sanitize(data) == sanitize(data.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("", ""),
        ("Grüße, 世界 🗝", "Grüße, 世界 🗝"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b", r"\x9b"),
        ("\x7f", r"\x7f"),
        ("\u202eabc", r"\u{202e}abc"),
        ("a\u200bb", r"a\u{200b}b"),
        ("\u00a0", r"\u{a0}"),
        ("\udcff", r"\xff"),
        (b"\xff\xfeok", r"\xff\xfeok"),
        ("[bold]markup[/]", "[bold]markup[/]"),
    ],
)
def test_sanitize_examples(text: str | bytes, shown: str) -> None:
    assert sanitize(text) == shown


def test_sanitize_multiline_keeps_line_feeds_and_tabs() -> None:
    """They are kept with `multiline`."""
    assert sanitize("a\n\tb\r\n", multiline=True) == "a\n\tb\\r\n"
