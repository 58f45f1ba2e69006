"""Deleting what a person has seen: first a preview, then only that, if nothing of it has changed."""

from dataclasses import dataclass
from typing import Final

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Entry, Revision
from explorer.model.errors import CallNotSupported

NAMES: Final = 10
"""Keys that a preview names."""
MOST: Final = 100_000
"""Keys that a preview counts; beyond it the number is told as a lower bound."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What would be deleted."""

    key: str
    """The key, or the folder that everything below would go of."""
    subtree: bool
    entry: Entry | None
    """The entry of the key itself. Of a subtree it is not deleted: a folder's own value stays."""
    count: int
    more: bool
    """There are more than were counted."""
    names: tuple[str, ...]
    """The first keys, in the store's order."""
    revision: Revision | None
    """The revision at which it was read; for a subtree the guard of its deletion."""
    below: str = ""
    """What the keys below the folder begin with: a folder that itself ends with the separator is another one."""


async def preview(store: Store, key: str, *, subtree: bool) -> Removal:
    """Read what would be deleted.

    Raises:
        KeyNotFound: There is nothing of the kind.
        CallNotSupported: The store cannot promise to delete only what was seen.
    """
    if not subtree:
        entry = await store.get(key)
        return Removal(key, subtree=False, entry=entry, count=1, more=False, names=(key,), revision=entry.revision)
    if Capability.GUARDED_DELETE not in store.capabilities:
        reason = store.reasons.get(Capability.GUARDED_DELETE, "it cannot tell whether something changed meanwhile")
        raise CallNotSupported(f"a folder cannot be deleted safely in this store: {reason}", key=key)
    below = key + store.separator
    count, names, after = 0, list[str](), None
    revision: Revision | None = None
    first = True
    while first or (after is not None and count < MOST):
        first = False
        page = await store.list(below, after=after, values=False)
        revision = page.revision if revision is None else revision
        count += len(page.items)
        names += [entry.key for entry in page.items[: NAMES - len(names)]]
        after = page.next
    return Removal(key, True, None, count, after is not None, tuple(names), revision, below)  # noqa: FBT003 - its fields


async def remove(store: Store, removal: Removal) -> int:
    """Delete what was shown, and give how many entries that were.

    Raises:
        KeyModified: Something of it changed since; nothing was deleted.
        KeyNotFound: It is gone already.
        OutcomeUnknown: The answer was lost.
    """
    if removal.subtree:
        return await store.delete_tree(removal.below, guard=removal.revision)
    await store.atomic_delete(removal.key, removal.entry)
    return 1
