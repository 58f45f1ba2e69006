r"""Escapes for characters that an editor would alter or a terminal interpret.

Editors turn CR, NEL, LS, PS and others into line feeds; terminals interpret controls. A value with such characters is
edited in its escaped form: `\\` is a backslash, `\r` a carriage return, `\x1b` and `\u{2028}` a code point.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from explorer.model.errors import InvalidText
from explorer.model.sanitize import is_sanitized, sanitize

_ESCAPE: Final = re.compile(
    r"\\(?:(?P<short>[\\nrt])|x(?P<byte>[0-9a-fA-F]{2})|u\{(?P<code_point>[0-9a-fA-F]{1,6})\}|)"
)
_SHORT_ESCAPES: Final = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_MAX_CODE_POINT: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)
_PART_SIZE: Final = 1 << 16
_NOT_PRINTABLE_ASCII: Final = re.compile(r"[^\x00-\x7e]")


def needs_escape(text: str) -> bool:
    """Return whether a text has characters that an editor would alter or a terminal interpret."""
    return not is_sanitized(text, multiline=True)


def escape(text: str) -> str:
    """Return a text in its escaped form; `unescape` is the inverse."""
    doubled = text.replace("\\", "\\\\")
    return "".join(sanitize(part, multiline=True) for part in _parts(doubled))


def _parts(text: str) -> Iterator[str]:
    """Yield a text in parts, so that other threads run in between; combining marks stay with their letter."""
    start = 0
    while start < len(text):
        stop = start + _PART_SIZE
        while stop < len(text) and not text[stop].isascii() and unicodedata.category(text[stop]).startswith("M"):
            stop += 1
        yield text[start:stop]
        start = stop


def unescape(text: str) -> str:
    """Return the text of an escaped form.

    Raises:
        InvalidText: An escape is unknown or is not a character; the error has line and column.
    """
    return _ESCAPE.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    if short := match["short"]:
        return _SHORT_ESCAPES[short]
    digits = match["byte"] or match["code_point"]
    if digits is None:
        raise invalid(match.string, match.start(), "unknown escape", hint="write \\\\ for a backslash")
    point = int(digits, 16)
    if point > _MAX_CODE_POINT or point in _SURROGATES:
        raise invalid(match.string, match.start(), f"{match[0]} is not a character")
    return chr(point)


def escape_in_literals(text: str, *, octal: bool) -> str:
    r"""Return a text format or JSON text with unsafe characters escaped; they occur in string literals only.

    Args:
        text: Protobuf's text format or JSON, as a library wrote it.
        octal: Write the UTF-8 bytes as `\342\200\256` for text format; else `\u202e` for JSON.
    """
    if needs_escape(text):
        to_escape = _octal if octal else json_escape
        candidates = set(_NOT_PRINTABLE_ASCII.findall("".join(set(text))))
        text = _replace(text, (one for one in candidates if not is_sanitized(one)), to_escape)
        if needs_escape(text):  # such as too many combining marks in a row
            text = _replace(text, candidates, to_escape)
    return text


def escape_typed_literals(text: str, *, octal: bool) -> str:
    """Return a typed text with all that an editor would alter escaped, controls too; valid in string literals only.

    Args:
        text: Protobuf's text format or JSON, as a person wrote it.
        octal: Write the escapes of text format; else those of JSON.
    """
    to_escape = _octal if octal else json_escape
    return _replace(text, (one for one in set(text) if sanitize(one, multiline=True) != one), to_escape)


def _replace(text: str, characters: Iterable[str], to_escape: Callable[[str], str]) -> str:
    return text.translate({ord(one): to_escape(one) for one in characters})


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode())


def json_escape(character: str) -> str:
    r"""Return the escapes of JSON for a character: one `\uXXXX` for each UTF-16 code unit."""
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def invalid(text: str, offset: int, message: str, *, hint: str = "") -> InvalidText:
    """Return an error with the line and column of an offset in a text."""
    line = text.count("\n", 0, offset) + 1
    return InvalidText(message, line, offset - text.rfind("\n", 0, offset), hint=hint)
