"""An app that shows nothing but a tree of keys, read as text."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.pilot import Pilot

from explorer.session.actions import Place
from explorer.session.keytree.tree import Tree
from explorer.tui.keys import bindings
from explorer.tui.widgets.key_tree import KeyTree
from tests.session.fake_store import Store
from tests.session.fixtures import PATIENCE, wait_for_value


class Page(App[None]):
    """An app that shows nothing but a tree, and what a person sees of it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Place.TREE)

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.now = 0.0
        self.store = store
        self.keys = Tree(
            store.load, store.load_before, on_change=self._sync_view, clock=lambda: self.now, verify_delay=0
        )
        self.moved: list[str | None] = []
        self.chosen: list[str] = []

    def action_perform(self, name: str) -> None:
        getattr(self.view, f"do_{name.replace('-', '_')}")()

    def compose(self) -> ComposeResult:
        yield KeyTree(self.keys)

    def on_mount(self) -> None:
        self.run_worker(self.keys.run(), exit_on_error=True)

    def _sync_view(self) -> None:
        for view in self.query(KeyTree):
            view.sync()

    def on_key_tree_node_highlighted(self, event: KeyTree.NodeHighlighted) -> None:
        self.moved.append(event.key)

    def on_key_tree_node_selected(self, event: KeyTree.NodeSelected) -> None:
        self.chosen.append(event.key)

    @property
    def view(self) -> KeyTree:
        return self.query_one(KeyTree)

    @property
    def lines(self) -> list[str]:
        """The rows in sight, without what is blank at their ends."""
        return [line for line in (self._line(y) for y in range(self.view.size.height)) if line]

    def _line(self, y: int) -> str:
        line = self.view.render_line(y)
        assert line.cell_length == self.view.size.width
        return line.text.rstrip()

    @property
    def on(self) -> str:
        """The name under the cursor."""
        return self.keys.rows.at(self.view.cursor.row).name

    def deliver_events(self) -> None:
        """Apply the events so far and draw them, as once per frame."""
        self.keys.event_applier.apply(self.store.take_events())
        self.view.sync()

    async def is_on(self, name: str) -> None:
        """Wait until the cursor is on a row."""
        await wait_for_value(lambda: self.on, name)

    async def has(self, *lines: str) -> None:
        """Wait until these are the rows in sight."""
        await wait_for_value(lambda: self.lines, list(lines))

    async def shows(self, name: str) -> None:
        """Wait until a row is in sight."""
        await wait_for_value(lambda: any(name in line for line in self.lines), wanted=True)

    async def settle(self, pilot: Pilot[None]) -> None:
        await asyncio.wait_for(self.keys.idle(), PATIENCE)
        self.view.sync()
        await pilot.pause()


@asynccontextmanager
async def shown(
    *keys: str, size: tuple[int, int] = (40, 12), page: int = 100
) -> AsyncIterator[tuple[Page, Pilot[None]]]:
    """Show a store with some keys."""
    store = Store(page=page)
    for key in keys:
        store.put(key)
    store.take_events()
    app = Page(store)
    async with app.run_test(size=size) as pilot:
        await app.settle(pilot)
        yield app, pilot


def many(count: int) -> list[str]:
    return [f"k{number:04}" for number in range(count)]
