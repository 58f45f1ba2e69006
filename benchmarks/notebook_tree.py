"""The tree in a real JupyterLab under a headless Chromium: first rows, moves, and a busy store beside a cell.

First rows are those of 1,000,000 siblings in etcd and of 10,000,000 in a fake store that makes keys up on request, with
plain ipywidgets and, where it is installed, ipytree with 1,000 rows. KEYSCOPE_LONG=1 watches the busy stores for five
minutes each.
"""

import asyncio
import multiprocessing
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from itertools import count
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast

from _notebook_page import MeasuredPage
from _notebook_stores import BUSY_KEYS, KEYS, PROBE, PROBE_INTERVAL, RATE, install
from _side_by_side import HERE, ROUNDS
from _writers import write_etcd
from playwright.async_api import Error
from tree_seek import AT_ONCE, SIBLINGS, fill

import explorer
from explorer.drivers.etcd import EtcdStore
from tests.notebook.frontend import Frontend, launch_frontend
from tests.scale import LONG
from tests.servers.etcd import EtcdServer

ROWS: Final = 1000
"""Rows of the controls."""
WRITERS: Final = 2
BUSY_SECONDS: Final = 300 if LONG else 20
CELL_RUNS: Final = 15
FAR: Final = 20_000
TURN: Final = 100
"""Rows of one turn of the wheel."""
ROW_HEIGHT: Final = 20

_SHOWN: Final = "ksBench.names().filter(name => /^k\\d/.test(name)).length > 5"
_LABELS: Final = f"document.querySelectorAll('.widget-label').length >= {2 * ROWS}"
_NODES: Final = f"document.querySelectorAll('.jstree-node').length >= {ROWS}"
_LABEL_CELL: Final = f"""\
import ipywidgets
ipywidgets.VBox([
    ipywidgets.HBox([ipywidgets.Label(f"k{{n:07}}"), ipywidgets.Label("value")]) for n in range({ROWS})
])"""
_NODE_CELL: Final = f"""\
import ipytree
ipytree.Tree(nodes=[ipytree.Node(f"k{{n:07}}") for n in range({ROWS})])"""


def cell(url: str) -> str:
    """Return a cell that shows the tree of a store."""
    return f"from widgets import KeyTree\ntree = KeyTree({url!r})\ntree"


@asynccontextmanager
async def opened(frontend: Frontend, paths: list[str], url: str) -> AsyncIterator[MeasuredPage]:
    """Open a notebook whose kernel has the widgets and the driver loaded: cell 0 prepares, cell 1 is for use."""
    warm_up = f"import sys\nsys.path[:0] = {paths!r}\nfrom widgets import KeyTree\nKeyTree({url!r}).close()"
    notebook = await frontend.open([warm_up, "", "1+1"])
    await notebook.run(0, within=60)
    page = MeasuredPage(notebook)
    await page.prepare()
    yield page
    await frontend.close(notebook)


async def first_rows(page: MeasuredPage, source: str, condition: str, rounds: int) -> float:
    """Return the median time from a cell to its rows."""
    times = []
    await page.notebook.set_source(1, source)
    for _ in range(rounds):
        times.append(await page.run_until(1, condition))
        await page.notebook.kernel_value("tree.close()")
        await page.clear(1)
    return statistics.median(times)


async def control(frontend: Frontend, paths: list[str], source: str, condition: str) -> float | None:
    """Return the time from a cell of a control to its rows, once, in a page of its own; None if they never came.

    Thousands of widgets burden a page for a minute while they are closed.
    """
    notebook = await frontend.open([f"import sys\nsys.path[:0] = {paths!r}\nimport ipywidgets", source])
    await notebook.run(0, within=60)
    page = MeasuredPage(notebook)
    await page.prepare()
    try:
        return await page.run_until(1, condition)
    except (TimeoutError, Error) as error:
        print(f"  no rows: {error}".splitlines()[0], flush=True)
        return None
    finally:
        await frontend.close(notebook, keep_page=False)


def row(what: str, seconds: float | None, other: float | None = None) -> None:
    """Print a line of the table."""
    ratio = "" if seconds is None or other is None else f"{other / seconds:.1f} times sooner"
    print(f"{what:<62} {'-' if seconds is None else f'{seconds * 1000:,.0f} ms':>10}  {ratio}", flush=True)


