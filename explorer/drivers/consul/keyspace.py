"""Mapping between the caller's keys and Consul's, and from Consul's pairs to entries."""

from dataclasses import dataclass
from types import MappingProxyType

from explorer.drivers.consul.answers import KVPair
from explorer.model.entries import NO_META, Entry
from explorer.model.errors import InvalidKey
from explorer.model.keys import directory


@dataclass(frozen=True, slots=True)
class ConsulKeyspace:
    """The keys below the path of an address."""

    root: str
    separator: str

    def to_store_key(self, key: str) -> str:
        """Return the key in the store.

        Raises:
            InvalidKey: The key is empty, or not UTF-8 text, which is all that Consul's JSON can carry.
        """
        if not self.root + key:
            raise InvalidKey("Consul has no empty key", hint="give a key")
        try:
            key.encode()
        except UnicodeEncodeError as error:
            raise InvalidKey(
                "Consul's keys are UTF-8 text", hint="other bytes cannot be sent", key=ascii(key)
            ) from error
        return self.root + key

    def to_store_prefix(self, prefix: str) -> str:
        """Return a prefix in the store, as a directory; empty for the whole store."""
        return self.to_store_key(directory(prefix, self.separator)) if prefix else self.root

    def to_key(self, store_key: str) -> str:
        """Return the caller's key for a key in the store."""
        return store_key[len(self.root) :]

    def to_entry(self, pair: KVPair, *, values: bool = True, ttl: float | None = None) -> Entry:
        """Return a pair as an entry."""
        numbers = {"flags": pair.flags, "lock index": pair.lock_index}
        meta = {name: number for name, number in numbers.items() if number}
        return Entry(
            key=self.to_key(pair.key),
            value=pair.value if values else None,
            revision=pair.modify_index,
            created=pair.create_index,
            ttl=ttl,
            lease=pair.session,
            meta=MappingProxyType(meta) if meta else NO_META,
        )


def is_url_safe(key: str) -> bool:
    """Return whether a key or prefix survives in a URL: Consul's server cleans paths (`a//b` becomes `a/b`)."""
    return key == url_safe_prefix(key)


def url_safe_prefix(prefix: str) -> str:
    """Return the longest start of a prefix that survives in a URL."""
    *names, last = prefix.split("/")
    for number, name in enumerate(names):
        if name in ("", ".", ".."):
            return "".join(f"{name}/" for name in names[:number])
    return prefix if last not in (".", "..") else prefix[: -len(last)]
