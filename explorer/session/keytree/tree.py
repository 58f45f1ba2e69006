"""Key tree: loaded level by level, kept by events, marked, filtered, and shared by all views."""

import asyncio
import time
from collections.abc import Callable

from explorer.model.errors import ExplorerError
from explorer.session.keytree.event_applier import EventApplier
from explorer.session.keytree.filter import FilterRun
from explorer.session.keytree.key_rows import KeyRows
from explorer.session.keytree.level_loader import LevelLoader
from explorer.session.keytree.level_reader import LevelReader, ReadPage, ReadPageBefore
from explorer.session.keytree.marks import budget
from explorer.session.keytree.nodes import Level, LevelState, Node, PageKind, PageRequest
from explorer.session.keytree.verifier import DELAY

SWEEP: float = 0.004
"""Maximum number of seconds of a sweep; the next one continues."""


class Tree:
    """Tree of the keys below a store's address. Only `reveal` and `resync` wait for the store.

    Args:
        read_page: Returns a page of children, see `Store.children`.
        read_page_before: Returns the children before a key, see `Store.children_before`.
        separator: Separator of the store's keys.
        on_change: Called after a change that the caller did not cause, such as a page that was read.
        clock: Returns the seconds by which marks age.
        verify_delay: Seconds for which folders that may be empty are collected before they are verified.
        needs_confirmation: Returns whether the store may not report a key that came and went.
    """

    def __init__(
        self,
        read_page: ReadPage,
        read_page_before: ReadPageBefore,
        *,
        separator: str = "/",
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        verify_delay: float = DELAY,
        needs_confirmation: Callable[[], bool] = lambda: False,
    ) -> None:
        self.separator = separator
        self.clock = clock
        self.rows = KeyRows(separator, clock, self._verify_later)
        """Known nodes and the rows that are visible; views read them and pin what they need."""
        self.marks = self.rows.marks
        """Marks of recent changes."""
        self._loader = LevelLoader(
            LevelReader(read_page, read_page_before, self.rows, on_change),
            self.rows,
            self._replay,
            on_change,
            verify_delay,
            needs_confirmation=needs_confirmation,
        )
        self.event_applier = EventApplier(self.rows, self._loader.verifier)
        """Applies the events of a frame."""
        self.filter = FilterRun(self.rows, on_change)
        """Filter of the rows."""
        self._loader.load(self.rows.root)

    async def run(self) -> None:
        """Read and search what is requested, until cancelled: the only task of a tree."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loader.run(), name="tree: loading")
            group.create_task(self.filter.run(), name="tree: filter")

    @property
    def is_busy(self) -> bool:
        """True if something is being read or searched."""
        return self._loader.is_busy or self.filter.is_busy

    async def idle(self) -> None:
        """Wait until nothing is being read or searched."""
        while self.is_busy:
            if self._loader.is_busy:
                await self._loader.wait_progress()
            else:
                await self.filter.wait_done()

    # Nodes

    def node(self, key: str) -> Node | None:
        """Return the node of a key, if it is loaded and not deleted."""
        node = self.rows.root
        for name in key.split(self.separator):
            child = None if node.branch is None else node.branch.find(name)
            if child is None or child.tombstone:
                return None
            node = child
        return node

    # Commands

    def expand(self, node: Node) -> None:
        """Expand a node, in spite of a filter; its level is read if it was not."""
        if node.is_more_row or node is self.rows.root or not (node.has_children or node.branch is not None):
            return
        if node.branch is None:
            self.rows.set_branch(node, Level())
            self.rows.update_more_rows(node)
            self._loader.load(node)
        self.rows.opened_by_filter.discard(node)
        self.marks.open(node)
        if not node.is_open:
            self.rows.open(node)
            self.rows.show_unfiltered(node)

    def collapse(self, node: Node) -> None:
        """Collapse a node; its level stays loaded. If nothing of it was read yet, its reading is stopped."""
        if node.is_open and node is not self.rows.root:
            self.rows.opened_by_filter.discard(node)
            self.rows.open(node, opened=False)
            self._loader.cancel(node)

    def toggle(self, node: Node) -> None:
        """Expand a node or collapse it."""
        if node.is_open:
            self.collapse(node)
        else:
            self.expand(node)

    def load_more(self, node: Node) -> None:
        """Read the next page of a level, given its node or a more-row; not while it is read, or after an error."""
        self._load_page(node, PageKind.NEXT)

    def load_previous(self, node: Node) -> None:
        """Read the page at the end of a gap, given its more-row; at the end of a level, the level's last page.

        The last page is also read if another page of the level is being read: right after that.
        """
        self._load_page(node, PageKind.PREVIOUS)

    def _load_page(self, node: Node, want: PageKind) -> None:
        folder = _folder(node)
        level = None if folder is None else folder.branch
        if folder is None or level is None:
            return
        is_last = want is PageKind.PREVIOUS and node is level.more_row  # another gap ends elsewhere after a page
        states = (LevelState.PARTIAL, LevelState.LOADING) if is_last else (LevelState.PARTIAL,)
        if folder.load_state not in states:
            return
        gap: str | None = node.name if node.is_more_row and node is not level.more_row else None
        if not node.is_more_row and len(level.runs) > 1:
            gap = level.runs[0].gap
        self._loader.load(folder, PageRequest(want, gap))

    def is_loading(self, node: Node) -> bool:
        """Return whether the page of a more-row is being read."""
        level = None if node.parent is None else node.parent.branch
        if level is None or not level.is_loading or level.error is not None:
            return False
        reading = level.current_request
        return reading is None or reading.kind is PageKind.CHILD or (reading.name or "") == node.name

    def reload(self, node: Node) -> None:
        """Read a level again, given its node or its last row; what failed is retried."""
        folder = _folder(node)
        level = None if folder is None else folder.branch
        if folder is None or level is None:
            return
        if level.error is not None and not level.is_stale:
            self._loader.load(folder)
        else:
            self._loader.reload(folder)

    async def reveal(self, key: str) -> Node | None:
        """Expand the folders of a key and return its node; None if there is none.

        Of each level the page with the key is read, however many siblings come before it.

        Raises:
            ExplorerError: A level could not be read.
        """
        node = self.rows.root
        for name in key.split(self.separator):
            if node is not self.rows.root:
                self.expand(node)
            child = await self._find_or_load(node, name)
            if child is None:
                return None
            node = child
        return node

    def insert_known(self, key: str, *, has_value: bool) -> Node:
        """Show a key that exists although a level above it cannot be listed; return its node.

        Args:
            key: Key or folder.
            has_value: Whether it is a key with a value; else there are keys below it.
        """
        node = self.rows.root
        names = key.split(self.separator)
        for depth, name in enumerate(names, 1):
            if node is not self.rows.root:
                self.expand(node)
            level = node.branch
            child = None if level is None else level.find(name)
            last = depth == len(names)
            if child is None:
                child = self.rows.add(node, name, has_value=last and has_value, has_children=not last or not has_value)
            else:
                self.rows.revive(child)
                child.has_value |= last and has_value
                child.has_children |= not last or not has_value
            node = child
        return node

    # After a gap, and with time

    async def resync(self) -> None:
        """Read every loaded level again, mark differences, bury what is gone, and retry what failed.

        Raises:
            ExplorerError: A level could not be read; the others were, and the level says so.
        """
        failed: list[ExplorerError] = []
        levels = [(node, node.branch) for node in list(self.rows.levels()) if node.branch is not None]
        for node, _ in levels:
            self._loader.reload(node)
        for node, level in levels:
            while level.is_loading:
                await self._loader.wait_progress()
            if level.error is not None and not failed and self.rows.contains(node):
                failed.append(level.error)
        if failed:
            raise failed[0]

    def sweep(self, now: float) -> bool:
        """Age marks and drop tombstones; return whether any changed. The cost depends on the changes only."""
        until = budget(SWEEP)
        passed = self.marks.age(now, until)
        for node in self.marks.expired(now, until):
            self.rows.expire(node)
            passed = True
        return passed

    # Callbacks of the parts

    def _verify_later(self, node: Node) -> None:
        self._loader.verifier.verify_later(node)

    def _replay(self, node: Node, level: Level) -> None:
        self.event_applier.replay(node, level)

    async def _find_or_load(self, node: Node, name: str) -> Node | None:
        while (level := self._level_to_search(node)) is not None:
            child = level.find(name)
            if child is not None and not child.tombstone:
                return child
            if level.is_loading:
                await self._loader.wait_progress()
                continue
            if level.error is not None:
                raise level.error
            if all(level.knows(name, self.separator, below=below) for below in (False, True)):
                return None
            self._loader.load(node, PageRequest(PageKind.CHILD, name))
        return None

    def _level_to_search(self, node: Node) -> Level | None:
        """Return the level of a node, expanded again if it was collapsed before anything was read of it.

        None if the node is gone, or has nothing below it.
        """
        if not self.rows.contains(node):
            return None
        if node.branch is None:
            self.expand(node)
        return node.branch


def _folder(node: Node) -> Node | None:
    return node.parent if node.is_more_row else node
