"""The part of the journal that is about one place, whatever URL of the store a change was made by."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Self

from explorer.drivers.base import Store
from explorer.journal import DELETE_TREE, JournalRecord
from explorer.model.address import Address, parse
from explorer.model.errors import InvalidAddress
from explorer.model.keys import directory

_OTHER_OPTIONS: Final = frozenset(
    {"admin", "cluster", "copy", "create", "events", "follow", "max_value", "poll", "revision", "sasl", "timeout"}
)
"""Options of URLs that do not change which entry a key is; the others do."""


class JournalScope:
    """A store below the path of a URL.

    `app/port` of `etcd://host/` is `port` of `etcd://host/app/`: a change by either is a change of both.

    Args:
        address: The URL.
        separator: Separator of the names in a key.
        is_masked: Returns whether the values of a key are not shown.
    """

    def __init__(self, address: Address, separator: str, is_masked: Callable[[str], bool] = lambda _: False) -> None:
        self._address = address
        self._separator = separator
        self._is_masked = is_masked
        self._url = address.public_url
        self._root = directory(address.path, separator)
        self._roots: dict[str, str | None] = {}
        """Beginning of the keys of records in the store, by their URL; None for another store."""

    @classmethod
    def of_store(cls, store: Store) -> Self:
        """Return the scope of an opened store."""
        return cls(store.address, store.separator, store.profile.masks if store.profile else lambda _: False)

    def relative(self, record: JournalRecord) -> JournalRecord | None:
        """Return a record with the URL of the scope and the key relative to it; None if it is of another place.

        A deletion of a tree above the URL becomes one of all that is below it. Values that are masked are left out.
        """
        found = self._relative(record)
        if found is None or not self._is_masked(found.key):
            return found
        return replace(found, old=None, new=None, masked=True)

    def _relative(self, record: JournalRecord) -> JournalRecord | None:
        if record.store == self._url:
            return record
        if record.store not in self._roots:
            self._roots[record.store] = self._root_of(record.store)
        root = self._roots[record.store]
        if root is None:
            return None
        key = root + record.key
        if key.startswith(self._root):
            return replace(record, store=self._url, key=key.removeprefix(self._root), profile="")
        if record.action == DELETE_TREE and self._root.startswith(key):
            return replace(record, store=self._url, key="", profile="")
        return None

    def _root_of(self, url: str) -> str | None:
        try:
            address = parse(url)
        except InvalidAddress:
            return None
        return directory(address.path, self._separator) if _is_same_store(address, self._address) else None


def _is_same_store(one: Address, other: Address) -> bool:
    if (one.scheme, one.tls, one.socket) != (other.scheme, other.tls, other.socket):
        return False
    if _telling_options(one) != _telling_options(other):
        return False
    return bool(set(one.hosts) & set(other.hosts)) or one.hosts == other.hosts


def _telling_options(address: Address) -> dict[str, str]:
    return {name: value for name, value in address.options.items() if name not in _OTHER_OPTIONS}
