"""Queues of locks: the children of a znode that stand for contenders, in each client library's layout.

In all layouts a contender is a sequential znode below the locked one, and its sequence number (the last ten digits,
never the whole name) is its place. The names differ:

    kazoo         <32 hex>__lock__N, shared <32 hex>__rlock__N; a semaphore's are <32 hex>, its size is the node's value
    Curator       _c_<uuid>-lock-N, shared _c_<uuid>-__READ__N and __WRIT__N, a semaphore's leases/_c_<uuid>-lease-N
    go-zookeeper  _c_<32 hex>-lock-N; also of valkeyrie and libkv, which write a value into the locked node as well
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
"""Names of the layouts; libkv and valkeyrie use that of go-zookeeper."""
LEASES_SUFFIX: Final = "/leases"
"""Path below a znode at which Curator's semaphore has its permits."""

_CONTENDER: Final = re.compile(
    r"(?:(?P<kazoo>[0-9a-f]{32}__(?P<kazoo_kind>r?lock)__)"
    r"|(?P<go>_c_[0-9a-f]{32}-lock-)"
    r"|(?:_c_[0-9a-f-]{36}-)?(?P<curator>lock-|lease-|__READ__|__WRIT__))"
    r"(?P<number>-?\d{10})"
)
_KAZOO_PERMIT_NAME: Final = re.compile(r"[0-9a-f]{32}")
_CURATOR_PERMIT: Final = "lease-"
_KAZOO_PERMIT: Final = "semaphore"
_SHARED_KINDS: Final = ("rlock", "__READ__")


@dataclass(frozen=True, slots=True)
class ContenderNode:
    """A contender's znode."""

    path: str
    stat: Stat
    client: str
    """The client library that made it."""
    kind: str
    number: int
    """The sequence number."""

    @property
    def layout(self) -> str:
        """Name of the layout, one of `LAYOUTS`."""
        return self.client.lower()

    @property
    def is_permit(self) -> bool:
        """True for a permit of a semaphore."""
        return self.kind in (_CURATOR_PERMIT, _KAZOO_PERMIT)

    @property
    def is_shared(self) -> bool:
        """True if other shared contenders can hold the lock at the same time."""
        return self.kind in _SHARED_KINDS


@dataclass(frozen=True, slots=True)
class ZooKeeperLockQueue:
    """The contenders of a lock in their order."""

    path: str
    """Path of the locked znode."""
    contenders: tuple[ContenderNode, ...]
    is_semaphore: bool = False

    @property
    def holders(self) -> tuple[ContenderNode, ...]:
        """The first contender; if it is shared, all up to the first that is not."""
        if self.is_semaphore:
            return self.contenders
        if not self.contenders[0].is_shared:
            return self.contenders[:1]
        exclusive = (index for index, contender in enumerate(self.contenders) if not contender.is_shared)
        return self.contenders[: next(exclusive, len(self.contenders))]

    @property
    def key_path(self) -> str:
        """Path that the lock's users give to their client."""
        return self.path.removesuffix(LEASES_SUFFIX) if self.is_semaphore else self.path

    @property
    def kind(self) -> str:
        """Description of the layout for people."""
        first = self.contenders[0]
        if self.is_semaphore:
            return f"{first.client} semaphore, {len(self.contenders)} held"
        if first.client == "go-zookeeper":
            return "go-zookeeper lock (also of valkeyrie)"
        return f"{first.client} {'shared lock' if first.is_shared else 'lock'}"

    def first_of_other_layout(self, layout: str) -> ContenderNode | None:
        """Return the first contender of another layout, whose client may not see contenders of this layout."""
        return next(
            (contender for contender in self.contenders if self.is_semaphore or contender.layout != layout), None
        )

    def predecessor(self, path: str) -> ContenderNode | None:
        """Return the contender right before an exclusive one; None if it is the first."""
        others = [contender for contender in self.contenders if contender.path != path]
        own = next((contender.number for contender in self.contenders if contender.path == path), None)
        return max(
            (contender for contender in others if own is None or contender.number < own),
            key=lambda contender: contender.number,
            default=None,
        )


def parse_contender(path: str, stat: Stat) -> ContenderNode | None:
    """Return the contender with this path; None if the znode is not a contender with a sequence number."""
    match = _CONTENDER.fullmatch(path.rpartition("/")[2])
    if match is None:
        return None
    number = int(match["number"])
    if match["kazoo"]:
        return ContenderNode(path, stat, "kazoo", match["kazoo_kind"], number)
    if match["go"]:
        return ContenderNode(path, stat, "go-zookeeper", "lock-", number)
    return ContenderNode(path, stat, "Curator", match["curator"], number)


def may_be_permit(name: str) -> bool:
    """Return whether a znode of this name may be a permit of kazoo's semaphore."""
    return _KAZOO_PERMIT_NAME.fullmatch(name) is not None


def parse_permit(path: str, stat: Stat) -> ContenderNode | None:
    """Return the permit of kazoo's semaphore with this path; None if the znode is not one."""
    if stat.session is None or not may_be_permit(path.rpartition("/")[2]):
        return None
    return ContenderNode(path, stat, "kazoo", _KAZOO_PERMIT, stat.czxid)


def to_queue(path: str, children: Sequence[tuple[str, Stat]]) -> ZooKeeperLockQueue | None:
    """Return the queue that the children of a znode are; None if there is no contender among them.

    Args:
        path: Path of the znode.
        children: Paths of its children, with their Stat.
    """
    contenders = [one for one in (parse_contender(child, stat) for child, stat in children) if one is not None]
    is_semaphore = bool(contenders) and all(contender.kind == _CURATOR_PERMIT for contender in contenders)
    if not contenders:
        contenders = [one for one in (parse_permit(child, stat) for child, stat in children) if one is not None]
        is_semaphore = bool(contenders)
    if not contenders:
        return None
    return ZooKeeperLockQueue(
        path, tuple(sorted(contenders, key=lambda contender: contender.number)), is_semaphore=is_semaphore
    )


def new_node_prefix(layout: str, queue: ZooKeeperLockQueue | None) -> str:
    """Return the start of the name of a new exclusive contender.

    Args:
        layout: One of `LAYOUTS`.
        queue: The present queue; None if there is none.
    """
    if layout == KAZOO:
        return f"{uuid.uuid4().hex}__lock__"
    if layout == GO_ZOOKEEPER:
        return f"_c_{uuid.uuid4().hex}-lock-"
    is_read_write = queue is not None and queue.contenders[0].kind.startswith("__")
    return f"_c_{uuid.uuid4()}-{'__WRIT__' if is_read_write else 'lock-'}"
