"""One key that comes into a tree of 100,000 visible rows, until it is drawn: Keyscope's beside Textual's own."""

import asyncio
import gc
import time
import tracemalloc
from bisect import bisect_right
from functools import partial

from _side_by_side import compare
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.widgets import Tree as TextualTree

from explorer.drivers.common.reverse_pages import children_before
from explorer.model.entries import Child, Cursor, Entry, Page
from explorer.model.events import Put
from explorer.session.keytree.tree import Tree
from explorer.tui.widgets.key_tree import KeyTree

ROWS = 100_000
NAMES = [f"device-{number:06}" for number in range(ROWS)]


async def _load(prefix: str, after: Cursor | str | None = None, limit: int = 1000) -> Page[Child]:
    start = 0 if after is None else bisect_right(NAMES, Cursor.key_of(after))
    names = [_own(name) for name in NAMES[start : start + limit]] if not prefix else []
    rest = start + limit < ROWS
    return Page(tuple(Child(name, name, True, False) for name in names), Cursor(names[-1]) if rest else None, 1)  # noqa: FBT003 - a row of them


async def _load_before(prefix: str, before: str | None, after: str) -> Page[Child]:
    return await children_before(_load, prefix, before, after=after, limit=1000, separator="/")


def _own(name: str) -> str:
    """Return a new string object, as a store returns one."""
    return name[:3] + name[3:]


class Both(App[None]):
    """The two trees, one above the other."""

    CSS = "KeyTree, Tree { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.keys = Tree(_load, _load_before)

    def compose(self) -> ComposeResult:
        """Show both."""
        yield KeyTree(self.keys)
        yield TextualTree[None]("all")

    def on_mount(self) -> None:
        """Read what is asked for."""
        self.run_worker(self.keys.run())


def _per_row(kind: str, before: int) -> None:
    gc.collect()
    print(f"memory of {kind} with its name: {(tracemalloc.get_traced_memory()[0] - before) / ROWS:.0f} bytes a row")


async def main() -> None:
    """Fill both trees, insert into both, in turn."""
    app = Both()
    async with app.run_test(size=(80, 48)) as pilot:
        keys, textual = app.query_one(KeyTree), app.query_one(TextualTree)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        while len(app.keys.rows) < ROWS:
            app.keys.load_more(app.keys.rows.root)
            await app.keys.idle()
        _per_row("KeyTree", before)
        before = tracemalloc.get_traced_memory()[0]
        for name in NAMES:
            textual.root.add_leaf(_own(name))
        textual.root.expand()
        await pilot.pause()
        _per_row("Textual's Tree", before)
        tracemalloc.stop()
        middle = textual.root.children[ROWS // 2]
        crop = Region(0, 0, keys.size.width, keys.size.height)
        numbers = iter(range(1000))

        def ours(*, drawn: bool) -> float:
            name = f"device-050000-{next(numbers)}"
            started = time.perf_counter()
            app.keys.event_applier.apply([Put(Entry(name, b"", 1))])
            keys.sync()
            if drawn:
                keys.render_lines(crop)
            return time.perf_counter() - started

        def other(*, drawn: bool) -> float:
            started = time.perf_counter()
            textual.root.add_leaf("new", before=middle)
            assert textual.last_line > ROWS  # noqa: S101 - it has rebuilt its lines
            if drawn:
                textual.render_lines(crop)
            return time.perf_counter() - started

        for title, drawn in (("one insert into 100,000 rows", False), ("the same until it is drawn", True)):
            compare(title, partial(ours, drawn=drawn), partial(other, drawn=drawn), against="Textual's Tree")


if __name__ == "__main__":
    asyncio.run(main())