async def compare_first_rows(frontend: Frontend, paths: list[str], etcd: str) -> None:
    """Measure the first rows of all kinds."""
    async with opened(frontend, paths, etcd) as page:
        few = await first_rows(page, cell(etcd), _SHOWN, ROUNDS)
        many = await first_rows(page, cell("manykeys:"), _SHOWN, ROUNDS)
    labels = await control(frontend, paths, _LABEL_CELL, _LABELS)
    row(f"ipywidgets, {ROWS:,} rows of two labels, all of them", labels)
    if find_spec("ipytree") is None:
        print("ipytree is not installed: no figures of it")
    else:
        row(f"ipytree, {ROWS:,} nodes, all of them", await control(frontend, paths, _NODE_CELL, _NODES))
    row(f"etcd 3.5, {SIBLINGS:,} siblings, first rows", few, labels)
    row(f"a fake store of {KEYS:,} siblings, first rows", many, labels)


async def measure_moves(frontend: Frontend, paths: list[str], url: str, last: str, title: str) -> None:
    """Measure end, home, the wheel and a long way through the rows."""
    async with opened(frontend, paths, url) as page:
        await page.notebook.set_source(1, cell(url))
        await page.run_until(1, _SHOWN)
        scroller = page.notebook.output(1).locator(".ks-pane-tree .ks-scroller")
        ends, homes, turns = [], [], []
        print(title)
        await scroller.hover()
        for number in range(1, 8):
            wanted = f"ksBench.names().includes('k{number * TURN + 5:07}') && !ksBench.names().includes('…')"
            turns.append(await page.turn(TURN * ROW_HEIGHT, wanted))
        row(f"  the wheel by {TURN} rows, among loaded ones", statistics.median(turns))
        started = time.perf_counter()
        await page.gather()
        far = "Math.max(...ksBench.names().slice(0, 3).map(name => Number(name.slice(1)) || 0))"
        place = 0
        while place < FAR and time.perf_counter() - started < 120:
            await page.notebook.page.mouse.wheel(0, TURN * ROW_HEIGHT)
            place = int(await page.notebook.evaluate(f"return {far}", "the place is known"))
        seconds = time.perf_counter() - started
        print(f"  through {place:,} rows by the wheel, page after page: {seconds:.1f} s; {await page.smoothness()}")
        await page.gather()
        for number in range(60):
            await page.notebook.page.mouse.wheel(0, (-1 if number < 30 else 1) * TURN * ROW_HEIGHT)
        print(f"  the wheel through loaded rows: {await page.smoothness()}")
        for _ in range(ROUNDS):
            await scroller.focus()
            ends.append(await page.press("End", f"ksBench.names().includes({last!r})"))
            homes.append(await page.press("Home", "ksBench.names().includes('k0000000')"))
        row("  end, the first time", ends[0])
        row("  end, again", statistics.median(ends[1:]))
        row("  home", statistics.median(homes))
        print(f"  rows in the document: {await page.count('.ks-pane-tree .ks-row')}", flush=True)


async def measure_busy(frontend: Frontend, paths: list[str], url: str, title: str) -> None:
    """Measure a cell and the page beside a busy store."""
    async with opened(frontend, paths, url) as page:
        notebook = page.notebook
        await notebook.set_source(1, f"from widgets import Explorer\ntree = Explorer({url!r})\ntree")
        idle = [await page.run_seconds(2) for _ in range(CELL_RUNS)]
        await page.run_until(1, _SHOWN)
        pid = await notebook.kernel_pid()
        before, nodes = memory(pid), await page.count("*")
        rate = "sum(n for _, n in tree._live.session.connection._reflector.rate._counts) / 5"
        await page.gather()
        await page.gather_traffic(PROBE)
        busy: list[float] = []
        started = time.perf_counter()
        while len(busy) < CELL_RUNS or time.perf_counter() - started < BUSY_SECONDS:
            busy.append(await page.run_seconds(2))
            await asyncio.sleep(0.5)
        events = float(str(await notebook.kernel_value(rate)))
        traffic, smoothness = await page.traffic(), await page.smoothness()
        print(f"{title}: {events:,.0f} events a second in the session")
        row("  1+1 in the next cell", statistics.median(busy))
        row("  the same at worst", max(busy))
        row("  the same without the widget", statistics.median(idle))
        print(f"  {traffic}\n  {smoothness}")
        after, nodes_after = memory(pid), await page.count("*")
        print(
            f"  after {time.perf_counter() - started:.0f} s: the kernel has {after / 1e6:.0f} MB, before"
            f" {before / 1e6:.0f}; the page {nodes_after:,} elements, before {nodes:,}",
            flush=True,
        )


