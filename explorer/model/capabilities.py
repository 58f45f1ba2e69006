"""What a store can do, declared; a caller asks first, and the contract suite holds a driver to its word."""

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
    """An entry tells the revision at which it came to be."""
    DIRECTORIES = auto()
    """Directories are a kind of their own and can exist without anything in them."""
    EVERY_CHANGE = auto()
    """A watch tells each change; without it, those between two looks at the store are folded into the last of them."""
    EVERY_DELETION = auto()
    """A watch tells of each key that goes, also of one that came and went between two looks at the store; where each
    change is told, that is told without saying."""
    FENCING = auto()
    """A write can be made to depend on a lock that is held."""
    GUARDED_DELETE = auto()
    """A subtree is deleted only if nothing in it moved since a revision, in one step."""
    HISTORY = auto()
    """Earlier entries of a key can be read."""
    KEEP_ALIVE = auto()
    """A TTL can be renewed for as long as the connection is open."""
    LOCK = auto()
    """Locks can be taken."""
    LOCKS = auto()
    """Locks can be inspected."""
    NESTING = auto()
    """A key with a value can have others below it."""
    PREVIOUS = auto()
    """A watch tells the entry before a change."""
    RESUME = auto()
    """A watch can start after an earlier revision without a gap."""
    SNAPSHOT = auto()
    """A listing in several pages is read at one revision."""
    STALE_READS = auto()
    """A read may be answered without the store's authority when the caller allows it."""
    TIME_LEFT = auto()
    """How long an entry that can expire has left to live is told."""
    TTL = auto()
    """An entry can expire."""
    WAITERS = auto()
    """Who waits for a lock stands in a queue that can be seen."""
    WATCH = auto()
    """Changes are told as they happen."""
