"""Level loader: reads levels in pages, merges them in time slices, and reads them again after a gap."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from explorer.model.entries import Child, Cursor, Page, Revision
from explorer.model.errors import Compacted, ExplorerError, KeyNotFound
from explorer.model.keys import decode, encode, first_key, just_before, numbered_before
from explorer.model.sanitize import sanitize
from explorer.session.internal_errors import as_failure
from explorer.session.keytree.key_rows import KeyRows
from explorer.session.keytree.marks import budget
from explorer.session.keytree.nodes import Level, Node, PageKind, PageRequest, Run
from explorer.session.keytree.verifier import DELAY, Verifier

_LOG: Final = logging.getLogger(__package__)

PAGE_SIZE: Final = 1000
"""Number of children per page."""
PAGE_OVERLAP: Final = 200
"""Number of children read before a requested one whose name is a number."""
SLICE_SECONDS: Final = 0.004
"""Seconds of merging after which other tasks have their turn."""
MAX_READERS: Final = 3
"""Maximum number of levels read concurrently."""
CONFIRM_DELAY: Final = 2.0
"""Seconds after which a level is read once more; longer than a store's interval of looking for changes."""
_MAX_ATTEMPTS: Final = 3
_ITEMS_PER_CLOCK_CHECK: Final = 16


