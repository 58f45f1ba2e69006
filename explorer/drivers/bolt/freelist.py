"""The list of free pages of a file: read or rebuilt, allocated from, and packed."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from explorer.drivers.bolt.bucket import Bucket
from explorer.drivers.bolt.errors import DamagedFileError
from explorer.drivers.bolt.file import View
from explorer.drivers.bolt.page import FIRST_PAGE, FREELIST_PAGE, NO_FREELIST, PAGE_HEADER

_ID_SIZE: Final = 8
_LARGE: Final = 0xFFFF
"""Number of pages from which on the number stands before the first of them."""


class Freelist:
    """Free pages, in order, while a transaction takes some of them.

    Args:
        pages: The free pages.
        own: Pages of the list itself, which become free when another one is written.
    """

    def __init__(self, pages: list[int], own: range) -> None:
        self._pages = pages
        self.own = own

    @classmethod
    def read(cls, view: View) -> "Freelist":
        """Return the list of a state; made from the pages that are not reachable if it was not written.

        Raises:
            DamagedFileError: It is no list of pages of the file.
        """
        meta = view.meta
        if meta.freelist == NO_FREELIST:
            used = set(reachable_pages(Bucket.root_of(view)))
            return cls([page for page in range(FIRST_PAGE, meta.high_water) if page not in used], range(0))
        run = view.run(meta.freelist, FREELIST_PAGE)
        _, _, count, overflow = PAGE_HEADER.unpack(run.part(0, PAGE_HEADER.size))
        start = PAGE_HEADER.size
        if count == _LARGE:
            count = int.from_bytes(run.part(start, start + _ID_SIZE), "little")
            start += _ID_SIZE
        if start + count * _ID_SIZE > run.size:
            raise DamagedFileError(f"the freelist has {count} pages, more than fit into it")
        pages = sorted(_unpack(run.part(start, start + count * _ID_SIZE)))
        if len(set(pages)) != len(pages) or (pages and not FIRST_PAGE <= pages[0] <= pages[-1] < meta.high_water):
            raise DamagedFileError("the freelist has pages that do not exist, or one twice")
        return cls(pages, range(meta.freelist, meta.freelist + overflow + 1))

    def __len__(self) -> int:
        return len(self._pages)

    def allocate(self, count: int) -> int | None:
        """Take the first pages that follow each other, and return the first; None if there are none."""
        first = 0
        for index in range(len(self._pages)):
            if index and self._pages[index] != self._pages[index - 1] + 1:
                first = index
            if index - first + 1 == count:
                page = self._pages[first]
                del self._pages[first : index + 1]
                return page
        return None

    def merged(self, freed: Iterable[int]) -> list[int]:
        """Return the free pages with those that a transaction freed, in order.

        Raises:
            DamagedFileError: One of them is free already.
        """
        pages = sorted((*self._pages, *freed))
        for index in range(1, len(pages)):
            if pages[index] == pages[index - 1]:
                raise DamagedFileError(f"page {pages[index]} is used and is free")
        return pages

    def holds(self, page: int) -> bool:
        """Return whether a page is free."""
        index = bisect_left(self._pages, page)
        return index < len(self._pages) and self._pages[index] == page


def count_free(view: View) -> int | None:
    """Return the number of free pages; None if the list was not written."""
    if view.meta.freelist == NO_FREELIST:
        return None
    run = view.run(view.meta.freelist, FREELIST_PAGE)
    count: int = PAGE_HEADER.unpack(run.part(0, PAGE_HEADER.size))[2]
    if count < _LARGE:
        return count
    return int.from_bytes(run.part(PAGE_HEADER.size, PAGE_HEADER.size + _ID_SIZE), "little")


def pages_needed(count: int, page_size: int) -> int:
    """Return how many pages a list of so many free pages takes."""
    return (PAGE_HEADER.size + _ID_SIZE * (count + (count >= _LARGE))) // page_size + 1


def pack(page: int, pages: list[int], length: int, page_size: int) -> bytes:
    """Return the list's pages.

    Args:
        page: The first page of the list.
        pages: The free pages, in order.
        length: Number of pages that the list takes.
        page_size: Size of a page.
    """
    count = len(pages)
    ids = [count, *pages] if count >= _LARGE else pages
    header = PAGE_HEADER.pack(page, FREELIST_PAGE, min(count, _LARGE), length - 1)
    return (header + _pack(ids)).ljust(length * page_size, b"\0")


def reachable_pages(root: Bucket) -> Iterator[int]:
    """Yield every page of a bucket and of all buckets in it.

    Raises:
        DamagedFileError: A page is reached on two ways.
    """
    view, seen = root.view, set[int]()
    pending = [root.root] if root.root else []
    while pending:
        node = view.node(pending.pop())
        for page in range(node.page, node.page + node.overflow + 1):
            if page in seen:
                raise DamagedFileError(f"page {page} is used twice")
            seen.add(page)
            yield page
        pending += node.children
        for index in range(len(node.flags)):
            if node.is_bucket(index):
                bucket = Bucket(view, node.value(index))
                pending += [bucket.root] if bucket.root else []


def _unpack(data: bytes) -> "array[int]":
    found = array("Q")
    found.frombytes(data)
    return found


def _pack(pages: list[int]) -> bytes:
    return array("Q", pages).tobytes()
