"""Present entries of many keys: one by one, or by listing what they have in common."""

import os
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Final

from explorer.drivers.base import Store
from explorer.drivers.common.tasks import gather_bounded
from explorer.model.entries import Entry
from explorer.model.errors import KeyNotFound
from explorer.plans.meter import Meter

MAX_READS: Final = 16
"""Keys that are read at the same time."""
MIN_LISTED: Final = 100
"""Keys from which on listing is tried."""
MAX_LISTED_RATIO: Final = 3
"""Entries that are listed for each key that is wanted, above which the keys are read one by one."""


async def read_present(store: Store, keys: Sequence[str], meter: Meter | None = None) -> Mapping[str, Entry]:
    """Return the entries of keys as they are now; those that do not exist are missing."""
    if len(keys) >= MIN_LISTED and (listed := await _listed(store, keys)) is not None:
        return listed
    found: dict[str, Entry] = {}

    async def read(key: str) -> None:
        with suppress(KeyNotFound):
            found[key] = await store.get(key)
        if meter is not None:
            meter.add()

    await gather_bounded(keys, read, limit=MAX_READS)
    return found


async def _listed(store: Store, keys: Sequence[str]) -> Mapping[str, Entry] | None:
    """Return the entries by one listing; None if there is much else beside them, or a key that no listing has."""
    prefix = os.path.commonprefix(keys)  # noqa: RUF071 - of texts
    prefix = prefix[: prefix.rfind(store.separator) + 1]
    if prefix in keys:
        return None
    wanted = set(keys)
    found: dict[str, Entry] = {}
    count = 0
    with suppress(KeyNotFound):
        async with aclosing(store.walk(prefix)) as entries:
            async for entry in entries:
                count += 1
                if entry.key in wanted:
                    found[entry.key] = entry
                elif count - len(found) > MAX_LISTED_RATIO * len(wanted):
                    return None
    return found
