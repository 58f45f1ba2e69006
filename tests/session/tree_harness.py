"""A tree that stands on a store of a dict, and what of it is seen."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from explorer.session.keytree.nodes import Level, Node
from explorer.session.keytree.tree import Tree
from tests.session.fake_store import Request, Store

PATIENCE: Final = 60.0


class TreeHarness:
    """A store, a tree of it, and the time."""

    def __init__(self, *keys: str, page: int = 100, unsure: bool = False, separator: str = "/") -> None:
        self.store = Store(page=page, separator=separator)
        self.now = 0.0
        self.changes = 0
        self.tree = Tree(
            self.store.load,
            self.store.load_before,
            clock=lambda: self.now,
            on_change=self._on_change,
            verify_delay=0,
            needs_confirmation=lambda: unsure,
            separator=separator,
        )
        for key in keys:
            self.store.put(key)
        self.store.take_events()

    def _on_change(self) -> None:
        self.changes += 1

    @property
    def rows(self) -> list[str]:
        """The visible rows: set in by depth, folders with a slash, changed ones with their glyph."""
        return [self._row(line.row, line.depth) for line in self.tree.rows.window(0, len(self.tree.rows))]

    def _row(self, node: Node, depth: int) -> str:
        if node.is_more_row:
            assert node.parent is not None
            return "  " * depth + f"<{node.parent.load_state.name.lower()}>"
        mark = self.tree.marks.of(node)
        return (
            "  " * depth
            + (mark.change.value if mark else "")
            + node.name
            + ("/" if node.has_children else "")
            + ("=" if node.has_value and node.has_children else "")
        )

    def node(self, key: str) -> Node:
        node = self.tree.node(key)
        assert node is not None, key
        return node

    def apply_events(self) -> bool:
        """Apply all events that happened to the tree."""
        return self.tree.event_applier.apply(self.store.take_events())

    def at_end_of_reading(self, act: Callable[[], object]) -> None:
        """Do something once, after the last page of the next level and before its reading has ended."""
        loader = self.tree._loader  # noqa: SLF001 - the moment shows nowhere else
        read = loader._read_pending  # noqa: SLF001 - as above

        async def read_and_act(node: Node, level: Level) -> None:
            loader._read_pending = read  # type: ignore[method-assign]  # noqa: SLF001 - as above
            await read(node, level)
            act()

        loader._read_pending = read_and_act  # type: ignore[method-assign]  # noqa: SLF001 - as above

    async def expand(self, *keys: str) -> None:
        for key in keys:
            self.tree.expand(self.node(key))
            await self.tree.idle()

    async def request(self, prefix: str = "") -> Request:
        """Wait for the tree to ask for a page, which the test then has read and arrive."""
        async with asyncio.timeout(PATIENCE):
            return await self.store.next_request(prefix)

    async def settle(self) -> None:
        """Let every task run until it waits for the store."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def answer_next(self, prefix: str) -> None:
        """Let the next request for a prefix be read and arrive."""
        request = await self.request(prefix)
        self.store.read(request)
        self.store.arrive(request)
        await self.settle()

    async def answer(self) -> None:
        """Let all requests be read and arrive."""
        self.store.held = False
        for request in list(self.store.requests):
            if request.answer is None:
                self.store.read(request)
            self.store.arrive(request)
        await self.tree.idle()


@asynccontextmanager
async def running_tree(
    *keys: str, page: int = 100, unsure: bool = False, separator: str = "/"
) -> AsyncIterator[TreeHarness]:
    """Yield a harness whose first page was read."""
    harness = TreeHarness(*keys, page=page, unsure=unsure, separator=separator)
    running: asyncio.Task[None] | None = None
    with suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as group:
            running = group.create_task(harness.tree.run())
            async with asyncio.timeout(PATIENCE):
                await harness.tree.idle()
                yield harness
            running.cancel()