class Load(Protocol):
    """Reads a page of children, as `Store.children` does."""

    async def __call__(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        """Return a page of the next level below a prefix."""


class LoadBefore(Protocol):
    """Reads the children before a key, as `Store.children_before` does."""

    async def __call__(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        """Return the children right before a key in the order of a level."""


class LevelLoader:
    """Reads levels for a tree. `run` reads what was requested, until cancelled.

    Args:
        load: Returns a page of children, ordered by the bytes of their first keys.
        load_before: Returns the children before a key.
        rows: Rows to merge the pages into.
        replay: Called with a node and its level after a page was merged, to apply deferred events again.
        on_change: Called when something changed.
        verify_delay: Seconds for which folders are collected before they are verified.
        needs_confirmation: Whether the store may not report a key that came and went between two of its looks for
            changes. Such a key, if it was read in between, would stay for ever, so a level is compared once more.
    """

    def __init__(
        self,
        load: Load,
        rows: KeyRows,
        replay: Callable[[Node, Level], None],
        on_change: Callable[[], None],
        verify_delay: float = DELAY,
        *,
        load_before: LoadBefore,
        needs_confirmation: Callable[[], bool] = lambda: False,
    ) -> None:
        self._load = load
        self._load_before = load_before
        self._rows = rows
        self._replay = replay
        self._on_change = on_change
        self._queue: asyncio.Queue[tuple[Node, Level]] = asyncio.Queue()
        self._open_requests = 0
        self._progress = asyncio.Event()
        self._needs_confirmation = needs_confirmation
        self._to_confirm: OrderedDict[Node, tuple[Level, float]] = OrderedDict()
        self._confirm_requested = asyncio.Event()
        self.verifier = Verifier(
            lambda prefix: self._read_page(prefix, None, 1), rows, self.reload, self._on_checked, verify_delay
        )
        """Verifies folders that may have become empty."""

    @property
    def is_busy(self) -> bool:
        """True if a request is not done."""
        return bool(self._open_requests) or self.verifier.is_busy

    async def wait_progress(self) -> None:
        """Wait until a request is done."""
        self._progress.clear()
        await self._progress.wait()

    # Requests

    def load(self, node: Node, request: PageRequest | None = None) -> None:
        """Read a page of a level, the first by default; what failed is retried."""
        level = node.branch
        if level is not None:
            if request is not None and request not in level.requested:
                level.requested.append(request)
            self._enqueue(node, level)

    def reload(self, node: Node) -> None:
        """Read a level again as far as it was read, and merge the differences."""
        if node.branch is not None:
            node.branch.is_stale = True
            self._enqueue(node, node.branch)

    def _enqueue(self, node: Node, level: Level) -> None:
        level.error = None
        if not level.is_loading:
            level.is_loading = True
            self._open_requests += 1
            self._queue.put_nowait((node, level))
        self._rows.update_more_rows(node)

    # Loading

    async def run(self) -> None:
        """Read requested levels, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(MAX_READERS):
                group.create_task(self._run_reader(), name="tree: read levels")
            group.create_task(self.verifier.run(), name="tree: verify folders")
            group.create_task(self._confirm(), name="tree: confirm levels")

    async def _run_reader(self) -> None:
        while True:
            node, level = await self._queue.get()
            try:
                while self._current(node, level) and _pending(level) and level.error is None:
                    await self._read(node, level)
                    self._on_change()
            finally:
                level.is_loading = False
                self._open_requests -= 1
                self._progress.set()
            if self._current(node, level):
                self._rows.update_more_rows(node)
            self._on_change()

    async def _read(self, node: Node, level: Level) -> None:
        fresh = not level.runs
        compared, discrepancies = level.is_stale and not fresh, self._rows.discrepancies
        try:
            if compared:
                await self._compare(node, level)
            elif fresh:
                level.is_stale = False
                await self._load_first(node, level)
            else:
                request = level.current_request = level.requested[0]
                await self._load_page(node, level, request)
                level.requested.remove(request)
        except ExplorerError as error:
            level.error = error
        except Exception as error:
            level.error = as_failure(error)
            raise
        finally:
            level.current_request = None
        if self._current(node, level):
            self._replay(node, level)
            self._rows.update_more_rows(node)
            if level.complete and not level.live_count and node is not self._rows.root:
                self.verifier.verify_later(node)
            if self._needs_confirmation() and (not compared or self._rows.discrepancies > discrepancies):
                self._to_confirm[node] = level, time.monotonic()
                self._to_confirm.move_to_end(node)
                self._confirm_requested.set()

    async def _confirm(self) -> None:
        """Compare levels once more some time after they were read, until no unreported difference is found."""
        while True:
            await self._confirm_requested.wait()
            while self._to_confirm:
                node, read = next(iter(self._to_confirm.items()))
                level, moment = read
                await asyncio.sleep(max(0.0, moment + CONFIRM_DELAY - time.monotonic()))
                if self._to_confirm.get(node) == read:
                    del self._to_confirm[node]
                    if self._current(node, level):
                        self.reload(node)
            self._confirm_requested.clear()

    def _on_checked(self) -> None:
        self._progress.set()
        self._on_change()

    def _current(self, node: Node, level: Level) -> bool:
        return node.branch is level and self._rows.contains(node)

    async def _read_page(self, prefix: str, after: Cursor | str | None, limit: int = PAGE_SIZE) -> Page[Child]:
        began = time.monotonic()
        try:
            page = await self._load(prefix, after=after, limit=limit)
        except KeyNotFound:
            page = Page((), None, None)
        _LOG.debug(
            "level %s: %d children in %.1f ms",
            sanitize(prefix) or "of the top",
            len(page.items),
            (time.monotonic() - began) * 1000,
        )
        return page

    async def _load_first(self, node: Node, level: Level) -> None:
        """Read the first page."""
        page = await self._read_page(self._rows.prefix(node), None)
        if await self._merge_page(node, level, page.items, mark_differences=False):
            self._cover(level, b"", page.items, complete=page.next is None)

    async def _load_page(self, node: Node, level: Level, request: PageRequest) -> None:
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
            page = await self._read_page(prefix, after)
            if not await self._merge_page(node, level, page.items, mark_differences=False):
                return
            if page.next is None or (page.items and self._first_key_of(page.items[-1]) > end):
                break
            after = page.next
        self._cover(level, end, page.items, complete=page.next is None, last=run.last)

    async def _load_previous(self, node: Node, level: Level, run: Run, behind: Run | None) -> None:
        """Read the page before the run after a gap, or the last one of the level."""
        prefix = self._rows.prefix(node)
        before = None if behind is None else prefix + decode(behind.start)
        try:
            page = await self._load_before(prefix, before, after=prefix + run.last)
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
        page = await self._read_page(prefix, _after(prefix, name) if earlier is None else prefix + earlier)
        if earlier is not None and page.next is not None and self._first_key_of(page.items[-1]) < last:
            page = await self._read_page(prefix, _after(prefix, name))
        items = page.items
        while page.next is not None and self._first_key_of(page.items[-1]) < last:
            if not await self._merge_page(node, level, page.items, mark_differences=False):
                return
            page = await self._read_page(prefix, page.next)
            items = (*items[:1], *page.items)
        if await self._merge_page(node, level, page.items, mark_differences=False):
            start = min(first, self._first_key_of(items[0])) if items else first
            self._cover(level, start, items, complete=page.next is None, last=name)

    async def _compare(self, node: Node, level: Level) -> None:
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
            page = await self._read_page(prefix, after)
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
                if not self._current(node, level):
                    return False
                until = budget(SLICE_SECONDS)
            self._rows.merge_child(node, child, mark_differences=mark_differences)
        return self._current(node, level)

    async def _walk(self, node: Node, level: Level, act: Callable[[Node], None]) -> None:
        """Call a function with every child, in slices; children may come and go meanwhile."""
        name: str | None = None
        until = budget(SLICE_SECONDS)
        while self._current(node, level) and (block := level.block_after(name)) is not None:
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


def _pending(level: Level) -> bool:
    return level.is_stale or bool(level.requested) or not level.runs


def _after(prefix: str, name: str) -> str | None:
    """Return the key after which a page starts with a child; None for the first page."""
    before = just_before(name)
    return None if before is None else prefix + before


def _clear_seen(child: Node) -> None:
    child.seen = False
