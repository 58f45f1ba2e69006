"""Plans that copy or move what is on one side to the other."""

from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from fnmatch import fnmatchcase

from explorer.drivers.common.tasks import gather_bounded
from explorer.model.entries import Entry
from explorer.model.errors import ExplorerError, KeyNotFound
from explorer.plans.differences import DifferenceKind, differences
from explorer.plans.meter import Meter
from explorer.plans.plan import Change, OmittedKey, Plan, PlanPart, RequiredKey, part_of, require_guarded_writes
from explorer.plans.present import MAX_READS
from explorer.plans.side import PlanSide, Side, is_masked, is_ttl_copied, not_copied, omission, spelled_like


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
        self._writes: list[Change] = []
        self._prunes: list[Change] = []
        self._moved: list[Change] = []
        self._same: list[str] = []
        self._required: list[RequiredKey] = []
        self._emptied: set[str] = set()
        self._conflicts: list[OmittedKey] = []
        self._omitted: list[OmittedKey] = []
        self._unlisted: list[str] = []
        """Keys of the source of whose entries the listing does not have all."""

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
        await self._look_at_unlisted()
        return Plan(
            title,
            await self._parts(),
            same=tuple(self._same),
            conflicts=tuple(self._conflicts),
            omitted=tuple(self._omitted),
        )

    def _add(self, relative: str, left: Entry | None, right: Entry | None, kind: DifferenceKind) -> None:
        key = self._target.key(relative)
        is_named = isinstance(self._source, PlanSide) and self._source.has_key and not relative
        if left is not None and (reason := omission(left, is_named=is_named)):
            self._omitted.append(OmittedKey(self._source.key(relative), reason))
            return
        if right is not None and kind is not DifferenceKind.SAME and (reason := omission(right, is_named=is_named)):
            self._omitted.append(OmittedKey(key, reason))
            return
        if left is None:
            if self._prune:
                self._prunes.append(Change.of(key, right, None))
            return
        if kind is DifferenceKind.SAME:
            self._same.append(key)
            if self._move and right is not None:
                self._required.append(RequiredKey(key, right.revision))
        elif kind is DifferenceKind.CHANGED and not self._overwrite:
            masked = is_masked(self._source, relative) or is_masked(self._target, relative)
            change = replace(Change.of(key, right, left.value), masked=masked)
            url = self._target.store.address.public_url
            self._conflicts.append(OmittedKey(key, "the target has another value", change, url))
            return
        else:
            lives = right is None and is_ttl_copied(left, self._source, self._target)
            masked, ttl = is_masked(self._source, relative), left.ttl if lives else None
            self._writes.append(replace(Change.of(key, right, left.value), masked=masked, ttl=ttl))
            name = self._source.key(relative)
            if isinstance(self._source, PlanSide) and not self._source.store.lists_whole_entries:
                self._unlisted.append(name)
            else:
                rest = left._replace(ttl=None) if lives else left
                self._omitted += (OmittedKey(name, lost) for lost in not_copied(rest))
        if self._move:
            moved = self._source.key(relative)
            self._moved.append(Change.of(moved, left, None))
            if isinstance(self._source, PlanSide):
                self._emptied |= self._source.directories_above(moved)

    async def _look_at_unlisted(self) -> None:
        """List what keys lose of which the listing does not have all."""
        if not isinstance(self._source, PlanSide) or not self._unlisted:
            return
        lost: dict[str, tuple[str, ...]] = {}
        store, meter = self._source.store, Meter("looked at", len(self._unlisted))

        async def look(key: str) -> None:
            with suppress(KeyNotFound):  # it is gone by now
                lost[key] = not_copied(await store.get(key))
            meter.add()

        await gather_bounded(self._unlisted, look, limit=MAX_READS)
        self._omitted += (OmittedKey(key, text) for key in self._unlisted for text in lost.get(key, ()))

    async def _parts(self) -> tuple[PlanPart, ...]:
        """Return the part of the target, and for a move that of the source after it; one if they are one store."""
        writes, required = [*self._writes, *self._prunes], self._required
        source, target = self._source, self._target
        emptied = tuple(sorted(self._emptied))
        if isinstance(source, PlanSide) and source.store is not target.store:
            parts = [
                await part_of(target.store, writes, profile=target.profile, required=required),
                await part_of(source.store, self._moved, profile=source.profile, directories=emptied),
            ]
        else:
            changes = [*writes, *self._moved]
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
        if source.store == target.store and (source.is_in(target) or target.is_in(source)):
            raise ExplorerError(
                f"{source.path or '/'} and {target.path or '/'} of the same store overlap", hint="choose another target"
            )
