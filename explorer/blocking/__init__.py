"""Blocking versions of the store, its watches and its locks, for scripts and notebook cells.

The calls are those of `explorer.drivers.base.Store`; they run on the process's portal, also while a notebook kernel's
own loop runs. A connection is thread-safe. ctrl-C cancels the call that it interrupts.
"""

from explorer.blocking.activity import Activity
from explorer.blocking.broker import BlockingBroker
from explorer.blocking.lock import BlockingLock
from explorer.blocking.store import BlockingStore, connect
from explorer.blocking.watch import BlockingWatch
from explorer.blocking.watcher import BlockingWatcher

__all__ = [
    "Activity",
    "BlockingBroker",
    "BlockingLock",
    "BlockingStore",
    "BlockingWatch",
    "BlockingWatcher",
    "connect",
]
