"""BoltDB files (bbolt), read and written without a server; `BoltStore.class_for` chooses the class of a layout."""

from explorer.drivers.bolt.store import BoltStore, EtcdFileStore, FlatBoltStore

__all__ = ["BoltStore", "EtcdFileStore", "FlatBoltStore"]
