"""Conversion of keys, prefixes and entries between the address's path and the store."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from explorer.drivers.etcd import leases, messages
from explorer.model.entries import Entry, Revision
from explorer.model.errors import InvalidKey
from explorer.model.keys import directory, encode, range_end

NO_END = b"\0"
"""The `range_end` of a range without an upper bound."""


@dataclass(frozen=True, slots=True)
class EtcdKeyspace:
    """The part of a store below an address's path."""

    root: bytes
    """The beginning of every key."""
    separator: str

    def to_store_key(self, key: str) -> bytes:
        """Return a key as the store has it.

        Raises:
            InvalidKey: It would be empty.
        """
        store_key = self.root + encode(key)
        if not store_key:
            raise InvalidKey("etcd has no empty key", hint="name a key")
        return store_key

    def to_entry(self, kv: messages.KeyValue) -> Entry:
        """Return the entry for a key and value of the store."""
        return next(self.to_entries((kv,), values=True))

    def to_entries(self, kvs: Iterable[messages.KeyValue], *, values: bool) -> Iterator[Entry]:
        """Yield the entries for keys and values of the store; by the million, so without a call for each."""
        length = len(self.root)
        for kv in kvs:
            lease = kv.lease
            yield Entry(
                kv.key[length:].decode("utf-8", "surrogateescape"),
                kv.value if values else None,
                kv.mod_revision,
                kv.create_revision or None,
                kv.version or None,
                None,
                leases.to_hex(lease) if lease else None,
            )

    def to_range(self, prefix: str) -> tuple[bytes, bytes]:
        """Return start and end of the range below a prefix; the start is empty for the whole store."""
        start = self.root + encode(directory(prefix, self.separator))
        return start, range_end(start)

    def to_revision(self, revision: Revision) -> int:
        """Return a revision as etcd's number.

        Raises:
            InvalidKey: It is none.
        """
        if isinstance(revision, int):
            return revision
        raise InvalidKey(f"{revision!r} is no revision: etcd's are numbers")
