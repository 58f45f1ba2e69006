"""Hints for an address with nothing below it: a wrong slash in its path, or a path that names a key."""

from contextlib import suppress
from dataclasses import replace

from explorer.drivers.base import Store
from explorer.drivers.registry import driver
from explorer.model.address import FILE_SCHEMES, Access, Address
from explorer.model.errors import ExplorerError, InvalidKey, KeyNotFound


async def address_hint(address: Address, access: Access) -> str | None:
    """Return where keys similar to those of an empty address are; None if there are none.

    Raises:
        ExplorerError: A request failed.
    """
    if not address.path:
        return None
    try:
        return await _find_similar(address, access)
    except ExplorerError:
        if address.scheme in FILE_SCHEMES:  # the path above is no such file
            return None
        raise


async def _find_similar(address: Address, access: Access) -> str | None:
    path = address.path
    other = path.removeprefix("/") if path.startswith("/") else f"/{path}"
    async with _store_at(address, access, other) as store:
        if await has_contents(store):
            return f"there is below {store.address.redacted}"
    for spelling in (path, other):
        folder, slash, name = spelling.removesuffix("/").rpartition("/")
        async with _store_at(address, access, folder + slash) as store:
            with suppress(InvalidKey, KeyNotFound):
                if name and (await store.get(name)).value is not None:
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
