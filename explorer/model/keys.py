"""Keys as text, and the tree that they form by splitting at a separator.

A key is a `str` exactly as the store has it; bytes that are not UTF-8 are kept by surrogateescape, as `os.fsdecode`
does. A prefix is a directory: `foo` and `foo/` both mean what lies below `foo/`, never `foobar`. Splitting loses
nothing: below `a/` the key `a//b` is the child with the empty name, whose own prefix is `a//`.
"""

import re
from collections.abc import Iterator
from typing import Final

from explorer.model.errors import InvalidKey


def encode(key: str) -> bytes:
    """Return the bytes of a key.

    Raises:
        InvalidKey: The text has a lone surrogate that is not an escaped byte.
    """
    try:
        return key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        message = "a key cannot hold a lone surrogate code point"
        raise InvalidKey(message, key=ascii(key)) from error


def decode(data: bytes) -> str:
    """Return the text of a key; `encode` returns the same bytes, whatever they are."""
    return data.decode("utf-8", "surrogateescape")


def directory(prefix: str, separator: str = "/") -> str:
    """Return a prefix as a directory: empty for all keys, otherwise ending with the separator."""
    return prefix if not prefix or prefix.endswith(separator) else prefix + separator


def parents(key: str, separator: str = "/") -> Iterator[str]:
    """Yield the directories above a key without the separator at their end, the outermost first."""
    end = key.find(separator, 1)
    while end >= 0:
        yield key[:end]
        end = key.find(separator, end + 1)


def first_name(rest: str, separator: str = "/") -> tuple[str, bool]:
    """Split what follows a directory into the name of its child and whether there is more below that child."""
    name, more, _ = rest.partition(separator)
    return name, bool(more)


def range_end(prefix: bytes) -> bytes:
    r"""Return the smallest bytes greater than all that start with `prefix`; `b"\0"`, etcd's "no end", if none are.

    >>> range_end(b"a/")
    b'a0'
    """
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else b"\0"


def first_key(name: str, separator: str, *, has_value: bool) -> bytes:
    """Return the first key of a child, relative to its level; stores list children in the order of these bytes."""
    return encode(name if has_value else name + separator)


_LAST: Final = "\U0010ffff"
_SURROGATES: Final = range(0xD800, 0xE000)


def just_before(text: str) -> str | None:
    """Return a text that sorts just before another and is not a prefix of it; None if there is none.

    No name that occurs in practice sorts between the two, so a page of children after it begins with the child of that
    name, or with the next one.

    >>> just_before("k7")
    'k6\U0010ffff'
    """
    kept = text.rstrip("\0")
    if not kept:
        return None
    point = ord(kept[-1])
    if point in _SURROGATES:  # an escaped byte
        point = point - 1 if point > _SURROGATES[0x80] else 0x80
    elif point == _SURROGATES.stop:
        point = _SURROGATES.start
    return kept[:-1] + chr(point - 1) + _LAST


_NUMBERED: Final = re.compile(r"^(.*?)([0-9]{1,18})$", re.DOTALL)


def numbered_before(text: str, count: int) -> str | None:
    """Return the text with the number at its end reduced by `count`, in the same width; None if that is impossible.

    >>> numbered_before("k0700", 200)
    'k0500'
    """
    numbered = _NUMBERED.match(text)
    if numbered is None or int(numbered[2]) < count:
        return None
    return f"{numbered[1]}{int(numbered[2]) - count:0{len(numbered[2])}}"
