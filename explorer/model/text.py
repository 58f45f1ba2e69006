"""The one function that makes text from a store harmless before it is drawn or printed.

Terminals act on what they are sent (CWE-150: escape sequences, CVE-2021-25743; bidirectional overrides,
CVE-2021-42574) and people are deceived by what they cannot see. Here every such character becomes a visible escape.
"""

import re
import unicodedata
from typing import Final

_BREAKS: Final = "\n\t"
_INVISIBLE_LETTERS: Final = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef"
)
_SUSPECT: Final = re.compile(f"[{_INVISIBLE_LETTERS}]")
_MARKS: Final = frozenset({"Mn", "Me"})
"""The categories of marks; not all that pile up have a combining class (Thai vowels, U+0E47)."""
_MOST_MARKS: Final = 4
"""Marks that one letter may carry; more of them climb over the lines around it."""


def inert(text: str | bytes, *, multiline: bool = False) -> str:
    r"""Make text visible and harmless: what controls, hides or reorders becomes an escape such as `\x1b` or `\u{202e}`.

    Args:
        text: What a store, a server or a file sent. Bytes that are not UTF-8 become `\xNN`.
        multiline: Keep line feeds and tabs.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    if text.isascii():
        if text.isprintable():
            return text
    elif text.isprintable() and not _SUSPECT.search(text) and not _piled(text):
        return text
    kept = _BREAKS if multiline else ""
    marks = 0
    shown = []
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in _MARKS else 0
        harmless = character in kept or (character.isprintable() and not _SUSPECT.match(character))
        shown.append(character if harmless and marks <= _MOST_MARKS else _escape(character))
    return "".join(shown)


def counted(number: int, one: str, many: str = "") -> str:
    """Give a number with the word for what is counted.

    >>> counted(1, "row"), counted(1200, "entry", "entries")
    ('1 row', '1,200 entries')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _piled(text: str) -> bool:
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in _MARKS else 0
        if marks > _MOST_MARKS:
            return True
    return False


def _escape(character: str) -> str:
    point = ord(character)
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character)
    if named:
        return named
    if 0xDC80 <= point <= 0xDCFF:  # noqa: PLR2004 - the range by which surrogateescape keeps a byte
        return f"\\x{point - 0xDC00:02x}"
    return f"\\x{point:02x}" if point < 0xA0 else f"\\u{{{point:x}}}"  # noqa: PLR2004 - the end of C1
