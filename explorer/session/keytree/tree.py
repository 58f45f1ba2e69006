"""The tree of keys: loaded level by level, kept by events, marked where it changed, filtered; shared by all views."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator

from explorer.drivers.common.reverse_pages import children_before
from explorer.model.entries import Child, Page
from explorer.model.errors import ExplorerError
from explorer.model.events import Deleted, Put
from explorer.session.keytree.event_applier import EventApplier
from explorer.session.keytree.filter import FilterProgress, FilterRun
from explorer.session.keytree.key_rows import KeyRows
from explorer.session.keytree.level_loader import PAGE_SIZE, LevelLoader, Load, LoadBefore
from explorer.session.keytree.marks import Mark, budget
from explorer.session.keytree.nodes import Level, LevelState, Node, PageKind, PageRequest
from explorer.session.keytree.row_index import VisibleRow
from explorer.session.keytree.verifier import DELAY

SWEEP: float = 0.004
"""Seconds that a sweep takes at most; what is left is done by the next."""


class Tree:
    """The tree of keys below a store's address. Nothing here waits for the store but `reveal` and `resync`.

    Args:
        load: How a page of children is read, usually `Store.children`.
        separator: What the store splits keys at.
        load_before: How the children before a place are read, usually `Store.children_before`; by `load` if left out.
        told: Called when something changed that was not asked for by the caller: a page is in, a search is done.
        clock: Seconds, for the age of changes.
        gathered: Seconds for which folders that may be empty are gathered before they are verified.
        unsure: Whether the store may keep quiet about a key that came and went at once.
    """

    def __init__(
        self,
        load: Load,
        separator: str = "/",
        *,
        load_before: LoadBefore | None = None,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        verify_delay: float = DELAY,
        needs_confirmation: Callable[[], bool] = lambda: False,
    ) -> None:
        self.separator = separator
        self.clock = clock
        self._on_change = on_change
        self._rows = KeyRows(separator, clock, self._verify_later)

        async def search_before(
            prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
        ) -> Page[Child]:
            return await children_before(load, prefix, before, after=after, limit=limit, separator=separator)

        self._loader = LevelLoader(
            load,
            self._rows,
            self._repeat,
            on_change,
            verify_delay,
            needs_confirmation=needs_confirmation,
            load_before=load_before or search_before,
        )
        self._applier = EventApplier(self._rows, self._loader.verifier)
        self._filter_run = FilterRun(self._rows, on_change)
        self._loader.load(self._rows.root)

    async def run(self) -> None:
        """Read what is asked for, until cancelled: the one task that a tree needs."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loader.run(), name="tree: loading")
            group.create_task(self._filter_run.run(), name="tree: filter")

    @property
    def is_busy(self) -> bool:
        """Whether something is being read or searched."""
        return self._loader.is_busy or self._filter_run.is_busy

    async def idle(self) -> None:
        """Wait until nothing is being read or searched."""
        while self.is_busy:
            if self._loader.is_busy:
                await self._loader.wait_progress()
            else:
                await self._filter_run.wait_done()

    # The rows as they are shown

    @property
    def root(self) -> Node:
        """What stands for the top; it has no row."""
        return self._rows.root

    @property
    def loaded(self) -> int:
        """How many nodes are known, shown or not."""
        return self._rows.loaded

    def __len__(self) -> int:
        return len(self._rows)

    def __bool__(self) -> bool:
        return True

    def at(self, row: int) -> Node:
        """Give the node in a row, the first is 0.

        Raises:
            IndexError: There are not so many.
        """
        return self._rows.at(row)

    def row_of(self, node: Node) -> int | None:
        """Give the row of a node; None while it is hidden or closed in, or if it is no longer part of the tree."""
        return self._rows.row_of(node)

    def window(self, start: int, count: int) -> Iterator[VisibleRow[Node]]:
        """Give the rows from one on, `count` at most: each with its node, depth and guides."""
        return self._rows.window(start, count)

    def contains(self, node: Node) -> bool:
        """Tell whether a node is still part of the tree."""
        return self._rows.contains(node)

    # Nodes

    def key(self, node: Node) -> str:
        """Give the key of a node as the store spells it, whether or not it has a value."""
        return self._rows.key(node)

    def prefix(self, node: Node) -> str:
        """Give what the keys below a node begin with."""
        return self._rows.prefix(node)

    def node(self, key: str) -> Node | None:
        """Give the node of a key, if it is loaded and not gone."""
        node = self._rows.root
        for name in key.split(self.separator):
            child = None if node.branch is None else node.branch.find(name)
            if child is None or child.tombstone:
                return None
            node = child
        return node

    def mark(self, node: Node) -> Mark | None:
        """Tell what happened to a node lately."""
        return self._rows.marks.of(node)

    def changes_below(self, node: Node) -> int:
        """Tell how many changes there were below a closed folder since it was last open."""
        return self._rows.marks.below(node)

    # What a person does

    def expand(self, node: Node) -> None:
        """Show what is below a node, whatever a filter says; it is read if it was not."""
        if node.is_more_row or node is self.root or not (node.has_children or node.branch is not None):
            return
        if node.branch is None:
            self._rows.set_branch(node, Level())
            self._rows.update_more_rows(node)
            self._loader.load(node)
        self._rows.opened_by_filter.discard(node)
        self._rows.marks.open(node)
        if not node.is_open:
            self._rows.open(node)
            self._rows.show_unfiltered(node)

    def collapse(self, node: Node) -> None:
        """Show no longer what is below a node; it remains loaded."""
        if node.is_open and node is not self.root:
            self._rows.opened_by_filter.discard(node)
            self._rows.open(node, opened=False)

    def toggle(self, node: Node) -> None:
        """Expand a node or collapse it."""
        if node.is_open:
            self.collapse(node)
        else:
            self.expand(node)

    def load_more(self, node: Node) -> None:
        """Read the next page, given a level's node or the line of a gap; nothing if it is being read, or failed."""
        self._load_page(node, PageKind.NEXT)

    def load_previous(self, node: Node) -> None:
        """Read the page at the end of a gap, given its line; at the end of a level this is the level's last page."""
        self._load_page(node, PageKind.PREVIOUS)

    def _load_page(self, node: Node, want: PageKind) -> None:
        folder = _folder(node)
        level = None if folder is None else folder.branch
        if folder is None or level is None or folder.load_state is not LevelState.PARTIAL:
            return
        gap: str | None = node.name if node.is_more_row and node is not level.more_row else None
        if not node.is_more_row and len(level.runs) > 1:
            gap = level.runs[0].gap
        self._loader.load(folder, PageRequest(want, gap))

    def is_loading(self, node: Node) -> bool:
        """Return whether the line of a gap stands for a page that is being read."""
        level = None if node.parent is None else node.parent.branch
        if level is None or not level.is_loading or level.error is not None:
            return False
        reading = level.current_request
        return reading is None or reading.want is PageKind.CHILD or (reading.name or "") == node.name

    def reload(self, node: Node) -> None:
        """Read a level again, given its node or its last line; what failed is tried again."""
        folder = _folder(node)
        level = None if folder is None else folder.branch
        if folder is None or level is None:
            return
        if level.error is not None and not level.is_stale:
            self._loader.load(folder)
        else:
            self._loader.reload(folder)

    async def reveal(self, key: str) -> Node | None:
        """Expand the way to a key and give its node; None if it is not there.

        Of each level on the way the page is read that the key is on, however many siblings come before it.

        Raises:
            ExplorerError: A level on the way could not be read.
        """
        node = self.root
        for name in key.split(self.separator):
            if node is not self.root:
                self.expand(node)
            child = await self._find_or_load(node, name)
            if child is None:
                return None
            node = child
        return node

    def clear_marks(self) -> None:
        """Forget what changed until now; rows of deleted keys go when their time is over."""
        self._rows.marks.clear()

    def pin(self, owner: object, node: Node | None) -> None:
        """Keep the row of a node although its key is deleted, until the owner pins another or none.

        Args:
            owner: Who pins it, such as a view whose cursor is on it.
            node: The node; None pins nothing.
        """
        self._rows.pin(owner, node)

    def insert_known(self, key: str, *, has_value: bool) -> Node:
        """Show a key that is known to exist although a level on its way cannot be listed; return its node.

        Args:
            key: Which key or folder.
            has_value: Whether it is a key with a value; else something is below it.
        """
        node = self.root
        names = key.split(self.separator)
        for depth, name in enumerate(names, 1):
            if node is not self.root:
                self.expand(node)
            level = node.branch
            child = None if level is None else level.find(name)
            last = depth == len(names)
            if child is None:
                child = self._rows.add(node, name, has_value=last and has_value, has_children=not last or not has_value)
            else:
                self._rows.revive(child)
                child.has_value |= last and has_value
                child.has_children |= not last or not has_value
            node = child
        return node

    def filter(self, text: str | None, keep: Node | None = None) -> None:
        """Show only loaded rows that a filter keeps, and what is around them; without a text all again.

        Args:
            text: What `Filter` describes.
            keep: The way to this node remains open when the filter ends.
        """
        self._filter_run.set(text, keep)

    @property
    def filter_progress(self) -> FilterProgress | None:
        """What came of the filter so far; None without a filter."""
        return self._filter_run.progress

    # What the store tells

    def apply(self, events: Iterable[Put | Deleted]) -> bool:
        """Apply events, in order, once per frame; tell whether anything changed that an open folder shows."""
        return self._applier.apply(events)

    async def resync(self) -> None:
        """Read every loaded level again, mark what differs, let go what is gone; try again what failed.

        Raises:
            ExplorerError: A level could not be read; the others were, and the level says so.
        """
        failed: list[ExplorerError] = []
        levels = [(node, node.branch) for node in list(self._rows.levels()) if node.branch is not None]
        for node, _ in levels:
            self._loader.reload(node)
        for node, level in levels:
            while level.is_loading:
                await self._loader.wait_progress()
            if level.error is not None and not failed and self._rows.contains(node):
                failed.append(level.error)
        if failed:
            raise failed[0]

    def sweep(self, now: float) -> bool:
        """Let marks age and ghosts end; tell whether any did. It costs what changed, not what exists."""
        until = budget(SWEEP)
        passed = self._rows.marks.age(now, until)
        for node in self._rows.marks.expired(now, until):
            self._rows.expire(node)
            passed = True
        return passed

    # Between the parts

    def _verify_later(self, node: Node) -> None:
        self._loader.verifier.verify_later(node)

    def _repeat(self, node: Node, level: Level) -> None:
        self._applier.replay(node, level)

    async def _find_or_load(self, node: Node, name: str) -> Node | None:
        while (level := node.branch) is not None:
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


def _folder(node: Node) -> Node | None:
    return node.parent if node.is_more_row else node
