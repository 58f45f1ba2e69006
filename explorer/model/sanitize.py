"""The one function that makes text from a store harmless before it is drawn or printed.

Terminals act on what they are sent (CWE-150: escape sequences, CVE-2021-25743; bidirectional overrides,
CVE-2021-42574) and people are deceived by what they cannot see. Here every such character becomes a visible escape.
"""

import re
import unicodedata
from typing import Final

_BREAKS: Final = "\n\t"
_ASCII: Final = bytes(range(0x20, 0x7F))
_INVISIBLE_LETTERS: Final = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef"
)
_SUSPECT: Final = re.compile(f"[{_INVISIBLE_LETTERS}]")
_MARKS: Final = frozenset({"Mn", "Me"})
"""The categories of marks; not all that pile up have a combining class (Thai vowels, U+0E47)."""
_MAX_MARKS: Final = 4
"""Marks that one letter may carry; more of them climb over the lines around it."""
_CHUNK_SIZE: Final = 1 << 16
"""Characters that are looked through at a time for a first find."""


def sanitize(text: str | bytes, *, multiline: bool = False) -> str:
    r"""Make text visible and harmless: what controls, hides or reorders becomes an escape such as `\x1b` or `\u{202e}`.

    Characters are judged once each, however often they occur.

    Args:
        text: What a store, a server or a file sent. Bytes that are not UTF-8 become `\xNN`.
        multiline: Keep line feeds and tabs.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    if text.isascii() and text.isprintable():
        return text
    characters = set(text)
    piles = None if text.isascii() else _piles(characters)
    if piles is not None:  # before the rest, whose escapes would part a pile
        text = piles.sub(lambda pile: pile[0][:_MAX_MARKS] + "".join(map(_escape, pile[0][_MAX_MARKS:])), text)
    harmful = _harmful(characters, multiline=multiline)
    return text.translate({ord(character): _escape(character) for character in harmful}) if harmful else text


def is_sanitized(text: str, *, multiline: bool = False) -> bool:
    """Return whether `inert` would leave a text as it is; the first find ends the search."""
    if text.isascii():
        allowed = _ASCII + _BREAKS.encode() if multiline else _ASCII
        chunks = (text[at : at + _CHUNK_SIZE] for at in range(0, len(text), _CHUNK_SIZE))
        return not any(chunk.encode("ascii").translate(None, allowed) for chunk in chunks)
    characters: set[str] = set()
    for start in range(0, len(text), _CHUNK_SIZE):
        new = set(text[start : start + _CHUNK_SIZE]) - characters
        if _harmful(new, multiline=multiline):
            return False
        characters |= new
    piles = _piles(characters)
    return piles is None or piles.search(text) is None


def pluralize(number: int, one: str, many: str = "") -> str:
    """Give a number with the word for what is counted.

    >>> counted(1, "row"), counted(1200, "entry", "entries")
    ('1 row', '1,200 entries')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _harmful(characters: set[str], *, multiline: bool) -> set[str]:
    """Return the characters that are not shown as they are."""
    joined = "".join(characters)
    if joined.isprintable() and (joined.isascii() or not _SUSPECT.search(joined)):
        return set()
    kept = _BREAKS if multiline else ""
    return {one for one in characters.difference(kept) if not one.isprintable() or _SUSPECT.match(one)}


def _piles(characters: set[str]) -> re.Pattern[str] | None:
    """Return a pattern of more marks in a row than a letter may carry; None if there are no marks at all."""
    marks = "".join(sorted(one for one in characters if unicodedata.category(one) in _MARKS))
    return re.compile(f"[{marks}]{{{_MAX_MARKS + 1},}}") if marks else None


def _escape(character: str) -> str:
    point = ord(character)
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character)
    if named:
        return named
    if 0xDC80 <= point <= 0xDCFF:  # noqa: PLR2004 - the range by which surrogateescape keeps a byte
        return f"\\x{point - 0xDC00:02x}"
    return f"\\x{point:02x}" if point < 0xA0 else f"\\u{{{point:x}}}"  # noqa: PLR2004 - the end of C1
