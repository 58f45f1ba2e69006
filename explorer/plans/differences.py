"""Differences between two sides by merging two streams of entries in the order of their keys."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from explorer.model.entries import Entry
from explorer.model.keys import encode


class DifferenceKind(StrEnum):
    """Kind of difference of a key between two sides; the words of the command's JSON."""

    ONLY_LEFT = "only-left"
    ONLY_RIGHT = "only-right"
    CHANGED = "changed"
    SAME = "same"


class Difference(NamedTuple):
    """A key on two sides; None where it is absent.

    A named tuple, as `Entry`: there is one for each key, also for those that are the same.
    """

    key: str
    left: Entry | None
    right: Entry | None

    @property
    def kind(self) -> DifferenceKind:
        """Kind of the difference."""
        if self.left is None:
            return DifferenceKind.ONLY_RIGHT
        if self.right is None:
            return DifferenceKind.ONLY_LEFT
        return DifferenceKind.SAME if self.left.value == self.right.value else DifferenceKind.CHANGED


async def differences(
    left: AsyncIterator[Sequence[Entry]], right: AsyncIterator[Sequence[Entry]]
) -> AsyncGenerator[Sequence[Difference], None]:
    """Yield every key of two sides, the same ones too, in pages, holding a page of each side.

    Args:
        left: Pages of entries in the order of their keys' bytes, as `key_order.in_key_order` yields them.
        right: The same.
    """
    one, other = _Unmerged(left), _Unmerged(right)
    while await one.fill() | await other.fill():
        yield list(_merged(one, other))


class _Unmerged:
    """Entries of a side that are not merged yet."""

    def __init__(self, pages: AsyncIterator[Sequence[Entry]]) -> None:
        self._pages = pages
        self._page: Sequence[Entry] = ()
        self._at = 0

    async def fill(self) -> bool:
        """Read on if nothing is left, and return whether there is an entry."""
        while self._at == len(self._page):
            page = await anext(self._pages, None)
            if page is None:
                return False
            self._page, self._at = page, 0
        return True

    @property
    def first(self) -> Entry | None:
        """The first entry; None at the end of the page."""
        return self._page[self._at] if self._at < len(self._page) else None

    def next(self) -> Entry | None:
        """Pass the first entry, and return the one after it; None at the end of the page."""
        self._at += 1
        return self.first


def _merged(left: _Unmerged, right: _Unmerged) -> Iterator[Difference]:
    """Yield the keys of both sides up to the end of one of their pages; of all if the other side is at its end."""
    one, other = left.first, right.first
    if one is None or other is None:
        while one is not None:
            yield Difference(one.key, one, None)
            one = left.next()
        while other is not None:
            yield Difference(other.key, None, other)
            other = right.next()
    while one is not None and other is not None:
        if one.key == other.key:
            yield Difference(one.key, one, other)
            one, other = left.next(), right.next()
        elif encode(one.key) < encode(other.key):
            yield Difference(one.key, one, None)
            one = left.next()
        else:
            yield Difference(other.key, None, other)
            other = right.next()
