"""Who holds a lock and who waits for it, as a store tells it."""

from dataclasses import dataclass
from datetime import datetime

from explorer.model.entries import Revision


@dataclass(frozen=True, slots=True)
class Contender:
    """One party of a lock: its holder or a waiter."""

    name: str
    """Who it is: what the party wrote of itself, else its session and key."""
    key: str
    """The key that stands for this party in the lock's queue."""
    session: str | None
    """The lease or session that the party lives and dies with; None when nothing would ever end it."""
    ttl: float | None = None
    """Seconds that the session has left unless it is renewed."""
    since: datetime | Revision | None = None
    """When the party joined the queue: a time where one is told, else the store's revision."""
    fence: Revision | None = None
    """The number that orders the holders of this lock; a guarded write compares it."""
    other_keys: tuple[str, ...] = ()
    """What else lives and dies with the same session, as keys below the address, sorted."""


@dataclass(frozen=True, slots=True)
class LockInfo:
    """A lock as it was read."""

    key: str
    kind: str
    """The layout it was recognised by, such as `etcd mutex` or `valkeyrie`."""
    layout: str
    """The name of that layout; where such a lock can be taken, one of `Store.lock_layouts`."""
    holder: Contender | None
    waiters: tuple[Contender, ...] = ()
    """In the order in which they will get the lock."""
    stale: str | None = None
    """Why nobody will ever release it, or None."""
    certain: bool = True
    """False for a possible lock: its key could also be data that expires."""
