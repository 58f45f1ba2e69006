"""Plans for several keys and folders at once: copied, moved, or deleted."""

from collections.abc import Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import NamedTuple

from explorer.model.entries import Entry
from explorer.model.errors import InvalidPlan, KeyNotFound
from explorer.plans.copy import CopyPlanner
from explorer.plans.plan import Change, OmittedKey, Plan, PlanPart, in_safe_order, part_of
from explorer.plans.side import PlanSide, is_masked, omission


class CopiedKey(NamedTuple):
    """A key with everything below it, and the key that it is copied to."""

    source: PlanSide
    target: PlanSide


async def copy_plan(title: str, items: Sequence[CopiedKey], *, overwrite: bool = False, move: bool = False) -> Plan:
    """Return the plan that copies or moves keys, each with everything below it.

    Args:
        title: What it does, one line.
        items: The keys; both sides have `has_key`.
        overwrite: Replace values that differ; otherwise they are conflicts.
        move: Delete what was copied.

    Raises:
        KeyNotFound: There is nothing at a key.
        InvalidPlan: Two keys would be copied to the same one.
        ExplorerError: A key would be copied to itself, or to what is above or below it.
    """
    plans = [await CopyPlanner(source, target, overwrite=overwrite, move=move).plan(title) for source, target in items]
    return Plan(
        title,
        _merged(part for plan in plans for part in plan.parts),
        same=tuple(key for plan in plans for key in plan.same),
        conflicts=tuple(conflict for plan in plans for conflict in plan.conflicts),
        omitted=tuple(omitted for plan in plans for omitted in plan.omitted),
    )


async def deletion_plan(title: str, side: PlanSide, keys: Sequence[str]) -> Plan:
    """Return the plan that deletes keys with everything below them.

    A key that is leased, or expires by itself, is left as it is unless it is one of `keys` itself.

    Args:
        title: What it does, one line.
        side: The store; its prefix is not used.
        keys: The keys.

    Raises:
        KeyNotFound: There is nothing at a key.
    """
    deleted: dict[str, Entry] = {}
    omitted: dict[str, OmittedKey] = {}
    for key in keys:
        count = 0
        async with aclosing(PlanSide(side.store, key, has_key=True).entries()) as entries:
            async for entry in entries:
                count += 1
                whole = key + entry.key
                if entry.key and (reason := omission(entry)):
                    omitted[whole] = OmittedKey(whole, reason)
                else:
                    deleted[whole] = entry._replace(key=whole)
        if not count:
            raise KeyNotFound("there is nothing to delete", key=key, address=side.store.redacted)
    for key in deleted:
        omitted.pop(key, None)
    changes = [Change.of(one.key, one, None) for one in await PlanSide(side.store).complete([*deleted.values()])]
    part = await part_of(side.store, changes, profile=side.profile)
    return Plan(title, (part,), omitted=tuple(omitted.values()))


async def change_set_plan(
    title: str, side: PlanSide, changes: Iterable[Change], conflicts: Iterable[OmittedKey] = ()
) -> Plan:
    """Return the plan of changes that a person made one by one.

    A key that was changed since is a conflict, unless it has the new value already.

    Args:
        title: What it does, one line.
        side: The store; its prefix is not used.
        changes: The changes.
        conflicts: Further keys for which there is no change.
    """
    kept: list[Change] = []
    same: list[str] = []
    conflicts = list(conflicts)
    for change in changes:
        present = None
        with suppress(KeyNotFound):
            present = await side.store.get(change.key)
        if (None if present is None else present.value) == change.new:
            same.append(change.key)
        elif (None if present is None else present.revision) == change.base:
            kept.append(replace(Change.of(change.key, present, change.new), meta=change.meta))
        else:
            conflicts.append(_changed_since(side, change, present))
    part = await part_of(side.store, kept, profile=side.profile)
    return Plan(title, (part,) if kept else (), same=tuple(same), conflicts=tuple(conflicts))


def _changed_since(side: PlanSide, change: Change, present: Entry | None) -> OmittedKey:
    """Return the conflict of a change with what is there now."""
    if change.new is None:
        reason = "changed since its deletion was staged: unstage it, and look again"
    else:
        reason = "changed since it was edited: edit it again to merge"
    now = replace(Change.of(change.key, present, change.new), masked=is_masked(side, change.key))
    return OmittedKey(change.key, reason, now, side.store.address.public_url)


def _merged(parts: Iterable[PlanPart]) -> tuple[PlanPart, ...]:
    """Return one part for each store, in their order: those that write come before those that only delete.

    Raises:
        InvalidPlan: A key is changed twice.
    """
    merged: dict[str, PlanPart] = {}
    for part in parts:
        before = merged.get(part.store)
        changes = (*(before.changes if before else ()), *part.changes)
        required = (*(before.required if before else ()), *part.required)
        directories = {*(before.directories if before else ()), *part.directories}
        merged[part.store] = replace(part, changes=changes, required=required, directories=tuple(sorted(directories)))
    for part in merged.values():
        seen: set[str] = set()
        for change in part.changes:
            if change.key in seen:
                raise InvalidPlan("two of the keys would become this one", key=change.key, hint="copy them one by one")
            seen.add(change.key)
    return tuple(replace(part, changes=in_safe_order(part.changes)) for part in merged.values())
