"""View model: the parts of a session that show the store and follow its events."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.clock import SystemClock
from explorer.model.entries import Child, Cursor, Page
from explorer.model.events import Deleted, Put
from explorer.session.change_log import ChangeLog
from explorer.session.decoder import Decoder
from explorer.session.detail import Detail
from explorer.session.editing.editor import Editor
from explorer.session.event_batch import EventBatch
from explorer.session.jobs import Jobs
from explorer.session.keytree.tree import Tree
from explorer.session.lock_table import LockTable
from explorer.session.marked_keys import MarkedKeys
from explorer.session.states import Part

SWEEP_INTERVAL: Final = 0.5
"""Seconds between two sweeps of expired marks and tombstones."""


class ViewModel:
    """Key tree, selected value, change log, lock table and editor of one store."""

    def __init__(
        self,
        decoder: Decoder,
        jobs: Jobs,
        get_store: Callable[[], Store],
        clock: SystemClock,
        mark_dirty: Callable[[Part], None],
        *,
        drafts: Path | None,
    ) -> None:
        """Prepare the parts.

        Args:
            decoder: Decodes values.
            jobs: Owner of the tasks.
            get_store: Returns the connected store, or raises why there is none.
            clock: Clock of ages.
            mark_dirty: Called with each part that changed.
            drafts: Folder for drafts; None keeps none.
        """
        self.changes = ChangeLog()
        self.detail = Detail(decoder, jobs, get_store, clock, mark_dirty)
        self.locks = LockTable(clock, mark_dirty)
        self.marked = MarkedKeys(lambda: mark_dirty(Part.TREE | Part.LIVENESS))
        self.editor = Editor(decoder, jobs, get_store, clock, mark_dirty, folder=drafts)
        self._jobs = jobs
        self._get_store = get_store
        self._clock = clock
        self._mark_dirty = mark_dirty
        self._tree_started = False
        self._needs_confirmation = False
        """True if the store may not report a key that came and went between two of its looks for changes."""
        self.tree = self._new_tree("/")

    def set_separator(self, separator: str) -> None:
        """Split keys at the store's separator; without effect once the tree is started."""
        if separator != self.tree.separator and not self._tree_started:
            self.tree = self._new_tree(separator)

    def start_tree(self) -> None:
        """Let the tree read, from the first connection on."""
        if not self._tree_started:
            self._tree_started = True
            self._jobs.keep_running(self.tree.run, name="tree")

    @property
    def is_busy(self) -> bool:
        """True if the tree is reading or searching; it does neither before the first connection."""
        return self._tree_started and self.tree.is_busy

    def _new_tree(self, separator: str) -> Tree:
        return Tree(
            self._read_children,
            self._read_children_before,
            separator=separator,
            on_change=lambda: self._mark_dirty(Part.TREE),
            clock=self._clock.now,
            needs_confirmation=lambda: self._needs_confirmation,
        )

    async def _read_children(self, prefix: str, after: Cursor | str | None, limit: int) -> Page[Child]:
        store = self._get_store()
        self._needs_confirmation = not store.capabilities & (Capability.EVERY_CHANGE | Capability.EVERY_DELETION)
        return await store.children(prefix, after=after, limit=limit)

    async def _read_children_before(self, prefix: str, before: str | None, after: str) -> Page[Child]:
        return await self._get_store().children_before(prefix, before, after=after)

    # Events

    def apply(self, batch: EventBatch, coalesced: Iterable[Put | Deleted]) -> None:
        """Apply the events since the last frame, and to the tree as many coalesced ones as this frame has time for."""
        dirty = Part(0)
        if batch.size:
            dirty |= Part.LIVENESS  # revision and rate
            if self.changes.add(batch, self._clock.wall()):
                dirty |= Part.CHANGES
        if self.tree.event_applier.apply(coalesced):
            dirty |= Part.TREE
        last = batch.last_changes()
        self.locks.on_events(last.values())
        for key in self._open_keys() & last.keys():
            self.detail.on_event(last[key])
            self.editor.on_event(last[key])
        if dirty:
            self._mark_dirty(dirty)

    def _open_keys(self) -> set[str]:
        """Return the selected key and the edited one."""
        keys = set() if self.detail.key is None else {self.detail.key}
        return keys if self.editor.edit is None else keys | {self.editor.edit.key}

    async def resync(self) -> None:
        """Read everything that is shown again.

        Raises:
            ExplorerError: Not even the top of the tree could be read.
        """
        self.locks.request_refresh()
        loading = self.detail.reload()
        await self.tree.resync()
        await self.editor.resync()
        if loading is not None:
            await asyncio.wait([loading])
        self._mark_dirty(Part.TREE)
        if self.tree.rows.root.error is not None:
            raise self.tree.rows.root.error

    async def run_sweeps(self) -> None:
        """Sweep expired marks and tombstones, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_INTERVAL)
            if self.tree.sweep(self._clock.now()):
                self._mark_dirty(Part.TREE)
            self.marked.check(self.tree)
