"""A transaction: buckets changed in memory, spilled to free pages, and committed by one new meta page.

Only the nodes on the way to what changes are copied. What is read by others stays as it is: the pages that are freed
are written to the new freelist and are not used again before the next transaction.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from explorer.drivers.bolt import freelist as freelists
from explorer.drivers.bolt.bucket import Bucket, Element
from explorer.drivers.bolt.errors import DamagedFileError, is_bucket, no_bucket, not_a_bucket, too_large
from explorer.drivers.bolt.file import BoltFile, View
from explorer.drivers.bolt.freelist import Freelist, reachable_pages
from explorer.drivers.bolt.keyspace import show_name
from explorer.drivers.bolt.node import LeafValue, TxNode
from explorer.drivers.bolt.page import BUCKET_FLAG, BUCKET_HEADER, MAX_VALUE_SIZE

_INLINE_PART: Final = 4
"""A bucket of one leaf is stored in its parent up to this part of a page."""


class Tx:
    """A transaction; made with the exclusive lock, which is held until it is committed or dropped.

    Args:
        view: The state that it begins with.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.page_size = view.meta.page_size
        self.freelist = Freelist.read(view)
        self.root = TxBucket(self, BUCKET_HEADER.pack(view.meta.root, view.meta.sequence))
        self._high_water = view.meta.high_water
        self._freed: set[int] = set()
        self._pages: list[tuple[int, bytes]] = []

    # Pages

    def load(self, page: int) -> TxNode:
        """Return a copy of a node, whose pages become free."""
        node = self.view.node(page)
        self.free(range(page, page + node.overflow + 1))
        return TxNode.of(node)

    def free(self, pages: Sequence[int]) -> None:
        """Free pages; they are not used again by this transaction.

        Raises:
            DamagedFileError: One was freed before: it is in the tree twice.
        """
        if not self._freed.isdisjoint(pages):
            raise DamagedFileError(f"page {min(self._freed.intersection(pages))} is used twice")
        self._freed.update(pages)

    def spill(self, node: TxNode) -> int:
        """Write a node to free pages, and return the first one."""
        length = -(-node.size // self.page_size)
        page = self._allocate(length)
        self._pages.append((page, node.pack(page, self.page_size)))
        return page

    def _allocate(self, length: int) -> int:
        page = self.freelist.allocate(length)
        if page is None:
            page, self._high_water = self._high_water, self._high_water + length
        return page

    # Commit

    def commit(self, file: BoltFile) -> int:
        """Write everything, and return the number of the transaction.

        The data is on the disk before the meta page is written: whatever is cut off, the file has the state before or
        the one after.

        Raises:
            DamagedFileError: A page that was freed is free already.
            OSError: A write failed; nothing changed, unless `MetaNotSyncedError` says otherwise.
        """
        value = self.root.spill()
        if value is None:
            return self.view.meta.txid
        self.free(self.freelist.own)
        length = freelists.pages_needed(len(self.freelist) + len(self._freed), self.page_size)
        page = self._allocate(length)
        pages = self.freelist.merged(self._freed)
        for first, data in self._pages:
            for used in range(first, first + len(data) // self.page_size):
                if used in self._freed:
                    raise DamagedFileError(f"page {used} is used and is free")
        self._pages.append((page, freelists.pack(page, pages, length, self.page_size)))
        meta = replace(
            self.view.meta,
            root=int.from_bytes(value[:8], "little"),
            freelist=page,
            high_water=self._high_water,
            txid=self.view.meta.txid + 1,
        )
        file.grow(self._high_water * self.page_size)
        for page, data in sorted(self._pages):
            file.write(page * self.page_size, data)
        file.sync()
        try:
            file.write(meta.txid % 2 * self.page_size, meta.pack())
            file.sync()
        except OSError as error:
            raise MetaNotSyncedError from error
        return meta.txid


class MetaNotSyncedError(Exception):
    """The meta page was being written when the system reported a failure."""


class TxBucket:
    """A bucket that a transaction changes.

    Args:
        tx: The transaction.
        header: The value of its element.
    """

    def __init__(self, tx: Tx, header: bytes) -> None:
        self._tx = tx
        self._old = Bucket(tx.view, header)
        self._node: TxNode | None = None
        self._buckets: dict[bytes, TxBucket] = {}

    @classmethod
    def new(cls, tx: Tx) -> "TxBucket":
        """Return an empty bucket."""
        bucket = cls(tx, BUCKET_HEADER.pack(0, 0) + TxNode([], [], is_leaf=True).pack(0))
        bucket._node = TxNode([], [], is_leaf=True)
        return bucket

    # Reading

    @property
    def sequence(self) -> int:
        """The number that programs may count in."""
        return self._old.sequence

    def get(self, key: bytes) -> LeafValue | None:
        """Return the value of a key as it is in the transaction; None if there is none."""
        node = self._node
        while node is not None and not node.is_leaf:
            child = node.items[max(bisect_right(node.keys, key) - 1, 0)]
            node = child if isinstance(child, TxNode) else None
        if node is None:
            element = self._old.find(key)  # nothing on the way to it was changed
            return None if element is None else LeafValue(_flags(element), element.value)
        index = bisect_left(node.keys, key)
        if index == len(node.keys) or node.keys[index] != key:
            return None
        item = node.items[index]
        return item if isinstance(item, LeafValue) else None

    def bucket(self, name: bytes) -> "TxBucket | None":
        """Return a bucket in this one; None if there is none, or a key with a value."""
        if (bucket := self._buckets.get(name)) is not None:
            return bucket
        found = self.get(name)
        if found is None or not found.flags & BUCKET_FLAG:
            return None
        bucket = self._buckets[name] = TxBucket(self._tx, found.value)
        return bucket

    @property
    def is_empty(self) -> bool:
        """True if it has no key."""
        if self._node is None:
            return self._old.is_empty
        return not _has_keys(self._node)

    # Changing

    def make_bucket(self, name: bytes) -> "TxBucket":
        """Return a bucket in this one, made if there is none.

        Raises:
            InvalidKey: There is a key with a value.
        """
        if (bucket := self.bucket(name)) is not None:
            return bucket
        if self.get(name) is not None:
            raise not_a_bucket(show_name(name))
        bucket = self._buckets[name] = TxBucket.new(self._tx)
        self._leaf(name).put(name, LeafValue(BUCKET_FLAG, b""))
        return bucket

    def put(self, key: bytes, value: bytes) -> None:
        """Write a value.

        Raises:
            InvalidKey: The key is a bucket, or this is the root.
            TooLarge: The value is too large.
        """
        found = self.get(key)
        if found is not None and found.flags & BUCKET_FLAG:
            raise is_bucket()
        if self is self._tx.root:
            raise no_bucket()
        if len(value) > MAX_VALUE_SIZE:
            raise too_large("value", "2 GiB")
        self._leaf(key).put(key, LeafValue(0, value))

    def delete(self, key: bytes) -> None:
        """Delete a key; a bucket with everything in it."""
        if (bucket := self.bucket(key)) is not None:
            bucket.free()
            del self._buckets[key]
        self._leaf(key).delete(key)

    def clear(self) -> None:
        """Delete everything in the bucket."""
        self.free()
        self._buckets.clear()
        self._node = TxNode([], [], is_leaf=True)

    def free(self) -> None:
        """Free the pages of the bucket and of all buckets in it."""
        if self._node is None and not self._buckets:
            self._tx.free([*reachable_pages(self._old)])
        else:
            self._free_node(self._root_node())

    def _free_node(self, node: TxNode) -> None:
        for key, item in zip(node.keys, node.items, strict=True):
            if isinstance(item, TxNode):
                self._free_node(item)
            elif isinstance(item, int):
                self._free_page(item)
            elif item.flags & BUCKET_FLAG:
                bucket = self._buckets.get(key) or TxBucket(self._tx, item.value)
                bucket.free()

    def _free_page(self, page: int) -> None:
        """Free a part of the tree that was not changed; buckets in it may have been, whose pages are freed already."""
        self._free_node(self._tx.load(page))

    def _leaf(self, key: bytes) -> TxNode:
        """Return the leaf for a key, copied with the nodes above it."""
        node = self._root_node()
        while not node.is_leaf:
            index = max(bisect_right(node.keys, key) - 1, 0)
            child = node.items[index]
            if isinstance(child, int):
                child = node.items[index] = self._tx.load(child)
            if not isinstance(child, TxNode):
                raise DamagedFileError("a branch has values")
            node = child
        return node

    def _root_node(self) -> TxNode:
        """Return the top of the tree, copied."""
        if self._node is None:
            old = self._old
            self._node = self._tx.load(old.root) if old.root else TxNode.of(old.root_node)
        return self._node

    # Spilling

    def spill(self) -> bytes | None:
        """Write the changed nodes, and return the value of the bucket's element; None if nothing changed."""
        for name, bucket in self._buckets.items():
            if (value := bucket.spill()) is not None:
                self._leaf(name).put(name, LeafValue(BUCKET_FLAG, value))
        if self._node is None:
            return None
        node = self._node = self._rebalanced(self._node)
        if self is not self._tx.root and self._is_inlineable(node):
            return BUCKET_HEADER.pack(0, self._old.sequence) + node.pack(0)
        keys, pages = self._spilled(node)
        while len(pages) > 1:
            keys, pages = self._spilled(TxNode(keys, [*pages], is_leaf=False))
        return BUCKET_HEADER.pack(pages[0], self._old.sequence)

    def _is_inlineable(self, node: TxNode) -> bool:
        return (
            node.is_leaf
            and node.size <= self._tx.page_size // _INLINE_PART
            and not any(isinstance(item, LeafValue) and item.flags & BUCKET_FLAG for item in node.items)
        )

    def _spilled(self, node: TxNode) -> tuple[list[bytes], list[int]]:
        """Write a node and the changed ones below it; return the first keys and the pages of its parts."""
        if not node.is_leaf:
            keys, items = list[bytes](), list[int]()
            for key, item in zip(node.keys, node.items, strict=True):
                if isinstance(item, TxNode):
                    first, pages = self._spilled(item)
                    keys += first
                    items += pages
                elif isinstance(item, int):
                    keys.append(key)
                    items.append(item)
            node = TxNode(keys, [*items], is_leaf=False)
        parts = node.split(self._tx.page_size)
        return [part.keys[0] if part.keys else b"" for part in parts], [self._tx.spill(part) for part in parts]

    def _rebalanced(self, node: TxNode) -> TxNode:
        """Return the root after empty nodes were dropped, small ones merged, and branches of one child left out."""
        self._rebalance(node)
        while not node.is_leaf and len(node.items) <= 1:
            if not node.items:
                return TxNode([], [], is_leaf=True)
            child = node.items[0]
            node = self._tx.load(child) if isinstance(child, int) else child if isinstance(child, TxNode) else node
        return node

    def _rebalance(self, node: TxNode) -> None:
        """Merge the changed nodes below a branch where they are small."""
        if node.is_leaf:
            return
        for item in node.items:
            if isinstance(item, TxNode):
                self._rebalance(item)
        index = 0
        while index < len(node.items):
            child = node.items[index]
            if not isinstance(child, TxNode) or not child.is_underfull(self._tx.page_size):
                index += 1
            elif not child.keys:
                del node.keys[index], node.items[index]
            elif len(node.items) == 1:
                break
            else:
                index = self._merge(node, max(index - 1, 0))

    def _merge(self, node: TxNode, index: int) -> int:
        """Merge a child of a branch with the next one, and return its index.

        bbolt finds a child by its first key, so a branch has to have that one: it is in `right.keys`.
        """
        left, right = (item if isinstance(item, TxNode) else self._load(item) for item in node.items[index : index + 2])
        if left.is_leaf != right.is_leaf:
            raise DamagedFileError("a branch has children of different depths")
        node.items[index] = TxNode(left.keys + right.keys, left.items + right.items, is_leaf=left.is_leaf)
        del node.keys[index + 1], node.items[index + 1]
        return index

    def _load(self, item: LeafValue | int | TxNode) -> TxNode:
        if not isinstance(item, int):
            raise DamagedFileError("a branch has values")
        return self._tx.load(item)


def _has_keys(node: TxNode) -> bool:
    """Return whether a tree has a key; the nodes that were not changed have some."""
    return any(_has_keys(item) if isinstance(item, TxNode) else True for item in node.items)


def _flags(element: Element) -> int:
    return element.node.flags[element.position]
