r"""Keys written with escapes, and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.model.errors import InvalidKey
from explorer.model.key_text import escape_key, unescape_key
from explorer.model.keys import decode
from explorer.model.sanitize import sanitize


@given(st.one_of(st.binary().map(decode), st.text(st.characters(exclude_categories=["Cs"]))))
def test_escape_key_any_key_is_reversible_and_printable(key: str) -> None:
    """The text is printable, and unescapes to the same key."""
    text = escape_key(key)
    assert sanitize(text) == text
    assert unescape_key(text) == key


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("config/app", "config/app"),
        ("über/ключ", "über/ключ"),
        ("odd/esc-\x1b[31mred", r"odd/esc-\x1b[31mred"),
        ("odd/bin-\udcff\udcfe\0-key", r"odd/bin-\xff\xfe\x00-key"),
        ("a\u202eb", r"a\u{202e}b"),
        ("a\x85b", r"a\u{85}b"),
        ("a\udc85b", r"a\x85b"),
        (r"C:\x1b", r"C:\\x1b"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
    ],
)
def test_escape_key_spelling(key: str, text: str) -> None:
    """Escapes are those that the app shows; a backslash is doubled."""
    assert escape_key(key) == text
    assert unescape_key(text) == key


def test_unescape_key_utf8_bytes_are_the_character() -> None:
    """A key is the same whether its bytes or its characters are written."""
    assert unescape_key(r"\xc3\xa9") == "é"


@pytest.mark.parametrize("text", ["a\\", r"\q", r"\x1", r"\u{}", r"\u{d800}", r"\u{110000}"])
def test_unescape_key_unknown_escape_is_refused(text: str) -> None:
    """An unknown escape is an error, not literal text."""
    with pytest.raises(InvalidKey):
        unescape_key(text)
