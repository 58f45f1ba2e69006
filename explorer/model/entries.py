"""What a store holds, as values: entries, the children of a prefix, and pages of either."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeAlias, TypeVar

Revision: TypeAlias = int | str
"""What tells one state of a key from another; opaque: equality always holds, order is never assumed.

etcd: the mod revision; Consul: ModifyIndex; ZooKeeper: czxid and version; Redis: type and bytes; BoltDB: transaction id
and bytes; files: a digest.
"""

Item_co = TypeVar("Item_co", covariant=True)


class Entry(NamedTuple):
    """One key of a store as it was read.

    A named tuple: entries are made by the million, and a frozen dataclass costs four times as much to make.

    `value` is None where there is none (a directory) or where it was not asked for; an empty value is `b""`.
    """

    key: str
    value: bytes | None
    revision: Revision
    created: Revision | None = None
    """The revision at which the key came to be; a key deleted and made again has a new one."""
    version: int | None = None
    """How often the key was written since it came to be, where the store counts; ZooKeeper does not count the first."""
    ttl: float | None = None
    """Seconds left to live; None for ever, or where telling would cost a request for each entry of a list."""
    lease: str | None = None
    """The lease or session that the key lives and dies with, spelled as the store's own tools do."""
    meta: Mapping[str, str | int | bool] = MappingProxyType({})
    """What only this store knows of an entry (flags, owner, type, ...)."""

    @property
    def unchanged(self) -> bool:
        """Whether it is as it came to be, as far as the store tells."""
        return self.version == 0 or (self.created is not None and self.created == self.revision)


@dataclass(frozen=True, slots=True)
class Child:
    """One name of the level below a prefix: a value, more levels, or both."""

    name: str
    key: str
    has_value: bool
    has_children: bool
    """Whether there is anything below; of etcd's v2 API, whether it is a directory, which may be empty."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page starts: after this key, at this revision where the store can still read it."""

    key: str
    revision: Revision | None = None

    @staticmethod
    def key_of(after: "Cursor | str") -> str:
        """Give the key that a page starts after, however it was said."""
        return after.key if isinstance(after, Cursor) else after


@dataclass(frozen=True, slots=True)
class Page(Generic[Item_co]):
    """A part of a listing, in the store's order."""

    items: tuple[Item_co, ...]
    next: Cursor | None
    """What to pass as `after` for the next page; None when this was the last."""
    revision: Revision | None
    """The revision that the whole listing is read at; None where the store has no common one."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a store's authority answered about itself just now; the proof that it is alive."""

    product: str
    version: str
    revision: Revision | None = None
    identity: str | None = None
    """Which store this is: another identity behind the same address is another store."""
    facts: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    """Further findings in the store's own terms, in the order they are worth reading."""
    complaints: tuple[str, ...] = ()
    """What a person should know before relying on it, one line each."""
