"""Level loader: the queue of levels to read, and the tasks that read them."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Final

from explorer.model.errors import ExplorerError
from explorer.model.progress import progress_listener
from explorer.session.internal_errors import as_failure
from explorer.session.keytree.key_rows import KeyRows
from explorer.session.keytree.level_reader import LevelReader
from explorer.session.keytree.nodes import Level, Node, PageRequest
from explorer.session.keytree.verifier import DELAY, Verifier

MAX_READERS: Final = 3
"""Maximum number of levels read concurrently."""
CONFIRM_DELAY: Final = 2.0
"""Seconds after which a level is read once more; longer than a store's interval of looking for changes."""


class LevelLoader:
    """Reads levels for a tree. `run` reads what was requested, until cancelled.

    Args:
        reader: Reads the pages.
        rows: Rows that the pages are merged into.
        replay: Called with a node and its level after a page was merged, to apply deferred events again.
        on_change: Called when something changed.
        verify_delay: Seconds for which folders are collected before they are verified.
        needs_confirmation: Whether the store may not report a key that came and went between two of its looks for
            changes. Such a key, if it was read in between, would stay for ever, so a level is compared once more.
    """

    def __init__(
        self,
        reader: LevelReader,
        rows: KeyRows,
        replay: Callable[[Node, Level], None],
        on_change: Callable[[], None],
        verify_delay: float = DELAY,
        *,
        needs_confirmation: Callable[[], bool] = lambda: False,
    ) -> None:
        self._reader = reader
        self._rows = rows
        self._replay = replay
        self._on_change = on_change
        self._queue: asyncio.Queue[tuple[Node, Level]] = asyncio.Queue()
        self._readings: dict[Level, asyncio.Task[None]] = {}
        self._open_requests = 0
        self._progress = asyncio.Event()
        self._needs_confirmation = needs_confirmation
        self._to_confirm: OrderedDict[Node, tuple[Level, float]] = OrderedDict()
        self._confirm_requested = asyncio.Event()
        self.verifier = Verifier(
            lambda prefix: reader.read_page(prefix, None, 1), rows, self.reload, self._on_checked, verify_delay
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

    def cancel(self, node: Node) -> None:
        """Stop the first reading of a level, and drop the level: then it is as if it was never expanded.

        A level of which something was read stays, and is read on.
        """
        level = node.branch
        if level is not None and level.is_loading and level.is_unread:
            if (reading := self._readings.get(level)) is not None:
                reading.cancel()
            self._rows.prune(node)

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
                async with asyncio.TaskGroup() as group:  # which ignores that `cancel` ends its task
                    self._readings[level] = group.create_task(
                        self._read_pending(node, level), name="tree: read a level"
                    )
            finally:
                del self._readings[level]
                level.is_loading = False
                level.deferred.clear()  # applied already, and no older page was merged since
                self._open_requests -= 1
                self._progress.set()
            if self._reader.is_current(node, level):
                self._rows.update_more_rows(node)
                if _pending(level) and level.error is None:  # requested after the last page
                    self._enqueue(node, level)
            self._on_change()

    async def _read_pending(self, node: Node, level: Level) -> None:
        while self._reader.is_current(node, level) and _pending(level) and level.error is None:
            await self._read(node, level)
            self._on_change()

    async def _read(self, node: Node, level: Level) -> None:
        fresh = not level.runs
        compared, discrepancies = level.is_stale and not fresh, self._rows.discrepancies
        try:
            with progress_listener(partial(self._show_progress, level)):
                await self._read_level(node, level, compared=compared)
        except ExplorerError as error:
            level.error = error
        except Exception as error:
            level.error = as_failure(error)
            raise
        finally:
            level.current_request = None
            level.progress = ""
            if self._reader.is_current(node, level):
                self._replay(node, level)
        if self._reader.is_current(node, level):
            self._rows.update_more_rows(node)
            if level.complete and not level.live_count and node is not self._rows.root:
                self.verifier.verify_later(node)
            if self._needs_confirmation() and (not compared or self._rows.discrepancies > discrepancies):
                self._to_confirm[node] = level, time.monotonic()
                self._to_confirm.move_to_end(node)
                self._confirm_requested.set()

    async def _read_level(self, node: Node, level: Level, *, compared: bool) -> None:
        if compared:
            await self._reader.compare(node, level)
        elif not level.runs:
            level.is_stale = False
            await self._reader.load_first(node, level)
        else:
            request = level.current_request = level.requested[0]
            await self._reader.load_page(node, level, request)
            level.requested.remove(request)

    def _show_progress(self, level: Level, text: str) -> None:
        level.progress = text
        self._on_change()

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
                    if self._reader.is_current(node, level):
                        self.reload(node)
            self._confirm_requested.clear()

    def _on_checked(self) -> None:
        self._progress.set()
        self._on_change()


def _pending(level: Level) -> bool:
    return level.is_stale or bool(level.requested) or not level.runs
