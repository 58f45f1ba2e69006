"""Keys, entries and directories below the path of an address."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType

from explorer.drivers.memory.database import Database, KeyVersion
from explorer.model.entries import NO_META, Child, Cursor, Entry, Page
from explorer.model.errors import InvalidKey
from explorer.model.keys import decode, directory, encode, first_name, range_end


@dataclass(frozen=True, slots=True)
class MemoryKeyspace:
    """Translation between the keys of a database and those of an address.

    Args:
        database: The database.
        root: Beginning of all keys of the address.
        separator: Separator of the names in a key.
    """

    database: Database
    root: bytes
    separator: str

    def to_store_key(self, key: str) -> bytes:
        """Return the key in the database.

        Raises:
            InvalidKey: It is empty, or cannot be encoded.
        """
        store_key = self.root + encode(key)
        if not store_key:
            raise InvalidKey("a key cannot be empty", hint="name a key")
        return store_key

    def to_key(self, key: bytes) -> str:
        """Return a key of the database as the caller spells it."""
        return decode(key[len(self.root) :])

    def key_range(self, prefix: str) -> tuple[bytes, bytes]:
        """Return the range of keys below a prefix: the first one, and the first one behind it."""
        start = self.root + encode(directory(prefix, self.separator))
        return start, range_end(start)

    def to_entry(self, key: bytes, version: KeyVersion, *, values: bool = True) -> Entry:
        """Return a version of a key as an entry."""
        return Entry(
            key=self.to_key(key),
            value=version.value if values else None,
            revision=version.revision,
            created=version.created,
            version=version.count,
            ttl=self.database.leases.time_left(version.lease),
            lease=version.lease,
            meta=MappingProxyType({"flags": version.flags}) if version.flags else NO_META,
        )

    def exists(self, prefix: str, revision: int) -> bool:
        """Return whether a prefix is empty, a key, or has anything below it."""
        if not prefix or next(self.database.scan(*self.key_range(prefix), revision), None):
            return True
        return self.database.at(self.root + encode(prefix.removesuffix(self.separator)), revision) is not None

    def entries(
        self, prefix: str, after: Cursor | str | None, revision: int, *, limit: int, values: bool
    ) -> Page[Entry]:
        """Return a page of all entries below a prefix."""
        start, end = self.key_range(prefix)
        if after is not None:
            start = max(start, self.root + encode(Cursor.key_of(after)) + b"\0")
        found = list(islice(self.database.scan(start, end, revision), limit + 1))
        items = tuple(self.to_entry(key, version, values=values) for key, version in found[:limit])
        return Page(items, Cursor(items[-1].key, revision) if len(found) > limit else None, revision)

    def count(self, prefix: str, revision: int) -> int:
        """Return the number of entries below a prefix."""
        return sum(1 for _ in self.database.scan(*self.key_range(prefix), revision))

    def children(self, prefix: str, after: Cursor | str | None, revision: int, *, limit: int) -> Page[Child]:
        """Return a page of the next level below a prefix, ordered by the first key of each child."""
        found = list(islice(self._children(prefix, after, revision), limit + 1))
        items = tuple(found[:limit])
        return Page(items, Cursor(items[-1].key, revision) if len(found) > limit else None, revision)

    def _children(self, prefix: str, after: Cursor | str | None, revision: int) -> Iterator[Child]:
        start, end = self.key_range(prefix)
        here = decode(start)
        position = start
        if after is not None:
            position = max(start, self._position_after(self.root + encode(Cursor.key_of(after)), revision))
        while (found := next(self.database.scan(position, end, revision), None)) is not None:
            key, _ = found
            name, more = first_name(decode(key)[len(here) :], self.separator)
            node = start + encode(name)
            has_value = self.database.at(node, revision) is not None
            if more and has_value:  # yielded when its value was found
                position = range_end(self._directory(node))
            else:
                has_children = more or next(self.database.scan(*self._range(node), revision), None) is not None
                yield Child(name, self.to_key(node), has_value, has_children)
                position = self._position_after(node, revision)

    def _position_after(self, node: bytes, revision: int) -> bytes:
        return node + b"\0" if self.database.at(node, revision) is not None else range_end(self._directory(node))

    def _directory(self, node: bytes) -> bytes:
        return node + encode(self.separator)

    def _range(self, node: bytes) -> tuple[bytes, bytes]:
        below = self._directory(node)
        return below, range_end(below)
