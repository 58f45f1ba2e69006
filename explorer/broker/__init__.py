"""Interfaces for programs: typed messages below a prefix (cn-infra), and a store with its liveness (VOLTHA)."""

from explorer.broker.alive import AliveState
from explorer.broker.backend import Backend
from explorer.broker.broker import Broker, StoredValue, Txn
from explorer.broker.plugin import KvPlugin
from explorer.broker.serializer import BinarySerializer, JsonSerializer, Serializer
from explorer.broker.watcher import ChangeEvent, Watcher, WatchRegistration

__all__ = [
    "AliveState",
    "Backend",
    "BinarySerializer",
    "Broker",
    "ChangeEvent",
    "JsonSerializer",
    "KvPlugin",
    "Serializer",
    "StoredValue",
    "Txn",
    "WatchRegistration",
    "Watcher",
]
