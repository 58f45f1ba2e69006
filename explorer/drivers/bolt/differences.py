"""Differences between two states of a file, found without reading what both have."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from explorer.drivers.bolt.bucket import MAX_DEPTH, Bucket, Element, too_deep
from explorer.drivers.bolt.errors import DamagedFileError
from explorer.drivers.bolt.file import View
from explorer.drivers.bolt.keyspace import NamePath
from explorer.drivers.bolt.page import PageNode

MAX_IMAGE_SIZE: Final = 16 << 20
"""Bytes up to which a file is kept in memory by those who compare its states."""


class Image:
    """The bytes of one state, which later transactions do not change.

    Args:
        data: The pages.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes.

        Raises:
            DamagedFileError: It ends before.
        """
        if offset + size > len(self._data):
            raise DamagedFileError(f"it ends at byte {len(self._data)}, in the middle of a page")
        return self._data[offset : offset + size]


def keep(view: View) -> View:
    """Return a view whose pages no later transaction changes, if the file is small; else one for the next only."""
    size = view.meta.high_water * view.meta.page_size
    pages = Image(view.file.read(0, size)) if size <= MAX_IMAGE_SIZE else view.file
    return View(pages, view.meta, view.state.file)


def is_comparable(old: View, new: View) -> bool:
    """Return whether the pages of an earlier state are still what they were."""
    return isinstance(old.file, Image) or new.state.follows(old.state)


@dataclass(frozen=True, slots=True)
class ElementChange:
    """A key that one of two states lacks, or has with another value."""

    path: NamePath
    old: Element | None
    new: Element | None
    bucket: Bucket | None
    """The bucket that the new element is in."""


def differences(old: Bucket | None, new: Bucket | None, path: NamePath) -> Iterator[ElementChange]:
    """Yield the differences below two states of a bucket, those of a bucket before those of what is in it.

    Raises:
        DamagedFileError: A page is used twice.
    """
    pending = [(old, new, path)]
    seen: set[int] = set()
    while pending:
        old, new, path = pending.pop()
        if new is not None and new.root:
            if new.root in seen:
                raise DamagedFileError(f"the bucket on page {new.root} is in two others")
            seen.add(new.root)
        before, after = _different_elements(old, new)
        for key in sorted(before.keys() | after.keys()):
            one, other = before.get(key), after.get(key)
            was = old.bucket(one) if old and one and one.is_bucket else None
            now = new.bucket(other) if new and other and other.is_bucket else None
            if _is_changed(one, other, was, now):
                yield ElementChange((*path, key), one, other, new)
            if was is not None or now is not None:
                pending.append((was, now, (*path, key)))


def _is_changed(one: Element | None, other: Element | None, was: Bucket | None, now: Bucket | None) -> bool:
    if one is None or other is None or (was is None) != (now is None):
        return True
    if was is not None and now is not None:
        return was.sequence != now.sequence
    return one.value != other.value


def _different_elements(old: Bucket | None, new: Bucket | None) -> tuple[dict[bytes, Element], dict[bytes, Element]]:
    """Return the elements on the leaves that only one of two states has."""
    if old is None or new is None:
        return _elements(_leaves(old)), _elements(_leaves(new))
    if not new.view.state.follows(old.view.state):  # a page may have been freed and used again meanwhile
        before, after = _leaves(old), _leaves(new)
        same = {page for page in before.keys() & after.keys() if page and _is_same(before[page], after[page])}
    else:
        before, after = _changed_leaves(old, new)
        same = {page for page in before.keys() & after.keys() if page}
    for page in same:
        del before[page], after[page]
    return _elements(before), _elements(after)


def _changed_leaves(old: Bucket, new: Bucket) -> tuple[dict[int, PageNode], dict[int, PageNode]]:
    """Return the leaves of two states that follow each other, without the parts of the trees that both have."""
    leaves: tuple[dict[int, PageNode], dict[int, PageNode]] = ({}, {})
    branches = [[bucket.root_node] for bucket in (old, new)]
    for _ in range(MAX_DEPTH):
        pages = [{page for node in nodes for page in node.children} for nodes in branches]
        for bucket, found, nodes, ours, theirs in zip(
            (old, new), leaves, branches, pages, reversed(pages), strict=True
        ):
            found.update((node.page, node) for node in nodes if node.is_leaf)
            nodes[:] = map(bucket.view.node, sorted(ours - theirs))
        if not any(branches):
            return leaves
    raise too_deep()


def _leaves(bucket: Bucket | None) -> dict[int, PageNode]:
    return {} if bucket is None else {element.node.page: element.node for element in bucket.elements()}


def _is_same(old: PageNode, new: PageNode) -> bool:
    """Return whether two leaves have the same bytes, and no bucket, which has pages of its own."""
    return old.content == new.content and not any(map(old.is_bucket, range(len(old.keys))))


def _elements(leaves: dict[int, PageNode]) -> dict[bytes, Element]:
    return {key: Element(key, node, index) for node in leaves.values() for index, key in enumerate(node.keys)}
