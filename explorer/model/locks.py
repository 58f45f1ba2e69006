"""Locks with their holder and waiters, as read from a store."""

from dataclasses import dataclass
from datetime import datetime

from explorer.model.entries import Revision


@dataclass(frozen=True, slots=True)
class Contender:
    """The holder or a waiter of a lock."""

    name: str
    """Name that the contender stored, otherwise its session and key."""
    key: str
    """Key of the contender in the lock's queue."""
    session: str | None
    """Lease or session of the contender; None if nothing would ever end it."""
    ttl: float | None = None
    """Remaining seconds of the session unless it is renewed."""
    since: datetime | Revision | None = None
    """When the contender joined the queue: a time where one is known, otherwise the store's revision."""
    fence: Revision | None = None
    """Fencing token: orders the holders of this lock, and guarded writes compare it."""
    other_keys: tuple[str, ...] = ()
    """Other keys of the same session, relative to the address, sorted."""


@dataclass(frozen=True, slots=True)
class LockInfo:
    """A lock, as read."""

    key: str
    kind: str
    """Title of the layout that it was recognised by, such as `etcd mutex` or `valkeyrie`."""
    layout: str
    """Name of that layout; one of `Store.lock_layouts` if such a lock can be taken."""
    holder: Contender | None
    waiters: tuple[Contender, ...] = ()
    """In the order in which they will get the lock."""
    stale: str | None = None
    """Reason why it will never be released; None if it is not stale."""
    certain: bool = True
    """False for a possible lock: its key could also be data that expires."""

    @property
    def fields(self) -> dict[str, object]:
        """The lock in one level, as a row of a table; the fields of its holder are None if it is not held."""
        holder = self.holder
        return {
            "key": self.key,
            "kind": self.kind,
            "layout": self.layout,
            "certain": self.certain,
            "holder": holder and holder.name,
            "waiters": [waiter.name for waiter in self.waiters],
            "session": holder and holder.session,
            "ttl": holder and holder.ttl,
            "since": holder and holder.since,
            "fence": holder and holder.fence,
            "other_keys": list(holder.other_keys) if holder else [],
            "stale": self.stale,
        }
