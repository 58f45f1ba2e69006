"""Verifier: reads folders that may have become empty again, a moment later."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from explorer.model.entries import Child, Page
from explorer.model.errors import ExplorerError
from explorer.session.keytree.key_rows import KeyRows
from explorer.session.keytree.nodes import Node

MAX_WORKERS: Final = 4
"""Maximum number of folders verified concurrently."""
DELAY: Final = 1 / 30
"""Seconds for which folders are collected, so that each is verified once and not for each event."""


class Verifier:
    """Finds out whether keys are left below folders. `run` never ends by itself.

    Args:
        first_child: Reads the first child below a prefix.
        rows: Rows from which an empty folder is removed.
        reload: Called with a folder that is not empty although no child of it is known.
        on_checked: Called after a folder was verified.
        delay: Seconds for which folders are collected.
    """

    def __init__(
        self,
        first_child: Callable[[str], Awaitable[Page[Child]]],
        rows: KeyRows,
        reload: Callable[[Node], None],
        on_checked: Callable[[], None],
        delay: float,
    ) -> None:
        self._first_child = first_child
        self._rows = rows
        self._reload = reload
        self._on_checked = on_checked
        self._delay = delay
        self._versions: dict[Node, int] = {}
        """Folders to verify, and a number that grows with each event below them."""
        self._requested = asyncio.Event()

    @property
    def is_busy(self) -> bool:
        """True if there are folders to verify."""
        return bool(self._versions)

    def verify_later(self, node: Node) -> None:
        """Verify a folder soon."""
        self._versions[node] = self._versions.get(node, 0) + 1
        self._requested.set()

    def touch(self, node: Node) -> None:
        """Note an event below a folder; an answer that is under way may be older."""
        if node in self._versions:
            self._versions[node] += 1

    async def run(self) -> None:
        """Verify requested folders, until cancelled."""
        while True:
            await self._requested.wait()
            await asyncio.sleep(self._delay)
            self._requested.clear()
            batch = iter(list(self._versions))
            async with asyncio.TaskGroup() as group:
                for _ in range(min(MAX_WORKERS, len(self._versions))):
                    group.create_task(self._check_all(batch), name="tree: verify a folder")

    async def _check_all(self, batch: Iterator[Node]) -> None:
        for node in batch:
            version = self._versions[node]
            try:
                await self._check(node, version)
            except ExplorerError:
                version = self._versions[node]  # what cannot be read stays as it is, until all is read again
            if self._versions[node] == version:
                del self._versions[node]
            else:
                self._requested.set()
            self._on_checked()

    async def _check(self, node: Node, version: int) -> None:
        if not self._rows.contains(node) or node.tombstone:
            return
        page = await self._first_child(self._rows.prefix(node))
        if self._versions[node] != version or not self._rows.contains(node) or node.tombstone:
            return
        level = node.branch
        if not page.items and page.next is None:
            self._rows.empty(node)
        elif level is not None and not level.live_count and not level.is_loading:
            self._reload(node)
