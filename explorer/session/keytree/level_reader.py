"""Level reader: reads the pages of a level, merges them in time slices, and compares it with the store after a gap."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from explorer.model.entries import Child, Cursor, Page, Revision
from explorer.model.errors import Compacted, ExplorerError, KeyNotFound
from explorer.model.keys import decode, encode, first_key, just_before, numbered_before
from explorer.model.sanitize import sanitize
from explorer.session.keytree.key_rows import KeyRows
from explorer.session.keytree.marks import budget
from explorer.session.keytree.nodes import Level, Node, PageKind, PageRequest, Run

_LOG: Final = logging.getLogger(__package__)

PAGE_SIZE: Final = 1000
"""Number of children per page."""
PAGE_OVERLAP: Final = 200
"""Number of children read before a requested one whose name is a number."""
SLICE_SECONDS: Final = 0.004
"""Seconds of merging after which other tasks have their turn."""
_MAX_ATTEMPTS: Final = 3
_ITEMS_PER_CLOCK_CHECK: Final = 16
ReadPage: TypeAlias = Callable[[str, Cursor | str | None, int], Awaitable[Page[Child]]]
"""Reads a page of the children below a prefix: after a key or a cursor, and at most so many."""
ReadPageBefore: TypeAlias = Callable[[str, str | None, str], Awaitable[Page[Child]]]
"""Reads the children below a prefix that come right before a key, or last, but after another key."""


class LevelReader:
    """Reads the pages of levels for a loader.

    Args:
        read_page: Returns a page of children, ordered by the bytes of their first keys.
        read_page_before: Returns the children before a key.
        rows: Rows to merge the pages into.
        on_change: Called when something changed.
    """

    def __init__(
        self, read_page: ReadPage, read_page_before: ReadPageBefore, rows: KeyRows, on_change: Callable[[], None]
    ) -> None:
        self._read_page = read_page
        self._read_page_before = read_page_before
        self._rows = rows
        self._on_change = on_change

    def is_current(self, node: Node, level: Level) -> bool:
        """Return whether a node is in the tree and still has the level."""
        return node.branch is level and self._rows.contains(node)

    async def read_page(self, prefix: str, after: Cursor | str | None, limit: int = PAGE_SIZE) -> Page[Child]:
        """Return a page of the children below a prefix; an empty one if there are none."""
        began = time.monotonic()
        try:
            page = await self._read_page(prefix, after, limit)
        except KeyNotFound:
            page = Page((), None, None)
        _LOG.debug(
            "level %s: %d children in %.1f ms",
            sanitize(prefix) or "of the top",
            len(page.items),
            (time.monotonic() - began) * 1000,
        )
        return page

    async def load_first(self, node: Node, level: Level) -> None:
        """Read the first page."""
        page = await self.read_page(self._rows.prefix(node), None)
        if await self._merge_page(node, level, page.items, mark_differences=False):
            self._cover(level, b"", page.items, complete=page.next is None)

    async def load_page(self, node: Node, level: Level, request: PageRequest) -> None:
        """Read a page; its part of the level was unknown before."""
        match request:
            case PageRequest(PageKind.CHILD, str() as name):
                await self._load_child(node, level, name)
            case PageRequest(PageKind.NEXT, gap) if (run := level.run_before(gap)) is not None:
                await self._load_next(node, level, run)
            case PageRequest(PageKind.PREVIOUS, gap) if (run := level.run_before(gap)) is not None:
                await self._load_previous(node, level, run, level.run_behind(gap))

    async def _load_next(self, node: Node, level: Level, run: Run) -> None:
        """Read the page after a run."""
        end = run.end
        if end is None:
            return
        # The page starts with the run's last child again: a store lists `a`, `a-b`, `a/c` as `a`, `a-b`, and after `a`
        # it continues at `a-b` as long as `a` has a value, and after `a/` if it has none any more.
        prefix = self._rows.prefix(node)
        after: Cursor | str | None = _after(prefix, run.last)
        while True:
            page = await self.read_page(prefix, after)
            if not await self._merge_page(node, level, page.items, mark_differences=False):
                return
            if page.next is None or (page.items and self._first_key_of(page.items[-1]) > end):
                break
            after = page.next
        self._cover(level, end, page.items, complete=page.next is None, last=run.last)

    async def _load_previous(self, node: Node, level: Level, run: Run, behind: Run | None) -> None:
        """Read the page before the run after a gap, or the last one of the level."""
        if run.end is None:  # the end was read meanwhile
            return
        prefix = self._rows.prefix(node)
        before = None if behind is None else prefix + decode(behind.start)
        try:
            page = await self._read_page_before(prefix, before, prefix + run.last)
        except KeyNotFound:
            page = Page((), None, None)
        if not await self._merge_page(node, level, page.items, mark_differences=False):
            return
        start = self._first_key_of(page.items[0]) if page.items else run.start
        last = page.items[-1].name if page.items else run.last
        if behind is None:
            level.cover(start, None, last)
        else:
            level.cover(start, behind.start, behind.last)

    async def _load_child(self, node: Node, level: Level, name: str) -> None:
        """Read the page with a child, and some children before it if their names are numbers."""
        first, last = encode(name), encode(name + self._rows.separator)
        if level.holds(first) and level.holds(last):
            return
        prefix = self._rows.prefix(node)
        earlier = numbered_before(name, PAGE_OVERLAP)
        page = await self.read_page(prefix, _after(prefix, name) if earlier is None else prefix + earlier)
        if earlier is not None and page.next is not None and self._first_key_of(page.items[-1]) < last:
            page = await self.read_page(prefix, _after(prefix, name))
        items = page.items
        while page.next is not None and self._first_key_of(page.items[-1]) < last:
            if not await self._merge_page(node, level, page.items, mark_differences=False):
                return
            page = await self.read_page(prefix, page.next)
            items = (*items[:1], *page.items)
        if await self._merge_page(node, level, page.items, mark_differences=False):
            start = min(first, self._first_key_of(items[0])) if items else first
            self._cover(level, start, items, complete=page.next is None, last=name)

    async def compare(self, node: Node, level: Level) -> None:
        """Read a level from its beginning as far as it was read, mark differences, bury what is gone."""
        for attempt in range(_MAX_ATTEMPTS):
            try:
                await self._compare_once(node, level)
            except Compacted:
                if attempt == _MAX_ATTEMPTS - 1:
                    raise
            else:
                return

    async def _compare_once(self, node: Node, level: Level) -> None:
        level.is_stale = False
        try:
            await self._walk(node, level, _clear_seen)
            revision: Revision | None = None
            for run in list(level.runs):
                page = await self._compare_run(node, level, run, revision)
                if page is None:
                    return
                revision = page.revision
            await self._walk(node, level, self._bury_unseen)
        except ExplorerError:
            level.is_stale = True
            raise

    async def _compare_run(self, node: Node, level: Level, run: Run, revision: Revision | None) -> Page[Child] | None:
        """Read a run again, at a given revision if there is one; return its last page, None if the level is gone."""
        prefix, start, end = self._rows.prefix(node), run.start, run.end
        after: Cursor | str | None = _after(prefix, decode(start))
        if isinstance(after, str) and revision is not None:
            after = Cursor(after, revision)
        while True:
            page = await self.read_page(prefix, after)
            items = tuple(
                [child for child in page.items if self._first_key_of(child) >= start or level.find(child.name)]
            )
            if not await self._merge_page(node, level, items, mark_differences=True):
                return None
            after = page.next
            if after is None or (end is not None and page.items and self._first_key_of(page.items[-1]) >= end):
                break
            await self._yield()  # a store that answers at once would never yield
        self._cover(level, start if end is None else end, page.items, complete=after is None, last=run.last)
        return page

    def _first_key_of(self, child: Child) -> bytes:
        return first_key(child.name, self._rows.separator, has_value=child.has_value)

    def _cover(
        self, level: Level, start: bytes, items: Sequence[Child], *, complete: bool, last: str | None = None
    ) -> None:
        """Note that a page has all children from a first key to its last child, or to the end of the level."""
        end = self._first_key_of(items[-1]) if items else start
        level.cover(start, None if complete else max(start, end), items[-1].name if items else last or "")

    async def _merge_page(self, node: Node, level: Level, items: tuple[Child, ...], *, mark_differences: bool) -> bool:
        """Merge a page in slices; return whether the level still exists."""
        until = budget(SLICE_SECONDS)
        for number, child in enumerate(items):
            if number % _ITEMS_PER_CLOCK_CHECK == 0 and (number == 0 or until()):
                if number:
                    await self._yield()
                if not self.is_current(node, level):
                    return False
                until = budget(SLICE_SECONDS)
            self._rows.merge_child(node, child, mark_differences=mark_differences)
        return self.is_current(node, level)

    async def _walk(self, node: Node, level: Level, act: Callable[[Node], None]) -> None:
        """Call a function with every child, in slices; children may come and go meanwhile."""
        name: str | None = None
        until = budget(SLICE_SECONDS)
        while self.is_current(node, level) and (block := level.block_after(name)) is not None:
            name = block[-1].name
            for child in tuple(block):
                act(child)
            if until():
                await self._yield()
                until = budget(SLICE_SECONDS)

    def _bury_unseen(self, child: Node) -> None:
        if not (child.seen or child.is_more_row):
            self._rows.discrepancies += not child.tombstone
            self._rows.bury(child)

    async def _yield(self) -> None:
        self._on_change()
        await asyncio.sleep(0)


def _after(prefix: str, name: str) -> str | None:
    """Return the key after which a page starts with a child; None for the first page."""
    before = just_before(name)
    return None if before is None else prefix + before


def _clear_seen(child: Node) -> None:
    child.seen = False
