"""Plans that bring back what a store kept: a key, or everything below a prefix, as of an earlier revision."""

from contextlib import suppress
from dataclasses import replace

from explorer.drivers.base import Store
from explorer.model.entries import Entry
from explorer.model.errors import KeyNotFound
from explorer.plans.copy import CopyPlanner
from explorer.plans.entry_meta import restored_meta
from explorer.plans.plan import Change, OmittedKey, Plan, part_of
from explorer.plans.side import PlanSide, omission


async def restore_key(earlier: Store, present: PlanSide, key: str, title: str) -> Plan | None:
    """Return the plan that gives a key the value that it had; None if there is no such key, then or now.

    A key that did not exist then is deleted.
    """
    was, now = await _find(earlier, key), await _find(present.store, key)
    if was is None and now is None:
        return None
    if now is not None and (reason := omission(now, is_named=True)):
        return Plan(title, (), omitted=(OmittedKey(key, reason),))
    if was is not None and now is not None and was.value == now.value:
        return Plan(title, (), same=(key,))
    change = Change.of(key, now, None if was is None else was.value)
    lost: tuple[str, ...] = ()
    if was is not None and now is None:
        meta, lost = restored_meta(was.meta, present.store)
        change = replace(change, meta=meta)
    omitted = tuple(OmittedKey(key, text) for text in lost)
    return Plan(title, (await part_of(present.store, [change], profile=present.profile),), omitted=omitted)


async def restore_prefix(earlier: Store, present: PlanSide, title: str) -> Plan:
    """Return the plan that makes everything below a prefix what it was; keys that did not exist then are deleted.

    Raises:
        KeyNotFound: There was nothing below the prefix, and nothing is deleted.
    """
    source = replace(present, store=earlier)
    return await CopyPlanner(source, present, overwrite=True, prune=True).plan(title)


async def _find(store: Store, key: str) -> Entry | None:
    with suppress(KeyNotFound):
        entry = await store.get(key)
        return None if entry.value is None else entry
    return None
