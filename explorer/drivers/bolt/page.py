"""Pages of a file: metas, branch and leaf pages, and the checks that make a damaged one harmless.

A page has a header (id, kind, number of elements, number of overflow pages that belong to it) and elements, each with
a position relative to itself. Numbers are in the order of the machine that wrote the file, little endian in practice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Final

from explorer.drivers.bolt.errors import DamagedFileError

PAGE_HEADER: Final = Struct("<QHHI")
"""Id, flags, count, overflow."""
LEAF_ELEMENT: Final = Struct("<IIII")
"""Flags, position, size of the key, size of the value."""
BRANCH_ELEMENT: Final = Struct("<IIQ")
"""Position, size of the key, page."""
BUCKET_HEADER: Final = Struct("<QQ")
"""Root page, sequence; the value of a bucket begins with it."""
_META: Final = Struct("<IIIIQQQQQQ")
"""Magic, version, page size, flags, root page, root sequence, freelist, high water, transaction, checksum."""

BRANCH_PAGE: Final = 0x01
LEAF_PAGE: Final = 0x02
META_PAGE: Final = 0x04
FREELIST_PAGE: Final = 0x10
BUCKET_FLAG: Final = 0x01
"""Flag of a leaf element whose value is a bucket."""

META_SIZE: Final = PAGE_HEADER.size + _META.size
PAGE_SIZES: Final = tuple(1 << power for power in range(10, 17))
NO_FREELIST: Final = 0xFFFF_FFFF_FFFF_FFFF
"""Page of a freelist that was not written."""
FIRST_PAGE: Final = 2
"""First page that is no meta page."""
MAX_KEY_SIZE: Final = 32768
MAX_VALUE_SIZE: Final = (1 << 31) - 2

_MAGIC: Final = 0xED0CDAED
_VERSION: Final = 2
_FNV_BASIS: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3
_U64: Final = 0xFFFF_FFFF_FFFF_FFFF


def fnv1a(data: bytes) -> int:
    """Return the 64-bit FNV-1a hash, the checksum of a meta."""
    found = _FNV_BASIS
    for byte in data:
        found = ((found ^ byte) * _FNV_PRIME) & _U64
    return found


@dataclass(frozen=True, slots=True)
class Meta:
    """The root of one state of a file."""

    page_size: int
    root: int
    """Page of the root bucket."""
    sequence: int
    """Sequence of the root bucket."""
    freelist: int
    """Page of the freelist, or `NO_FREELIST`."""
    high_water: int
    """First page that was never used."""
    txid: int

    @classmethod
    def parse(cls, page: bytes) -> "Meta | None":
        """Return the meta at the beginning of a page; None if it is none, or not a whole one."""
        if len(page) < META_SIZE:
            return None
        body = page[PAGE_HEADER.size : META_SIZE]
        magic, version, page_size, _, root, sequence, freelist, high_water, txid, checksum = _META.unpack(body)
        if (magic, version) != (_MAGIC, _VERSION) or page_size not in PAGE_SIZES:
            return None
        if checksum not in (0, fnv1a(body[:-8])):  # early files have none
            return None
        return cls(page_size, root, sequence, freelist, high_water, txid)

    def require_sound(self) -> None:
        """Raise DamagedFileError if a page that the meta names cannot exist."""
        for name, page in (("root", self.root), ("freelist", self.freelist)):
            if not FIRST_PAGE <= page < self.high_water and not (name == "freelist" and page == NO_FREELIST):
                raise DamagedFileError(f"the meta names page {page} as its {name}, and has {self.high_water} pages")

    def pack(self) -> bytes:
        """Return the whole page, with its checksum."""
        body = _META.pack(
            *(_MAGIC, _VERSION, self.page_size, 0, self.root, self.sequence),
            *(self.freelist, self.high_water, self.txid, 0),
        )[:-8]
        page = PAGE_HEADER.pack(self.txid % 2, META_PAGE, 0, 0) + body + fnv1a(body).to_bytes(8, "little")
        return page.ljust(self.page_size, b"\0")


@dataclass(frozen=True, slots=True)
class PageRun:
    """The bytes of a page and of its overflow pages, which are read only where they are needed."""

    first: bytes
    """The bytes of the first page."""
    size: int
    read: Callable[[int, int], bytes] | None = None
    """Reads from a position as many bytes as asked for."""

    def part(self, start: int, end: int) -> bytes:
        """Return some of the bytes."""
        if end <= len(self.first) or self.read is None:
            return self.first[start:end]
        return self.read(start, end - start)


class PageNode:
    """A branch or a leaf as it was read; values stay in the file until they are asked for.

    Args:
        page: Its page; 0 for the page inside of a bucket's value.
        run: The bytes.
        high_water: First page that a branch cannot name.

    Raises:
        DamagedFileError: The bytes are no such page.
    """

    __slots__ = ("_run", "children", "flags", "is_leaf", "keys", "overflow", "page", "spans")

    def __init__(self, page: int, run: PageRun, high_water: int) -> None:
        kind: int
        count: int
        overflow: int
        _, kind, count, overflow = PAGE_HEADER.unpack(run.part(0, PAGE_HEADER.size))
        if kind not in (BRANCH_PAGE, LEAF_PAGE):
            raise DamagedFileError(f"page {page} is neither a branch nor a leaf")
        self.page, self.overflow, self.is_leaf = page, overflow, kind == LEAF_PAGE
        self._run = run
        end = PAGE_HEADER.size + LEAF_ELEMENT.size * count
        if end > run.size:
            raise DamagedFileError(f"page {page} has {count} elements, more than fit into it")
        if not (count or self.is_leaf):
            raise DamagedFileError(f"page {page} is a branch without children")
        self.keys: list[bytes] = []
        self.flags: list[int] = []
        """Flags of the elements of a leaf."""
        self.spans: list[tuple[int, int]] = []
        """Start and end of the values of a leaf."""
        self.children: list[int] = []
        """Pages of a branch."""
        table = run.part(PAGE_HEADER.size, end)
        if self.is_leaf:
            self._read_leaf(table, end)
        else:
            self._read_branch(table, end, high_water)
        if any(not key for key in self.keys) or any(a >= b for a, b in zip(self.keys, self.keys[1:], strict=False)):
            raise DamagedFileError(f"the keys of page {page} are not in order")

    def _read_leaf(self, table: bytes, end: int) -> None:
        base = PAGE_HEADER.size
        for flags, position, key_size, value_size in LEAF_ELEMENT.iter_unpack(table):
            start = base + position
            value = start + key_size
            if start < end or key_size > MAX_KEY_SIZE or value + value_size > self._run.size:
                raise DamagedFileError(f"an element of page {self.page} lies outside of it")
            self.keys.append(self._run.part(start, value))
            self.flags.append(flags)
            self.spans.append((value, value + value_size))
            base += LEAF_ELEMENT.size

    def _read_branch(self, table: bytes, end: int, high_water: int) -> None:
        base = PAGE_HEADER.size
        for position, key_size, child in BRANCH_ELEMENT.iter_unpack(table):
            start = base + position
            if start < end or key_size > MAX_KEY_SIZE or start + key_size > self._run.size:
                raise DamagedFileError(f"an element of page {self.page} lies outside of it")
            if not FIRST_PAGE <= child < high_water:
                raise DamagedFileError(f"page {self.page} names page {child}, which does not exist")
            self.keys.append(self._run.part(start, start + key_size))
            self.children.append(child)
            base += BRANCH_ELEMENT.size

    def value(self, index: int) -> bytes:
        """Return a value of a leaf."""
        return self._run.part(*self.spans[index])

    def is_bucket(self, index: int) -> bool:
        """Return whether an element of a leaf is a bucket."""
        return bool(self.flags[index] & BUCKET_FLAG)

    @property
    def content(self) -> bytes:
        """The bytes of the page and its overflow pages."""
        return self._run.part(0, self._run.size)
