"""The verbs `locks` and `lock`."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, TypeAlias

from explorer.cli import arguments
from explorer.cli.console import Console
from explorer.cli.exit_codes import ExitCode
from explorer.cli.output import key_formatter, lock_lines, lock_record
from explorer.drivers.base import Store
from explorer.drivers.lock import LOCK_TTL, Lock
from explorer.model.errors import ExplorerError
from explorer.model.keys import encode

SignalQueue: TypeAlias = asyncio.Queue[signal.Signals]

_FORWARDED_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TERMINATE_TIMEOUT: Final = 5.0
"""Seconds between SIGTERM and SIGKILL for a command whose lock is lost."""
_SIGNAL_EXIT_BASE: Final = 128
"""Exit code of a process that a signal ended, less the signal's number; as in shells."""


async def locks(store: Store, options: arguments.LocksArguments, console: Console) -> None:
    """Print every lock at or below a prefix.

    Raises:
        CallNotSupported: The store has no locks.
    """
    found = await store.locks(options.prefix)
    if console.json:
        for lock in found:
            console.print_record(lock_record(lock))
    elif found:
        for line in lock_lines(found, key_formatter(escaped=options.escaped)):
            console.print_line(line)
    else:
        console.print_note("no locks")


async def lock(store: Store, options: arguments.LockArguments, console: Console) -> int:
    """Run a command while holding a lock, and return its exit code.

    The command gets KEYSCOPE_LOCK_KEY and KEYSCOPE_LOCK_FENCE in its environment. The fence is a fencing token: a
    resource that remembers the highest one can refuse an earlier holder. Signals are forwarded to the command.

    Raises:
        CannotLock: Another client held the lock for the whole wait, or holds it in another layout.
        CallNotSupported: The store has no such layout.
    """
    held_lock = store.lock(options.key, ttl=options.ttl or LOCK_TTL, layout=options.layout)
    with _signal_queue() as signals:
        try:
            interrupt = await _acquire(held_lock, options.wait, signals)
            if interrupt is not None:
                return _SIGNAL_EXIT_BASE + interrupt
            return await _run_command(held_lock, options, console, signals)
        finally:
            await _release(held_lock, console)


@contextmanager
def _signal_queue() -> Iterator[SignalQueue]:
    """Queue the signals that would end this process, since the lock must be released first."""
    loop = asyncio.get_running_loop()
    queue: SignalQueue = asyncio.Queue()
    for number in _FORWARDED_SIGNALS:
        loop.add_signal_handler(number, queue.put_nowait, number)
    try:
        yield queue
    finally:
        for number in _FORWARDED_SIGNALS:
            loop.remove_signal_handler(number)


async def _acquire(lock: Lock, timeout: float | None, signals: SignalQueue) -> signal.Signals | None:  # noqa: ASYNC109 - the lock's own
    """Acquire the lock; return the signal that interrupted the wait, or None."""
    async with asyncio.TaskGroup() as group:
        acquiring = group.create_task(lock.acquire(timeout))
        interrupted = group.create_task(signals.get())
        await asyncio.wait((acquiring, interrupted), return_when=asyncio.FIRST_COMPLETED)
        interrupted.cancel()
        acquiring.cancel()
    return interrupted.result() if acquiring.cancelled() else None


async def _release(lock: Lock, console: Console) -> None:
    try:
        await lock.release()
    except ExplorerError as error:  # the command has run, and its exit code counts
        console.print_note(f"keyscope: cannot release the lock, it expires by itself: {error}")


async def _run_command(lock: Lock, options: arguments.LockArguments, console: Console, signals: SignalQueue) -> int:
    variables = {"KEYSCOPE_LOCK_KEY": options.key}
    if lock.fence is not None:
        variables["KEYSCOPE_LOCK_FENCE"] = str(lock.fence)
    environment = os.environb | {name.encode(): encode(value) for name, value in variables.items()}
    console.flush()
    program = options.command[0]
    try:
        process = await asyncio.create_subprocess_exec(*options.command, env=environment)
    except FileNotFoundError:
        console.print_note(f"keyscope: command not found: {program!r}: the lock is released")
        return ExitCode.COMMAND_NOT_FOUND
    except (OSError, ValueError) as error:
        console.print_note(f"keyscope: cannot run {program!r}: {error}: the lock is released")
        return ExitCode.CANNOT_EXECUTE
    async with asyncio.TaskGroup() as group:
        ended = group.create_task(process.wait())
        lost = group.create_task(lock.lost.wait())
        forwarder = group.create_task(_forward_signals(process, signals))
        await asyncio.wait((ended, lost), return_when=asyncio.FIRST_COMPLETED)
        is_lost = lost.done() and not ended.done()
        if is_lost:
            console.print_note(f"keyscope: the lock on {options.key!r} is lost: terminating the command")
            await _terminate(process, ended)
        lost.cancel()
        forwarder.cancel()
    if is_lost:
        return ExitCode.CONFLICT
    code = ended.result()
    return code if code >= 0 else _SIGNAL_EXIT_BASE - code


async def _forward_signals(process: Process, signals: SignalQueue) -> None:
    while True:
        number = await signals.get()
        if number is not signal.SIGINT or not _is_foreground():
            with suppress(ProcessLookupError):
                process.send_signal(number)


def _is_foreground() -> bool:
    """Return whether the terminal itself sends ctrl-C to the command, as to the whole foreground process group."""
    try:
        return sys.stdin is not None and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return False


async def _terminate(process: Process, ended: asyncio.Task[int]) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
        await asyncio.wait((ended,), timeout=_TERMINATE_TIMEOUT)
        process.kill()
    await asyncio.wait((ended,))
