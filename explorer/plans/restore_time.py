"""Plans that bring back what was there at a time, as far as this person's journal and the store's own times know.

No store keeps what all keys were at a time, and the journal has the changes of one person only. So a key is restored
where the journal has a later change of it, with the value that this change replaced; and every key of which something
is not known is listed with what that is.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from explorer.drivers.base import Store
from explorer.journal import DELETE_TREE, JournalRecord
from explorer.model.capabilities import Capability
from explorer.model.entries import NO_META, Entry, Meta
from explorer.model.errors import KeyNotFound
from explorer.model.keys import directory
from explorer.model.sanitize import pluralize
from explorer.plans.entry_meta import keys_above, restored_meta
from explorer.plans.journal_scope import JournalScope
from explorer.plans.meter import Meter
from explorer.plans.plan import Change, OmittedKey, Plan, part_of
from explorer.plans.present import read_present
from explorer.plans.side import PlanSide, has_own_value, omission

_MAX_NAMED: Final = 3
"""Keys that are named where there are more."""


@dataclass(slots=True)
class _KeyRecords:
    """Records of one key: the last one until a time, and those after it."""

    last_before: JournalRecord | None = None
    after: list[JournalRecord] = field(default_factory=list)


async def restore_to_time(side: PlanSide, key: str, when: datetime, records: Iterable[JournalRecord]) -> Plan:
    """Return the plan that gives a key, or all keys below a prefix, the values that they had at a time.

    Args:
        side: The store.
        key: A key, or a prefix: one that ends with the separator, or is empty, or has no record and no value.
        when: The time.
        records: The journal, the oldest record first.

    Raises:
        KeyNotFound: There is nothing, and the journal has nothing.
    """
    store = side.store
    records = tuple(records)
    known = _records_of(store, key, when, records)
    is_key = bool(key) and not key.endswith(store.separator) and (key in known or await _has_value(store, key))
    prefix = key if is_key else directory(key, store.separator)
    known = {
        name: of_key
        for name, of_key in known.items()
        if (name == key if is_key else name.startswith(prefix)) or prefix.startswith(directory(name, store.separator))
    }
    present = dict(await read_present(store, [key])) if is_key else await _read_below(store, prefix)
    if not known and not present:
        raise KeyNotFound("there is nothing, and the journal has no change of it", address=store.redacted, key=key)
    plan = _Restoration(store, when)
    for name in sorted(known.keys() | present.keys()):
        plan.add(name, known.get(name), present.get(name), is_named=is_key)
    text = when.isoformat(sep=" ", timespec="seconds")
    changes = plan.with_meta()
    part = await part_of(store, changes, profile=side.profile)
    return Plan(
        f"restore {key!r} in {store.redacted} to {text}, as far as the journal knows",
        (part,) if changes else (),
        same=tuple(plan.same),
        omitted=(*plan.omitted, *plan.unrecorded(prefix), *_known_revision(store, prefix, when, records)),
    )


def _known_revision(
    store: Store, prefix: str, when: datetime, records: Iterable[JournalRecord]
) -> Iterable[OmittedKey]:
    """Yield what revision can be restored instead: the newest until a time that the journal has, and its time.

    A store that keeps earlier revisions does not keep their times.
    """
    if Capability.HISTORY not in store.capabilities:
        return
    found: tuple[int, JournalRecord] | None = None
    scope = JournalScope.of_store(store)
    for record in records:
        if record.time <= when and isinstance(record.after, int) and scope.relative(record) is not None:
            found = max(found or (0, record), (record.after, record), key=lambda one: one[0])
    if found is not None:
        revision, record = found
        reason = f"all keys as of revision {revision}, your change of {_time(record)}, come back with --to {revision}"
        yield OmittedKey(prefix, f"{reason}; what was written between that and the time does not")


class _Restoration:
    """Changes, and what is not known."""

    def __init__(self, store: Store, when: datetime) -> None:
        self._store, self._when = store, when
        self._changes: list[tuple[Change, JournalRecord]] = []
        """Changes, each with the first record after the time."""
        self.same: list[str] = []
        self.omitted: list[OmittedKey] = []
        self._unrecorded: list[str] = []

    def add(self, key: str, known: _KeyRecords | None, present: Entry | None, *, is_named: bool) -> None:
        """Add one key."""
        if known is None or not known.after:
            self._add_unchanged(key, None if known is None else known.last_before, present)
            return
        if any(record.action == DELETE_TREE for record in known.after):
            self.omitted.append(OmittedKey(key, "unknown: keys below it were deleted that the journal does not have"))
            return
        first, last = known.after[0], known.after[-1]
        if not _is_last(last, present):
            self.omitted.append(OmittedKey(key, f"unknown: others changed it after your change of {_time(last)}"))
        elif first.action != "create" and first.old is None:
            self.omitted.append(OmittedKey(key, "unknown: the journal does not have its value of that time"))
        elif present is not None and (reason := omission(present, is_named=is_named)):
            self.omitted.append(OmittedKey(key, reason))
        else:
            self._restore(key, known, present)

    def _restore(self, key: str, known: _KeyRecords, present: Entry | None) -> None:
        first = known.after[0]
        was = None if first.action == "create" else first.old
        if was == (None if present is None else present.value):
            self.same.append(key)
        else:
            self._changes.append((Change.of(key, present, was), first))
        before = known.last_before
        if before is None or before.after != first.before:
            self.omitted.append(
                OmittedKey(key, f"not proved: what your change of {_time(first)} found; others may have written it")
            )

    def with_meta(self) -> Sequence[Change]:
        """Return the changes with the metadata that keys had which are created again; list what they do not get."""
        created = [change.key for change, _ in self._changes if change.base is None]
        above = keys_above(created, self._store.separator)
        changes: list[Change] = []
        for change, record in self._changes:
            meta: Meta = NO_META
            lost: tuple[str, ...] = ()
            if change.base is None:
                meta, lost = restored_meta(record.meta, self._store, has_children=change.key in above)
            changes.append(replace(change, meta=meta))
            self.omitted += (OmittedKey(change.key, text) for text in lost)
        return changes

    def _add_unchanged(self, key: str, last: JournalRecord | None, present: Entry | None) -> None:
        """Add a key that this person has not changed since."""
        if last is not None and _is_last(last, present):
            self.same.append(key)
        elif last is not None:
            self.omitted.append(OmittedKey(key, f"unknown: others changed it after your change of {_time(last)}"))
        elif present is not None and (modified := _modified(present)) is not None:
            if modified <= self._when:
                self.same.append(key)
            else:
                self.omitted.append(OmittedKey(key, f"unknown: others changed it at {present.meta['mtime']}"))
        else:
            self._unrecorded.append(key)

    def unrecorded(self, prefix: str) -> Iterable[OmittedKey]:
        """Yield what is to be said about keys that the journal does not have."""
        if self._unrecorded:
            keys = pluralize(len(self._unrecorded), "key is", "keys are")
            more = ", ..." if len(self._unrecorded) > _MAX_NAMED else ""
            shown = ", ".join(self._unrecorded[:_MAX_NAMED]) + more
            reason = f"unknown: {keys} not in the journal ({shown}); others may have changed or deleted keys"
        else:
            reason = "whether others deleted keys that the journal does not have is not known"
        yield OmittedKey(prefix, reason)


def _is_last(record: JournalRecord, present: Entry | None) -> bool:
    """Return whether nobody changed a key after a record."""
    if record.detail:  # the outcome is unknown
        return False
    return (None if present is None else present.revision) == (None if record.action == "delete" else record.after)


def _modified(entry: Entry) -> datetime | None:
    """Return when an entry was written, in a store that keeps that."""
    try:
        return datetime.fromisoformat(str(entry.meta["mtime"])).astimezone()
    except (KeyError, ValueError):
        return None


def _time(record: JournalRecord) -> str:
    return record.time.astimezone().isoformat(sep=" ", timespec="seconds")[:19]


def _records_of(store: Store, key: str, when: datetime, records: Iterable[JournalRecord]) -> Mapping[str, _KeyRecords]:
    """Return the records of a store that are about a key or keys below it, by their keys relative to the store."""
    known: dict[str, _KeyRecords] = {}
    scope = JournalScope.of_store(store)
    for record in filter(None, map(scope.relative, records)):
        if not _concerns(record, key):
            continue
        of_key = known.setdefault(record.key, _KeyRecords())
        if record.time <= when:
            of_key.last_before = record
        else:
            of_key.after.append(record)
    return known


def _concerns(record: JournalRecord, key: str) -> bool:
    return record.key.startswith(key) or (record.action == DELETE_TREE and key.startswith(record.key))


async def _has_value(store: Store, key: str) -> bool:
    present = await read_present(store, [key])
    return key in present and has_own_value(present[key])


async def _read_below(store: Store, prefix: str) -> Mapping[str, Entry]:
    found: dict[str, Entry] = {}
    meter = Meter("read")
    try:
        async with aclosing(store.walk(prefix)) as entries:
            async for entry in entries:
                meter.add()
                if has_own_value(entry):
                    found[entry.key] = entry
    except KeyNotFound:
        pass
    return found
