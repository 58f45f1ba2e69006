r"""Text in which all that an editor would alter or a terminal act on is spelled as a visible escape, and back.

An editor that splits text into lines turns CR, NEL, LS, PS and others into line feeds; a terminal obeys controls. A
value that has such characters is edited in its escaped form, in which `\\` is a backslash, `\r` a carriage return,
`\x1b` and `\u{2028}` the character of that number.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from explorer.model.errors import InvalidText
from explorer.model.sanitize import is_sanitized, sanitize

_ESCAPE: Final = re.compile(r"\\(?:(?P<one>[\\nrt])|x(?P<two>[0-9a-fA-F]{2})|u\{(?P<many>[0-9a-fA-F]{1,6})\}|)")
_ONE: Final = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_LAST: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)
_PART_SIZE: Final = 1 << 16
_MARKED: Final = re.compile(r"[^\x00-\x7e]")


def needs_escape(text: str) -> bool:
    """Return whether a text holds what an editor would alter or a terminal act on."""
    return not is_sanitized(text, multiline=True)


def escape(text: str) -> str:
    """Spell a text so that it is made of harmless characters and lines alone; `unescape` turns it back."""
    doubled = text.replace("\\", "\\\\")
    return "".join(sanitize(part, multiline=True) for part in _parts(doubled))


def _parts(text: str) -> Iterator[str]:
    """Cut a large text, so that other threads can go on between; marks that may pile up stay together."""
    start = 0
    while start < len(text):
        stop = start + _PART_SIZE
        while stop < len(text) and not text[stop].isascii() and unicodedata.category(text[stop]).startswith("M"):
            stop += 1
        yield text[start:stop]
        start = stop


def unescape(text: str) -> str:
    """Give the text that an escaped one spells.

    Raises:
        InvalidText: A backslash begins no escape, or one that names no character.
    """
    return _ESCAPE.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    if one := found["one"]:
        return _ONE[one]
    digits = found["two"] or found["many"]
    if digits is None:
        raise invalid(found.string, found.start(), "a backslash begins no escape", hint="write \\\\ for a backslash")
    point = int(digits, 16)
    if point > _LAST or point in _SURROGATES:
        raise invalid(found.string, found.start(), f"{found[0]} names no character")
    return chr(point)


def in_literals(text: str, *, octal: bool) -> str:
    r"""Escape what is harmful in a text whose only such characters stand within string literals.

    Args:
        text: Protobuf's text format or JSON, as a library wrote it.
        octal: Write the bytes of UTF-8 as `\342\200\256`, as text format reads them; else `\u202e`, as JSON does.
    """
    if needs_escape(text):
        write = _octal if octal else json_escape
        marked = set(_MARKED.findall("".join(set(text))))
        text = _written(text, (one for one in marked if not is_sanitized(one)), write)
        if needs_escape(text):  # for what only many together do
            text = _written(text, marked, write)
    return text


def with_literal_escapes(text: str, *, octal: bool) -> str:
    """Escape all that an editor would alter, controls too, in a text in which that can stand in string literals only.

    Args:
        text: Protobuf's text format or JSON, as a person wrote it.
        octal: Write escapes as text format reads them; else as JSON does.
    """
    write = _octal if octal else json_escape
    return _written(text, (one for one in set(text) if sanitize(one, multiline=True) != one), write)


def _written(text: str, characters: Iterable[str], write: Callable[[str], str]) -> str:
    return text.translate({ord(one): write(one) for one in characters})


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode())


def json_escape(character: str) -> str:
    r"""Return the escapes of JSON for a character: one `\uXXXX` for each UTF-16 code unit."""
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def invalid(text: str, at: int, message: str, *, hint: str = "") -> InvalidText:
    """Make the error of a place in a text."""
    line = text.count("\n", 0, at) + 1
    return InvalidText(message, line, at - text.rfind("\n", 0, at), hint=hint)
