"""Which driver speaks to which kind of store.

A driver, and with it its client library, is imported when its URL is opened.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final, cast

from explorer.drivers.base import Store
from explorer.drivers.read_only import read_only_driver
from explorer.model.address import Access, Address, parse
from explorer.model.errors import BackendNotSupported

DRIVERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "consul": "explorer.drivers.consul:ConsulStore",
        "demo": "explorer.drivers.memory:DemoStore",
        "etcd": "explorer.drivers.etcd:EtcdStore",
        "etcd2": "explorer.drivers.etcd2:Etcd2Store",
        "memory": "explorer.drivers.memory:MemoryStore",
        "zk": "explorer.drivers.zookeeper:ZooKeeperStore",
    }
)
"""Scheme of a URL to the driver's module and class; the class is called with an Address and an Access."""


def make(url: str, access: Access | None = None, *, read_only: bool = False) -> Store:
    """Make the store of a URL, not yet connected.

    Args:
        url: Of the store.
        access: What it takes to be let in.
        read_only: Whether every write is refused.

    Raises:
        InvalidAddress: The URL cannot be understood.
        BackendNotSupported: No driver is known for it, or the client library that it needs is not installed.
    """
    address = parse(url)
    found = driver(address)
    return (read_only_driver(found) if read_only else found)(address, access or Access())


def driver(address: Address) -> Callable[[Address, Access], Store]:
    """Import the driver of an address.

    Raises:
        BackendNotSupported: There is none, or its client library is not installed.
    """
    try:
        module, _, name = DRIVERS[address.scheme].partition(":")
    except KeyError:
        raise BackendNotSupported(
            f"no driver for {address.scheme!r}",
            hint=f"known are {', '.join(f'{scheme}:' for scheme in sorted(DRIVERS))}",
        ) from None
    try:
        found = getattr(import_module(module), name)
    except ImportError as error:
        raise BackendNotSupported(
            f"the {address.scheme} driver needs {error.name}, which is not installed", hint="pip install keyscope"
        ) from error
    return cast("Callable[[Address, Access], Store]", found)
