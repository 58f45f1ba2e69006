"""How a lock's queue looks: whose children stand for contenders, who of them holds, and in which order they wait.

The clients agree on one thing: a contender is a sequential node below the locked one, and the number that the servers
put behind its name (the last ten digits, never the whole name) tells its place. The names differ:

    kazoo         <32 hex>__lock__N, shared <32 hex>__rlock__N; a semaphore's are <32 hex>, its size the node's value
    Curator       _c_<uuid>-lock-N, shared _c_<uuid>-__READ__N and __WRIT__N, a semaphore's leases/_c_<uuid>-lease-N
    go-zookeeper  _c_<32 hex>-lock-N, and so valkeyrie and libkv, which write a value into the locked node besides
"""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from explorer.drivers.zookeeper.keyspace import Stat

KAZOO: Final = "kazoo"
CURATOR: Final = "curator"
GO_ZOOKEEPER: Final = "go-zookeeper"
LAYOUTS: Final = (KAZOO, CURATOR, GO_ZOOKEEPER)
"""The names of the layouts; that of go-zookeeper is libkv's and valkeyrie's, too."""

_CONTENDER = re.compile(
    r"(?:(?P<kazoo>[0-9a-f]{32}__(?P<kazoo_kind>r?lock)__)"
    r"|(?P<go>_c_[0-9a-f]{32}-lock-)"
    r"|(?:_c_[0-9a-f-]{36}-)?(?P<curator>lock-|lease-|__READ__|__WRIT__))"
    r"(?P<number>-?\d{10})"
)
_PERMIT = re.compile(r"[0-9a-f]{32}")
LEASES = "/leases"
"""Where the units of Curator's semaphore lie."""
_CURATOR_PERMIT = "lease-"
_KAZOO_PERMIT = "semaphore"
_SHARED = ("rlock", "__READ__")


@dataclass(frozen=True, slots=True)
class Contestant:
    """A contender's node."""

    path: str
    stat: Stat
    client: str
    kind: str
    number: int

    @property
    def layout(self) -> str:
        """The name of the layout, one of `LAYOUTS`."""
        return self.client.lower()

    @property
    def is_permit(self) -> bool:
        """Whether it stands for one unit of a semaphore."""
        return self.kind in (_CURATOR_PERMIT, _KAZOO_PERMIT)

    @property
    def shares(self) -> bool:
        """Whether others that share may hold the lock at the same time."""
        return self.kind in _SHARED


@dataclass(frozen=True, slots=True)
class ZooKeeperLockQueue:
    """The parties of one lock, in their order."""

    path: str
    """The locked node."""
    parties: tuple[Contestant, ...]
    semaphore: bool = False

    @property
    def holders(self) -> tuple[Contestant, ...]:
        """Those who hold: the first, and with one that shares all that share up to the first that does not."""
        if self.semaphore:
            return self.parties
        if not self.parties[0].shares:
            return self.parties[:1]
        alone = next((place for place, party in enumerate(self.parties) if not party.shares), len(self.parties))
        return self.parties[:alone]

    @property
    def key_path(self) -> str:
        """The path that people call the lock by."""
        return self.path.removesuffix(LEASES) if self.semaphore else self.path

    @property
    def kind(self) -> str:
        """The layout, in words."""
        first = self.parties[0]
        if self.semaphore:
            return f"{first.client} semaphore, {len(self.parties)} held"
        if first.client == "go-zookeeper":
            return "go-zookeeper lock (valkeyrie's, too)"
        return f"{first.client} {'shared lock' if first.shares else 'lock'}"

    def of_another_layout(self, layout: str) -> Contestant | None:
        """Return the first contender of another layout, whose client may not see one of this layout."""
        return next((party for party in self.parties if self.semaphore or party.layout != layout), None)

    def ahead(self, path: str) -> Contestant | None:
        """Give who must be gone before an exclusive contender holds the lock: the one right before it."""
        before = [party for party in self.parties if party.path != path]
        own = next((party.number for party in self.parties if party.path == path), None)
        return max((one for one in before if own is None or one.number < own), key=lambda one: one.number, default=None)


def party(path: str, stat: Stat) -> Contestant | None:
    """Read a node's name; None if it stands for no contender that has a place in a queue."""
    found = _CONTENDER.fullmatch(path.rpartition("/")[2])
    if found is None:
        return None
    number = int(found["number"])
    if found["kazoo"]:
        return Contestant(path, stat, "kazoo", found["kazoo_kind"], number)
    if found["go"]:
        return Contestant(path, stat, "go-zookeeper", "lock-", number)
    return Contestant(path, stat, "Curator", found["curator"], number)


def looks_like_permit(name: str) -> bool:
    """Return whether a node of this name may stand for one unit of kazoo's semaphore."""
    return _PERMIT.fullmatch(name) is not None


def permit(path: str, stat: Stat) -> Contestant | None:
    """Read the name of a node that stands for one unit of kazoo's semaphore; None if it does not."""
    if stat.session is None or not looks_like_permit(path.rpartition("/")[2]):
        return None
    return Contestant(path, stat, "kazoo", _KAZOO_PERMIT, stat.czxid)


def queue(path: str, children: Sequence[tuple[str, Stat]]) -> ZooKeeperLockQueue | None:
    """Give the queue that a node's children are; None if none of them is a contender."""
    found = [one for one in (party(child, stat) for child, stat in children) if one is not None]
    semaphore = bool(found) and all(one.kind == _CURATOR_PERMIT for one in found)
    if not found:
        found = [one for one in (permit(child, stat) for child, stat in children) if one is not None]
        semaphore = bool(found)
    if not found:
        return None
    return ZooKeeperLockQueue(path, tuple(sorted(found, key=lambda one: one.number)), semaphore)


def fresh_name(layout: str, present: ZooKeeperLockQueue | None) -> str:
    """Return the beginning of a name for a new exclusive contender in one of `LAYOUTS`."""
    if layout == KAZOO:
        return f"{uuid.uuid4().hex}__lock__"
    if layout == GO_ZOOKEEPER:
        return f"_c_{uuid.uuid4().hex}-lock-"
    shared = present is not None and present.parties[0].kind.startswith("__")
    return f"_c_{uuid.uuid4()}-{'__WRIT__' if shared else 'lock-'}"
