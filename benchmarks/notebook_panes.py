"""The panes in a real JupyterLab under a headless Chromium: many rows, views, locks and changes, and a large value.

Names of parts measure only these: `put`, `rows`, `views`, `value`, `locks`, `log`.
"""

import asyncio
import statistics
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from _notebook_page import MeasuredPage
from _notebook_stores import BUSY_KEYS, PROBE, RATE, install
from _side_by_side import HERE, ROUNDS
from etcd_locks import Stub
from grpc import aio
from notebook_tree import CELL_RUNS, ROW_HEIGHT, TURN, cell, memory, opened, row, write_probes

from explorer.drivers.etcd import EtcdStore, messages
from explorer.drivers.etcd.endpoint import LEASE_GRANT, TXN
from explorer.model.address import Access, parse
from tests.notebook.frontend import Frontend, launch_frontend
from tests.servers.etcd import EtcdServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

LOADED: Final = 500_000
FILTERED: Final = 200_000
VIEWS: Final = 10
LOCKS: Final = 1000
PUTS_SECONDS: Final = 15
VALUE_BYTES: Final = 1 << 20
VALUE_INTERVAL: Final = 0.5

_SHOWN: Final = "ksBench.names().length > 5 && !ksBench.names().includes('…')"
_ALL_SEARCHED: Final = """
    const title = document.querySelector(".ks-pane-tree .ks-title");
    return await ksBench.until(performance.now(), () => /100 of/.test(title.textContent), 60000);
"""
_LOAD: Final = """\
async def load(session, count):
    tree = session.tree
    while tree.rows.loaded < count:
        (last,) = tree.rows.window(len(tree.rows) - 1, 1)
        tree.load_more(last.row)
        await tree.idle()
tree._live.run(load(tree._live.session, {count}))"""


def explorer_cell(url: str, end: str = "tree") -> str:
    """Return a cell that shows all panes of a store."""
    return f"from widgets import Explorer\ntree = Explorer({url!r})\n{end}"


async def cell_times(page: MeasuredPage, seconds: float = 10.0) -> list[float]:
    """Return the times of `1+1` in the next cell, again and again for some seconds."""
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < CELL_RUNS or time.perf_counter() - started < seconds:
        times.append(await page.run_seconds(2))
        await asyncio.sleep(0.2)
    return times


def cell_rows(times: list[float]) -> None:
    """Print the median and the worst of them."""
    row("  1+1 in the next cell", statistics.median(times))
    row("  the same at worst", max(times))


