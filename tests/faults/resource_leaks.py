"""Resources that this process holds, and their growth."""

import asyncio
import ctypes
import gc
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import psutil

from tests.scale import PATIENCE
from tests.servers.waiting import eventually

release_free_pages = partial(ctypes.CDLL(None).malloc_trim, 0)
"""Returns free pages that the C library keeps to the system; a bare gRPC channel leaves as many of them."""
POOL_THREADS: Final = {"event_engine", "grpc_global_tim", "lifeguard"}
"""Names of the threads of gRPC's pools, which grow on a busy machine for a while."""
MAX_POOL_THREADS: Final = 16
MAX_MEMORY_GROWTH: Final = 5 * 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Resources:
    """Tasks of the running loop by coroutine, threads, sockets, open files, and bytes of memory of this process.

    Take one when nothing is under way: a watch that reconnects has fewer tasks than one that is connected.
    """

    tasks: Counter[str]
    threads: int
    sockets: int
    files: int
    memory: int

    @classmethod
    def now(cls) -> "Resources":
        gc.collect()
        release_free_pages()
        process = psutil.Process()
        sockets = len(process.net_connections())
        return cls(_tasks(), _threads(), sockets, process.num_fds(), process.memory_info().rss)

    def growth(self, later: "Resources") -> list[str]:
        """Return what there is more of later, memory beyond MAX_MEMORY_GROWTH."""
        names = [name for name in ("threads", "sockets", "files") if getattr(later, name) > getattr(self, name)]
        found = [f"{name}: {getattr(self, name)} -> {getattr(later, name)}" for name in names]
        found += [f"task {name}: {count} more" for name, count in (later.tasks - self.tasks).items()]
        if later.memory - self.memory > MAX_MEMORY_GROWTH:
            found.append(f"memory: {self.memory / 2**20:.1f} -> {later.memory / 2**20:.1f} MiB")
        return found


def _tasks() -> Counter[str]:
    try:
        running = asyncio.all_tasks()
    except RuntimeError:  # a test without a loop
        return Counter()
    return Counter(getattr(task.get_coro(), "__qualname__", "?") for task in running)


def _threads() -> int:
    """Return the number of threads of this process: of gRPC's pools only those beyond MAX_POOL_THREADS."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has ended since
            names.append((task / "comm").read_text().strip())
    pooled = sum(name in POOL_THREADS for name in names)
    return len(names) - min(pooled, MAX_POOL_THREADS)


async def assert_no_leak(work: str, before: Resources) -> None:
    """Wait until no more is held than before some work, and fail otherwise; threads release some of it later."""
    with suppress(TimeoutError):  # `report` names what there is too much of
        await eventually(lambda: not before.growth(Resources.now()), "all is as before", PATIENCE)
    report(work, before)


def report(work: str, before: Resources) -> None:
    """Print what is held after some work, and fail if it is more than before."""
    after = Resources.now()
    grown = (after.memory - before.memory) / 2**20
    sys.stdout.write(f"{work}: {after.threads} threads, {after.sockets} sockets, memory {grown:+.1f} MiB\n")
    assert before.growth(after) == []
