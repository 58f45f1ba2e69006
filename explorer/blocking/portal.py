"""The one thread on which stores are spoken to when nobody's own event loop can be: scripts, notebook cells, widgets.

A busy notebook cell stops the kernel's own loop, and with it every lease and watch that lived there; this one goes on.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent import futures
from contextlib import AbstractAsyncContextManager, suppress
from functools import cache
from typing import Final, Generic, TypeAlias, TypeVar

Answer = TypeVar("Answer")
Other = TypeVar("Other")
Tasks: TypeAlias = set[asyncio.Task[None]]

_PATIENCE: Final = 2.0
"""Seconds that the process waits at its end for stores that were left open."""
_STARTING: Final = threading.Lock()


class Portal:
    """A daemon thread named `explorer-io` with an event loop, and the way to have coroutines run there."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._tasks: Tasks = set()
        self._thread = threading.Thread(target=self._serve, name="explorer-io", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    @property
    def is_here(self) -> bool:
        """Whether the caller runs on the loop's own thread, which must not wait for itself."""
        return threading.current_thread() is self._thread

    @property
    def has_ended(self) -> bool:
        """Whether nothing can run here any more: the process is ending, or is a fork of the one that the loop is in."""
        return self._loop.is_closed() or os.getpid() != self._process

    def start(self, work: Coroutine[object, object, Answer], owner: Tasks | None = None) -> "Call[Answer]":
        """Start a coroutine on the loop.

        Args:
            work: What to run.
            owner: The running tasks that it is to be among; their owner cancels them. The portal's own by default.

        Raises:
            RuntimeError: The loop has ended.
        """
        if self.has_ended:
            work.close()
            message = "the event loop is in another process or has ended: connect again after a fork"
            raise RuntimeError(message)
        call = Call(work, self._tasks if owner is None else owner)
        self._loop.call_soon_threadsafe(call.start)
        return call

    def run(self, work: Coroutine[object, object, Answer], owner: Tasks | None = None) -> Answer:
        """Run a coroutine on the loop and give its answer. ctrl-C cancels it and waits until nothing of it is left.

        Raises:
            RuntimeError: Called on the loop's own thread, or the loop has ended.
            concurrent.futures.CancelledError: It was cancelled by its owner.
        """
        if self.is_here:
            work.close()
            message = (
                "a blocking call on the thread of the event loop would wait for itself: await the store's own call"
            )
            raise RuntimeError(message)
        call = self.start(work, owner)
        return self.wait(call, call.answer)

    def wait(self, call: "Call[Answer]", until: "futures.Future[Other]") -> Other:
        """Wait for something that a call brings about; when the waiting is broken off, so is the call."""
        try:
            return until.result()
        finally:
            if not until.done():
                self._loop.call_soon_threadsafe(call.cancel)
                futures.wait((call.answer,))

    def soon(self, callback: Callable[[], object]) -> None:
        """Have a plain function called on the loop."""
        self._loop.call_soon_threadsafe(callback)

    def close(self) -> None:
        """Cancel what still runs, so that stores are closed and locks given up, and end the loop."""
        if not self.has_ended:
            self._loop.call_soon_threadsafe(self._cancel_all)
            self._thread.join(_PATIENCE)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _cancel_all(self) -> None:
        async def end() -> None:
            while self._tasks:
                for task in self._tasks:
                    task.cancel()
                await asyncio.wait(self._tasks)
            self._loop.stop()

        self._loop.create_task(end(), name="explorer-io ends")


class Call(Generic[Answer]):
    """A coroutine on its way through the loop; its answer can be waited for on any thread."""

    def __init__(self, work: Coroutine[object, object, Answer], owner: Tasks) -> None:
        self.answer: futures.Future[Answer] = futures.Future()
        self._work = work
        self._owner = owner
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it; on the loop."""
        self._task = asyncio.create_task(self._run(), name=f"explorer-io: {self._work!r}")
        self._owner.add(self._task)
        self._task.add_done_callback(self._ended)

    def cancel(self) -> None:
        """Cancel it; on the loop."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            answer = await self._work
        except Exception as error:  # noqa: BLE001 - raised again where the answer is waited for
            self.answer.set_exception(error)
        else:
            self.answer.set_result(answer)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._owner.discard(task)
        self._work.close()
        if not self.answer.done():
            self.answer.set_exception(futures.CancelledError())


class HeldContext:
    """An async context manager that one task on the loop enters and leaves, for as long as another thread needs it."""

    def __init__(
        self, portal: Portal, manager: AbstractAsyncContextManager[object], owner: Tasks | None = None
    ) -> None:
        self._portal = portal
        self._manager = manager
        self._owner = owner
        self._call: Call[None] | None = None
        self._entered: futures.Future[None] = futures.Future()
        self._leaving = asyncio.Event()

    def enter(self) -> None:
        """Wait until it is entered.

        Raises:
            Exception: What entering raised.
            concurrent.futures.CancelledError: Its owner did not want it any more.
        """
        self._call = self._portal.start(self._stay(), self._owner)
        self._call.answer.add_done_callback(self._pass_on)
        self._portal.wait(self._call, self._entered)

    def leave(self) -> None:
        """Wait until it is left; on the loop's own thread, which cannot wait, only have it left."""
        if self._call is None or self._portal.has_ended:
            return
        self._portal.soon(self._leaving.set)
        if not self._portal.is_here:
            with suppress(futures.CancelledError):
                self._call.answer.result()

    async def _stay(self) -> None:
        async with self._manager:
            self._entered.set_result(None)
            await self._leaving.wait()

    def _pass_on(self, answer: "futures.Future[None]") -> None:
        if not self._entered.done():
            self._entered.set_exception(answer.exception() or futures.CancelledError())


@cache
def _portal(_process: int) -> Portal:
    return Portal()


def portal() -> Portal:
    """Give the portal of this process, started at first use; a forked process gets one of its own."""
    with _STARTING:
        return _portal(os.getpid())
