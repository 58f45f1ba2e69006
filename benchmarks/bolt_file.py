"""A BoltDB file of 1,000,000 keys and 1.4 GB, beside Go's bbolt: opening, a page from anywhere, all keys, writes."""

import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory

from _side_by_side import compare

import explorer
from explorer.drivers.base import Store
from tests.clients.bolt import Bbolt, bbolt

KEYS = 1_000_000
SIZE = 900
FIRST_PAGE = 50
FAR = 999_000
WRITES = 1000


def ours(file: Path, use: Callable[[Store], Awaitable[object]], *, opening: bool = False) -> float:
    """Take the time of a use of the open store, or of opening it as well."""

    async def timed() -> float:
        began = time.perf_counter()
        async with explorer.open(f"bolt://{file}") as store:
            started = began if opening else time.perf_counter()
            await use(store)
            return time.perf_counter() - started

    return asyncio.run(timed())


def theirs(judge: Bbolt, file: Path, command: str, *, opening: bool = False) -> float:
    """Take the time of a command of bbolt, or of opening the file as well, without starting the process."""
    if not opening:
        with judge.open(file) as process:
            return int(process.ask(command)) / 1e9
    with subprocess.Popen([judge.program, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        began = time.perf_counter()
        next(iter(started.stdout or ()))
        seconds = time.perf_counter() - began
        if started.stdin:
            started.stdin.close()
    return seconds


async def first_page(store: Store) -> None:
    """Read the first children."""
    await store.children("wide", limit=FIRST_PAGE)


async def far_page(store: Store) -> None:
    """Read a page of entries far behind."""
    await store.list("wide", after=f"wide/k{FAR:07d}", limit=FIRST_PAGE)


async def everything(store: Store) -> None:
    """Read all entries."""
    count = 0
    async with aclosing(store.walk("wide")) as entries:
        async for _ in entries:
            count += 1
    if count != KEYS:
        sys.exit(f"{count} entries instead of {KEYS}")


async def write(store: Store) -> None:
    """Write keys one by one, spread over the file."""
    for number in range(WRITES):
        await store.put(f"wide/k{number * 991:07d}", bytes(SIZE))


def main() -> None:
    """Measure and print."""
    with bbolt() as judge, TemporaryDirectory(prefix="keyscope-bench-") as folder:
        file = Path(folder) / "wide.db"
        with judge.open(file) as process:
            process.ask(f"fill {KEYS} {SIZE}")
        print(f"{file.stat().st_size / 1e9:.2f} GB")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        compare(
            f"opening it, and the first {FIRST_PAGE} children",
            lambda: ours(file, first_page, opening=True),
            lambda: theirs(judge, file, "", opening=True),
            against="bbolt opening it, its process started included",
        )
        compare(
            f"{FIRST_PAGE} entries from key {FAR:,} on",
            lambda: ours(file, far_page),
            lambda: theirs(judge, file, f"page {FIRST_PAGE} {FAR}"),
            against="bbolt",
        )
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f"memory that this took: {grown / 1024:.1f} MB")
        compare(
            "all entries",
            lambda: ours(file, everything),
            lambda: theirs(judge, file, f"page {KEYS} 0"),
            against="bbolt, each value copied",
            rounds=3,
        )
        compare(
            f"{WRITES} writes, a transaction each",
            lambda: ours(file, write),
            lambda: theirs(judge, file, f"writes {WRITES} {SIZE}"),
            against="bbolt",
            rounds=3,
        )
        finding = judge.check(file)
        print(f"bbolt finds: {finding or 'nothing wrong'}")
        sys.exit(bool(finding))


if __name__ == "__main__":
    main()
