"""A filter at work: all loaded rows are looked at in slices, and what comes meanwhile is filtered at once."""

import asyncio
from collections.abc import Callable

from explorer.session.keytree.filter import FilterProgress, TreeFilter
from explorer.session.keytree.key_rows import KeyRows
from explorer.session.keytree.level_loader import SLICE_SECONDS
from explorer.session.keytree.marks import budget
from explorer.session.keytree.nodes import Node


class FilterRun:
    """The filter of a tree and the search that it takes.

    Args:
        rows: What is filtered.
        told: Called when something changed.
    """

    def __init__(self, rows: KeyRows, told: Callable[[], None]) -> None:
        self._rows = rows
        self._told = told
        self._filter: TreeFilter | None = None
        self._searched = 0
        self._asked = asyncio.Event()
        self._done = asyncio.Event()
        self._done.set()

    @property
    def busy(self) -> bool:
        """Whether not all rows were looked at yet."""
        return not self._done.is_set()

    @property
    def progress(self) -> FilterProgress | None:
        """What came of the filter so far; None without a filter."""
        if self._filter is None:
            return None
        return FilterProgress(self._filter, self._rows.matching, self._searched, self._rows.loaded, done=not self.busy)

    async def done(self) -> None:
        """Wait until all rows were looked at."""
        await self._done.wait()

    def set(self, text: str | None, keep: Node | None) -> None:
        """Begin with a filter, or without one if there is no text.

        Args:
            text: The filter as it was typed.
            keep: What was opened on the way to this node remains open when the filter ends.
        """
        typed = TreeFilter(text or "")
        wanted = typed if typed.words else None
        if wanted == self._filter:
            return
        self._filter = wanted
        rows = self._rows
        rows.keeps = None if wanted is None else wanted.test(rows.separator)
        while keep is not None:
            rows.opened_by_filter.discard(keep)
            keep = keep.parent
        for node in rows.opened_by_filter:
            rows.open(node, opened=False)
        rows.opened_by_filter.clear()
        rows.unfiltered.clear()
        self._searched = 0
        self._done.clear()
        self._asked.set()

    async def run(self) -> None:
        """Look at all rows whenever the filter changes, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._search()
            if not self._asked.is_set():
                self._done.set()
            self._told()

    async def _search(self) -> None:
        rows, keeps = self._rows, self._rows.keeps
        waiting = [rows.root]
        until = budget(SLICE_SECONDS)
        while waiting:
            node = waiting.pop()
            prefix = rows.prefix(node)

            def kept(child: Node, node: Node = node, prefix: str = prefix) -> bool:
                return keeps is None or node in rows.unfiltered or (not child.is_more_row and keeps(prefix, child.name))

            name: str | None = None
            while node.branch is not None and (block := node.branch.block_after(name)) is not None:
                name = block[-1].name
                before = sum([child.kept and not child.is_more_row for child in block])
                rows.filter_block(node, block, kept)
                after = sum([child.kept and not child.is_more_row for child in block])
                rows.matching += after - before
                if keeps is not None and after:
                    rows.expand_ancestors(node)
                self._searched += sum([not child.is_more_row for child in block])
                waiting.extend([child for child in block if child.branch is not None])
                if until():
                    self._told()
                    await asyncio.sleep(0)
                    if self._asked.is_set():
                        return
                    until = budget(SLICE_SECONDS)
