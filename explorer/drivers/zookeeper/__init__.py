"""ZooKeeper, by kazoo's connection behind one thread."""

from explorer.drivers.zookeeper.store import ZooKeeperStore

__all__ = ["ZooKeeperStore"]
