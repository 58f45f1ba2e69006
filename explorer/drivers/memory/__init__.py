"""Stores in this process: `memory:`, which starts empty, and `demo:`, which is seeded and moves by itself.

Both keep every revision, as etcd does, and so can do everything of the contract that a store without servers can.
"""

from explorer.drivers.memory.clock import ManualClock
from explorer.drivers.memory.database import Database
from explorer.drivers.memory.demo.store import DemoStore
from explorer.drivers.memory.store import MemoryStore

__all__ = ["Database", "DemoStore", "ManualClock", "MemoryStore"]
