"""Comparison of a folder with another side: which keys are only here, only there, or have another value."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from explorer.config import MASKED
from explorer.model.entries import Entry
from explorer.model.errors import CallNotSupported, ExplorerError, KeyNotFound
from explorer.model.keys import directory
from explorer.model.line_diff import DiffLine, remark
from explorer.plans.copy import CopyPlanner
from explorer.plans.differences import Difference, DifferenceKind, differences
from explorer.plans.plan import Plan
from explorer.plans.search import count_keys
from explorer.plans.side import FileSide, PlanSide, Side, spelled_like, topmost, with_keys
from explorer.session.decoder import Decoder
from explorer.session.results.other_side import Connect, open_other_side
from explorer.session.results.result_list import ResultHost, ResultList


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """Two sides to compare.

    Args:
        prefix: Folder of the session's store; empty for everything.
        other: The other side, as `open_other_side` takes it.
        ignored: Globs of relative keys that are left out.
        keys: Relative keys: only they, and what is below them, are compared; empty for all.
    """

    prefix: str = ""
    other: str = ""
    ignored: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


class DifferingKey(NamedTuple):
    """A key that differs, relative to the folders that are compared; its values are read when they are shown."""

    key: str
    kind: DifferenceKind


class Sides(NamedTuple):
    """The two sides while they are open."""

    left: PlanSide
    right: Side


class Comparison(ResultList[DifferingKey]):
    """The differences between two sides. The other side stays open until another comparison, or the session's end.

    Args:
        host: The session.
        decoder: Compares values.
        connect: Returns the store of a URL or `@PROFILE`, not yet connected; None if there are no others.
        is_masked: Returns whether the value of a key is not shown.
    """

    job_name = "diff"
    max_items = 100_000

    def __init__(
        self,
        host: ResultHost,
        *,
        decoder: Decoder,
        connect: Connect | None,
        is_masked: Callable[[str], bool],
    ) -> None:
        super().__init__(host)
        self._decoder = decoder
        self._connect = connect
        self._is_masked = is_masked
        self._sides: Sides | None = None
        self.request = ComparisonRequest()
        """The two sides."""
        self.same = 0
        """Number of keys that are the same."""
        self.ignored = 0
        """Number of keys that were left out."""
        self.here = self.there = 0
        """Numbers of keys on the two sides."""

    def compare(self, request: ComparisonRequest) -> None:
        """Compare two sides in place of the present ones."""
        self.request = request
        self._start()

    async def _pages(self) -> AsyncGenerator[Sequence[DifferingKey], None]:
        self.same = self.ignored = self.here = self.there = 0
        self._sides = None
        opened: asyncio.Future[Sides] = asyncio.get_running_loop().create_future()
        opened.add_done_callback(lambda done: done.cancelled() or done.exception())  # this may be stopped meanwhile
        self._jobs.replace(self._hold_sides(opened), name="other side", user_initiated=False)
        sides = self._sides = await opened
        self.total = await _count(sides)
        with suppress(KeyNotFound):  # nothing is there
            async with aclosing(sides.left.pages()) as left, aclosing(sides.right.pages()) as right:
                async for page in differences(left, right):
                    self.looked_at += len(page)
                    yield [DifferingKey(one.key, one.kind) for one in page if self._is_shown(one)]

    def _is_shown(self, difference: Difference) -> bool:
        self.here += difference.left is not None
        self.there += difference.right is not None
        if any(fnmatchcase(difference.key, pattern) for pattern in self.request.ignored):
            self.ignored += 1
            return False
        if difference.kind is DifferenceKind.SAME:
            self.same += 1
            return False
        return True

    async def _hold_sides(self, opened: "asyncio.Future[Sides]") -> None:
        """Open the two sides, and hold them open until this job is replaced or the session ends."""
        try:
            store = self._get_store()
            left = PlanSide(store, directory(self.request.prefix, store.separator))
            async with open_other_side(self.request.other, left, self._connect) as right:
                opened.set_result(self._chosen_sides(left, spelled_like(right, left)))
                await asyncio.Event().wait()
        except (ExplorerError, OSError, ValueError) as error:
            if not opened.done():
                opened.set_exception(error if isinstance(error, ExplorerError) else CallNotSupported(str(error)))
        finally:
            if not opened.done():
                opened.set_exception(CallNotSupported("the other side could not be opened"))

    def _chosen_sides(self, left: PlanSide, right: Side) -> Sides:
        """Return the two sides with the keys that are compared only."""
        if not (keys := self.request.keys):
            return Sides(left, right)
        top = topmost(keys, left.store.separator)
        return Sides(replace(left, keys=top), with_keys(right, top, left.store.separator))

    def key_here(self, item: DifferingKey) -> str | None:
        """Return the key of a difference in the session's store; None if it is only on the other side."""
        if self._sides is None or item.kind is DifferenceKind.ONLY_RIGHT:
            return None
        return self._sides.left.key(item.key)

    async def diff(self, item: DifferingKey) -> tuple[DiffLine, ...]:
        """Return how the values of a key differ now, as lines of a diff from here to there.

        Raises:
            ExplorerError: A side cannot be read.
        """
        sides = self._sides
        if sides is None:
            return ()
        key = sides.left.key(item.key)
        if self._is_masked(key):
            return (remark(MASKED),)
        left, right = await _entry(sides.left, item.key), await _entry(sides.right, item.key)
        if left is None and right is None:
            return (remark("the key is gone on both sides by now"),)
        if left is not None and right is not None and left.value == right.value:
            return (remark("the values are the same by now"),)
        values = (None if one is None else one.value for one in (left, right))
        return await self._decoder.compare_values(key, *values)

    async def plan(self, *, prune: bool) -> Plan:
        """Return the plan that makes the other side like this one.

        Args:
            prune: Whether to delete what only the other side has.

        Raises:
            ExplorerError: There is nothing to copy, the other side cannot be written, or cannot be read.
        """
        if self._sides is None or not isinstance(self._sides.right, PlanSide):
            raise CallNotSupported("the other side is a file: keyscope export writes one")
        left, right = self._sides.left, self._sides.right
        title = f"make {right.name} like {left.name}"
        planner = CopyPlanner(left, right, overwrite=True, prune=prune, ignored=self.request.ignored)
        return await planner.plan(title)


async def _count(sides: Sides) -> int | None:
    """Return about how many keys are compared: as many as the larger side has; None if only some of it are."""
    if sides.left.keys:
        return None
    counts = [await count_keys(side) for side in sides if isinstance(side, PlanSide)]
    known = [count for count in counts if count is not None]
    return max(known) if len(known) == len(counts) else None


async def _entry(side: Side, key: str) -> Entry | None:
    if isinstance(side, FileSide):
        return next((entry for entry in side.items if entry.key == key), None)
    try:
        return await side.store.get(side.key(key))
    except KeyNotFound:
        return None
