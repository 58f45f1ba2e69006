"""Where keys lie, and how Consul's objects become entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from explorer.drivers.consul.answers import Stored
from explorer.model.entries import Entry
from explorer.model.errors import InvalidKey
from explorer.model.keys import directory

_NOTHING: Mapping[str, str | int | bool] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ConsulKeyspace:
    """The key space of an address."""

    root: str
    separator: str
    redacted: str

    def locate(self, key: str) -> str:
        """Give the key in the store.

        Raises:
            InvalidKey: It is empty, or no UTF-8 text: Consul's JSON knows nothing else.
        """
        if not self.root + key:
            raise InvalidKey("Consul has no empty key", hint="name a key", address=self.redacted)
        try:
            key.encode()
        except UnicodeEncodeError as error:
            raise InvalidKey(
                "Consul's keys are UTF-8 text", hint="other bytes cannot be sent", address=self.redacted, key=ascii(key)
            ) from error
        return self.root + key

    def base(self, prefix: str) -> str:
        """Give a prefix in the store, as a directory; empty for the whole store."""
        return self.locate(directory(prefix, self.separator)) if prefix else self.root

    def relative(self, key: str) -> str:
        """Give a key of the store as the caller spells it."""
        return key[len(self.root) :]

    def entry(self, found: Stored, *, values: bool = True, ttl: float | None = None) -> Entry:
        """Give what Consul keeps as an entry."""
        meta = {"flags": found.flags, "lock index": found.locked}
        told = {name: number for name, number in meta.items() if number}
        return Entry(
            key=self.relative(found.key),
            value=found.value if values else None,
            revision=found.modified,
            created=found.created,
            ttl=ttl,
            lease=found.session,
            meta=MappingProxyType(told) if told else _NOTHING,
        )


def is_url_safe(path: str) -> bool:
    """Tell whether HTTP carries a key or prefix unaltered: Consul's server cleans paths (`a//b` would become `a/b`)."""
    return path == url_safe_prefix(path)


def url_safe_prefix(prefix: str) -> str:
    """Give the longest beginning of a prefix that HTTP carries unaltered."""
    *names, last = prefix.split("/")
    for number, name in enumerate(names):
        if name in ("", ".", ".."):
            return "".join(f"{name}/" for name in names[:number])
    return prefix if last not in (".", "..") else prefix[: -len(last)]
