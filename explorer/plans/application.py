"""Applying a plan: every change is guarded, the first conflict stops it, and what is done is known at any time."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass

from explorer.drivers.base import Store
from explorer.drivers.common.tasks import Tasks
from explorer.model.entries import Entry
from explorer.model.errors import Conflict, InvalidPlan, KeyExists, KeyModified, KeyNotFound
from explorer.model.operations import ABSENT, DeleteOperation, Operation, PutOperation
from explorer.model.sanitize import pluralize
from explorer.model.write_reason import masked_keys, override_reason, write_reason
from explorer.plans.constraint_check import ValueCheck, plan_violations, require_overridden
from explorer.plans.entry_meta import keys_above, restored_meta
from explorer.plans.meter import Meter
from explorer.plans.plan import Change, OmittedKey, Plan, PlanPart
from explorer.plans.present import read_present
from explorer.plans.progress import AppliedChange, ChangeIndex, Progress
from explorer.plans.waves import Batch, delete_empty_directories, missing_directories, waves


@dataclass(frozen=True, slots=True)
class ApplicationSummary:
    """Number of changes that are done, and keys that are left.

    Args:
        done: Number of changes that are done, by earlier runs too.
        total: Number of changes of the plan.
        conflicts: Keys that an undo leaves as they are, since others changed them.
    """

    done: int
    total: int
    conflicts: tuple[OmittedKey, ...] = ()

    def __str__(self) -> str:
        return f"{self.done:,} of {pluralize(self.total, 'change')} done"


class Application:
    """A plan that is applied to open stores.

    Its progress is reported by `model.progress`. Whoever stops it, by cancelling the task or closing the generator,
    loses nothing: what was sent is waited for, and kept. A plan that undoes another one goes on past keys that others
    changed since; they are in its summary.

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
        self._conflicts: list[OmittedKey] = []
        self._existing: dict[str, set[str]] = {}
        """Directories that exist, by stores."""
        self._lost: set[bytes] = set()
        """Values that an undo could not put back: the last place where they are is not deleted."""

    @property
    def summary(self) -> ApplicationSummary:
        """Summary at this moment."""
        return ApplicationSummary(len(self._progress.done), len(self.plan), tuple(self._conflicts))

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
        await settle(self.plan, self._stores, self._progress)
        if not self._progress.resumed and not self.plan.undoes:
            await self._require_unmoved()
        await self._require_required()
        meter = Meter("applied", len(self.plan), done=len(self._progress.done))
        tasks = Tasks()
        for part_number, part in enumerate(self.plan.parts):
            store = self._stores[part.store]
            deletes = False
            for wave in waves(store, self._todo(part_number, part)):
                if not deletes and (deletes := wave[0][0][1].new is None):
                    await self._require_required()  # it may be what the keys that are deleted were moved to
                try:
                    masked = (change.key for batch in wave for _, change in batch if change.masked)
                    with write_reason(override_reason(self.plan.overrides)), masked_keys(masked):
                        applied, error = await tasks.shielded(self._apply_wave(store, wave), name="wave of a plan")
                except asyncio.CancelledError:
                    await tasks.join()
                    raise
                meter.add(len(applied))
                for change, done in applied:
                    yield change, done
                if error is not None:
                    raise error
            await delete_empty_directories(store, part.directories)

    def _todo(self, part_number: int, part: PlanPart) -> Sequence[tuple[ChangeIndex, Change]]:
        places = (ChangeIndex(part_number, number) for number in range(len(part.changes)))
        return [(place, part.changes[place.number]) for place in places if place not in self._progress.done]

    async def _apply_wave(
        self, store: Store, wave: Sequence[Batch]
    ) -> tuple[list[tuple[Change, AppliedChange]], BaseException | None]:
        """Apply batches at the same time; return what is done, and the error of the first that failed."""
        places = [place for batch in wave for place, _ in batch]
        existing = self._existing.setdefault(store.address.public_url, set())
        directories = await missing_directories(store, [change for batch in wave for _, change in batch], existing)
        self._progress.begin(places, directories)
        results = await asyncio.gather(*(self._apply_batch(store, batch) for batch in wave), return_exceptions=True)
        applied: list[tuple[Change, AppliedChange]] = []
        error: BaseException | None = None
        for result in results:
            if isinstance(result, BaseException):
                error = error or result
            else:
                applied += result
        return applied, error

    async def _apply_batch(self, store: Store, batch: Batch) -> list[tuple[Change, AppliedChange]]:
        """Apply changes, all or none; an undo leaves those that others changed."""
        todo = self._without_lost(batch)
        while todo:
            try:
                entries = await _send(store, [change for _, change in todo])
            except (Conflict, KeyNotFound) as error:
                present = await read_present(store, [change.key for _, change in todo])
                moved = [item for item in todo if not _is_base(item[1], present.get(item[1].key))]
                if not self.plan.undoes:
                    self._progress.refuse(place for place, _ in todo)
                    named = next((change for _, change in todo if change.key == error.key), todo[0][1])
                    raise self._stopped(store, moved[0][1] if moved else named, present) from error
                if not moved:  # it is as before again
                    continue
                for place, change in moved:
                    entry = present.get(change.key)
                    self._leave(place, change, _what_moved(change, entry))
                    if change.base is None and change.new is not None and entry is not None:
                        self._lost |= {change.new} - {entry.value}
                todo = self._without_lost([item for item in todo if item not in moved])
            else:
                applied = [
                    AppliedChange(place, None if entry is None else entry.revision)
                    for (place, _), entry in zip(todo, entries, strict=True)
                ]
                self._progress.add(applied)
                return [(change, done) for (_, change), done in zip(todo, applied, strict=True)]
        return []

    def _without_lost(self, batch: Batch) -> Batch:
        """Return a batch without the deletions of values that could not be put back where they were."""
        kept = []
        for place, change in batch:
            if self._lost and change.new is None and change.old in self._lost:
                self._leave(place, change, "its value could not be put back where it was")
            else:
                kept.append((place, change))
        return kept

    def _leave(self, place: ChangeIndex, change: Change, reason: str) -> None:
        self._progress.refuse([place])
        self._conflicts.append(OmittedKey(change.key, reason))

    async def _require_unmoved(self) -> None:
        """Raise the conflict of the first key that is not as the plan says; nothing was changed."""
        meter = Meter("checked", len(self.plan))
        for part in self.plan.parts:
            store = self._stores[part.store]
            for moved in await moved_keys(part, store, meter):
                raise KeyModified(
                    moved.reason, hint="nothing was changed: make the plan again", address=store.redacted, key=moved.key
                )

    async def _require_required(self) -> None:
        """Raise the conflict of the first key that is not changed and not as the plan says."""
        for part in self.plan.parts:
            store = self._stores[part.store]
            present = await read_present(store, [one.key for one in part.required])
            for one in part.required:
                entry = present.get(one.key)
                if entry is None or entry.revision != one.revision:
                    change = Change(one.key, one.revision, b"", None)
                    raise self._stopped(store, change, present)

    def _stopped(self, store: Store, change: Change, present: Mapping[str, Entry]) -> Conflict:
        error = KeyExists if change.base is None else KeyModified
        return error(
            f"{_what_moved(change, present.get(change.key))}; {self.summary}",
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


async def moved_keys(part: PlanPart, store: Store, meter: Meter | None = None) -> tuple[OmittedKey, ...]:
    """Return the keys of a part that are not as it says, in its order."""
    present = await read_present(store, [change.key for change in part.changes], meter)
    suspects = [change for change in part.changes if not _is_base(change, present.get(change.key))]
    found = await read_present(store, [change.key for change in suspects])
    return tuple(
        OmittedKey(change.key, _what_moved(change, found.get(change.key)))
        for change in suspects
        if not _is_base(change, found.get(change.key))
    )


async def settle(plan: Plan, stores: Mapping[str, Store], progress: Progress) -> None:
    """Find out which changes were done whose answers are missing, after a crash."""
    for number, part in enumerate(plan.parts):
        doubtful = [place for place in progress.doubtful if place.part == number]
        if not doubtful:
            continue
        changes = [part.changes[place.number] for place in doubtful]
        present = await read_present(stores[part.store], [change.key for change in changes])
        done: list[AppliedChange] = []
        refused: list[ChangeIndex] = []
        for place, change in zip(doubtful, changes, strict=True):
            entry = present.get(change.key)
            if (None if entry is None else entry.value) == change.new and not _is_base(change, entry):
                done.append(AppliedChange(place, None if entry is None else entry.revision))
            else:
                refused.append(place)
        progress.add(done)
        progress.refuse(refused)


async def undo_of(plan: Plan, stores: Mapping[str, Store], progress: Progress) -> Plan:
    """Return the plan that takes back what was done, also what a process did that was killed."""
    await settle(plan, stores, progress)
    return undo_plan(plan, progress, stores)


def undo_plan(plan: Plan, progress: Progress, stores: Mapping[str, Store]) -> Plan:
    """Return the plan that takes back what was done, guarded by the revisions that doing it produced.

    Its parts and changes are in the reverse order, so that a moved key is never in neither place. What of a deleted key
    does not come back is among its omitted keys.
    """
    parts: list[PlanPart] = []
    omitted: list[OmittedKey] = []
    for part_number, part in reversed(list(enumerate(plan.parts))):
        store = stores[part.store]
        done = [
            (change, progress.done[index])
            for number, change in reversed(list(enumerate(part.changes)))
            if (index := ChangeIndex(part_number, number)) in progress.done
        ]
        above = keys_above((change.key for change, _ in done if change.new is None), store.separator)
        changes: list[Change] = []
        for change, revision in done:
            inverse, lost = _inverse(change, revision, store, has_children=change.key in above)
            changes.append(inverse)
            omitted += (OmittedKey(change.key, text) for text in lost)
        directories = progress.directories(part_number)
        parts.append(PlanPart(part.store, part.identity, tuple(changes), part.profile, directories=directories))
    return Plan(
        f"undo: {plan.title}",
        tuple(part for part in parts if part.changes),
        omitted=tuple(omitted),
        undoes=plan.id,
    )


def _inverse(
    change: Change, revision: int | str | None, store: Store, *, has_children: bool
) -> tuple[Change, tuple[str, ...]]:
    """Return what takes a change back, and what of a deleted key does not come back."""
    if change.new is not None:
        return Change(change.key, revision, change.new, change.old, masked=change.masked), ()
    meta, lost = restored_meta(change.kept, store, has_children=has_children)
    return Change(change.key, None, None, change.old, masked=change.masked, meta=meta), lost


async def _send(store: Store, changes: Sequence[Change]) -> Sequence[Entry | None]:
    if len(changes) > 1:
        return await store.transact([_operation(change) for change in changes])
    (change,) = changes
    if change.new is None:
        await store.atomic_delete(change.key, _seen(change))
        return (None,)
    return (await store.atomic_put(change.key, change.new, _seen(change), ttl=change.ttl, meta=change.meta),)


def _operation(change: Change) -> Operation:
    expected = _seen(change) or ABSENT
    if change.new is None:
        return DeleteOperation(change.key, expected)
    return PutOperation(change.key, change.new, expected, change.meta)


def _seen(change: Change) -> Entry | None:
    """Return the entry that a change replaces; None if it creates one."""
    return None if change.base is None else Entry(change.key, change.old, change.base, meta=change.kept)


def _is_base(change: Change, present: Entry | None) -> bool:
    """Return whether a key is as a change expects it."""
    return present is None if change.base is None else present is not None and present.revision == change.base


def _what_moved(change: Change, present: Entry | None) -> str:
    if change.base is None:
        return "the key exists now"
    return "the key is gone" if present is None else f"the key was changed: revision {present.revision}"
