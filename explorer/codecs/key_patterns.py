"""Patterns for keys like a given one, guessed from how its levels look."""

import re
from typing import Final

_SPECIAL: Final = re.compile(r"[*{}]")
_IDENTIFIER: Final = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"  # a UUID
    r"|(?=.*[0-9])[0-9a-fA-F]{8,}"  # a digest or a hexadecimal number
    r"|.*[0-9]+"  # something that is counted
)
_DIGITS: Final = re.compile(r"[0-9]+")
_ENDING: Final = re.compile(r"(?<=.)\.[A-Za-z]{1,10}\Z")


def similar_keys(key: str, separator: str) -> tuple[str, ...]:
    """Return patterns that match a key and others like it, the likeliest first.

    >>> similar_keys("orders/4711", "/")
    ('orders/{id:digits}', 'orders/*', 'orders/**')
    """
    levels = key.split(separator)
    above = [_above(level) for level in levels[:-1]]
    last = levels[-1]
    ending = _ENDING.search(last)
    names = [f"*{ending[0]}"] if ending and not _SPECIAL.search(ending[0]) else []
    if _DIGITS.fullmatch(last):
        names.append("{id:digits}")
    names.append("*")
    found = [separator.join((*above, name)) for name in names]
    if above:
        found.append(separator.join((*above, "**")))
    return tuple(dict.fromkeys(found))


def _above(level: str) -> str:
    """Return what stands for a level above the last: itself, unless it is an identifier or cannot be spelled."""
    if _DIGITS.fullmatch(level):
        return "{number:digits}"
    return "*" if _SPECIAL.search(level) or _IDENTIFIER.fullmatch(level) else level