async def turn_wheel(page: MeasuredPage, pane: str, turns: int = 60) -> None:
    """Turn the wheel down and up over a pane, and print how smooth that was."""
    await page.notebook.output(1).locator(f".ks-pane-{pane} .ks-scroller").first.hover()
    await page.gather()
    for number in range(turns):
        await page.notebook.page.mouse.wheel(0, (1 if number < turns // 2 else -1) * TURN * ROW_HEIGHT)
    rows = await page.count(f".ks-pane-{pane} .ks-row")
    print(f"  the wheel, {turns * TURN:,} rows: {await page.smoothness()}; {rows} rows in the document", flush=True)


async def measure_puts(frontend: Frontend, paths: list[str], store: EtcdStore, url: str) -> None:
    """Measure the way from a put to the page in a store at rest."""
    await store.put("busy/a", b"")
    async with opened(frontend, paths, url) as page:
        await page.notebook.set_source(1, explorer_cell(url))
        await page.run_until(1, "ksBench.names().includes('a')")
        await page.gather_traffic(PROBE)
        probes = asyncio.create_task(write_probes(store))
        await asyncio.sleep(PUTS_SECONDS)
        probes.cancel()
        print(f"etcd 3.5 at rest\n  {await page.traffic()}", flush=True)


async def measure_rows(frontend: Frontend, paths: list[str]) -> None:
    """Measure a filter over many rows, and moves among still more."""
    async with opened(frontend, paths, "manykeys:") as page:
        notebook = page.notebook
        await notebook.set_source(1, cell("manykeys:"))
        await page.run_until(1, _SHOWN)
        pid = await notebook.kernel_pid()
        before = memory(pid)
        scroller = notebook.output(1).locator(".ks-pane-tree .ks-scroller")
        print(f"a fake store, {FILTERED:,} and {LOADED:,} loaded rows")
        await notebook.set_source(2, _LOAD.format(count=FILTERED))
        row(f"  loading {FILTERED:,}", await page.run_seconds(2))
        first, whole = [], []
        for number in range(ROUNDS):
            word = f"{FILTERED - 100 * (number + 1):07}"[:-2]
            await scroller.focus()
            await page.press("/", "document.activeElement?.tagName === 'INPUT'")
            await notebook.page.keyboard.insert_text(f"k{word}"[:-1])
            await asyncio.sleep(1.0)
            condition = f"ksBench.names()[0]?.startsWith('k{word}')"
            first.append(await page.press(word[-1], condition))
            started = time.perf_counter()
            await notebook.evaluate(_ALL_SEARCHED, "all rows were searched", within=60)
            whole.append(first[-1] + time.perf_counter() - started)
            await page.press("Escape", f"!({condition}) && document.activeElement?.tagName !== 'INPUT'")
        row(f"  a filter over {FILTERED:,} loaded rows, first matches", statistics.median(first))
        row("  the same, all searched", statistics.median(whole))
        await notebook.set_source(2, _LOAD.format(count=LOADED))
        row(f"  loading {LOADED - FILTERED:,} more", await page.run_seconds(2))
        print(f"  the kernel has {memory(pid) / 1e6:.0f} MB, before {before / 1e6:.0f}")
        await notebook.set_source(2, "1+1")
        await turn_wheel(page, "tree")
        cell_rows(await cell_times(page))


async def measure_views(frontend: Frontend, paths: list[str]) -> None:
    """Measure many views of one busy widget."""
    async with opened(frontend, paths, "busykeys:") as page:
        for views in (1, VIEWS):
            end = f"from IPython.display import display\nfor _ in range({views}):\n    display(tree)"
            await page.notebook.set_source(1, explorer_cell("busykeys:", end))
            await page.run_until(1, f"document.querySelectorAll('.ks-pane-tree').length >= {views} && {_SHOWN}")
            await page.gather()
            await page.gather_traffic(PROBE)
            times = await cell_times(page)
            traffic, smoothness = await page.traffic(), await page.smoothness()
            print(f"{views} views of a fake store that changes {RATE:,} times a second in the kernel's process")
            cell_rows(times)
            print(f"  {traffic}\n  {smoothness}; {await page.count('*'):,} elements", flush=True)
            await page.clear(1)


async def measure_value(frontend: Frontend, paths: list[str], store: EtcdStore, address: str) -> None:
    """Measure the selected value while it changes."""
    url = f"etcd://{address}/large/"
    filler = b"\n".join(b"line %07d of a large text" % number for number in range(VALUE_BYTES // 30))

    async def write() -> None:
        while True:
            await store.put("large/value", f"{PROBE}{time.time() * 1000:.0f}\n".encode() + filler)
            await asyncio.sleep(VALUE_INTERVAL)

    async with opened(frontend, paths, url) as page, _running(write()):
        await page.notebook.set_source(1, explorer_cell(url))
        await page.run_until(1, f"document.querySelector('.ks-pane-value')?.textContent.includes({PROBE!r})")
        pid = await page.notebook.kernel_pid()
        before = memory(pid)
        await page.gather()
        await page.gather_stamps(".ks-pane-value", PROBE)
        times = await cell_times(page, 15)
        late, smoothness = await page.stamps(), await page.smoothness()
        print(f"etcd 3.5, the selected value of {len(filler) >> 10:,} kB is written every {VALUE_INTERVAL} s")
        cell_rows(times)
        row(f"  from a write to the page, median of {len(late)}", statistics.median(late) / 1000 if late else None)
        row("  the same at worst", max(late) / 1000 if late else None)
        print(f"  {smoothness}\n  the kernel has {memory(pid) / 1e6:.0f} MB, before {before / 1e6:.0f}", flush=True)


async def measure_locks(frontend: Frontend, paths: list[str], address: str) -> None:
    """Measure the lock inspector with many locks."""
    async with aio.insecure_channel(address) as channel:
        stub = Stub(channel)
        for number in range(LOCKS):
            lease = (await stub.ask(LEASE_GRANT, messages.LeaseGrantRequest(TTL=3600))).ID
            put = messages.PutRequest(key=f"locks/l{number:04}/{lease:x}".encode(), value=b"who", lease=lease)
            await stub.ask(TXN, messages.TxnRequest(success=[messages.RequestOp(request_put=put)]))
    url = f"etcd://{address}/locks/"
    async with opened(frontend, paths, url) as page:
        source = f"from widgets import LockInspector\ntree = LockInspector({url!r})\ntree"
        await page.notebook.set_source(1, source)
        condition = f"document.querySelector('.ks-pane-locks .ks-title')?.textContent.startsWith('{LOCKS} held')"
        print(f"etcd 3.5, {LOCKS:,} locks")
        row("  all of them, from running the cell", await page.run_until(1, condition))
        await turn_wheel(page, "locks")
        cell_rows(await cell_times(page))


async def measure_log(frontend: Frontend, paths: list[str]) -> None:
    """Measure a change log that is full and goes on."""
    async with opened(frontend, paths, "busykeys:") as page:
        await page.notebook.set_source(1, "from widgets import ChangeLog\ntree = ChangeLog('busykeys:')\ntree")
        full = "/dropped/.test(document.querySelector('.ks-pane-changes .ks-title')?.textContent)"
        await page.run_until(1, full)
        print(f"a full change log of a fake store that changes {RATE:,} times a second ({BUSY_KEYS:,} keys)")
        await turn_wheel(page, "changes")
        cell_rows(await cell_times(page))


@asynccontextmanager
async def _running(work: "Coroutine[object, object, None]") -> "AsyncIterator[None]":
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()


async def main() -> None:
    """Start a server and measure."""
    parts = sys.argv[1:] or ["put", "rows", "views", "value", "locks", "log"]
    with TemporaryDirectory() as folder, EtcdServer("3.5") as server:
        install(Path(folder))
        paths = [folder, str(HERE), str(HERE.parent)]
        url = f"etcd://{server.address}/busy/"
        async with (
            EtcdStore(parse(f"etcd://{server.address}/"), Access()) as store,
            launch_frontend() as frontend,
        ):
            measures = {
                "put": lambda: measure_puts(frontend, paths, store, url),
                "rows": lambda: measure_rows(frontend, paths),
                "views": lambda: measure_views(frontend, paths),
                "value": lambda: measure_value(frontend, paths, store, server.address),
                "locks": lambda: measure_locks(frontend, paths, server.address),
                "log": lambda: measure_log(frontend, paths),
            }
            for part in parts:
                await measures[part]()


if __name__ == "__main__":
    asyncio.run(main())
