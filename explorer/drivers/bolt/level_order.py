"""Elements of a bucket in the order of their names as they are shown.

A bucket sorts names by their bytes. A slash in a name is shown as `~1` (see `keyspace`), so among names that begin
alike it comes after `~`, and not before `0`. Where a name has a slash, the elements before and after are put in order.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from explorer.drivers.bolt.bucket import Bucket, Element

_SLASH: Final = b"/"
_AFTER_SLASH: Final = b"0"
_AFTER_TILDE: Final = b"\x7f"
_BETWEEN: Final = range(_AFTER_SLASH[0], _AFTER_TILDE[0])
"""Bytes that come after a slash as it is stored, and before it as it is shown."""
_MAX_POSITION: Final = 1024
"""Bytes of a name within which slashes are put in order."""


class _Range(NamedTuple):
    """Names from one on and before another; those before `position` of their bytes are the same, or in order."""

    start: bytes
    end: bytes | None
    position: int


def elements_in_order(bucket: Bucket, after: bytes | None = None) -> Iterator[Element]:
    """Yield the elements in the order of their shown names, after a name or from the first on."""
    pending = [_Range(b"", None, 0)] if after is None else _ranges_after(after)
    while pending:
        start, end, position = pending.pop()
        for element in bucket.elements(start, end):
            slash = element.key.find(_SLASH, position, _MAX_POSITION)
            if slash < 0:
                yield element
                continue
            common = element.key[:slash]
            pending.append(_Range(common + _AFTER_TILDE, end, position))
            pending.append(_Range(common + _SLASH, common + _AFTER_SLASH, slash + 1))
            pending.append(_Range(common + _AFTER_SLASH, common + _AFTER_TILDE, slash + 1))
            break


def _ranges_after(name: bytes) -> list[_Range]:
    """Return the ranges of the names that are shown after another, the last range first."""
    found, start = [], name + b"\0"
    for position in reversed(range(min(len(name), _MAX_POSITION))):
        common = name[:position]
        if name[position] == _SLASH[0]:
            found.append(_Range(start, common + _AFTER_SLASH, position + 1))
        elif name[position] in _BETWEEN:
            found.append(_Range(start, common + _AFTER_TILDE, position + 1))
            found.append(_Range(common + _SLASH, common + _AFTER_SLASH, position + 1))
        else:
            continue
        start = common + _AFTER_TILDE
    found.append(_Range(start, None, 0))
    found.reverse()
    return found
