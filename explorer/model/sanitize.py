"""Sanitising of text from a store: the one function that every such text passes before it is drawn or printed.

Terminals act on control characters (CWE-150: escape sequences, CVE-2021-25743; bidirectional overrides,
CVE-2021-42574), and invisible characters deceive people. Every such character becomes a visible escape.
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
"""Unicode categories of marks; not all marks that pile up have a combining class (Thai vowels, U+0E47)."""
_MAX_MARKS: Final = 4
"""Maximum number of marks on one letter; more would overlap the lines around it."""
_CHUNK_SIZE: Final = 1 << 16
"""Characters that are checked at a time."""


def sanitize(text: str | bytes, *, multiline: bool = False) -> str:
    r"""Return text in which control, invisible and reordering characters are escapes such as `\x1b` or `\u{202e}`.

    Each distinct character is checked once, however often it occurs.

    Args:
        text: Text from a store, a server or a file. Bytes that are not UTF-8 become `\xNN`.
        multiline: Keep line feeds and tabs.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    if text.isascii() and text.isprintable():
        return text
    characters = set(text)
    piles = None if text.isascii() else _piles(characters)
    if piles is not None:  # first, because the other escapes would split a pile
        text = piles.sub(lambda pile: pile[0][:_MAX_MARKS] + "".join(map(_escape, pile[0][_MAX_MARKS:])), text)
    harmful = _harmful(characters, multiline=multiline)
    return text.translate({ord(character): _escape(character) for character in harmful}) if harmful else text


def is_sanitized(text: str, *, multiline: bool = False) -> bool:
    """Return whether `sanitize` would return a text unchanged; the first character to escape ends the search."""
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
    """Return a number with a noun in the singular or plural.

    >>> pluralize(1, "row"), pluralize(1200, "entry", "entries")
    ('1 row', '1,200 entries')
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def _harmful(characters: set[str], *, multiline: bool) -> set[str]:
    """Return the characters that have to be escaped."""
    joined = "".join(characters)
    if joined.isprintable() and (joined.isascii() or not _SUSPECT.search(joined)):
        return set()
    kept = _BREAKS if multiline else ""
    return {one for one in characters.difference(kept) if not one.isprintable() or _SUSPECT.match(one)}


def _piles(characters: set[str]) -> re.Pattern[str] | None:
    """Return a pattern of more than `_MAX_MARKS` marks in a row; None if there are no marks at all."""
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
