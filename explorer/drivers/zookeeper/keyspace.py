"""Where keys lie, and how ZooKeeper's nodes become entries.

Every node is an entry: it has a value, if only an empty one, and may have children besides. A key is a node's path
without the slash at its beginning.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

from explorer.model.entries import Entry, Revision
from explorer.model.errors import InvalidKey

# What the servers refuse (PathUtils.validatePath).
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\uf8ff\ufff0-\uffff\U00010000-\U0010ffff]")
_CONTAINER = -(2**63)
_EXTENDED = 0xFF
_TTL_BITS = 40
_LETTERS = (("c", 4), ("d", 8), ("r", 1), ("w", 2), ("a", 16))


class Stat(NamedTuple):
    """What ZooKeeper keeps of a node besides its value; the names are ZooKeeper's own, times are in milliseconds."""

    czxid: int
    mzxid: int
    ctime: int
    mtime: int
    version: int
    cversion: int
    aversion: int
    owner: int
    size: int
    children: int
    pzxid: int

    @property
    def session(self) -> int | None:
        """The session that the node lives and dies with; a container's and a TTL's mark look like one and are none."""
        if self.owner in (0, _CONTAINER) or self.ttl is not None:
            return None
        return self.owner

    @property
    def ttl(self) -> float | None:
        """Seconds that the node lives after its last change; told by servers of 3.5 only, newer ones keep it."""
        owner = self.owner & (2**64 - 1)
        return (owner & (2**_TTL_BITS - 1)) / 1000 if owner >> 56 == _EXTENDED else None

    @property
    def kind(self) -> str:
        """What ZooKeeper calls such a node."""
        if self.owner == _CONTAINER:
            return "container"
        if self.ttl is not None:
            return "TTL"
        return "ephemeral" if self.owner else "persistent"


class Permission(NamedTuple):
    """One line of an access control list."""

    bits: int
    scheme: str
    who: str

    def __str__(self) -> str:
        letters = "".join(letter for letter, bit in _LETTERS if self.bits & bit)
        return f"{self.scheme}:{self.who}:{letters}"


Acl = tuple[Permission, ...]
OPEN: Acl = (Permission(31, "world", "anyone"),)


class NodeState(NamedTuple):
    """One life of a node and how often it was written since: a deleted node that was made again is another one."""

    czxid: int
    version: int

    def __str__(self) -> str:
        return f"{self.czxid:#x}:{self.version}"


@dataclass(frozen=True, slots=True)
class ZooKeeperKeyspace:
    """The nodes below an address."""

    root: str
    redacted: str

    def locate(self, key: str) -> str:
        """Give the path of a key.

        Raises:
            InvalidKey: No node can be called so.
        """
        if trouble := invalid_reason(key):
            raise InvalidKey(
                trouble,
                hint="write it without the slash at its beginning"
                if key.startswith("/")
                else "names are divided by one slash: a/b/c",
                address=self.redacted,
                key=ascii(key)[1:-1],
            )
        return f"{self.root}/{key}"

    def base(self, prefix: str) -> str:
        """Give the path of a directory, without a slash at its end; empty for the top of all."""
        return self.locate(prefix.removesuffix("/")) if prefix else self.root

    def relative(self, path: str) -> str:
        """Give the key of a path."""
        return path[len(self.root) + 1 :]

    def entry(self, path: str, value: bytes | None, stat: Stat, acl: Acl | None = None) -> Entry:
        """Give a node as an entry. The time that is left is told by our clock, from the servers' of the last change."""
        return Entry(
            key=self.relative(path),
            value=value,
            revision=str(NodeState(stat.czxid, stat.version)),
            created=stat.czxid,
            version=stat.version,
            ttl=None if stat.ttl is None else min(max(stat.ttl - (time.time() - stat.mtime / 1000), 0), stat.ttl),
            lease=None if stat.session is None else f"{stat.session & (2**64 - 1):#x}",
            meta=describe(path, stat, acl),
        )


def invalid_reason(key: str) -> str | None:
    """Say why no node can have this key; None if one can."""
    if not key:
        return "the empty key names no node"
    for name in key.split("/"):
        if not name:
            return "ZooKeeper's names cannot be empty"
        if name in (".", ".."):
            return f"ZooKeeper's names cannot be {name!r}"
    if _FORBIDDEN.search(key):
        return "ZooKeeper's names cannot hold control characters, nor those beyond U+D7FF except U+F900 to U+FFEF"
    return None


def expected(previous: Entry | Revision) -> NodeState | None:
    """Give the state that the caller had read; None if what he has is of no node of ours."""
    revision = previous.revision if isinstance(previous, Entry) else previous
    czxid, _, version = str(revision).partition(":")
    try:
        state = NodeState(int(czxid, 16), int(version))
    except ValueError:
        return None
    created = previous.created if isinstance(previous, Entry) else None
    return state if created in (None, state.czxid) else None


def describe(path: str, stat: Stat, acl: Acl | None) -> Mapping[str, str | int | bool]:
    """Tell what only ZooKeeper knows of a node, as its own tools spell it."""
    meta: dict[str, str | int | bool] = {"kind": stat.kind}
    if sequence := number(path):
        meta["sequence"] = sequence
    if acl is not None:
        meta["acl"] = spell(acl)
    meta |= {
        "cZxid": f"{stat.czxid:#x}",
        "ctime": _time(stat.ctime),
        "mZxid": f"{stat.mzxid:#x}",
        "mtime": _time(stat.mtime),
        "pZxid": f"{stat.pzxid:#x}",
        "cversion": stat.cversion,
        "aclVersion": stat.aversion,
        "dataLength": stat.size,
        "numChildren": stat.children,
    }
    return MappingProxyType(meta)


def number(path: str) -> str | None:
    """Give the ten digits that the servers put behind the name of a sequential node, if it looks like one."""
    digits = path[-10:]
    return digits if len(path) > len(digits) and digits.isascii() and digits.isdigit() else None


def spell(acl: Sequence[Permission]) -> str:
    """Give a list of permissions in one line."""
    return ", ".join(map(str, acl)) or "nobody"


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
