"""Drivers by URL scheme.

A driver and its client library are imported when a URL is opened.

Other distributions bring drivers by the entry point group `keyscope.drivers`. The name of an entry point is a scheme,
its value `package.module:StoreClass`; the class is called with an Address and an Access, and is given `SCHEME+tls:`
URLs, too, as addresses with `tls`. One for a built-in scheme is ignored, and the metadata of what is installed is read
only for a scheme that is not built in.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from explorer.model.address import REVISION_OPTION, Access, Address, parse
from explorer.model.errors import BackendNotSupported

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

    from explorer.drivers.base import Store  # loads asyncio, which the help of the command does not need
    from explorer.journal import Journal

ENTRY_POINT_GROUP: Final = "keyscope.drivers"

DRIVERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bolt": "explorer.drivers.bolt:BoltStore",
        "consul": "explorer.drivers.consul:ConsulStore",
        "demo": "explorer.drivers.memory:DemoStore",
        "etcd": "explorer.drivers.etcd:EtcdStore",
        "etcd2": "explorer.drivers.etcd2:Etcd2Store",
        "file": "explorer.drivers.files:FilesStore",
        "memory": "explorer.drivers.memory:MemoryStore",
        "redis": "explorer.drivers.redis:RedisStore",
        "zk": "explorer.drivers.zookeeper:ZooKeeperStore",
    }
)
"""Modules and classes of the drivers by scheme; a class is called with an Address and an Access."""
IN_PROCESS: Final = ("demo", "memory")
"""Schemes of stores that end with the process, whose writes no journal keeps."""


def make(
    url: str, access: Access | None = None, *, read_only: bool = False, journal: "Journal | None" = None
) -> "Store":
    """Return the store of a URL, not yet connected.

    Args:
        url: URL of the store.
        access: Credentials, TLS files and timeout.
        read_only: Whether every write is refused.
        journal: Journal of the writes; None keeps none.

    Raises:
        InvalidAddress: The URL is invalid.
        BackendNotSupported: There is no driver for it, or the driver's client library is not installed.
    """
    address = parse(url)
    found = driver(address)
    if read_only or REVISION_OPTION in address.options:
        from explorer.drivers.common import read_only as refusal  # noqa: PLC0415 - loads asyncio

        if REVISION_OPTION in address.options:
            refusal.require_history(found, address)
            found = refusal.earlier_driver(found)
        else:
            found = refusal.read_only_driver(found)
    elif journal is not None and address.scheme not in IN_PROCESS:
        from explorer.drivers.common.journaled import journaled_driver  # noqa: PLC0415 - loads asyncio

        found = journaled_driver(found, journal)
    return found(address, access or Access())


def driver(address: Address) -> "Callable[[Address, Access], Store]":
    """Import and return the driver of an address.

    Raises:
        BackendNotSupported: There is none, or its client library is not installed.
    """
    if address.scheme not in DRIVERS:
        return _installed_driver(address.scheme).class_for(address)
    module, _, name = DRIVERS[address.scheme].partition(":")
    try:
        found = getattr(import_module(module), name)
    except ImportError as error:
        raise BackendNotSupported(
            f"the {address.scheme} driver needs {error.name}, which is not installed", hint="pip install keyscope"
        ) from error
    return cast("type[Store]", found).class_for(address)


def installed_schemes() -> list[str]:
    """Return the schemes that other distributions bring a driver for."""
    return sorted({entry.name for entry in _entry_points()})


def _entry_points() -> "EntryPoints":
    """Return the entry points of drivers; reads the metadata of all that is installed."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - loads email and zipfile, and is rarely needed

    return entry_points(group=ENTRY_POINT_GROUP)


def _installed_driver(scheme: str) -> "type[Store]":
    """Import and return a driver of another distribution.

    Raises:
        BackendNotSupported: There is none, several distributions bring one, or it cannot be imported.
    """
    from explorer.drivers.base import Store  # noqa: PLC0415 - loads asyncio

    entries = tuple(_entry_points().select(name=scheme))
    if not entries:
        known = sorted({*DRIVERS, *installed_schemes()})
        raise BackendNotSupported(
            f"no driver for {scheme!r}", hint=f"known schemes: {', '.join(f'{name}:' for name in known)}"
        )
    names = sorted({entry.dist.name if entry.dist else entry.value for entry in entries})
    if len({entry.value for entry in entries}) > 1:
        raise BackendNotSupported(
            f"several distributions bring a driver for {scheme!r}: {', '.join(names)}", hint="uninstall all but one"
        )
    entry = entries[0]
    try:
        driver_type = entry.load()
    except Exception as error:  # foreign code may raise anything when it is imported
        cause = f"{type(error).__name__}: {error}"
        raise BackendNotSupported(
            f"the {scheme} driver of {names[0]} cannot be loaded: {cause}", hint="is it installed with all it needs?"
        ) from error
    if not (isinstance(driver_type, type) and issubclass(driver_type, Store)):
        raise BackendNotSupported(
            f"the {scheme} driver of {names[0]} is not a Store: {entry.value}", hint="report it to its authors"
        )
    return driver_type
