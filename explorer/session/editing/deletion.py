"""Deleting what a person has seen: first a preview, then only that, if nothing of it has changed.

Where a store deletes a subtree only as it was at a revision, that is asked of it. Elsewhere each entry is deleted by
itself, if it still is the one that was seen: what changed since or is new stays.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Cursor, Entry, Page, Revision
from explorer.model.errors import CallNotSupported, Denied, ExplorerError, NotReachable, OutcomeUnknown

MAX_COUNTED_KEYS: Final = 100_000
"""Keys that a preview counts; beyond it the number is told as a lower bound."""
MAX_ONE_BY_ONE: Final = 10_000
"""Entries that are deleted one by one at most."""
_AT_ONCE: Final = 16
"""Entries that are being deleted at the same time."""


@dataclass(frozen=True, slots=True)
class DeletePlan:
    """What would be deleted."""

    key: str
    """The key, or the folder that everything below would go of."""
    subtree: bool
    entry: Entry | None
    """The entry of the key itself. Of a subtree it is deleted last, and only if that was asked for; else it is None."""
    count: int
    truncated: bool
    """There are more than were counted."""
    keys: tuple[str, ...]
    """The keys that were counted, in the store's order."""
    revision: Revision | None
    """The revision at which it was read; for a subtree the guard of its deletion."""
    below: str = ""
    """What the keys below the folder begin with: a folder that itself ends with the separator is another one."""
    revisions: tuple[tuple[str, Revision], ...] = ()
    """All that would be deleted; of a subtree nothing where it is too much to be deleted one by one."""
    one_by_one: tuple[tuple[str, Revision], ...] | None = None
    """What is deleted one by one, each only at this revision; None where the store guards the whole."""

    def as_one_by_one(self) -> "DeletePlan | None":
        """Return the same deletion entry by entry: what changed since stays, the rest goes. None if it is too large."""
        return replace(self, one_by_one=self.revisions) if self.revisions else None


async def subtree_pages(store: Store, prefix: str) -> AsyncGenerator[Page[Entry], None]:
    """Yield the pages of all entries below a prefix, without values; the revision of the first guards a deletion."""
    after: Cursor | None = None
    while True:
        page = await store.list(prefix, after=after, values=False)
        yield page
        after = page.next
        if after is None:
            return


async def preview(store: Store, key: str, *, subtree: bool, with_key: bool = False) -> DeletePlan:
    """Read what would be deleted.

    Args:
        store: Where.
        key: The key, or the folder.
        subtree: Whether it is about what is below the key.
        with_key: Whether the key itself goes, too, after all that is below it.

    Raises:
        KeyNotFound: There is nothing of the kind.
        CallNotSupported: The store cannot promise to delete only what was seen.
    """
    if not subtree:
        entry = await store.get(key)
        return DeletePlan(
            key, subtree=False, entry=entry, count=1, truncated=False, keys=(key,), revision=entry.revision
        )
    guarded = Capability.GUARDED_DELETE in store.capabilities
    if not guarded and Capability.ATOMIC not in store.capabilities:
        reason = store.unsupported_reasons.get(
            Capability.GUARDED_DELETE, "it cannot tell whether something changed meanwhile"
        )
        raise CallNotSupported(f"a folder cannot be deleted safely in this store: {reason}", key=key)
    below = key + store.separator
    count, names, truncated = 0, list[str](), False
    revision: Revision | None = None
    one_by_one: list[tuple[str, Revision]] = []
    async with aclosing(subtree_pages(store, below)) as pages:
        async for page in pages:
            revision = page.revision if revision is None else revision
            count += len(page.items)
            names += [entry.key for entry in page.items]
            truncated = page.next is not None
            if count <= MAX_ONE_BY_ONE:
                one_by_one += [(entry.key, entry.revision) for entry in page.items]
            elif not guarded:
                raise CallNotSupported(
                    f"more than {MAX_ONE_BY_ONE:,} entries, and this store deletes them safely one by one only",
                    hint="delete smaller folders of it, or all of it with keyscope rm --recursive",
                    key=key,
                )
            if count >= MAX_COUNTED_KEYS:
                break
    own = await store.get(key) if with_key else None
    if own is not None:
        count += 1
        names.insert(0, key)
        one_by_one.append((key, own.revision))
    whole = count <= MAX_ONE_BY_ONE and not truncated
    return DeletePlan(
        key,
        subtree=True,
        entry=own,
        count=count,
        truncated=truncated,
        keys=tuple(names),
        revision=revision,
        below=below,
        revisions=tuple(one_by_one) if whole else (),
        one_by_one=None if guarded else tuple(one_by_one),
    )


async def apply_plan(store: Store, removal: DeletePlan) -> int:
    """Delete what was shown, and give how many entries that were: fewer where some were to go one by one and stay.

    Raises:
        KeyModified: Something of it changed since; nothing was deleted.
        KeyNotFound: It is gone already.
        OutcomeUnknown: The answer was lost.
    """
    if removal.one_by_one is not None:
        return await _delete_singly(store, removal.one_by_one)
    if removal.subtree:
        count = await store.delete_tree(removal.below, guard=removal.revision)
        if removal.entry is not None:
            count += await _delete_singly(store, [(removal.key, removal.entry.revision)])
        return count
    await store.atomic_delete(removal.key, removal.entry)
    return 1


async def _delete_singly(store: Store, entries: Iterable[tuple[str, Revision]]) -> int:
    """Delete entries that still are what they were; those below others before them, since a node may need to be empty.

    Raises:
        ExplorerError: A failure that the others would meet, too; what was deleted before is deleted.
    """

    async def delete(key: str, revision: Revision) -> bool:
        try:
            await store.atomic_delete(key, revision)
        except (NotReachable, OutcomeUnknown, Denied):
            raise
        except ExplorerError:  # changed, gone, or no longer without children
            return False
        return True

    count = 0
    for part in _parts(store.separator, entries):
        answers = await asyncio.gather(*(delete(*one) for one in part), return_exceptions=True)
        count += answers.count(True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
    return count


def _parts(separator: str, entries: Iterable[tuple[str, Revision]]) -> Iterator[list[tuple[str, Revision]]]:
    """Give entries, the deepest first, in parts of one depth."""

    def depth(entry: tuple[str, Revision]) -> int:
        return -entry[0].count(separator)

    for _, level in groupby(sorted(entries, key=depth), depth):
        found = list(level)
        for start in range(0, len(found), _AT_ONCE):
            yield found[start : start + _AT_ONCE]
