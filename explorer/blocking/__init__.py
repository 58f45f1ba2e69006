"""The contract of a store for code that does not await: scripts, and notebook cells even while the kernel's loop runs.

The same calls, documented at `explorer.drivers.base.Store`, run on the process's one portal. A connection may be used
from any number of threads at once. ctrl-C cancels the call that it interrupts.
"""

from explorer.blocking.lock import BlockingLock
from explorer.blocking.store import BlockingStore, connect
from explorer.blocking.watch import BlockingWatch

__all__ = ["BlockingLock", "BlockingStore", "BlockingWatch", "connect"]
