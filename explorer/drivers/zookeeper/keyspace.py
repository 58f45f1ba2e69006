"""Mapping between keys and paths of znodes, and from znodes to entries.

Every znode is an entry: it has a value, which may be empty, and may have children as well. A key is the path of a znode
without its first slash.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from explorer.drivers.zookeeper.acl import Acl, format_acl
from explorer.model.entries import Entry, Meta, Revision
from explorer.model.errors import InvalidKey

# What the servers refuse (PathUtils.validatePath).
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\uf8ff\ufff0-\uffff\U00010000-\U0010ffff]")
_CONTAINER_OWNER: Final = -(2**63)
_TTL_OWNER_BYTE: Final = 0xFF
_TTL_BITS: Final = 40


class Stat(NamedTuple):
    """A znode's metadata, with ZooKeeper's names; times are in milliseconds."""

    czxid: int
    mzxid: int
    ctime: int
    mtime: int
    version: int
    cversion: int
    aversion: int
    ephemeral_owner: int
    data_length: int
    num_children: int
    pzxid: int

    @property
    def session(self) -> int | None:
        """ID of the session that the znode ends with; None also for the owner fields of containers and TTLs."""
        if self.ephemeral_owner in (0, _CONTAINER_OWNER) or self.ttl is not None:
            return None
        return self.ephemeral_owner

    @property
    def ttl(self) -> float | None:
        """TTL after the last change, in seconds; only servers 3.5 report it."""
        owner = self.ephemeral_owner & (2**64 - 1)
        return (owner & (2**_TTL_BITS - 1)) / 1000 if owner >> 56 == _TTL_OWNER_BYTE else None

    @property
    def kind(self) -> str:
        """ZooKeeper's name for the kind of znode."""
        if self.ephemeral_owner == _CONTAINER_OWNER:
            return "container"
        if self.ttl is not None:
            return "TTL"
        return "ephemeral" if self.ephemeral_owner else "persistent"


class ZNodeVersion(NamedTuple):
    """Identity of a znode's state: the znode's creation, and its version, which starts at 0 with each creation."""

    czxid: int
    version: int

    def __str__(self) -> str:
        return f"{self.czxid:#x}:{self.version}"


@dataclass(frozen=True, slots=True)
class ZooKeeperKeyspace:
    """The znodes below the path of an address."""

    root: str

    def to_store_key(self, key: str) -> str:
        """Return the path of a key.

        Raises:
            InvalidKey: A znode cannot have this path.
        """
        if reason := invalid_reason(key):
            raise InvalidKey(
                reason,
                hint="write it without the first slash"
                if key.startswith("/")
                else "names are separated by one slash: a/b/c",
                key=ascii(key)[1:-1],
            )
        return f"{self.root}/{key}"

    def to_store_prefix(self, prefix: str) -> str:
        """Return the path of a directory, without a final slash; empty for the root of the store."""
        return self.to_store_key(prefix.removesuffix("/")) if prefix else self.root

    def to_key(self, path: str) -> str:
        """Return the key of a path."""
        return path[len(self.root) + 1 :]

    def to_entry(self, path: str, value: bytes | None, stat: Stat, acl: Acl | None = None) -> Entry:
        """Return a znode as an entry. The remaining TTL is computed from this machine's clock and the znode's mtime."""
        return Entry(
            key=self.to_key(path),
            value=value,
            revision=str(ZNodeVersion(stat.czxid, stat.version)),
            created=stat.czxid,
            version=stat.version,
            ttl=None if stat.ttl is None else min(max(stat.ttl - (time.time() - stat.mtime / 1000), 0), stat.ttl),
            lease=None if stat.session is None else f"{stat.session & (2**64 - 1):#x}",
            meta=to_meta(path, stat, acl),
        )


def invalid_reason(key: str) -> str | None:
    """Return why a znode cannot have this key; None if it can."""
    if not key:
        return "empty key"
    for name in key.split("/"):
        if not name:
            return "a name in a ZooKeeper path cannot be empty"
        if name in (".", ".."):
            return f"a name in a ZooKeeper path cannot be {name!r}"
    if _FORBIDDEN.search(key):
        return "ZooKeeper paths cannot contain control characters, nor those beyond U+D7FF except U+F900 to U+FFEF"
    return None


def version_of(previous: Entry | Revision) -> ZNodeVersion | None:
    """Return the state that the caller read; None if it cannot be the state of a znode."""
    revision = previous.revision if isinstance(previous, Entry) else previous
    czxid, _, number = str(revision).partition(":")
    try:
        version = ZNodeVersion(int(czxid, 16), int(number))
    except ValueError:
        return None
    created = previous.created if isinstance(previous, Entry) else None
    return version if created in (None, version.czxid) else None


def to_meta(path: str, stat: Stat, acl: Acl | None) -> Meta:
    """Return a znode's metadata with the names and formats of ZooKeeper's own tools."""
    meta: dict[str, str | int | bool] = {"kind": stat.kind}
    if sequence := sequence_number(path):
        meta["sequence"] = sequence
    if acl is not None:
        meta["acl"] = format_acl(acl)
    meta |= {
        "cZxid": f"{stat.czxid:#x}",
        "ctime": _format_time(stat.ctime),
        "mZxid": f"{stat.mzxid:#x}",
        "mtime": _format_time(stat.mtime),
        "pZxid": f"{stat.pzxid:#x}",
        "cversion": stat.cversion,
        "aclVersion": stat.aversion,
        "dataLength": stat.data_length,
        "numChildren": stat.num_children,
    }
    return MappingProxyType(meta)


def sequence_number(path: str) -> str | None:
    """Return the ten digits that the servers append to the name of a sequential znode; None if there are none."""
    digits = path[-10:]
    return digits if len(path) > len(digits) and digits.isascii() and digits.isdigit() else None


def _format_time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
