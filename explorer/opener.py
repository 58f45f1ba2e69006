"""Opening a store by its URL."""

import warnings
from collections.abc import Callable
from itertools import chain

from explorer.config import Profile, profile
from explorer.drivers.base import Store
from explorer.drivers.registry import make
from explorer.model.address import Access


def open(url: str, access: Access | None = None) -> Store:  # noqa: A001 - the contract's word, as in `explorer.open`
    """Make the store of a URL; `async with` connects and closes it.

    Args:
        url: `etcd://host:2379,host2:2379/prefix/`, `zk+tls://...`, `demo:`, any of `drivers.registry.DRIVERS`; or
            `@NAME`, a profile; one that says `read_only` makes a store that refuses every write.
        access: Credentials, certificates and the time limit of a request; what it leaves open comes from the variables
            that the store's own tools read. None takes the profile's, if there is one.

    Raises:
        InvalidAddress: The URL cannot be understood, or there is no such profile.
        BackendNotSupported: No driver is known for it.
    """
    known = profile(url[1:]) if url.startswith("@") else Profile(url)
    store = make(known.url, access or known.access, read_only=known.read_only)
    for warning in store.address.warnings:
        warnings.warn(warning, UserWarning, stacklevel=2)
    return store


def opener(url: str, access: Access | None = None) -> Callable[[], Store]:
    """Give what makes connections to the store of a URL, not yet opened, each time one more to the same store.

    Raises:
        InvalidAddress: The URL cannot be understood, or there is no such profile.
        BackendNotSupported: No driver is known for it.
    """
    first = open(url, access)
    stores = chain([first], iter(lambda: first.clone() or open(url, access), None))
    return lambda: next(stores)
