"""The verbs about locks: who holds which one, and running a command while holding one."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.exit_codes import ExitCode
from explorer.cli.output import lock_lines, lock_record, spelling
from explorer.drivers.base import LOCK_TTL, Lock, Store
from explorer.model.errors import ExplorerError
from explorer.model.keys import encode

_FORWARDED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE: Final = 5.0
"""Seconds that a command has to end by itself once its lock is lost."""
_BY_SIGNAL: Final = 128
"""What shells add to a signal's number to make an exit code of it."""


async def locks(store: Store, wanted: arguments.Locks, console: Console) -> None:
    """Print every lock at or below a prefix.

    Raises:
        CallNotSupported: The store has none.
    """
    found = await store.locks(wanted.prefix)
    if console.json:
        for lock in found:
            console.record(lock_record(lock))
    elif found:
        for line in lock_lines(found, spelling(escaped=wanted.escaped)):
            console.line(line)
    else:
        console.note("no locks")


async def lock(store: Store, wanted: arguments.Lock, console: Console) -> int:
    """Run a command while holding a lock, and give its exit code.

    The command finds KEYSCOPE_LOCK_KEY and KEYSCOPE_LOCK_FENCE in its environment; the fence orders the holders, so
    that what the command writes to can refuse an earlier one. Signals are passed on to it.

    Raises:
        CannotLock: Somebody else held it for as long as was to be waited, or holds it in another layout.
        CallNotSupported: The store has no such layout.
    """
    holding = store.lock(wanted.key, ttl=wanted.ttl or LOCK_TTL, layout=wanted.layout)
    with _signals() as signals:
        try:
            early = await _acquire(holding, wanted, signals)
            return _BY_SIGNAL + early if early is not None else await _run(holding, wanted, console, signals)
        finally:
            await _release(holding, console)


Signals = asyncio.Queue[signal.Signals]


@contextmanager
def _signals() -> Iterator[Signals]:
    """Collect the signals that would end us: the lock has to be released first."""
    loop = asyncio.get_running_loop()
    arrived: Signals = asyncio.Queue()
    for number in _FORWARDED:
        loop.add_signal_handler(number, arrived.put_nowait, number)
    try:
        yield arrived
    finally:
        for number in _FORWARDED:
            loop.remove_signal_handler(number)


async def _acquire(holding: Lock, wanted: arguments.Lock, signals: Signals) -> signal.Signals | None:
    """Wait for the lock, and give the signal that ended the waiting, if one did."""
    async with asyncio.TaskGroup() as group:
        acquiring = group.create_task(holding.acquire(wanted.wait))
        interrupted = group.create_task(signals.get())
        await asyncio.wait((acquiring, interrupted), return_when=asyncio.FIRST_COMPLETED)
        interrupted.cancel()
        acquiring.cancel()
    return interrupted.result() if acquiring.cancelled() else None


async def _release(holding: Lock, console: Console) -> None:
    try:
        await holding.release()
    except ExplorerError as error:  # what the command did is done, and its exit code is what counts
        console.note(f"keyscope: the lock is not released and will run out by itself: {error}")


async def _run(holding: Lock, wanted: arguments.Lock, console: Console, signals: Signals) -> int:
    fence = {} if holding.fence is None else {"KEYSCOPE_LOCK_FENCE": str(holding.fence)}
    told = {"KEYSCOPE_LOCK_KEY": wanted.key, **fence}
    environment = os.environb | {name.encode(): encode(text) for name, text in told.items()}
    console.flush()
    try:
        process = await asyncio.create_subprocess_exec(*wanted.command, env=environment)
    except FileNotFoundError:
        console.note(f"keyscope: {wanted.command[0]!r} was not found: the lock is released again")
        return ExitCode.NO_COMMAND
    except (OSError, ValueError) as error:
        console.note(f"keyscope: {wanted.command[0]!r} cannot be run ({error}): the lock is released again")
        return ExitCode.CANNOT_RUN
    async with asyncio.TaskGroup() as group:
        ended = group.create_task(process.wait())
        lost = group.create_task(holding.lost.wait())
        forwarding = group.create_task(_forward(process, signals))
        await asyncio.wait((ended, lost), return_when=asyncio.FIRST_COMPLETED)
        is_lost = lost.done() and not ended.done()
        if is_lost:
            console.note(f"keyscope: the lock on {wanted.key!r} is lost: the command is told to end")
            await _end(process, ended)
        lost.cancel()
        forwarding.cancel()
    if is_lost:
        return ExitCode.CONFLICT
    code = ended.result()
    return code if code >= 0 else _BY_SIGNAL - code


async def _forward(process: Process, signals: Signals) -> None:
    while True:
        number = await signals.get()
        if number is not signal.SIGINT or not _in_foreground():
            with suppress(ProcessLookupError):
                process.send_signal(number)


def _in_foreground() -> bool:
    """Whether ctrl-C reaches the command by itself, as it does everything in the terminal's foreground."""
    try:
        return sys.stdin is not None and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return False


async def _end(process: Process, ended: asyncio.Task[int]) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
        await asyncio.wait((ended,), timeout=_GRACE)
        process.kill()
    await asyncio.wait((ended,))
