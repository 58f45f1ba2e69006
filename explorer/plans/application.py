"""Applying a plan: every change is guarded, the first conflict stops it, and what is done is known at any time."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Final

from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import Conflict, InvalidPlan, KeyExists, KeyModified, KeyNotFound
from explorer.model.sanitize import pluralize
from explorer.plans.plan import Change, OmittedKey, Plan, PlanPart
from explorer.plans.plan_folder import AppliedChange, ChangeIndex, Progress

MAX_READS: Final = 16
"""Keys that are read at the same time to see whether they moved."""


class Application:
    """A plan that is applied to open stores.

    Args:
        plan: The plan.
        stores: The open stores of its parts by their URLs.
        progress: What is done already.
    """

    def __init__(self, plan: Plan, stores: Mapping[str, Store], progress: Progress) -> None:
        self.plan = plan
        self._stores = stores
        self._progress = progress

    async def run(self) -> AsyncGenerator[tuple[Change, AppliedChange], None]:
        """Apply the changes that are not done yet, and yield each when it is done.

        Raises:
            InvalidPlan: It has conflicts, or is for another store; nothing was changed.
            Conflict: A key is not as the plan says; the changes before it stay done.
            OutcomeUnknown: It is not known whether the last change was done; resuming finds out.
        """
        self.plan.require_applicable()
        for part in self.plan.parts:
            await require_store(part, self._stores[part.store])
        if not self._progress.resumed:
            await self._require_unmoved()
        for part_number, part in enumerate(self.plan.parts):
            store = self._stores[part.store]
            for number, change in enumerate(part.changes):
                index = ChangeIndex(part_number, number)
                if index in self._progress.done:
                    continue
                applied = AppliedChange(index, await self._apply(store, change))
                self._progress.add([applied])
                yield change, applied

    async def _apply(self, store: Store, change: Change) -> int | str | None:
        """Apply a change, and return the revision that it produced; None for a deletion."""
        try:
            if change.new is None:
                await store.atomic_delete(change.key, change.base)
                return None
            return (await store.atomic_put(change.key, change.new, change.base)).revision
        except (Conflict, KeyNotFound) as error:
            present = await _present(store, change.key)
            value = None if present is None else present.value
            if self._progress.resumed and value == change.new:  # done before the process ended
                return None if present is None else present.revision
            raise self._stopped(store, change, present) from error

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
