"""Plans that copy or move what is on one side to the other."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from fnmatch import fnmatchcase

from explorer.drivers.common.created_meta import chosen_meta
from explorer.model.capabilities import Capability
from explorer.model.entries import NO_META, Entry, Meta
from explorer.model.errors import ExplorerError, InvalidKey, KeyNotFound, TooLarge
from explorer.model.keys import encode, parents
from explorer.plans.differences import DifferenceKind, differences
from explorer.plans.entry_meta import created_meta, keys_above, not_written
from explorer.plans.meter import Meter
from explorer.plans.plan import Change, OmittedKey, Plan, PlanPart, RequiredKey, part_of, require_guarded_writes
from explorer.plans.present import read_present
from explorer.plans.side import (
    PlanSide,
    Side,
    has_own_value,
    is_masked,
    is_ttl_copied,
    not_copied,
    omission,
    spelled_like,
)


class CopyPlanner:
    """Compares two sides and collects the changes that make the target like the source.

    Args:
        source: Where the values come from: a store, or a file.
        target: Where they are written.
        overwrite: Replace values that differ; otherwise they are conflicts.
        prune: Delete what only the target has; an empty source deletes nothing.
        move: Delete in the source what was copied.
        ignored: Globs of relative keys that are left as they are.
    """

    def __init__(
        self,
        source: Side,
        target: PlanSide,
        *,
        overwrite: bool = False,
        prune: bool = False,
        move: bool = False,
        ignored: Sequence[str] = (),
    ) -> None:
        self._source = spelled_like(source, target)
        self._target = target
        self._overwrite, self._prune, self._move = overwrite, prune, move
        self._ignored = ignored
        self._copied: list[tuple[Change, Entry]] = []
        """Values to write, each with the entry that it comes from."""
        self._prunes: list[Entry] = []
        self._moved: list[Entry] = []
        self._same: list[str] = []
        self._required: list[RequiredKey] = []
        self._kept: list[tuple[Entry, Entry]] = []
        """Entries that a move deletes because the target has the same value, each with that of the target."""
        self._emptied: set[str] = set()
        self._conflicts: list[OmittedKey] = []
        self._omitted: list[OmittedKey] = []
        self._valued: set[str] | None = set() if Capability.NESTING not in target.store.capabilities else None
        """Keys of the target that have a value, in a store whose directories have none."""

    async def plan(self, title: str) -> Plan:
        """Return the plan.

        Raises:
            KeyNotFound: The source is empty.
            ExplorerError: One side is below the other, in the same store.
            CallNotSupported: A store cannot guard its writes.
        """
        self._require_guards()
        await self._require_apart()
        count = 0
        meter = Meter("compared")
        async with aclosing(self._source.pages()) as left, aclosing(self._target.pages()) as right:
            async for page in differences(left, right):
                meter.add(len(page))
                for difference in page:
                    count += difference.left is not None
                    if not any(fnmatchcase(difference.key, pattern) for pattern in self._ignored):
                        self._add(difference.key, difference.left, difference.right, difference.kind)
        if not count:
            raise KeyNotFound("the source is empty, and nothing was planned", address=self._source.name)
        self._refuse_nested()
        return Plan(
            title,
            await self._parts([*await self._writes(), *await self._directories()]),
            same=tuple(self._same),
            conflicts=tuple(self._conflicts),
            omitted=tuple(self._omitted),
        )

    def _add(self, relative: str, left: Entry | None, right: Entry | None, kind: DifferenceKind) -> None:
        key = self._target.key(relative)
        if right is not None and self._valued is not None:
            self._valued.add(key)
        is_named = isinstance(self._source, PlanSide) and self._source.has_key and not relative
        if left is not None and (reason := omission(left, is_named=is_named)):
            self._omitted.append(OmittedKey(self._source.key(relative), reason))
            return
        if right is not None and kind is not DifferenceKind.SAME and (reason := omission(right, is_named=is_named)):
            self._omitted.append(OmittedKey(key, reason))
            return
        if left is None:
            if self._prune and right is not None:
                self._prunes.append(right)
            return
        if kind is DifferenceKind.SAME:
            self._same.append(key)
            if self._move and right is not None:
                self._required.append(RequiredKey(key, right.revision))
                self._kept.append((left, right))
        elif kind is DifferenceKind.CHANGED and not self._overwrite:
            masked = is_masked(self._source, relative) or is_masked(self._target, relative)
            change = replace(Change.of(key, right, left.value), masked=masked)
            url = self._target.store.address.public_url
            self._conflicts.append(OmittedKey(key, "the target has another value", change, url))
            return
        elif right is None and (refusal := self._refusal(key)):
            self._conflicts.append(OmittedKey(key, refusal))
            return
        else:
            masked = is_masked(self._source, relative)
            self._copied.append((replace(Change.of(key, right, left.value), masked=masked), left))
        if self._move:
            self._moved.append(left)
            if isinstance(self._source, PlanSide):
                self._emptied |= self._source.directories_above(self._source.key(relative))

    def _refusal(self, key: str) -> str:
        """Return why the target can hold no such key; empty if it can."""
        try:
            self._target.store.require_key(key)
        except (InvalidKey, TooLarge) as error:
            return f"the target cannot hold this key: {error.message}"
        return ""

    def _refuse_nested(self) -> None:
        """Make conflicts of keys that have another one above or below them, where directories have no value."""
        if self._valued is None:
            return
        separator = self._target.store.separator
        created = {change.key for change, _ in self._copied if change.base is None}
        valued = self._valued | created
        above = {key: next((name for name in parents(key, separator) if name in valued), None) for key in valued}
        refused = {
            name for key, parent in above.items() if parent is not None for name in (key, parent) if name in created
        }
        for name in sorted(refused, key=encode):
            self._conflicts.append(OmittedKey(name, "the target cannot hold both a key and keys below it"))
        self._copied = [item for item in self._copied if item[0].key not in refused]

    async def _writes(self) -> list[Change]:
        """Return what is written; list what the copies do not have."""
        target = self._target.store
        entries = await self._source.complete([entry for _, entry in self._copied])
        created = [change.key for change, _ in self._copied if change.base is None]
        above = keys_above(created, target.separator)
        writes: list[Change] = []
        for (change, _), entry in zip(self._copied, entries, strict=True):
            chosen = self._chosen(entry)
            if change.base is None:
                meta, lost = created_meta(chosen, target, verb="copied", has_children=change.key in above)
            else:
                meta, lost = NO_META, tuple(not_written(name, value) for name, value in chosen.items())
            lives = change.base is None and is_ttl_copied(entry, self._source, self._target)
            writes.append(replace(change, ttl=entry.ttl if lives else None, meta=meta))
            lost += not_copied(entry._replace(ttl=None) if lives else entry)
            self._omitted += (OmittedKey(self._source.key(entry.key), text) for text in lost)
        for left, right in zip(
            await self._source.complete([left for left, _ in self._kept]),
            await self._target.complete([right for _, right in self._kept]),
            strict=True,
        ):
            differing = [item for item in self._chosen(left).items() if item not in right.meta.items()]
            key = self._source.key(left.key)
            self._omitted += (OmittedKey(key, not_written(name, value)) for name, value in differing)
        return writes

    def _chosen(self, entry: Entry) -> Meta:
        """Return what was chosen when an entry of the source was created."""
        return chosen_meta(entry.meta, self._source.store.settable_meta if isinstance(self._source, PlanSide) else None)

    async def _directories(self) -> list[Change]:
        """Return the directories without a value that are created because of their metadata; list what others lose."""
        source, target = self._source, self._target
        if not isinstance(source, PlanSide):
            return []
        copied = {source.key(entry.key) for change, entry in self._copied if change.base is None}
        names = {name for key in copied for name in source.directories_above(key) if name.startswith(source.prefix)}
        found = await read_present(source.store, sorted(names - copied))
        entries = await source.store.complete([entry for entry in found.values() if not has_own_value(entry)])
        chosen = {target.key(source.relative(entry.key)): entry for entry in entries if self._chosen(entry)}
        existing = await read_present(target.store, [*chosen])
        created: list[Change] = []
        for key in chosen.keys() - existing.keys():
            entry = chosen[key]
            meta, lost = created_meta(self._chosen(entry), target.store, verb="copied", has_children=True)
            if meta:
                created.append(Change(key, None, None, b"", meta=meta))
            self._omitted += (OmittedKey(entry.key, text) for text in lost)
        return created

    async def _deletions(self, side: Side, entries: Sequence[Entry]) -> list[Change]:
        """Return the deletions of entries, with all that an undo brings back."""
        return [Change.of(side.key(entry.key), entry, None) for entry in await side.complete(entries)]

    async def _parts(self, writes: Sequence[Change]) -> tuple[PlanPart, ...]:
        """Return the part of the target, and for a move that of the source after it; one if they are one store."""
        source, target, required = self._source, self._target, self._required
        writes = [*writes, *await self._deletions(target, self._prunes)]
        moved = await self._deletions(source, self._moved)
        emptied = tuple(sorted(self._emptied))
        if isinstance(source, PlanSide) and source.store is not target.store:
            parts = [
                await part_of(target.store, writes, profile=target.profile, required=required),
                await part_of(source.store, moved, profile=source.profile, directories=emptied),
            ]
        else:
            changes = [*writes, *moved]
            parts = [
                await part_of(target.store, changes, profile=target.profile, required=required, directories=emptied)
            ]
        return tuple(part for part in parts if part.changes or part.required)

    def _require_guards(self) -> None:
        written = [self._target, self._source] if self._move else [self._target]
        for store in (side.store for side in written if isinstance(side, PlanSide)):
            require_guarded_writes(store)

    async def _require_apart(self) -> None:
        if not isinstance(self._source, PlanSide):
            return
        source, target = await self._source.location(), await self._target.location()
        if source.overlaps(target):
            raise ExplorerError(
                f"{source.path or '/'} and {target.path or '/'} of the same store overlap", hint="choose another target"
            )
