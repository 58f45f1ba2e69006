"""Fake stores for the notebook benchmark: what no server holds for it, made up on request.

A kernel finds them as any driver of another distribution, by the entry points that `install` writes into a folder.
"""

import asyncio
import time
from bisect import bisect_right
from itertools import count
from pathlib import Path
from typing import Final

from explorer.drivers.base import PAGE_SIZE
from explorer.drivers.memory import MemoryStore
from explorer.model.entries import Child, Cursor, Entry, Page

KEYS: Final = 10_000_000
RATE: Final = 10_000
"""Events per second of the busy store."""
BUSY_KEYS: Final = 2000
PROBE: Final = "0probe-"
"""Start of the key that is written anew with the time of the write in its name, in milliseconds."""
PROBE_INTERVAL: Final = 0.5
_WRITE_INTERVAL: Final = 0.005


class ManyKeys(MemoryStore):
    """A fake store of 10,000,000 keys in one level: `manykeys:`. A page of them is made when it is asked for."""

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        """Return a page of keys."""
        if prefix:
            return await super().children(prefix, after=after, limit=limit)
        start = 0 if after is None else _first_after(Cursor.key_of(after))
        return _page(start, min(KEYS, start + limit))

    async def children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        """Return the keys before another."""
        if prefix:
            return await super().children_before(prefix, before, after=after, limit=limit)
        stop = KEYS if before is None else _first_after(before) - 1
        start = max(stop - limit, 0 if after is None else _first_after(after))
        return Page(_page(start, stop).items, None, 1)

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        """Return a key, with its name as the value."""
        del consistent
        return Entry(key, key.encode(), 1, 1, 1)


class BusyKeys(MemoryStore):
    """A fake store that changes 10,000 times a second in this very process: `busykeys:`. It never stops by itself.

    Whoever uses it shares a processor and Python's lock with whoever changes it, as with no real store.
    """

    async def connect(self) -> None:
        """Begin to write."""
        await super().connect()
        if not self.database.count():
            self.tasks.start(self._make_changes(), name="writes of a busy store")

    async def _make_changes(self) -> None:
        loop = asyncio.get_running_loop()
        names = [f"k{number:07}".encode() for number in range(BUSY_KEYS)]
        done, before, due, probe, probed_at = count(), loop.time(), 0.0, b"", 0.0
        while True:
            now = loop.time()
            due, before = due + (now - before) * RATE, now
            for _ in range(int(due)):
                number = next(done)
                self.database.put(names[number % BUSY_KEYS], b"%d" % number)
            due -= int(due)
            if now - probed_at >= PROBE_INTERVAL:
                self.database.delete([probe] if probe else ())
                probed_at, probe = now, f"{PROBE}{time.time() * 1000:.0f}".encode()
                self.database.put(probe, b"")
                self.database.compact()
            await asyncio.sleep(_WRITE_INTERVAL)


def _page(start: int, stop: int) -> Page[Child]:
    names = [f"k{number:07}" for number in range(start, stop)]
    items = tuple(Child(name, name, has_value=True, has_children=False) for name in names)
    return Page(items, Cursor(names[-1], 1) if stop < KEYS and names else None, 1)


def _first_after(key: str) -> int:
    """Return the number of the first key behind one that need not exist."""
    return bisect_right(range(KEYS), key, key="k{:07}".format)


def install(folder: Path) -> None:
    """Write entry points into a folder, which a kernel then has to have among its paths, beside this one."""
    info = folder / "keyscope_benchmarks-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: keyscope-benchmarks\nVersion: 0\n", encoding="utf-8")
    stores = "manykeys = _notebook_stores:ManyKeys\nbusykeys = _notebook_stores:BusyKeys\n"
    (info / "entry_points.txt").write_text(f"[keyscope.drivers]\n{stores}", encoding="utf-8")
