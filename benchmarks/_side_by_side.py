"""Two ways to do one thing, in turn, on one machine at one time; what counts is the ratio of their medians."""

import os
import resource
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import cast

ROUNDS = 5
_SAMPLE_INTERVAL = 0.05
"""Seconds between two looks at the memory of a process that prints nothing."""
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process."""

    seconds: float
    peak_bytes: int
    cpu_seconds: float = 0.0
    """Processor time, which says more than seconds while the machine has other work to do."""


def run(command: Sequence[str], environment: dict[str, str] | None = None) -> Run:
    """Run a command to its end, reading its output as whoever uses it must, and account for the whole process."""
    started, peak, used = time.perf_counter(), 0, cpu_seconds()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | (environment or {})) as process:
        pipe = cast("BufferedReader", process.stdout)
        has_output = True
        while has_output:  # ready at its end, too
            if select.select([pipe], [], [], _SAMPLE_INTERVAL)[0]:
                has_output = bool(pipe.read1(1 << 16))
            peak = max(peak, peak_bytes(process.pid))
    seconds = time.perf_counter() - started
    if process.returncode:
        message = f"{command[0]} ended with {process.returncode}"
        raise SystemExit(message)
    return Run(seconds, peak, cpu_seconds() - used)


def cpu_seconds() -> float:
    """Return the processor time of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def peak_bytes(process: int) -> int:
    """Read the most memory that a process has had; what wait4 tells would count that of the parent before exec."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def compare(
    title: str,
    ours: Callable[[], float],
    other: Callable[[], float],
    *,
    against: str,
    unit: str = "ms",
    scale: float = 1000,
    rounds: int = ROUNDS,
) -> None:
    """Print the medians of both, measured in turn, and how ours relates to the other."""
    pairs = [(ours(), other()) for _ in range(rounds)]
    mine = statistics.median(one for one, _ in pairs)
    theirs = statistics.median(two for _, two in pairs)
    ratio = mine / theirs
    verdict = f"{1 / ratio:.1f} times less" if ratio < 0.8 else f"{ratio:.2f} of it"
    print(
        f"{title}: {mine * scale:,.1f} {unit}; {against}: {theirs * scale:,.1f} {unit}; ours is {verdict}", flush=True
    )
