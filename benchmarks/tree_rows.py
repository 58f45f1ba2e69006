"""A million visible rows: where a row is, what one weighs, what events and a filter cost."""

import asyncio
import gc
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable

import _side_by_side  # noqa: F401 - finds the checkout

from explorer.drivers.common.reverse_pages import children_before
from explorer.model.entries import Child, Cursor, Entry, Page
from explorer.model.events import Put
from explorer.session.connection.coalescer import EventCoalescer
from explorer.session.keytree.tree import Tree

FOLDERS = KEYS = 1000
EVENTS = 20_000


async def _load(prefix: str, after: Cursor | str | None = None, limit: int = 1000) -> Page[Child]:
    del after, limit
    names = [f"device-{number:06}" if prefix else f"site-{number:05}" for number in range(KEYS if prefix else FOLDERS)]
    return Page(tuple(Child(name, prefix + name, bool(prefix), not prefix) for name in names), None, 1)


async def _load_before(prefix: str, before: str | None, after: str) -> Page[Child]:
    return await children_before(_load, prefix, before, after=after, limit=1000, separator="/")


def _measure(what: str, act: Callable[[], object], times: int = 2000) -> None:
    rounds = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(times):
            act()
        rounds.append((time.perf_counter() - started) / times)
    print(f"{what}: {statistics.median(rounds) * 1e6:.1f} us", flush=True)


async def main() -> None:
    """Open everything, then measure."""
    chance = random.Random(1)  # noqa: S311 - the same each time
    tree = Tree(_load, _load_before)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(tree.run())
        await tree.idle()
        gc.collect()
        tracemalloc.start()
        for folder in list(tree.rows.root.branch or ()):
            tree.expand(folder)
        await tree.idle()
        gc.collect()
        weight = tracemalloc.get_traced_memory()[0] / len(tree.rows)
        tracemalloc.stop()
        print(f"{len(tree.rows):,} rows, {weight:.0f} bytes a row with its name")
        nodes = [tree.rows.at(chance.randrange(len(tree.rows))) for _ in range(1000)]
        _measure("row to node", lambda: tree.rows.at(chance.randrange(len(tree.rows))))
        _measure("node to row", lambda: tree.rows.row_of(chance.choice(nodes)))
        _measure("50 rows to draw", lambda: list(tree.rows.window(chance.randrange(len(tree.rows)), 50)), 200)
        fold = EventCoalescer()
        for number in range(EVENTS):
            key = f"site-{chance.randrange(FOLDERS):05}/device-{chance.randrange(KEYS):06}"
            fold.add(Put(Entry(f"{key}-{number}" if number % 2 else key, b"", number)))
        started = time.perf_counter()
        tree.event_applier.apply(fold.drain(60.0))
        print(f"an event applied: {(time.perf_counter() - started) / EVENTS * 1e6:.1f} us")
        started = time.perf_counter()
        tree.filter.set("99")
        await tree.idle()
        print(f"a filter, in slices: {(time.perf_counter() - started) * 1e3:.0f} ms ({tree.filter.progress})")
        running.cancel()


if __name__ == "__main__":
    asyncio.run(main())
