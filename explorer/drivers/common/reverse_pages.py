"""The last children of a level, or those before a key, for stores that list forward only: found by bisection."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from explorer.model.entries import Child, Cursor, Page
from explorer.model.keys import directory, encode, first_key, numbered_before

_PROBE: Final = 64
"""Number of children in each step of the search."""
_MAX_PROBES: Final = 200


class ReadChildren(Protocol):
    """`Store.children`."""

    async def __call__(self, prefix: str, *, after: Cursor | str | None = None, limit: int = ...) -> Page[Child]:
        """Read a page of the next level below a prefix."""


async def children_before(
    read: ReadChildren, prefix: str, before: str | None, *, after: str | None, limit: int, separator: str
) -> Page[Child]:
    """Return the last children before a key, see `Store.children_before`.

    The range of names between a child that comes before and the key is divided until a page that begins in the middle
    reaches the key. Names are mostly made of few characters, so the range is divided by those that were found.
    """
    base = directory(prefix, separator)
    end = None if before is None else encode(before.removeprefix(base))
    low, high = "" if after is None else after.removeprefix(base), None if end is None else before
    high = None if high is None else high.removeprefix(base)
    alphabet = set(low) | set(high or "")
    middle = None if high is None else numbered_before(high.removesuffix(separator), limit // 2)
    probe = limit if middle is not None else min(_PROBE, limit)
    found: list[Child] = []
    """The children right up to `low`."""
    for _ in range(_MAX_PROBES):
        if middle is None or middle <= low:
            middle = between(low, high, sorted(alphabet))
        if middle is None:
            break
        page = await read(prefix, after=base + middle, limit=probe)
        inside = _inside(page.items, end, separator)
        if inside and (page.next is None or len(inside) < len(page.items)):
            return Page(tuple(inside[-limit:]), None, page.revision)
        if inside:
            low, found = inside[-1].name, inside
            alphabet.update(*(child.name for child in inside))
        else:
            high = middle
        middle, probe = None, min(_PROBE, limit)
    following: Cursor | str | None = base + low if low else None
    while True:
        page = await read(prefix, after=following, limit=limit)
        inside = _inside(page.items, end, separator)
        found = [*found, *inside][-limit:]
        if page.next is None or len(inside) < len(page.items):
            return Page(tuple(found), None, page.revision)
        following = page.next


def _inside(items: Iterable[Child], end: bytes | None, separator: str) -> list[Child]:
    """Return the children whose first key comes before the end."""
    return [
        child for child in items if end is None or first_key(child.name, separator, has_value=child.has_value) < end
    ]


def last_before(
    found: Sequence[Child], before: str | None, *, base: str, limit: int, separator: str
) -> tuple[Child, ...]:
    """Return the last children before a key, from a whole level in order."""
    end = None if before is None else encode(before.removeprefix(base))
    return tuple(_inside(found, end, separator)[-limit:])


def between(low: str, high: str | None, alphabet: Sequence[str]) -> str | None:
    """Return a text between two, about in the middle, made of some characters; None if it needs others.

    >>> between("k1", "k9", "0123456789")
    'k5'
    """
    common = 0
    while high is not None and common < min(len(low), len(high)) and low[common] == high[common]:
        common += 1
    if high is not None and common == len(high):
        return None
    ceiling = None if high is None else high[common]
    found = _middle(alphabet, low[common : common + 1], ceiling)
    if found is not None:
        return low[:common] + found
    for depth in range(common + 1, len(low)):
        found = _middle(alphabet, low[depth], None)
        if found is not None:
            return low[:depth] + found
    for depth in range(common + 1, len(high or "")):
        found = _middle(alphabet, "", (high or "")[depth])
        if found is not None:
            return (high or "")[:depth] + found
    return None


def _middle(alphabet: Sequence[str], floor: str, ceiling: str | None) -> str | None:
    fitting = [one for one in alphabet if one > floor and (ceiling is None or one < ceiling)]
    return fitting[len(fitting) // 2] if fitting else None
