"""What a watch tells: one closed set of values, matched with `match`.

A watch first tells where it starts. It never ends by itself and never skips in silence: a connection that is gone is
`Lost`, one that continued without a gap is `Restored`, one that could not is `Resync`.
"""

from dataclasses import dataclass
from typing import TypeAlias

from explorer.model.entries import Entry, Revision


@dataclass(frozen=True, slots=True)
class Started:
    """The watch is established: every change after `revision` will be told."""

    revision: Revision | None
    entry: Entry | None = None
    """The entry as it is at the start, when a single key is watched from now on; None if it does not exist."""


@dataclass(frozen=True, slots=True)
class Put:
    """A key was created or changed."""

    entry: Entry
    previous: Entry | None = None
    """The entry before, where the store still has it."""
    inferred: bool = False
    """Found by reading the state again after a gap, not told by the store's history: what was between is unknown."""
    coalesced: int = 0
    """The most earlier changes of the key that may have been folded into this one, by a store that tells what is and
    not what happened (one without `Capability.EVERY_CHANGE`)."""

    @property
    def key(self) -> str:
        """The key that changed."""
        return self.entry.key

    @property
    def revision(self) -> Revision:
        """The revision that the change made."""
        return self.entry.revision


@dataclass(frozen=True, slots=True)
class Deleted:
    """A key was deleted, or its lease or session ended."""

    key: str
    revision: Revision | None
    previous: Entry | None = None
    """The entry before, where the store still has it."""
    inferred: bool = False
    """Found missing by reading the state again after a gap, not told by the store's history."""
    coalesced: int = 0
    """The most earlier changes of the key that may have been folded into this one, see `Put.coalesced`."""


@dataclass(frozen=True, slots=True)
class Resync:
    """History was lost: nothing that happened after `since` and up to `revision` was told.

    The state was read again at `revision` and compared. The differences follow as `Put` and `Deleted` with `inferred`
    set: every key that changed in the gap, and, for a watcher that says what it knows (`Store.watch_tree(known=...)`),
    every known key that is gone. Events after those are the store's own again.
    """

    reason: str
    since: Revision | None
    revision: Revision | None


@dataclass(frozen=True, slots=True)
class Lost:
    """The store cannot be heard; changes may be happening. The watch goes on trying."""

    reason: str


@dataclass(frozen=True, slots=True)
class Restored:
    """The store is heard again and the watch went on without a gap."""

    revision: Revision | None = None


Event: TypeAlias = Started | Put | Deleted | Resync | Lost | Restored
