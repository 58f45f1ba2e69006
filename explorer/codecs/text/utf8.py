"""Parts of a text in UTF-8."""

from typing import Final

_LONGEST: Final = 4
_SEVERAL: Final = 0x80
"""A character of UTF-8 has at most four bytes; those of one that has several begin here."""


def beginning(value: bytes, most: int) -> bytes:
    """Cut a value so that no character of it is cut in two."""
    if len(value) <= most:
        return value
    cut = value[:most]
    for _ in range(_LONGEST):
        if cut and cut[-1] >= _SEVERAL:
            cut = cut[:-1]
    return cut
