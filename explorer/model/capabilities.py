"""Capabilities of a store. Callers check them before a call; the contract suite tests each driver against them."""

from enum import Flag, auto


class Capability(Flag):
    """One thing a store can do beyond reading, listing and writing single keys."""

    ATOMIC = auto()
    """Compare-and-swap and compare-and-delete of one key."""
    BINARY_KEYS = auto()
    """Keys may be any bytes."""
    BINARY_VALUES = auto()
    """Values may be any bytes; without it, UTF-8 text."""
    CREATED = auto()
    """Entries have the revision at which they were created."""
    DIRECTORIES = auto()
    """Directories are a kind of their own and can exist without anything in them."""
    DISTINCT_REVISIONS = auto()
    """Each write makes a revision of its own; without it, a revision stands for a content, and a value that was changed
    and changed back has the one that it had."""
    EVERY_CHANGE = auto()
    """A watch reports every change; without it, changes between two reads are coalesced into the last one."""
    EVERY_DELETION = auto()
    """A watch reports every deleted key, also one that was created and deleted between two reads; implied by
    EVERY_CHANGE."""
    FENCING = auto()
    """A write can be made conditional on a held lock."""
    GUARDED_DELETE = auto()
    """A subtree is deleted atomically, only if nothing in it changed since a revision."""
    HISTORY = auto()
    """Earlier entries of a key can be read."""
    KEEP_ALIVE = auto()
    """A TTL can be renewed for as long as the connection is open."""
    LOCK = auto()
    """Locks can be taken."""
    LOCKS = auto()
    """Locks can be inspected."""
    NESTING = auto()
    """A key with a value can have children."""
    PREVIOUS = auto()
    """A watch reports the entry before a change."""
    RESUME = auto()
    """A watch can start after an earlier revision without a gap."""
    SNAPSHOT = auto()
    """A listing in several pages is read at one revision."""
    STALE_READS = auto()
    """A read may be answered without the store's authority when the caller allows it."""
    TIME_LEFT = auto()
    """The remaining TTL of an entry can be read."""
    TRANSACTIONS = auto()
    """Several keys are written at once, or none of them."""
    TTL = auto()
    """An entry can expire."""
    WAITERS = auto()
    """The waiters of a lock form a queue that can be read."""
    WATCH = auto()
    """Changes are reported as they happen."""
