"""Stack dumps of all threads and tasks on a signal, to debug an app that hangs.

`kill -USR1 PID` appends them to `stacks.log` in the state folder. They have file names and line numbers, no values.
"""

import asyncio
import faulthandler
import os
import signal
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import IO, Final

FILE_NAME: Final = "stacks.log"
_FRAMES: Final = ("cr_frame", "gi_frame", "ag_frame")
_AWAITED: Final = ("cr_await", "gi_yieldfrom", "ag_await")
"""Attributes of coroutines, generators and asynchronous generators."""


@contextmanager
def stack_dumps(folder: Path) -> Generator[None, None, None]:
    """Append the stacks of threads and tasks to a file on SIGUSR1; Windows has no such signal.

    faulthandler writes those of the threads, even while Python runs no bytecode; then the signal handler writes those
    of the tasks. Without a writable folder there are no dumps.
    """
    if sys.platform == "win32":
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        yield
        return
    with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as log:
        loop = asyncio.get_running_loop()

        def on_signal(_number: int, _frame: FrameType | None) -> None:
            _write_tasks(loop, log)

        before = signal.signal(signal.SIGUSR1, on_signal)
        faulthandler.register(signal.SIGUSR1, log, all_threads=True, chain=True)
        try:
            yield
        finally:
            faulthandler.unregister(signal.SIGUSR1)
            signal.signal(signal.SIGUSR1, before)


def _awaiting(task: asyncio.Task[object]) -> Iterator[FrameType]:
    """Yield the frames that a task awaits, the outermost first; `Task.get_stack` returns that one alone."""
    awaited: object = task.get_coro()
    while awaited is not None:
        frame = next((found for name in _FRAMES if (found := getattr(awaited, name, None)) is not None), None)
        if frame is not None:
            yield frame
        awaited = next((found for name in _AWAITED if (found := getattr(awaited, name, None)) is not None), None)


def _write_tasks(loop: asyncio.AbstractEventLoop, log: IO[str]) -> None:
    for task in asyncio.all_tasks(loop):
        print(f"\nTask {task.get_name()}:", file=log)
        for frame in _awaiting(task):
            code = frame.f_code
            print(f'  File "{code.co_filename}", line {frame.f_lineno} in {code.co_qualname}', file=log)
    print(f"\nPID {os.getpid()} at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: end of stacks\n", file=log, flush=True)
