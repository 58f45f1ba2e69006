"""Large values: from the key that selects one until its first screen, and how long the app stands still meanwhile.

Beside it stands the same text in Textual's own TextArea, once and up to 4 MiB because it takes that long, and `less`, a
program in C that reads the value from a file and draws one screen to a terminal.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import _side_by_side  # noqa: F401 - finds the checkout
from _terminal import Terminal
from textual.app import App, ComposeResult
from textual.widgets import TextArea

from explorer.codecs.codecs import Codecs
from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.session.session import Session
from explorer.tui.app import Keyscope
from explorer.tui.widgets.pager import Pager

MEBIBYTE: Final = 1 << 20
ROUNDS: Final = 3
TICK: Final = 0.005
VALUES: Final[dict[str, bytes]] = {
    "4 MiB of ESC": b"\x1b" * (4 * MEBIBYTE),
    "4 MiB of lines with one letter": b"a\n" * (2 * MEBIBYTE),
    "4 MiB of Chinese in one line": "\u6f22".encode() * (4 * MEBIBYTE // 3),
    "4 MiB in one line": b"x" * (4 * MEBIBYTE),
    "16 MiB in one line": b"x" * (16 * MEBIBYTE),
    "16 MiB in hexadecimal": b"\x00\xff" * (8 * MEBIBYTE),
    "16 MiB of JSON lines": b"[" + b'{"name": "unit", "port": 8080},\n' * (16 * MEBIBYTE // 32 - 1) + b"1]",
}


class Gaps:
    """Longest time that the event loop was blocked, in seconds."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def watch(self) -> None:
        """Look every few milliseconds until cancelled."""
        before = time.perf_counter()
        while True:
            await asyncio.sleep(TICK)
            now = time.perf_counter()
            self.worst, before = max(self.worst, now - before - TICK), now


@asynccontextmanager
async def gaps() -> AsyncGenerator[Gaps, None]:
    """Watch the loop."""
    found = Gaps()
    task = asyncio.create_task(found.watch())
    await asyncio.sleep(2 * TICK)
    try:
        yield found
    finally:
        task.cancel()


async def ours(value: bytes) -> tuple[float, float, float]:
    """Measure until the first screen, the worst gap until then, and the worst gap of paging, end, zoom and start."""
    store = MemoryStore(parse("memory:"))
    await store.connect()
    await store.put("a", b"small")
    await store.put("b", value)
    stores = iter((store,))
    async with Session(lambda: next(stores, None) or store.clone(), Codecs()) as session:
        app = Keyscope(session)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            await session.idle()
            pager = app.screen.query_one(Pager)
            async with gaps() as first:
                started = time.perf_counter()
                await pilot.press("down")
                while session.detail.loaded is None or session.detail.loaded.entry.key != "b" or pager.count() < 100:
                    await pilot.pause(0.001)
                seconds = time.perf_counter() - started
                await session.idle()
            async with gaps() as later:
                for key in ("2", "pagedown", "G", "pageup", "+", "g", "G", "+", "g"):
                    await pilot.press(key)
                    await pilot.pause()
            return seconds, first.worst, later.worst


class Bare(App[None]):
    """A text area and nothing else."""

    def compose(self) -> ComposeResult:
        """Put it together."""
        yield TextArea("", read_only=True)


async def bare(value: bytes) -> float:
    """Measure the same text until Textual's own text area has drawn it."""
    app = Bare()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        started = time.perf_counter()
        app.query_one(TextArea).load_text(value.decode(errors="replace"))
        await pilot.pause()
        return time.perf_counter() - started


def less(value: bytes) -> float:
    """Measure until less has drawn its first screen and its prompt."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(value)
        started = time.perf_counter()
        with Terminal(["less", "-f", "-P", "READY", file.name]) as screen:
            moment, _ = screen.until(b"READY")
        return moment - started


async def main() -> None:
    """Measure each value, in turn."""
    for name, value in VALUES.items():
        rounds = [await ours(value) for _ in range(ROUNDS)]
        seconds, first, later = (statistics.median(figures) for figures in zip(*rounds, strict=True))
        area = await bare(value) if len(value) <= 4 * MEBIBYTE else None
        pager = statistics.median([less(value) for _ in range(ROUNDS)]) if has_less() else None
        beside = f"TextArea {area * 1000:,.0f} ms" if area is not None else "TextArea not tried"
        beside += f", less {pager * 1000:,.0f} ms" if pager is not None else ", no less here"
        print(
            f"{name}: first screen {seconds * 1000:,.0f} ms, worst gap {first * 1000:,.0f} ms, "
            f"when moving {later * 1000:,.0f} ms; {beside}",
            flush=True,
        )


def has_less() -> bool:
    """Return whether there is a less on this machine."""
    return subprocess.run(["/bin/sh", "-c", "command -v less"], check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
