"""What this process holds on to, and whether it is more than before: what was opened must be given back."""

import asyncio
import ctypes
import gc
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from tests.scale import PATIENCE
from tests.servers.waiting import eventually

give_back = partial(ctypes.CDLL(None).malloc_trim, 0)
"""Gives the free pages that the C library keeps back to the system; a bare gRPC channel leaves as many of them."""
POOLED = {"event_engine", "grpc_global_tim", "lifeguard"}
"""The threads of gRPC's pools, by the first letters of their names; a busy machine makes them more for a while."""
MOST_POOLED = 16
"""How many of them there may be, whatever was cut how often."""
MOST_GROWTH = 5 * 2**20


@dataclass(frozen=True, slots=True)
class Holding:
    """Tasks of the running loop by what they run, threads, sockets, open files, and bytes of memory.

    Take one when nothing is under way: a watch between two connections has fewer tasks than one that hears.
    """

    tasks: Counter[str]
    threads: int
    sockets: int
    files: int
    memory: int

    @classmethod
    def now(cls) -> "Holding":
        gc.collect()
        give_back()
        process = psutil.Process()
        sockets = len(process.net_connections())
        return cls(_tasks(), _threads(), sockets, process.num_fds(), process.memory_info().rss)

    def grew_to(self, other: "Holding") -> list[str]:
        """Tell what there is more of in the other; memory may grow by a little."""
        names = [name for name in ("threads", "sockets", "files") if getattr(other, name) > getattr(self, name)]
        found = [f"{name}: {getattr(self, name)} -> {getattr(other, name)}" for name in names]
        found += [f"task {name}: {count} more" for name, count in (other.tasks - self.tasks).items()]
        if other.memory - self.memory > MOST_GROWTH:
            found.append(f"memory: {self.memory / 2**20:.1f} -> {other.memory / 2**20:.1f} MiB")
        return found


def _tasks() -> Counter[str]:
    try:
        running = asyncio.all_tasks()
    except RuntimeError:  # a test without a loop
        return Counter()
    return Counter(getattr(task.get_coro(), "__qualname__", "?") for task in running)


def _threads() -> int:
    """Count the threads of this process: of gRPC's pools only those beyond what a pool may have."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has ended since
            names.append((task / "comm").read_text().strip())
    pooled = sum(name in POOLED for name in names)
    return len(names) - min(pooled, MOST_POOLED)


async def nothing_is_left(what: str, before: Holding) -> None:
    """Wait until no more is held than before; some of it is put away by threads, a moment later."""
    with suppress(TimeoutError):  # `report` tells what there is too much of
        await eventually(lambda: not before.grew_to(Holding.now()), "all is as before", PATIENCE)
    report(what, before)


def report(what: str, before: Holding) -> None:
    """Say what is held after something, and fail if it is more than before."""
    after = Holding.now()
    grown = (after.memory - before.memory) / 2**20
    sys.stdout.write(f"{what}: {after.threads} threads, {after.sockets} sockets, memory {grown:+.1f} MiB\n")
    assert before.grew_to(after) == []
