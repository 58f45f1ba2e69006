"""What of a store is shown, kept true by its events: tree, detail, change log, locks, and the key being edited."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from explorer.drivers.base import PAGE_SIZE, Store
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Page
from explorer.model.events import Deleted, Event, Put
from explorer.session.change_log import ChangeLog
from explorer.session.clock import Clock
from explorer.session.decoder import Decoder
from explorer.session.detail import Detail
from explorer.session.editing.editor import Editor
from explorer.session.jobs import Jobs
from explorer.session.keytree.tree import Tree
from explorer.session.lock_table import LockTable
from explorer.session.states import Part

AGING: Final = 0.5
"""Seconds between two looks at the marks that fade."""


class ViewModel:
    """The parts of a session that follow its store."""

    def __init__(
        self,
        decoder: Decoder,
        work: Jobs,
        store: Callable[[], Store],
        clock: Clock,
        tell: Callable[[Part], None],
        *,
        drafts: Path | None,
    ) -> None:
        """Prepare the parts.

        Args:
            decoder: The codecs.
            work: Where tasks belong.
            store: Gives the open store, or raises why there is none.
            clock: What ages are counted by.
            tell: Is told what to draw again.
            drafts: The folder for drafts; None keeps none.
        """
        self.changes = ChangeLog()
        self.detail = Detail(decoder, work, store, clock, tell)
        self.locks = LockTable(clock, tell)
        self.desk = Editor(decoder, work, store, clock, tell, folder=drafts)
        self._work = work
        self._store = store
        self._clock = clock
        self._tell = tell
        self._growing = False
        self._unsure = False
        """Whether the store may keep quiet about a key that came and went between two looks."""
        self.tree = self._planted("/")

    def split_at(self, separator: str) -> None:
        """Let the tree split keys at what the store splits them at; done before it grows."""
        if separator != self.tree.separator and not self._growing:
            self.tree = self._planted(separator)

    def grow(self) -> None:
        """Let the tree read, from the first connection on."""
        if not self._growing:
            self._growing = True
            self._work.keep_running(self.tree.run, name="tree")

    @property
    def busy(self) -> bool:
        """Whether the tree is reading or searching; before the first connection it waits and does nothing."""
        return self._growing and self.tree.busy

    def _planted(self, separator: str) -> Tree:
        return Tree(
            self._children,
            separator,
            load_before=self._children_before,
            told=lambda: self._tell(Part.TREE),
            clock=self._clock.now,
            unsure=lambda: self._unsure,
        )

    async def _children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        store = self._store()
        self._unsure = not store.capabilities & (Capability.EVERY_CHANGE | Capability.EVERY_DELETION)
        return await store.children(prefix, after=after, limit=limit)

    async def _children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        return await self._store().children_before(prefix, before, after=after, limit=limit)

    # Each frame

    def apply(self, events: list[Event], folded: Iterable[Put | Deleted]) -> None:
        """Take in what was told since the last frame, and what of the folded changes this frame has time for."""
        told = Part(0)
        if events:
            told |= Part.LIVENESS  # revision and rate
            if self.changes.add(events, self._clock.wall()):
                told |= Part.CHANGES
        if self.tree.apply(folded):
            told |= Part.TREE
        last = {event.key: event for event in events if isinstance(event, Put | Deleted)}
        self.locks.on_events(last.values())
        for key in self._watched() & last.keys():
            self.detail.apply(last[key])
            self.desk.apply(last[key])
        if told:
            self._tell(told)

    def _watched(self) -> set[str]:
        """Give the keys whose every change matters."""
        keys = set() if self.detail.key is None else {self.detail.key}
        return keys if self.desk.edit is None else keys | {self.desk.edit.key}

    async def read_again(self) -> None:
        """Read everything that is shown once more.

        Raises:
            ExplorerError: Not even the top of the tree could be read.
        """
        self.locks.request_refresh()
        reading = self.detail.reload()
        await self.tree.resync()
        await self.desk.resync()
        if reading is not None:
            await asyncio.wait([reading])
        self._tell(Part.TREE)
        if self.tree.root.error is not None:
            raise self.tree.root.error

    async def age(self) -> None:
        """Let marks fade and rows of what is gone end, until cancelled."""
        while True:
            await asyncio.sleep(AGING)
            if self.tree.sweep(self._clock.now()):
                self._tell(Part.TREE)
