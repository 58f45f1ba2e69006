"""BoltDB files (bbolt), read and written without a server."""

from explorer.drivers.bolt.store import BoltStore

__all__ = ["BoltStore"]
