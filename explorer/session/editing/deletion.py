"""Deletion of keys and folders: a preview first, then exactly that, if no entry of it has changed.

A store with guarded deletion deletes a subtree only as it was at a revision. Elsewhere entries are deleted one by one,
each only at the revision of the preview: an entry that changed or is new stays.
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
"""Maximum number of keys that a preview counts; beyond it the count is a lower bound."""
MAX_ONE_BY_ONE: Final = 10_000
"""Maximum number of entries that are deleted one by one."""
_MAX_CONCURRENT_DELETES: Final = 16
"""Maximum number of concurrent deletions."""


@dataclass(frozen=True, slots=True)
class DeletePlan:
    """Preview of a deletion."""

    key: str
    """The key, or the folder."""
    subtree: bool
    entry: Entry | None
    """Entry of the key itself. Of a folder: None, unless the folder's own key goes, too, after all below it."""
    count: int
    truncated: bool
    """True if there are more keys than were counted."""
    keys: tuple[str, ...]
    """Counted keys, in the store's order."""
    revision: Revision | None
    """Revision of the preview; for a folder the guard of its deletion."""
    prefix: str = ""
    """Prefix of the keys below the folder."""
    revisions: tuple[tuple[str, Revision], ...] = ()
    """Entries to delete and their revisions; of a folder empty if there are too many to be deleted one by one."""
    one_by_one: tuple[tuple[str, Revision], ...] | None = None
    """Entries to delete one by one, each at its revision; None where the store guards the whole deletion."""

    def as_one_by_one(self) -> "DeletePlan | None":
        """Return the same deletion entry by entry, in which changed entries stay; None if there are too many."""
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
    """Return what a deletion would delete.

    Args:
        store: Store to read.
        key: Key or folder.
        subtree: Whether everything below the key is deleted.
        with_key: Whether the folder's own key is deleted, too, after all keys below it.

    Raises:
        KeyNotFound: There is no such key, or nothing below it.
        CallNotSupported: The store cannot delete safely; the message says why.
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
    prefix = key + store.separator
    count, keys, truncated = 0, list[str](), False
    revision: Revision | None = None
    one_by_one: list[tuple[str, Revision]] = []
    async with aclosing(subtree_pages(store, prefix)) as pages:
        async for page in pages:
            revision = page.revision if revision is None else revision
            count += len(page.items)
            keys += [entry.key for entry in page.items]
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
        keys.insert(0, key)
        one_by_one.append((key, own.revision))
    is_complete = count <= MAX_ONE_BY_ONE and not truncated
    return DeletePlan(
        key,
        subtree=True,
        entry=own,
        count=count,
        truncated=truncated,
        keys=tuple(keys),
        revision=revision,
        prefix=prefix,
        revisions=tuple(one_by_one) if is_complete else (),
        one_by_one=None if guarded else tuple(one_by_one),
    )


async def apply_plan(store: Store, plan: DeletePlan) -> int:
    """Delete what a preview listed; return the number of deleted entries, fewer where entries that changed stayed.

    Raises:
        KeyModified: An entry changed; nothing was deleted.
        KeyNotFound: The key is gone already.
        OutcomeUnknown: The answer was lost.
    """
    if plan.one_by_one is not None:
        return await _delete_one_by_one(store, plan.one_by_one)
    if plan.subtree:
        count = await store.delete_tree(plan.prefix, guard=plan.revision)
        if plan.entry is not None:
            count += await _delete_one_by_one(store, [(plan.key, plan.entry.revision)])
        return count
    await store.atomic_delete(plan.key, plan.entry)
    return 1


async def _delete_one_by_one(store: Store, entries: Iterable[tuple[str, Revision]]) -> int:
    """Delete entries at their revisions, the deepest first, because a node may have to be empty.

    Raises:
        ExplorerError: A failure that the other entries would share; earlier entries are deleted.
    """

    async def delete(key: str, revision: Revision) -> bool:
        try:
            await store.atomic_delete(key, revision)
        except (NotReachable, OutcomeUnknown, Denied):
            raise
        except ExplorerError:  # changed, gone, or with new children
            return False
        return True

    count = 0
    for part in _batches(store.separator, entries):
        answers = await asyncio.gather(*(delete(*one) for one in part), return_exceptions=True)
        count += answers.count(True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
    return count


def _batches(separator: str, entries: Iterable[tuple[str, Revision]]) -> Iterator[list[tuple[str, Revision]]]:
    """Yield batches of entries of one depth, the deepest first."""

    def depth(entry: tuple[str, Revision]) -> int:
        return -entry[0].count(separator)

    for _, level in groupby(sorted(entries, key=depth), depth):
        batch = list(level)
        for start in range(0, len(batch), _MAX_CONCURRENT_DELETES):
            yield batch[start : start + _MAX_CONCURRENT_DELETES]
