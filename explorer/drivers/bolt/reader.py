"""Reader of one state of a file: entries, the levels of the tree of buckets, and everything below one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from explorer.drivers.bolt.bucket import Bucket, Element
from explorer.drivers.bolt.errors import DamagedFileError
from explorer.drivers.bolt.file import View
from explorer.drivers.bolt.keyspace import (
    SEPARATOR,
    BoltKeyspace,
    NamePath,
    bucket_entry,
)
from explorer.drivers.bolt.level_order import elements_in_order
from explorer.drivers.common.errors import prefix_not_found
from explorer.model.entries import Child, Cursor, Entry, Page
from explorer.model.errors import InvalidKey
from explorer.model.keys import directory

_PLAIN: Final = BoltKeyspace(())


@dataclass(frozen=True, slots=True)
class Found:
    """An element and its path."""

    path: NamePath
    element: Element
    parent: Bucket

    def bucket(self) -> Bucket | None:
        """Return the bucket that it is; None for a value."""
        return self.parent.bucket(self.element) if self.element.is_bucket else None


class BoltReader:
    """Reads one state.

    Args:
        view: The state.
        keyspace: Converts keys.
    """

    def __init__(self, view: View, keyspace: BoltKeyspace) -> None:
        self.keyspace = keyspace
        self.root = Bucket.root_of(view)

    def entry(self, key: str) -> Entry | None:
        """Return the entry of a key; None if there is none."""
        match self.root.resolve(self.keyspace.to_path(key)):
            case Bucket(sequence=sequence):
                return bucket_entry(key, sequence)
            case Element() as element:
                return self.keyspace.value_entry(key, element.value)
        return None

    def children(self, prefix: str, after: Cursor | str | None, limit: int) -> Page[Child]:
        """Return a page of a level, see `Store.children`."""
        base = directory(prefix, SEPARATOR)
        bucket = self._bucket(prefix)
        path = self.keyspace.to_prefix_path(prefix)
        start = None
        if after is not None:
            start = self.keyspace.position_of(path, Cursor.key_of(after).removeprefix(base))
        found = [*islice(elements_in_order(bucket, start), limit + 1)] if bucket else []
        children = tuple(self._child(base, path, element) for element in found[:limit])
        return Page(children, Cursor(children[-1].key) if len(found) > limit else None, None)

    def entries(self, prefix: str, after: Cursor | str | None, limit: int, *, values: bool) -> Page[Entry]:
        """Return a page of everything below a prefix, see `Store.list`."""
        bucket = self._bucket(prefix)
        if bucket is None:
            return Page((), None, None)
        rest = None if after is None else Cursor.key_of(after).removeprefix(directory(prefix, SEPARATOR))
        path = self.keyspace.to_prefix_path(prefix)
        found = [*islice(walk(bucket, path, after=rest, keyspace=self.keyspace), limit + 1)]
        entries = tuple(self._to_entries(found[:limit], values=values))
        return Page(entries, Cursor(entries[-1].key) if len(found) > limit else None, None)

    def _bucket(self, prefix: str) -> Bucket | None:
        """Return the bucket of a prefix; None for a key with a value, and for a root that does not exist.

        Raises:
            KeyNotFound: There is nothing.
        """
        path = self.keyspace.to_prefix_path(prefix)
        found = self.root.resolve(path)
        if found is None and path != self.keyspace.root:
            raise prefix_not_found()
        return found if isinstance(found, Bucket) else None

    def _child(self, base: str, path: NamePath, element: Element) -> Child:
        name = self.keyspace.show_name(path, element.key)
        return Child(name, base + name, has_value=True, has_children=element.is_bucket)

    def _to_entries(self, found: Iterable[Found], *, values: bool) -> Iterator[Entry]:
        parent: NamePath | None = None
        prefix = ""
        for one in found:
            above = one.path[:-1]
            if above != parent:
                parent, prefix = above, directory(self.keyspace.to_key(above), SEPARATOR)
            key = prefix + self.keyspace.show_name(above, one.element.key)
            if (bucket := one.bucket()) is not None:
                yield bucket_entry(key, bucket.sequence)
            else:
                yield self.keyspace.value_entry(key, one.element.value, values=values)


def walk(
    bucket: Bucket, path: NamePath, *, after: str | None = None, keyspace: BoltKeyspace = _PLAIN
) -> Iterator[Found]:
    """Yield everything below a bucket, each bucket before what is in it, in the order of the shown names.

    Args:
        bucket: The bucket.
        path: Its path.
        after: A key below it, existing or not, to start after.
        keyspace: Converts names.

    Raises:
        DamagedFileError: A bucket is in itself.
    """
    levels = (
        [(bucket, path, elements_in_order(bucket))] if after is None else _levels_after(bucket, path, after, keyspace)
    )
    roots = [level.root for level, _, _ in levels]
    while levels:
        parent, path, elements = levels[-1]
        element = next(elements, None)
        if element is None:
            levels.pop()
            roots.pop()
            continue
        found = Found((*path, element.key), element, parent)
        yield found
        if (below := found.bucket()) is not None:
            if below.root and below.root in roots:
                raise DamagedFileError(f"the bucket on page {below.root} is in itself")
            levels.append((below, found.path, elements_in_order(below)))
            roots.append(below.root)


def _levels_after(
    bucket: Bucket, path: NamePath, after: str, keyspace: BoltKeyspace
) -> list[tuple[Bucket, NamePath, Iterator[Element]]]:
    """Return the levels of a walk that goes on after a key, the one of the top first."""
    levels, names = [], after.split(SEPARATOR)
    for text in names:
        levels.append((bucket, path, elements_in_order(bucket, keyspace.position_of(path, text))))
        try:
            name = keyspace.parse_name(path, text)
        except InvalidKey:
            return levels
        element = bucket.find(name)
        if element is None or not element.is_bucket:
            return levels
        bucket, path = bucket.bucket(element), (*path, name)
    levels.append((bucket, path, elements_in_order(bucket)))
    return levels


def count_below(bucket: Bucket) -> int:
    """Return the number of keys and buckets below a bucket."""
    return sum(1 for _ in walk(bucket, ()))
