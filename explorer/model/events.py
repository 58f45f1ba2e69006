"""Events of a watch: a closed set of values for `match`.

The first event of a watch is `Started`. A watch never ends by itself and never skips changes silently: a lost
connection is reported as `Lost`, then either `Restored` if the watch continued without a gap, or `Resync`.
"""

from dataclasses import dataclass
from typing import TypeAlias

from explorer.model.entries import Entry, Revision


@dataclass(frozen=True, slots=True)
class Started:
    """The watch is established: every change after `revision` will be reported."""

    revision: Revision | None
    entry: Entry | None = None
    """Entry at the start, for a watch of a single key from now on; None if it does not exist."""


@dataclass(frozen=True, slots=True)
class Put:
    """A key was created or changed."""

    entry: Entry
    previous: Entry | None = None
    """The previous entry, where the store still has it."""
    inferred: bool = False
    """Found by reading the state again after a gap, not reported by the store: changes in between are unknown."""
    coalesced: int = 0
    """Maximum number of earlier changes of the key that may be coalesced into this one, by a store that reports states
    and not changes (one without `Capability.EVERY_CHANGE`). 0 also in a store that cannot count them, such as files."""
    is_new: bool = False
    """True if a store that keeps no revision of a key's creation had no such key before; False if that is not known."""

    @property
    def is_creation(self) -> bool:
        """True if the key is known not to have existed before."""
        return not self.inferred and (self.is_new or (self.previous is None and self.entry.unchanged))

    @property
    def key(self) -> str:
        """The key that changed."""
        return self.entry.key

    @property
    def revision(self) -> Revision:
        """The revision of the change."""
        return self.entry.revision


@dataclass(frozen=True, slots=True)
class Deleted:
    """A key was deleted, or its lease or session ended."""

    key: str
    revision: Revision | None
    previous: Entry | None = None
    """The previous entry, where the store still has it."""
    inferred: bool = False
    """Found missing by reading the state again after a gap, not reported by the store."""
    coalesced: int = 0
    """Maximum number of earlier changes of the key that may be coalesced into this one, see `Put.coalesced`."""


@dataclass(frozen=True, slots=True)
class Resync:
    """History was lost: no change after `since` and up to `revision` was reported.

    The state was read again at `revision` and compared. The differences follow as `Put` and `Deleted` with `inferred`
    set: every key that changed in the gap, and, for a watcher that passes its keys (`Store.watch_tree(known=...)`),
    every known key that was deleted. Events after those are the store's own again.
    """

    reason: str
    since: Revision | None
    revision: Revision | None


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is lost; changes may be happening. The watch keeps trying to reconnect."""

    reason: str


@dataclass(frozen=True, slots=True)
class Restored:
    """The connection is restored and the watch continued without a gap."""

    revision: Revision | None = None


Event: TypeAlias = Started | Put | Deleted | Resync | Lost | Restored
