"""Many keys at once on etcd: a copy and a diff of 100,000 keys, and a search in 1,000,000.

    python benchmarks/plans.py [copy] [loop] [diff] [find]

Keyscope is the whole process of the command, from its start to its exit, and its memory the most that it had. A copy
is compared with `etcdctl make-mirror`, until the target has all keys, and with a loop of puts; a diff with two
`etcdctl get --prefix` and `diff`, whose memory is that of `diff`; a search with `etcdctl get --prefix | grep`, whose
memory is that of etcdctl.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from _side_by_side import Run, compare, cpu_seconds, peak_bytes, run
from _writers import write_etcd

import explorer
from tests.servers.etcd import VERSIONS, EtcdServer
from tests.servers.programs import ETCDCTL, environment
from tests.servers.require import require

COPIED: Final = int(os.environ.get("KEYSCOPE_BENCH_KEYS", "100000"))
SEARCHED: Final = 10 * COPIED
ROUNDS: Final = 3
PREFIX: Final = "bench/"
NEEDLE: Final = "needle-7"
KEY: Final = "0000/99"


def entries(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield keys in folders of 1000, with values of about 100 bytes; one of 100,000 has the needle."""
    for number in range(count):
        text = NEEDLE if number % 100_000 == 50_000 % count else "value"
        yield f"{PREFIX}{number // 1000:04}/{number % 1000:03}", f"{text} {number} ".ljust(100, "x").encode()


class Bench:
    """Two servers, and the ways to do one thing with them."""

    def __init__(self, source: EtcdServer, target: EtcdServer, home: Path) -> None:
        self._source, self._target = source, target
        self._line = require(ETCDCTL[VERSIONS[-1]])
        self._env = {**environment(self._line), "XDG_STATE_HOME": str(home), "ETCDCTL_API": "3"}
        self.urls = [f"etcd://{server.address}/{PREFIX}" for server in (source, target)]

    def keyscope(self, *words: str) -> Run:
        """Run the command."""
        return run([sys.executable, "-m", "explorer", *words], self._env)

    def clear(self) -> None:
        """Empty the target."""
        self._target.ctl("del", "--prefix", PREFIX)

    def copy(self) -> Run:
        """Copy by the command."""
        self.clear()
        return self.keyscope("copy", *self.urls, "--yes", "--json")

    def mirror(self) -> Run:
        """Copy by `etcdctl make-mirror`, which does not end by itself."""
        self.clear()
        began, used = time.perf_counter(), cpu_seconds()
        command = [*self._line, "--endpoints", self._source.address, "make-mirror", "--prefix", PREFIX]
        with subprocess.Popen(
            [*command, self._target.address], stdout=subprocess.DEVNULL, env=os.environ | self._env
        ) as process:
            asyncio.run(_wait_for(self._target, COPIED))
            seconds, peak = time.perf_counter() - began, peak_bytes(process.pid)
            process.kill()
        return Run(seconds, peak, cpu_seconds() - used)

    def loop(self) -> float:
        """Copy by a loop that puts one key after the other."""
        self.clear()
        return _timed(partial(asyncio.run, _put_each(*self.urls)))

    def diff(self) -> Run:
        """Compare by the command."""
        return self.keyscope("diff", *self.urls)

    def text_diff(self) -> Run:
        """Compare by `diff` of two outputs of etcdctl; its memory is that of `diff`."""
        began, used = time.perf_counter(), cpu_seconds()
        with tempfile.TemporaryDirectory() as folder:
            files = [str(Path(folder) / name) for name in ("a", "b")]
            for server, file in zip((self._source, self._target), files, strict=True):
                with Path(file).open("wb") as output:
                    command = [*self._line, "--endpoints", server.address, "get", "--prefix", PREFIX]
                    subprocess.run(command, stdout=output, check=True, env=os.environ | self._env)
            peak = run(["diff", *files]).peak_bytes
        return Run(time.perf_counter() - began, peak, cpu_seconds() - used)

    def find(self, where: str, text: str) -> Run:
        """Search by the command."""
        return self.keyscope("find", f"etcd://{self._source.address}/", PREFIX, where, text)

    def grep(self, *options: str, text: str) -> Run:
        """Search by `grep` in etcdctl's output; its memory is that of etcdctl, which is run once more for it."""
        get = [*self._line, "--endpoints", self._source.address, "get", "--prefix", PREFIX, *options]
        piped = run(["sh", "-c", f"{' '.join(get)} | grep {text}"], self._env)
        return replace(piped, peak_bytes=run(get, self._env).peak_bytes)


async def _wait_for(server: EtcdServer, count: int) -> None:
    async with explorer.open(f"etcd://{server.address}/") as store:
        last = f"{PREFIX}{(count - 1) // 1000:04}/{(count - 1) % 1000:03}"
        while not await store.exists(last):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)


async def _put_each(source: str, target: str) -> None:
    async with explorer.open(source) as one, explorer.open(target) as other:
        async for entry in one.walk(""):
            await other.put(entry.key, entry.value or b"")


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _compare(title: str, ours: Callable[[], Run], other: Callable[[], Run], *, against: str) -> None:
    """Print how time, processor time and memory of both relate."""
    runs = [(ours(), other()) for _ in range(ROUNDS)]
    for name, what, unit, scale in (
        ("seconds", title, "ms", 1e3),
        ("cpu_seconds", f"processor time of {title}", "ms", 1e3),
        ("peak_bytes", f"memory of {title}", "MB", 1e-6),
    ):
        mine, theirs = ([float(getattr(one, name)) for one in side] for side in zip(*runs, strict=True))
        compare(
            what,
            partial(next, iter(mine)),
            partial(next, iter(theirs)),
            against=against,
            unit=unit,
            scale=scale,
            rounds=ROUNDS,
        )


def measure_copy(bench: Bench) -> None:
    """Measure the copy."""
    _compare(f"copy of {COPIED:,} keys", bench.copy, bench.mirror, against="etcdctl make-mirror")


def measure_loop(bench: Bench) -> None:
    """Measure the copy beside a loop, once: the loop takes minutes."""
    title = f"copy of {COPIED:,} keys"
    compare(title, lambda: bench.copy().seconds, bench.loop, against="a loop of puts", rounds=1)


def measure_diff(bench: Bench) -> None:
    """Measure the comparison of two sides that are the same."""
    bench.copy()
    _compare(f"diff of {COPIED:,} keys", bench.diff, bench.text_diff, against="etcdctl get twice, and diff")


def measure_find(bench: Bench) -> None:
    """Measure the search in values and in keys."""
    against = "etcdctl get --prefix | grep"
    find, grep = partial(bench.find, "--value", NEEDLE), partial(bench.grep, text=NEEDLE)
    _compare(f"find in {SEARCHED:,} values", find, grep, against=against)
    find, grep = partial(bench.find, "--key", KEY), partial(bench.grep, "--keys-only", text=KEY)
    _compare(f"find in {SEARCHED:,} keys", find, grep, against=against)


MEASURES: Final[Mapping[str, Callable[[Bench], None]]] = {
    "copy": measure_copy,
    "loop": measure_loop,
    "diff": measure_diff,
    "find": measure_find,
}


def main(names: Sequence[str]) -> None:
    """Run the measures of these names; all without names."""
    with tempfile.TemporaryDirectory() as home:
        for name in names or MEASURES:
            with EtcdServer(VERSIONS[-1]) as source, EtcdServer(VERSIONS[-1]) as target:
                write_etcd(source, entries(SEARCHED if name == "find" else COPIED))
                MEASURES[name](Bench(source, target, Path(home)))


if __name__ == "__main__":
    main(sys.argv[1:])
