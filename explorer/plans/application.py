"""Applying a plan: every change is guarded, the first conflict stops it, and what is done is known at any time."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Entry, Revision
from explorer.model.errors import Conflict, InvalidPlan, KeyExists, KeyModified, KeyNotFound
from explorer.model.operations import ABSENT, DeleteOperation, Operation, PutOperation
from explorer.model.sanitize import pluralize
from explorer.model.write_reason import override_reason, write_reason
from explorer.plans.constraint_check import ValueCheck, plan_violations, require_overridden
from explorer.plans.plan import Change, OmittedKey, Plan, PlanPart
from explorer.plans.plan_folder import AppliedChange, ChangeIndex, Progress

MAX_READS: Final = 16
"""Keys that are read at the same time to see whether they moved."""
MAX_BATCH_BYTES: Final = 256 * 2**10
"""Bytes of keys and values in a transaction, which all stores take."""


class Application:
    """A plan that is applied to open stores.

    Args:
        plan: The plan.
        stores: The open stores of its parts by their URLs.
        progress: What is done already.
        check: Checks each value by the constraints of its key; None checks nothing.
    """

    def __init__(
        self, plan: Plan, stores: Mapping[str, Store], progress: Progress, check: ValueCheck | None = None
    ) -> None:
        self.plan = plan
        self._stores = stores
        self._progress = progress
        self._check = check

    async def run(self) -> AsyncGenerator[tuple[Change, AppliedChange], None]:
        """Apply the changes that are not done yet, and yield each when it is done.

        Raises:
            InvalidPlan: It has conflicts, or is for another store; nothing was changed.
            ConstraintViolated: A value breaks a constraint that the plan does not override; nothing was changed.
            Conflict: A key is not as the plan says; the changes before it stay done.
            OutcomeUnknown: It is not known whether the last change was done; resuming finds out.
        """
        self.plan.require_applicable()
        for part in self.plan.parts:
            await require_store(part, self._stores[part.store])
        if self._check is not None:
            require_overridden(self.plan, await plan_violations(self.plan, self._stores, self._check))
        if not self._progress.resumed:
            await self._require_unmoved()
        for part_number, part in enumerate(self.plan.parts):
            store = self._stores[part.store]
            places = (ChangeIndex(part_number, number) for number in range(len(part.changes)))
            todo = [(place, part.changes[place.number]) for place in places if place not in self._progress.done]
            for batch in _batches(store, todo):
                with write_reason(override_reason(self.plan.overrides)):
                    revisions = await self._apply(store, [change for _, change in batch])
                applied = [
                    AppliedChange(place, revision) for (place, _), revision in zip(batch, revisions, strict=True)
                ]
                self._progress.add(applied)
                for (_, change), done in zip(batch, applied, strict=True):
                    yield change, done

    async def _apply(self, store: Store, changes: Sequence[Change]) -> Sequence[Revision | None]:
        """Apply changes, all or none, and return the revisions that they produced; None for a deletion."""
        try:
            if len(changes) > 1:
                entries = await store.transact([_operation(change) for change in changes])
            else:
                entries = (await _apply_one(store, changes[0]),)
        except (Conflict, KeyNotFound) as error:
            present = [await _present(store, change.key) for change in changes]
            if self._progress.resumed and all(map(_is_done, changes, present)):  # done before the process ended
                entries = tuple(present)
            else:
                moved = next((place for place, change in enumerate(changes) if change.key == error.key), 0)
                raise self._stopped(store, changes[moved], present[moved]) from error
        return [None if entry is None else entry.revision for entry in entries]

    async def _require_unmoved(self) -> None:
        """Raise the conflict of the first key that is not as the plan says; nothing was changed."""
        for part in self.plan.parts:
            store = self._stores[part.store]
            for moved in await moved_keys(part, store):
                raise KeyModified(
                    moved.reason, hint="nothing was changed: make the plan again", address=store.redacted, key=moved.key
                )

    def _stopped(self, store: Store, change: Change, present: Entry | None) -> Conflict:
        done = f"{len(self._progress.done)} of {pluralize(len(self.plan), 'change')} done"
        error = KeyExists if change.base is None else KeyModified
        return error(
            f"{_what_moved(change, present)}; {done}",
            hint="undo takes them back, resuming goes on once the key is as planned",
            address=store.redacted,
            key=change.key,
        )


async def require_store(part: PlanPart, store: Store) -> None:
    """Raise if an open store is not the one of a part.

    Raises:
        InvalidPlan: It is another one.
    """
    identity = (await store.status()).identity
    if part.identity is not None and identity is not None and identity != part.identity:
        raise InvalidPlan(
            "the plan is for another store: the cluster behind this address has another identity",
            hint="make the plan again",
            address=store.redacted,
        )


async def moved_keys(part: PlanPart, store: Store) -> tuple[OmittedKey, ...]:
    """Return the keys of a part that are not as it says, in its order."""

    async def reason(change: Change) -> str:
        present = await _present(store, change.key)
        is_base = present is None if change.base is None else present is not None and present.revision == change.base
        return "" if is_base else _what_moved(change, present)

    moved: list[OmittedKey] = []
    for start in range(0, len(part.changes), MAX_READS):
        changes = part.changes[start : start + MAX_READS]
        reasons = await asyncio.gather(*map(reason, changes))
        moved += [OmittedKey(change.key, why) for change, why in zip(changes, reasons, strict=True) if why]
    return tuple(moved)


def _batches(
    store: Store, changes: Sequence[tuple[ChangeIndex, Change]]
) -> Iterator[Sequence[tuple[ChangeIndex, Change]]]:
    """Yield changes in batches that fit into a transaction; one by one for stores without transactions."""
    if Capability.TRANSACTIONS not in store.capabilities:
        yield from ([change] for change in changes)
        return
    limit = store.max_operations or len(changes)
    batch: list[tuple[ChangeIndex, Change]] = []
    size = 0
    for change in changes:
        more = len(change[1].key) + len(change[1].new or b"")
        if batch and (len(batch) == limit or size + more > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(change)
        size += more
    if batch:
        yield batch


def _operation(change: Change) -> Operation:
    expected = _seen(change) or ABSENT
    if change.new is None:
        return DeleteOperation(change.key, expected)
    return PutOperation(change.key, change.new, expected)


async def _apply_one(store: Store, change: Change) -> Entry | None:
    if change.new is None:
        await store.atomic_delete(change.key, _seen(change))
        return None
    return await store.atomic_put(change.key, change.new, _seen(change))


def _seen(change: Change) -> Entry | None:
    """Return the entry that a change replaces; None if it creates one."""
    return None if change.base is None else Entry(change.key, change.old, change.base)


def _is_done(change: Change, present: Entry | None) -> bool:
    return (None if present is None else present.value) == change.new


async def _present(store: Store, key: str) -> Entry | None:
    with suppress(KeyNotFound):
        return await store.get(key)
    return None


def _what_moved(change: Change, present: Entry | None) -> str:
    if change.base is None:
        return "the key exists now"
    return "the key is gone" if present is None else f"the key was changed: revision {present.revision}"


def undo_plan(plan: Plan, progress: Progress) -> Plan:
    """Return the plan that takes back what was done, guarded by the revisions that doing it produced.

    Its parts and changes are in the reverse order, so that a moved key is never in neither place.
    """
    parts = []
    for part_number, part in reversed(list(enumerate(plan.parts))):
        changes = [
            _inverse(change, progress.done[index])
            for number, change in reversed(list(enumerate(part.changes)))
            if (index := ChangeIndex(part_number, number)) in progress.done
        ]
        parts.append(PlanPart(part.store, part.identity, tuple(changes), part.profile))
    return Plan(f"undo: {plan.title}", tuple(part for part in parts if part.changes), undoes=plan.id)


def _inverse(change: Change, revision: int | str | None) -> Change:
    if change.new is None:
        return Change(change.key, None, None, change.old)
    return Change(change.key, revision, change.new, change.old)
