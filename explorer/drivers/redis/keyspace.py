"""Mapping between the caller's keys and the server's, and from values to entries."""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from explorer.drivers.redis.document import to_document
from explorer.drivers.redis.values import RedisValue
from explorer.model.entries import Entry
from explorer.model.keys import decode, directory, encode

_SPECIAL: Final = re.compile(rb"[*?\[\]\\]")


@dataclass(frozen=True, slots=True)
class RedisKeyspace:
    """The keys below the prefix of an address."""

    root: str
    separator: str

    def to_store_key(self, key: str) -> bytes:
        """Return the key in the store.

        Raises:
            InvalidKey: It has a lone surrogate that is no escaped byte.
        """
        return encode(self.root + key)

    def to_store_prefix(self, prefix: str) -> bytes:
        """Return a prefix in the store, as a directory; empty for the whole store."""
        return encode(self.root + directory(prefix, self.separator))

    def to_key(self, store_key: bytes) -> str:
        """Return the caller's key for a key in the store."""
        return decode(store_key)[len(self.root) :]

    def to_entry(self, store_key: bytes, value: RedisValue, *, values: bool = True) -> Entry:
        """Return a value as an entry; that of a collection is its document."""
        meta: dict[str, str | int | bool] = {"type": value.type, "length": value.length}
        if value.encoding:
            meta["encoding"] = value.encoding
        if value.is_partial:
            meta["partial"] = f"the first {len(value.rows)} of {value.length} elements"
        if not value.is_collection and value.type != "string":
            meta["read only"] = "the bytes of DUMP; the module's own commands change it"
        data = None
        if values:
            data = to_document(value) if value.is_collection else value.data
        return Entry(
            key=self.to_key(store_key),
            value=data,
            revision=value.revision,
            ttl=value.ttl,
            meta=MappingProxyType(meta),
        )


def pattern_below(prefix: bytes) -> bytes:
    """Return the pattern of SCAN for the keys that begin with a prefix."""
    return _SPECIAL.sub(rb"\\\g<0>", prefix) + b"*"
