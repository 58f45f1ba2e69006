"""What one connection sees of a keyspace: keys as text relative to its path, entries, directories by its separator."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from explorer.drivers.memory.database import Database, Version
from explorer.model.entries import Child, Cursor, Entry, Page
from explorer.model.errors import InvalidKey
from explorer.model.keys import decode, directory, encode, first_name, range_end


@dataclass(frozen=True, slots=True)
class MemoryKeyspace:
    """A keyspace as seen from a path."""

    keyspace: Database
    root: bytes
    separator: str

    def full(self, key: str) -> bytes:
        """Give the key in the keyspace.

        Raises:
            InvalidKey: It is empty, or cannot be written as bytes.
        """
        full = self.root + encode(key)
        if not full:
            raise InvalidKey("a key cannot be empty", hint="name a key")
        return full

    def relative(self, key: bytes) -> str:
        """Give a key of the keyspace as the caller spells it."""
        return decode(key[len(self.root) :])

    def span(self, prefix: str) -> tuple[bytes, bytes]:
        """Give the range of keys below a prefix."""
        start = self.root + encode(directory(prefix, self.separator))
        return start, range_end(start)

    def entry(self, key: bytes, version: Version, *, values: bool = True) -> Entry:
        """Give a state of a key as an entry."""
        return Entry(
            key=self.relative(key),
            value=version.value if values else None,
            revision=version.revision,
            created=version.created,
            version=version.count,
            ttl=self.keyspace.leases.left(version.lease),
            lease=version.lease,
        )

    def found(self, prefix: str, revision: int) -> bool:
        """Tell whether a prefix is the empty one, a key, or has anything below it."""
        if not prefix or next(self.keyspace.scan(*self.span(prefix), revision), None):
            return True
        return self.keyspace.at(self.root + encode(prefix.removesuffix(self.separator)), revision) is not None

    def entries(
        self, prefix: str, after: Cursor | str | None, revision: int, *, limit: int, values: bool
    ) -> Page[Entry]:
        """Give a page of all entries below a prefix."""
        start, end = self.span(prefix)
        if after is not None:
            start = max(start, self.root + encode(Cursor.key_of(after)) + b"\0")
        found = list(islice(self.keyspace.scan(start, end, revision), limit + 1))
        items = tuple(self.entry(key, version, values=values) for key, version in found[:limit])
        return Page(items, Cursor(items[-1].key, revision) if len(found) > limit else None, revision)

    def children(self, prefix: str, after: Cursor | str | None, revision: int, *, limit: int) -> Page[Child]:
        """Give a page of the next level below a prefix, in the order in which the keyspace comes upon them."""
        found = list(islice(self._children(prefix, after, revision), limit + 1))
        items = tuple(found[:limit])
        return Page(items, Cursor(items[-1].key, revision) if len(found) > limit else None, revision)

    def _children(self, prefix: str, after: Cursor | str | None, revision: int) -> Iterator[Child]:
        start, end = self.span(prefix)
        here = decode(start)
        position = start
        if after is not None:
            position = max(start, self._past(self.root + encode(Cursor.key_of(after)), revision))
        while (found := next(self.keyspace.scan(position, end, revision), None)) is not None:
            key, _ = found
            name, more = first_name(decode(key)[len(here) :], self.separator)
            node = start + encode(name)
            has_value = self.keyspace.at(node, revision) is not None
            if more and has_value:  # told when its value was come upon
                position = range_end(self._below(node))
            else:
                has_children = more or next(self.keyspace.scan(*self._range(node), revision), None) is not None
                yield Child(name, self.relative(node), has_value, has_children)
                position = self._past(node, revision)

    def _past(self, node: bytes, revision: int) -> bytes:
        return node + b"\0" if self.keyspace.at(node, revision) is not None else range_end(self._below(node))

    def _below(self, node: bytes) -> bytes:
        return node + encode(self.separator)

    def _range(self, node: bytes) -> tuple[bytes, bytes]:
        below = self._below(node)
        return below, range_end(below)
