r"""Escaped keys: a reversible text form for keys with control characters or bytes that are not UTF-8.

The form is what the app shows (`sanitize`), made unambiguous: `\\` is a backslash, `\n`, `\t` and `\r` as
usual, `\x00` to `\x7f` a character, `\x80` to `\xff` a byte, `\u{202e}` any character. The command reads it with
`--escaped`; the app copies it and accepts it where a key is typed.
"""

import re
from typing import Final

from explorer.model.errors import InvalidKey
from explorer.model.keys import decode, encode
from explorer.model.sanitize import sanitize

_C1: Final = re.compile("[\x80-\x9f]")
_ESCAPE: Final = re.compile(r"\\(?:(?P<one>[\\nrt])|x(?P<byte>[0-9a-fA-F]{2})|u\{(?P<point>[0-9a-fA-F]{1,6})\}|)")
_ONE: Final = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_FIRST_BYTE: Final = 0x80
_LAST_POINT: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)


def escape_key(key: str) -> str:
    r"""Return a key as printable, unambiguous text; most keys are returned unchanged.

    >>> escape_key("a\x1b[31m"), escape_key("bin-\udcff"), escape_key("C:\\dir")
    ('a\\x1b[31m', 'bin-\\xff', 'C:\\\\dir')
    """
    # A C1 control as \x85 would be the same as the byte 85, so it is written as a code point.
    parts = _C1.split(key.replace("\\", "\\\\"))
    controls = _C1.findall(key)
    escaped = [sanitize(part) for part in parts]
    return escaped[0] + "".join(
        f"\\u{{{ord(control):x}}}{part}" for control, part in zip(controls, escaped[1:], strict=True)
    )


def unescape_key(text: str) -> str:
    r"""Return the key of a text made by `escape_key`; text without escapes is returned unchanged.

    >>> unescape_key("a\\x00b"), unescape_key("\\xc3\\xa9"), unescape_key("config/app")
    ('a\x00b', 'é', 'config/app')

    Raises:
        InvalidKey: A backslash does not start an escape, or the escape is not a character.
    """
    return decode(encode(_ESCAPE.sub(_character, text)))  # bytes that are UTF-8 together are one character


def typed_key(text: str) -> str:
    r"""Return the key that a person typed: unescaped, or literally where a backslash does not start an escape.

    >>> typed_key("bin-\\xff"), typed_key("C:\\dir"), typed_key("C:\\\\new")
    ('bin-\udcff', 'C:\\dir', 'C:\\new')
    """
    try:
        return unescape_key(text)
    except InvalidKey:
        return text


def _character(found: re.Match[str]) -> str:
    if one := found["one"]:
        return _ONE[one]
    if byte := found["byte"]:
        point = int(byte, 16)
        return chr(point) if point < _FIRST_BYTE else decode(bytes([point]))
    if (digits := found["point"]) is None:
        raise InvalidKey(
            f"unknown escape at character {found.start() + 1}",
            hint="write \\\\ for a backslash",
            key=found.string,
        )
    point = int(digits, 16)
    if point > _LAST_POINT or point in _SURROGATES:
        raise InvalidKey(f"{found[0]} is not a character", key=found.string)
    return chr(point)
