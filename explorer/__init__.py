"""Look into key-value coordination stores, watch them move, edit them safely, and see who holds which lock.

    async with explorer.open("etcd://127.0.0.1:2379/config/") as store: ...
    store = explorer.connect("etcd://127.0.0.1:2379/config/")  # the same calls, blocking

Names are loaded when first used: importing this package imports no client library and no user interface.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from explorer.version import __version__

if TYPE_CHECKING:
    from explorer.blocking import BlockingStore, connect
    from explorer.drivers.base import Lock, Store
    from explorer.model.address import Access, Secret
    from explorer.model.capabilities import Capability
    from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
    from explorer.model.errors import (
        BackendNotSupported,
        CallNotSupported,
        CannotLock,
        Compacted,
        Conflict,
        Denied,
        ExplorerError,
        Forbidden,
        InvalidAddress,
        InvalidKey,
        KeyExists,
        KeyModified,
        KeyNotFound,
        LockLost,
        NoSpace,
        NotReachable,
        OutcomeUnknown,
        PreviousNotSpecified,
        Timeout,
        TlsFailed,
        TooLarge,
        Unauthenticated,
    )
    from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
    from explorer.model.locks import Contender, LockInfo
    from explorer.opening import open

_HOMES = {
    "explorer.blocking": ("BlockingStore", "connect"),
    "explorer.drivers.base": ("Lock", "Store"),
    "explorer.model.address": ("Access", "Secret"),
    "explorer.model.capabilities": ("Capability",),
    "explorer.model.entries": ("Child", "Cursor", "Entry", "Page", "Revision", "Status"),
    "explorer.model.errors": (
        "BackendNotSupported",
        "CallNotSupported",
        "CannotLock",
        "Compacted",
        "Conflict",
        "Denied",
        "ExplorerError",
        "Forbidden",
        "InvalidAddress",
        "InvalidKey",
        "KeyExists",
        "KeyModified",
        "KeyNotFound",
        "LockLost",
        "NoSpace",
        "NotReachable",
        "OutcomeUnknown",
        "PreviousNotSpecified",
        "Timeout",
        "TlsFailed",
        "TooLarge",
        "Unauthenticated",
    ),
    "explorer.model.events": ("Deleted", "Event", "Lost", "Put", "Restored", "Resync", "Started"),
    "explorer.model.locks": ("Contender", "LockInfo"),
    "explorer.opening": ("open",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: PLE0604 - made from the one table above
    "__version__",
    *sorted(_HOME),
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
