"""Keys of the contract and the names of buckets and keys in a file.

A key is the names of its buckets and its own, with a slash between them. A slash in a name is written `~1` and a tilde
`~0`, as in a JSON pointer (RFC 6901), so every name has one spelling.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from explorer.drivers.bolt.bucket import Bucket, Element
from explorer.drivers.bolt.errors import too_large
from explorer.drivers.bolt.page import MAX_KEY_SIZE
from explorer.model.entries import NO_META, Entry, Meta, Revision
from explorer.model.errors import InvalidKey
from explorer.model.keys import decode, encode

SEPARATOR: Final = "/"
_DIGEST_SIZE: Final = 16
_LAST: Final = b"\xff" * 64
"""End of a name that comes after all that begin as it does."""

NamePath = tuple[bytes, ...]
"""Names of the buckets above a key, and its own name."""


class IndexedValue(NamedTuple):
    """Value of a key, and what programs store with it."""

    value: bytes
    meta: Meta


def show_name(name: bytes) -> str:
    """Return a name as it is shown.

    >>> show_name(b"vpp/agent~1")
    'vpp~1agent~01'
    """
    text = decode(name)
    return text.replace("~", "~0").replace("/", "~1") if "~" in text or "/" in text else text


def parse_name(text: str) -> bytes:
    """Return the name that is shown as a text.

    Raises:
        InvalidKey: No name is shown so.
    """
    if not text:
        raise InvalidKey("a BoltDB file has no empty names", hint="write it like bucket/key")
    name = encode(text.replace("~1", "/").replace("~0", "~"))
    if show_name(name) != text:
        raise InvalidKey(f"{text!r} is no name: a tilde is written ~0, a slash ~1", hint="write ~0 for the tilde")
    if len(name) > MAX_KEY_SIZE:
        raise too_large("name", f"{MAX_KEY_SIZE} bytes")
    return name


def position_of(text: str) -> bytes:
    """Return a name that comes right where a text does among the shown names, whether or not a name is shown so."""
    data = encode(text)
    if (slash := data.find(b"/")) >= 0:  # no name is shown with one: it is a place before 0
        return _lenient(data[:slash]) + b"." + _LAST
    return _lenient(data)


def _lenient(data: bytes) -> bytes:
    name, first = b"", True
    for part in data.split(b"~"):
        if first:
            name, first = part, False
        elif part[:1] in (b"0", b"1"):
            name += (b"~" if part[:1] == b"0" else b"/") + part[1:]
        else:  # no name is shown so: a place before ~0, or behind ~1
            return name + (b"}" if part < b"0" else b"/") + _LAST
    return name


def revision_of(value: bytes) -> str:
    """Return the revision of a value: the file counts its transactions, and not those of a key."""
    return f"sha256:{hashlib.sha256(value).hexdigest()[: 2 * _DIGEST_SIZE]}"


@dataclass(frozen=True, slots=True)
class BoltKeyspace:
    """The part of a file below an address's path."""

    root: NamePath
    """Names of the buckets that every key is in."""

    def to_path(self, key: str) -> NamePath:
        """Return the path of a key.

        Raises:
            InvalidKey: The key has an empty name, or one that no name is shown as.
            TooLarge: A name is too long.
        """
        path = self.root
        for text in key.split(SEPARATOR):
            path = (*path, self.parse_name(path, text))
        return path

    def to_prefix_path(self, prefix: str) -> NamePath:
        """Return the path of a directory, with or without a slash at its end; empty for the root."""
        bare = prefix.removesuffix(SEPARATOR)
        return self.to_path(bare) if bare else self.root

    def to_key(self, path: Sequence[bytes]) -> str:
        """Return the key of a path."""
        first = len(self.root)
        return SEPARATOR.join(self.show_name(tuple(path[:depth]), path[depth]) for depth in range(first, len(path)))

    def to_path_text(self) -> str:
        """Return the shown names of the buckets that every key is in, each with a slash."""
        return "".join(f"{self.show_name(self.root[:depth], name)}/" for depth, name in enumerate(self.root))

    def show_name(self, parent: NamePath, name: bytes) -> str:
        """Return a name in a bucket as it is shown."""
        del parent
        return show_name(name)

    def parse_name(self, parent: NamePath, text: str) -> bytes:
        """Return the name in a bucket that is shown as a text.

        Raises:
            InvalidKey: No name is shown so.
        """
        del parent
        return parse_name(text)

    def position_of(self, parent: NamePath, text: str) -> bytes:
        """Return a name that comes right where a text does among the shown names of a bucket."""
        del parent
        return position_of(text)

    def to_watched_path(self, prefix: str) -> NamePath:
        """Return the path of the bucket that has everything below a prefix."""
        return self.to_prefix_path(prefix)

    def is_watched(self, path: Sequence[bytes], prefix: str) -> bool:
        """Return whether what is in the bucket of a prefix is a key below the prefix."""
        del path, prefix
        return True

    def split_value(self, stored: bytes) -> IndexedValue:
        """Return the value of what is stored."""
        return IndexedValue(stored, {})

    def join_value(self, value: bytes, stored: bytes | None) -> bytes:
        """Return what is to be stored.

        Args:
            value: The value.
            stored: What is stored now; None for a new key.
        """
        del stored
        return value

    def to_entry(self, path: Sequence[bytes], element: Element, bucket: Bucket) -> Entry:
        """Return the entry of an element.

        Args:
            path: Its path.
            element: The element.
            bucket: The bucket that it is in.
        """
        if element.is_bucket:
            return bucket_entry(self.to_key(path), bucket.bucket(element).sequence)
        return self.value_entry(self.to_key(path), element.value)

    def value_entry(self, key: str, stored: bytes, *, values: bool = True) -> Entry:
        """Return the entry of a key.

        Args:
            key: The key.
            stored: What is stored.
            values: Whether the entry has the value.
        """
        value, meta = self.split_value(stored)
        return Entry(
            key, value if values else None, revision_of(stored), meta=MappingProxyType(dict(meta)) if meta else NO_META
        )


def bucket_entry(key: str, sequence: int) -> Entry:
    """Return the entry of a bucket, which has no value and a number that programs may count in."""
    meta: dict[str, str | int | bool] = {"directory": True}
    if sequence:
        meta["sequence"] = sequence
    return Entry(key, None, bucket_revision(sequence), meta=MappingProxyType(meta))


def bucket_revision(sequence: int) -> Revision:
    """Return the revision of a bucket, which does not change with what is in it."""
    return f"bucket:{sequence}"
