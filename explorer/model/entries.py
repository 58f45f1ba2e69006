"""Entries, children of a prefix, pages of either, and the status of a store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

Revision: TypeAlias = int | str
"""Identifies one state of a key. Opaque: revisions are compared for equality, never ordered.

etcd: the mod revision; Consul: ModifyIndex; ZooKeeper: czxid and version; Redis: type and bytes; BoltDB: transaction id
and bytes; files: a digest.
"""

Meta: TypeAlias = Mapping[str, str | int | bool]
"""Metadata of one kind of store by its names there, such as `flags` of Consul or `acl` of ZooKeeper."""
NO_META: Final[Meta] = MappingProxyType({})

Item_co = TypeVar("Item_co", covariant=True)


class Entry(NamedTuple):
    """One key of a store, as read.

    A named tuple: entries are made by the million, and a frozen dataclass costs four times as much to make.

    `value` is None where there is none (a directory) or where it was not asked for; an empty value is `b""`.
    """

    key: str
    value: bytes | None
    revision: Revision
    created: Revision | None = None
    """Revision at which the key was created; a key that is deleted and created again has a new one."""
    version: int | None = None
    """Number of writes since the key was created, where the store counts them; ZooKeeper does not count the first."""
    ttl: float | None = None
    """Remaining TTL in seconds; None if it never expires, or where a list would need a request per entry to know."""
    lease: str | None = None
    """Lease or session that the key expires with, written as the store's own tools do."""
    meta: Meta = NO_META
    """Metadata of this kind of store only (flags, owner, type, ...)."""

    @property
    def unchanged(self) -> bool:
        """True if the key was not written since it was created, as far as the store reports it."""
        return self.version == 0 or (self.created is not None and self.created == self.revision)


@dataclass(frozen=True, slots=True)
class Child:
    """One name in the level below a prefix: a key, a directory, or both."""

    name: str
    key: str
    has_value: bool
    has_children: bool
    """True if there are keys below; with etcd's v2 API, if it is a directory, which may be empty."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Start of the next page: after this key, at this revision where the store can still read it."""

    key: str
    revision: Revision | None = None

    @staticmethod
    def key_of(after: "Cursor | str") -> str:
        """Return the key that a page starts after."""
        return after.key if isinstance(after, Cursor) else after


@dataclass(frozen=True, slots=True)
class Page(Generic[Item_co]):
    """One page of a listing, in the store's order."""

    items: tuple[Item_co, ...]
    next: Cursor | None
    """Cursor to pass as `after` for the next page; None after the last page."""
    revision: Revision | None
    """Revision at which the whole listing is read; None where the store has no common one."""


@dataclass(frozen=True, slots=True)
class Status:
    """Answer of a store's authority (leader or quorum) about itself; proof that the store is alive."""

    product: str
    version: str
    revision: Revision | None = None
    identity: str | None = None
    """Identity of the cluster: another one behind the same address is another store."""
    facts: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    """Further facts in the store's own terms, the most important first."""
    complaints: tuple[str, ...] = ()
    """Problems to know of before relying on the store, one line each."""
    data_ids: frozenset[str] = frozenset()
    """IDs of what holds the data: two addresses with one in common lead to the same store. Empty: its identity."""
    data_path: str | None = None
    """Path there that all keys begin with, if it is not the store's `root_path`."""
