"""Changes of a plan in batches that fit into a transaction, and in waves of batches that are sent at the same time."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from explorer.drivers.base import Store
from explorer.drivers.common.created_meta import chosen_meta
from explorer.drivers.common.tasks import gather_bounded
from explorer.model.capabilities import Capability
from explorer.model.errors import ExplorerError, KeyNotFound, NotReachable, OutcomeUnknown
from explorer.model.keys import parents
from explorer.plans.plan import Change
from explorer.plans.progress import ChangeIndex
from explorer.plans.side import omission

Batch: TypeAlias = Sequence[tuple[ChangeIndex, Change]]
"""Changes that are applied at once."""

MAX_BATCH_BYTES: Final = 256 * 2**10
"""Bytes of keys and values in a transaction, which all stores take."""
MAX_BATCH: Final = 500
"""Changes in a transaction of a store without a limit."""
MAX_SENT: Final = 32
"""Changes that are sent at the same time where each is sent by itself."""
MAX_TRANSACTIONS: Final = 4
"""Transactions likewise."""


def waves(store: Store, changes: Batch) -> Iterator[Sequence[Batch]]:
    """Yield the batches that are sent at the same time.

    Values are written before any are deleted, and a key is not written or deleted at the same time as one below it.
    """
    is_atomic = Capability.TRANSACTIONS in store.capabilities
    batches = _batches(changes, store.max_operations or MAX_BATCH) if is_atomic else ([change] for change in changes)
    limit = MAX_TRANSACTIONS if is_atomic else MAX_SENT
    if Capability.DIRECTORIES in store.capabilities and is_atomic:
        limit = 1
    wave: list[Batch] = []
    keys: set[str] = set()
    above: set[str] = set()
    for batch in batches:
        names = {change.key for _, change in batch}
        outer = {parent for name in names for parent in parents(name, store.separator)}
        is_deletion = batch[-1][1].new is None
        if wave and (
            len(wave) == limit or is_deletion is not (wave[-1][-1][1].new is None) or keys & outer or above & names
        ):
            yield wave
            wave, keys, above = [], set(), set()
        wave.append(batch)
        keys |= names
        above |= outer
    if wave:
        yield wave


def _batches(changes: Batch, limit: int) -> Iterator[Batch]:
    """Yield changes in batches that fit into a transaction, deletions apart from writes."""
    batch: list[tuple[ChangeIndex, Change]] = []
    size = 0
    for item in changes:
        change = item[1]
        if change.ttl is not None:  # a transaction gives no time to live
            if batch:
                yield batch
                batch, size = [], 0
            yield [item]
            continue
        more = len(change.key) + len(change.new or b"")
        is_other = bool(batch) and (change.new is None) is not (batch[-1][1].new is None)
        if batch and (len(batch) == limit or size + more > MAX_BATCH_BYTES or is_other):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += more
    if batch:
        yield batch


async def missing_directories(store: Store, changes: Iterable[Change], existing: set[str]) -> Sequence[str]:
    """Return the directories that creating keys will make, in a store where directories stay when they are empty.

    Args:
        store: The store.
        changes: The changes.
        existing: Directories that exist; those that are found or will be made are added.
    """
    if Capability.DIRECTORIES not in store.capabilities:
        return ()
    names = {name for change in changes if change.base is None for name in parents(change.key, store.separator)}
    missing: list[str] = []

    async def look(name: str) -> None:
        try:
            await store.children(name, limit=1)
        except KeyNotFound:
            missing.append(name)

    await gather_bounded(sorted(names - existing), look, limit=MAX_SENT)
    existing |= names
    return sorted(missing)


async def delete_empty_directories(store: Store, names: Sequence[str]) -> None:
    """Delete directories in which nothing is, and which have nothing of their own, the innermost first.

    Raises:
        NotReachable: The connection is lost.
        OutcomeUnknown: So is an answer.
    """
    for name in reversed(names):
        try:
            if (await store.children(name, limit=1)).items:
                continue
            entry = await store.get(name)
            if not entry.value and not omission(entry) and not chosen_meta(entry.meta):
                await store.atomic_delete(name, entry)
        except (NotReachable, OutcomeUnknown):
            raise
        except ExplorerError:  # it is gone, or something is in it by now
            continue
