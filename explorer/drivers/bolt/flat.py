"""Keys of one bucket that programs divide by a separator: their spelling, their levels and their values.

These keys form a tree as etcd's do: a key with a value can have others below it, and names may be empty.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from explorer.drivers.bolt.bucket import Bucket, Element
from explorer.drivers.bolt.errors import too_large
from explorer.drivers.bolt.file import View
from explorer.drivers.bolt.keyspace import BoltKeyspace, IndexedValue, NamePath
from explorer.drivers.bolt.page import MAX_KEY_SIZE
from explorer.drivers.bolt.reader import BoltReader
from explorer.drivers.common.errors import prefix_not_found
from explorer.model.entries import Child, Cursor, Entry, Page
from explorer.model.errors import InvalidKey
from explorer.model.keys import decode, directory, encode, range_end

_INDEX_SIZE: Final = 8
_MAX_INDEX: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class FlatKeyspace(BoltKeyspace):
    """The keys of one bucket, or those that begin with a prefix."""

    prefix: bytes
    """Beginning of every key in the bucket."""
    separator: str
    has_index: bool
    """True if a number of eight bytes stands before each value, which grows with each write."""

    def to_path(self, key: str) -> NamePath:
        data = self.prefix + encode(key)
        if not data:
            raise InvalidKey("a BoltDB file has no empty keys", hint="name a key")
        if len(data) > MAX_KEY_SIZE:
            raise too_large("key", f"{MAX_KEY_SIZE} bytes")
        return (*self.root, data)

    def to_prefix(self, prefix: str) -> bytes:
        """Return the beginning of the keys in a directory."""
        return self.prefix + encode(directory(prefix, self.separator))

    def to_watched_path(self, prefix: str) -> NamePath:
        del prefix
        return self.root

    def is_watched(self, path: Sequence[bytes], prefix: str) -> bool:
        return len(path) == len(self.root) + 1 and path[-1].startswith(self.to_prefix(prefix))

    def to_key(self, path: Sequence[bytes]) -> str:
        return decode(path[-1][len(self.prefix) :])

    def split_value(self, stored: bytes) -> IndexedValue:
        if not self.has_index or len(stored) < _INDEX_SIZE:
            return IndexedValue(stored, {})
        index = int.from_bytes(stored[:_INDEX_SIZE], "little")
        return IndexedValue(stored[_INDEX_SIZE:], {"index": index})

    def join_value(self, value: bytes, stored: bytes | None) -> bytes:
        if not self.has_index:
            return value
        before = 0 if stored is None else int.from_bytes(stored[:_INDEX_SIZE], "little")
        return ((before + 1) & _MAX_INDEX).to_bytes(_INDEX_SIZE, "little") + value


class FlatReader(BoltReader):
    """Reads the keys of one bucket in one state.

    Args:
        view: The state.
        keyspace: Converts keys.
    """

    def __init__(self, view: View, keyspace: FlatKeyspace) -> None:
        super().__init__(view, keyspace)
        self._flat = keyspace
        self._separator = encode(keyspace.separator)
        found = self.root.resolve(keyspace.root)
        self._bucket_or_none = found if isinstance(found, Bucket) else None

    def entry(self, key: str) -> Entry | None:
        name = self._flat.to_path(key)[-1]
        element = self._find(name)
        return None if element is None else self._flat.value_entry(key, element.value)

    def children(self, prefix: str, after: Cursor | str | None, limit: int) -> Page[Child]:
        base = self._flat.to_prefix(prefix)
        start = base if after is None else self._start_after(base, self._data_of(after))
        found = [*islice(self._level(base, start), limit + 1)]
        if not found and after is None:
            self._require(prefix)
        children = tuple(found[:limit])
        return Page(children, Cursor(children[-1].key) if len(found) > limit else None, None)

    def entries(self, prefix: str, after: Cursor | str | None, limit: int, *, values: bool) -> Page[Entry]:
        base = self._flat.to_prefix(prefix)
        start = base if after is None else max(base, self._data_of(after) + b"\0")
        found = [*islice(self._keys(start, base), limit + 1)]
        if not found and after is None:
            self._require(prefix)
        entries = tuple(
            self._flat.value_entry(self._flat.to_key((element.key,)), element.value, values=values)
            for element in found[:limit]
        )
        return Page(entries, Cursor(entries[-1].key) if len(found) > limit else None, None)

    def _data_of(self, after: Cursor | str) -> bytes:
        return self._flat.prefix + encode(Cursor.key_of(after))

    def _keys(self, start: bytes, base: bytes) -> Iterator[Element]:
        """Yield the keys with values from one on, as far as they begin with a base."""
        if self._bucket_or_none is None:
            return
        for element in self._bucket_or_none.elements(start, _end(base)):
            if not element.is_bucket:
                yield element

    def _find(self, key: bytes) -> Element | None:
        """Return a key with a value; None if there is none."""
        element = None if self._bucket_or_none is None else self._bucket_or_none.find(key)
        return None if element is None or element.is_bucket else element

    def _has_value(self, key: bytes) -> bool:
        return self._find(key) is not None

    def _has_below(self, key: bytes) -> bool:
        below = key + self._separator
        return next(self._keys(below, below), None) is not None

    def _start_after(self, base: bytes, after: bytes) -> bytes:
        """Return where a level goes on after a child, or after the first key below one without a value."""
        name, is_below, rest = after[len(base) :].partition(self._separator)
        key = base + name
        if is_below and not rest:
            return max(base, range_end(key + self._separator))
        if not is_below and not self._has_value(key) and self._has_below(key):
            return range_end(key + self._separator)
        return max(base, after + b"\0")

    def _level(self, base: bytes, start: bytes) -> Iterator[Child]:
        parent = decode(base[len(self._flat.prefix) :])
        while (element := next(self._keys(start, base), None)) is not None:
            name, found, _ = element.key[len(base) :].partition(self._separator)
            is_below, key = bool(found), base + name
            start = range_end(key + self._separator) if is_below else element.key + b"\0"
            has_value = not is_below or self._has_value(key)
            if is_below and has_value:
                continue  # the child came with its own key
            has_children = is_below or self._has_below(key)
            text = decode(name)
            yield Child(text, parent + text, has_value=has_value, has_children=has_children)

    def _require(self, prefix: str) -> None:
        """Raise KeyNotFound if a prefix is neither the root nor a key."""
        key = prefix.removesuffix(self._flat.separator)
        if prefix and not (key and self._has_value(self._flat.prefix + encode(key))):
            raise prefix_not_found()


def _end(base: bytes) -> bytes | None:
    """Return the first key that does not begin with a base; None if all others do."""
    end = range_end(base)
    return None if end == b"\0" else end


def keys_below(bucket: Bucket, base: bytes) -> list[bytes]:
    """Return the keys with values in a bucket that begin with a base."""
    return [element.key for element in bucket.elements(base, _end(base)) if not element.is_bucket]


def reader_of(view: View, keyspace: BoltKeyspace) -> BoltReader:
    """Return the reader of a keyspace."""
    return FlatReader(view, keyspace) if isinstance(keyspace, FlatKeyspace) else BoltReader(view, keyspace)
