"""Why an address shows nothing: a slash too few or too many in its path, or a path that names a key."""

from contextlib import suppress
from dataclasses import replace

from explorer.drivers.base import Store
from explorer.drivers.registry import driver
from explorer.model.address import Access, Address
from explorer.model.errors import InvalidKey, KeyNotFound


async def address_hint(address: Address, access: Access) -> str | None:
    """Return where the keys are that somebody looks for at an address with nothing below it; None if nowhere near.

    Raises:
        ExplorerError: The store cannot be asked.
    """
    path = address.path
    if not path:
        return None
    other = path.removeprefix("/") if path.startswith("/") else f"/{path}"
    async with _store_at(address, access, other) as store:
        if await has_contents(store):
            return f"there is below {store.address.redacted}"
    for spelling in (path, other):
        folder, slash, name = spelling.removesuffix("/").rpartition("/")
        async with _store_at(address, access, folder + slash) as store:
            with suppress(InvalidKey):
                if name and await store.exists(name):
                    return f"it names a key: open {store.address.redacted} to see it"
    return None


async def has_contents(store: Store) -> bool:
    """Return whether anything is stored below a store's address."""
    try:
        return bool((await store.children("", limit=1)).items)
    except KeyNotFound:
        return False


def _store_at(address: Address, access: Access, path: str) -> Store:
    return driver(address)(replace(address, path=path), access)
