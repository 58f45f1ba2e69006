"""Nodes of a transaction: branches and leaves in memory, split and packed into pages when they are spilled."""

from bisect import bisect_left
from typing import Final, NamedTuple, Union

from explorer.drivers.bolt.page import BRANCH_ELEMENT, BRANCH_PAGE, LEAF_ELEMENT, LEAF_PAGE, PAGE_HEADER, PageNode

_MIN_KEYS: Final = 2
"""Keys that a page has at least where a node is split."""
_FILL: Final = 0.5
"""Part of a page that is filled where a node is split."""
_UNDERFULL: Final = 0.25
"""Part of a page below which a node is merged with its neighbour."""
_ELEMENT_SIZE: Final = LEAF_ELEMENT.size
"""Size of an element of either kind."""


class LeafValue(NamedTuple):
    """Flags and value of an element of a leaf."""

    flags: int
    value: bytes


Item = Union[LeafValue, int, "TxNode"]
"""Item of a key: a value in a leaf; a page, or the node that was made of it, in a branch."""


class TxNode:
    """A node that a transaction changes.

    Args:
        keys: The keys; of a branch, the first key of each child.
        items: What each key has.
        is_leaf: True for a leaf.
    """

    __slots__ = ("is_leaf", "items", "keys")

    def __init__(self, keys: list[bytes], items: list[Item], *, is_leaf: bool) -> None:
        self.keys = keys
        self.items = items
        self.is_leaf = is_leaf

    @classmethod
    def of(cls, node: PageNode) -> "TxNode":
        """Return a copy of a node that was read."""
        items: list[Item] = [*node.children]
        if node.is_leaf:
            items = [LeafValue(node.flags[index], node.value(index)) for index in range(len(node.keys))]
        return cls([*node.keys], items, is_leaf=node.is_leaf)

    @property
    def size(self) -> int:
        """Number of bytes of its page."""
        return PAGE_HEADER.size + sum(map(self._size_at, range(len(self.keys))))

    def _size_at(self, index: int) -> int:
        item = self.items[index]
        return _ELEMENT_SIZE + len(self.keys[index]) + (len(item.value) if isinstance(item, LeafValue) else 0)

    def is_underfull(self, page_size: int) -> bool:
        """Return whether it is to be merged with a neighbour."""
        return len(self.keys) < (1 if self.is_leaf else _MIN_KEYS) or self.size <= page_size * _UNDERFULL

    def put(self, key: bytes, value: LeafValue) -> None:
        """Set the value of a key of a leaf."""
        index = bisect_left(self.keys, key)
        if index < len(self.keys) and self.keys[index] == key:
            self.items[index] = value
        else:
            self.keys.insert(index, key)
            self.items.insert(index, value)

    def delete(self, key: bytes) -> None:
        """Remove a key of a leaf."""
        index = bisect_left(self.keys, key)
        if index < len(self.keys) and self.keys[index] == key:
            del self.keys[index], self.items[index]

    def split(self, page_size: int) -> list["TxNode"]:
        """Return the nodes that it is divided into, so that each fits into a page unless it has few keys."""
        parts, start, count = [], 0, len(self.keys)
        sizes = [self._size_at(index) for index in range(count)]
        left = PAGE_HEADER.size + sum(sizes)
        while count - start > 2 * _MIN_KEYS and left >= page_size:
            end, size = start, PAGE_HEADER.size
            while end < count - _MIN_KEYS and (end - start < _MIN_KEYS or size + sizes[end] <= page_size * _FILL):
                size += sizes[end]
                end += 1
            parts.append(self._part(start, end))
            left -= size - PAGE_HEADER.size
            start = end
        parts.append(self._part(start, count))
        return parts

    def _part(self, start: int, end: int) -> "TxNode":
        return TxNode(self.keys[start:end], self.items[start:end], is_leaf=self.is_leaf)

    def pack(self, page: int, page_size: int = 1) -> bytes:
        """Return its pages; the children of a branch are pages by now.

        Args:
            page: The first page.
            page_size: Size of a page, whose multiple is returned.
        """
        count = len(self.keys)
        position = PAGE_HEADER.size + _ELEMENT_SIZE * count
        length = -(-self.size // page_size)
        table, data = bytearray(), bytearray()
        for index, (key, item) in enumerate(zip(self.keys, self.items, strict=True)):
            offset = position + len(data) - (PAGE_HEADER.size + _ELEMENT_SIZE * index)
            data += key
            if isinstance(item, LeafValue):
                table += LEAF_ELEMENT.pack(item.flags, offset, len(key), len(item.value))
                data += item.value
            elif isinstance(item, int):
                table += BRANCH_ELEMENT.pack(offset, len(key), item)
        header = PAGE_HEADER.pack(
            page, LEAF_PAGE if self.is_leaf else BRANCH_PAGE, count, 0 if page == 0 else length - 1
        )
        return (header + table + data).ljust(length * page_size, b"\0")
