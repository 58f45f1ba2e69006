"""Stores in this process: `memory:`, which starts empty, and `demo:`, with example data that changes by itself.

Both keep every revision, as etcd does, and implement everything of the contract that needs no server.
"""

from explorer.drivers.memory.clock import ManualClock
from explorer.drivers.memory.database import Database
from explorer.drivers.memory.demo.store import DemoStore
from explorer.drivers.memory.store import MemoryStore

__all__ = ["Database", "DemoStore", "ManualClock", "MemoryStore"]