def memory(pid: int) -> int:
    """Return the bytes that a process has in memory."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


class _Address:
    """A running server as `write_etcd` wants it, in another process."""

    def __init__(self, address: str) -> None:
        self.address = address


def write(address: str, share: int, rate: int, stop: "Synchronized[int]") -> None:
    """Write keys until told to stop, so many a second or as fast as the server takes them; a process of its own."""
    numbers = count()
    started, batches = time.monotonic(), count()
    while not stop.value:
        due = started + next(batches) * (BUSY_KEYS // WRITERS) / rate if rate else 0.0
        time.sleep(max(0.0, due - time.monotonic()))
        keys = [f"busy/k{(next(numbers) * WRITERS + share) % BUSY_KEYS:07}" for _ in range(BUSY_KEYS // WRITERS)]
        write_etcd(cast("EtcdServer", _Address(address)), [(key, b"%d" % next(numbers)) for key in keys])


async def write_probes(store: EtcdStore) -> None:
    """Write a key with the time in its name again and again, until cancelled."""
    while True:
        key = f"busy/{PROBE}{time.time() * 1000:.0f}"
        await store.put(key, b"")
        await asyncio.sleep(PROBE_INTERVAL)
        await store.delete(key)


@asynccontextmanager
async def busy_etcd(store: EtcdStore, address: str, rate: int) -> AsyncIterator[None]:
    """Write to a server from processes, so many keys a second or, with 0, as fast as it goes."""
    context = multiprocessing.get_context("spawn")
    stop = context.Value("i", 0)
    writers = [context.Process(target=write, args=(address, share, rate // WRITERS, stop)) for share in range(WRITERS)]
    for writer in writers:
        writer.start()
    probes = asyncio.create_task(write_probes(store))
    try:
        yield
    finally:
        stop.value = 1
        probes.cancel()
        for writer in writers:
            await asyncio.to_thread(writer.join)


async def main() -> None:
    """Fill a server and measure."""
    parts = sys.argv[1:] or ["first", "moves", "busy"]
    arguments = ("--max-txn-ops", str(AT_ONCE))
    with TemporaryDirectory() as folder, EtcdServer("3.5", arguments=arguments) as server:
        install(Path(folder))
        paths = [folder, str(HERE), str(HERE.parent)]
        wide, busy = f"etcd://{server.address}/wide/", f"etcd://{server.address}/busy/"
        async with explorer.open(f"etcd://{server.address}/") as opened_store, launch_frontend() as frontend:
            store = cast("EtcdStore", opened_store)
            if {"first", "moves"} & {*parts}:
                await fill(store)
            if "first" in parts:
                await compare_first_rows(frontend, paths, wide)
            if "moves" in parts:
                await measure_moves(frontend, paths, wide, f"k{SIBLINGS - 1:07}", f"etcd 3.5, {SIBLINGS:,} siblings")
                await measure_moves(frontend, paths, "manykeys:", f"k{KEYS - 1:07}", f"a fake store, {KEYS:,} siblings")
            if "busy" in parts:
                title = f"a fake store in the kernel's process, {RATE:,} changes a second"
                await measure_busy(frontend, paths, "busykeys:", title)
                for rate, how in ((RATE, f"{RATE:,} keys a second"), (0, "as fast as it goes")):
                    async with busy_etcd(store, server.address, rate):
                        title = f"etcd 3.5, {WRITERS} processes writing {how}"
                        await measure_busy(frontend, paths, busy, title)


if __name__ == "__main__":
    asyncio.run(main())
