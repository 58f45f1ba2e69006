"""Buckets and their B+trees: single keys, and elements in order from any place."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from explorer.drivers.bolt.errors import DamagedFileError
from explorer.drivers.bolt.file import View
from explorer.drivers.bolt.page import BUCKET_HEADER, PageNode, PageRun

MAX_DEPTH: Final = 64
"""Levels of a tree; more are no tree."""


class Element(NamedTuple):
    """A key of a bucket: with a value, or a bucket itself."""

    key: bytes
    node: PageNode
    position: int

    @property
    def is_bucket(self) -> bool:
        """True if it is a bucket."""
        return self.node.is_bucket(self.position)

    @property
    def value(self) -> bytes:
        """The value; of a bucket, its header and what may be inside of it."""
        return self.node.value(self.position)


class Bucket:
    """A bucket in one state of a file.

    Args:
        view: The state.
        header: The value of the bucket's element.

    Raises:
        DamagedFileError: The value is no bucket.
    """

    __slots__ = ("_inline", "root", "sequence", "view")

    def __init__(self, view: View, header: bytes) -> None:
        if len(header) < BUCKET_HEADER.size:
            raise DamagedFileError("the header of a bucket is too short")
        self.view = view
        self.root: int
        self.sequence: int
        self.root, self.sequence = BUCKET_HEADER.unpack_from(header)
        """Page of the tree, 0 for an inline bucket; and the number that `NextSequence` returned last."""
        self._inline: PageNode | None = None
        if self.root == 0:
            page = header[BUCKET_HEADER.size :]
            self._inline = PageNode(0, PageRun(page.ljust(16, b"\0"), len(page)), 0)
            if not self._inline.is_leaf:
                raise DamagedFileError("the page inside of a bucket is no leaf")

    @classmethod
    def root_of(cls, view: View) -> "Bucket":
        """Return the bucket that holds all others."""
        return cls(view, BUCKET_HEADER.pack(view.meta.root, view.meta.sequence))

    @property
    def root_node(self) -> PageNode:
        """The top of the tree."""
        return self._inline or self.view.node(self.root)

    @property
    def is_empty(self) -> bool:
        """True if it has no key."""
        return not self.root_node.keys

    def bucket(self, element: Element) -> "Bucket":
        """Return the bucket that an element is."""
        return Bucket(self.view, element.value)

    def find(self, key: bytes) -> Element | None:
        """Return an element; None if there is none."""
        node, depth = self.root_node, 0
        low: bytes | None = None
        high: bytes | None = None
        while not node.is_leaf:
            node, low, high = self._child(node, max(bisect_right(node.keys, key) - 1, 0), low, high)
            depth = _deeper(depth)
        index = bisect_left(node.keys, key)
        return Element(key, node, index) if index < len(node.keys) and node.keys[index] == key else None

    def resolve(self, names: Sequence[bytes]) -> "Bucket | Element | None":
        """Return what is at a path of names: this bucket, one below it, or a key with a value."""
        bucket = self
        for depth, name in enumerate(names):
            element = bucket.find(name)
            if element is None:
                return None
            if not element.is_bucket:
                return element if depth == len(names) - 1 else None
            bucket = bucket.bucket(element)
        return bucket

    def elements(self, start: bytes = b"", end: bytes | None = None) -> Iterator[Element]:
        """Yield the elements from a key on, in the order of their bytes, and before another key."""
        stack: list[tuple[PageNode, int, bytes | None, bytes | None]] = [(self.root_node, -1, None, None)]
        while stack:
            node, index, low, high = stack.pop()
            if node.is_leaf:
                for number in range(bisect_left(node.keys, start), len(node.keys)):
                    key = node.keys[number]
                    if end is not None and key >= end:
                        return
                    yield Element(key, node, number)
                continue
            if index < 0:
                index = max(bisect_right(node.keys, start) - 1, 0)
            if index >= len(node.keys):
                continue
            if end is not None and index and node.keys[index] >= end:
                return
            stack.append((node, index + 1, low, high))
            stack.append((*_unopened(self._child(node, index, low, high)),))
            _deeper(len(stack))

    def _child(
        self, node: PageNode, index: int, low: bytes | None, high: bytes | None
    ) -> tuple[PageNode, bytes | None, bytes | None]:
        """Return a child of a branch, and the keys that its own lie between.

        Raises:
            DamagedFileError: The child has no keys, or others: no page can be reached on two ways.
        """
        child = self.view.node(node.children[index])
        low = node.keys[index] if index else low
        high = node.keys[index + 1] if index + 1 < len(node.keys) else high
        if not child.keys or (low is not None and child.keys[0] < low) or (high is not None and child.keys[-1] >= high):
            raise DamagedFileError(f"page {child.page} does not have the keys that page {node.page} says")
        return child, low, high


def _unopened(
    child: tuple[PageNode, bytes | None, bytes | None],
) -> tuple[PageNode, int, bytes | None, bytes | None]:
    node, low, high = child
    return node, -1, low, high


def _deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise too_deep()
    return depth + 1


def too_deep() -> DamagedFileError:
    """Return the error for a tree without an end."""
    return DamagedFileError("its tree is deeper than any can be: a page leads back to itself")
