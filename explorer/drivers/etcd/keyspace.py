"""Where the keys of an address lie in the store, and how what the store sends is spelled."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from explorer.drivers.etcd import leases, messages
from explorer.model.entries import Entry, Revision
from explorer.model.errors import InvalidKey
from explorer.model.keys import directory, encode, range_end


@dataclass(frozen=True, slots=True)
class EtcdKeyspace:
    """The part of a store that an address names."""

    root: bytes
    """What stands before every key of ours."""
    separator: str
    redacted: str
    """The address, for errors."""

    def locate(self, key: str) -> bytes:
        """Give a key as the store spells it."""
        place = self.root + encode(key)
        if not place:
            raise InvalidKey("etcd has no empty key", hint="name a key", address=self.redacted, key=key)
        return place

    def spell(self, found: messages.KeyValue) -> Entry:
        """Give the Entry of what the store sent."""
        return next(self.entries((found,), values=True))

    def entries(self, found: Iterable[messages.KeyValue], *, values: bool) -> Iterator[Entry]:
        """Give the Entries of what the store sent; by the million, so without any further call for each."""
        root = len(self.root)
        for one in found:
            lease = one.lease
            yield Entry(
                one.key[root:].decode("utf-8", "surrogateescape"),
                one.value if values else None,
                one.mod_revision,
                one.create_revision or None,
                one.version or None,
                None,
                leases.spelled(lease) if lease else None,
            )

    def range(self, prefix: str) -> tuple[bytes, bytes]:
        """Give start and end of what lies below a prefix; the start is empty for the whole store."""
        start = self.root + encode(directory(prefix, self.separator))
        return start, range_end(start)

    def number(self, revision: Revision) -> int:
        """Give a revision as etcd counts them."""
        if isinstance(revision, int):
            return revision
        raise InvalidKey(f"{revision!r} is no revision: etcd's are numbers", address=self.redacted)
