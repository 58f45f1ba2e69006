"""One event loop thread per process for blocking callers: scripts, notebook cells, widgets.

A busy notebook cell stops the kernel's own loop, with every lease and watch on it; this loop goes on.
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

Result = TypeVar("Result")
Other = TypeVar("Other")
TaskSet: TypeAlias = set[asyncio.Task[None]]

_CLOSE_TIMEOUT: Final = 2.0
"""Seconds that the process waits at exit for stores that were left open."""
_PORTAL_LOCK: Final = threading.Lock()


class Portal:
    """A daemon thread named `explorer-io` that runs an event loop, and calls into it from other threads."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._tasks: TaskSet = set()
        self._thread = threading.Thread(target=self._run_loop, name="explorer-io", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    @property
    def is_loop_thread(self) -> bool:
        """True on the loop's own thread, which must not wait for itself."""
        return threading.current_thread() is self._thread

    @property
    def is_closed(self) -> bool:
        """True once nothing can run here: the process is exiting, or this is a fork of the loop's process."""
        return self._loop.is_closed() or os.getpid() != self._process

    def submit(self, coroutine: Coroutine[object, object, Result], owner: TaskSet | None = None) -> "Call[Result]":
        """Start a coroutine on the loop.

        Args:
            coroutine: The work.
            owner: The set that the task is added to while it runs; its owner cancels it. The portal's own by default.

        Raises:
            RuntimeError: The loop is closed.
        """
        if self.is_closed:
            coroutine.close()
            message = "the event loop is closed or belongs to another process: connect again after a fork"
            raise RuntimeError(message)
        call = Call(coroutine, self._tasks if owner is None else owner)
        self._loop.call_soon_threadsafe(call.start)
        return call

    def run(self, coroutine: Coroutine[object, object, Result], owner: TaskSet | None = None) -> Result:
        """Run a coroutine on the loop and return its result. ctrl-C cancels it and waits until it has ended.

        Raises:
            RuntimeError: Called on the loop's own thread, or the loop is closed.
            concurrent.futures.CancelledError: The owner cancelled it.
        """
        if self.is_loop_thread:
            coroutine.close()
            message = "a blocking call on the event loop's thread would wait for itself: await the store's own call"
            raise RuntimeError(message)
        call = self.submit(coroutine, owner)
        return self.wait(call, call.future)

    def wait(self, call: "Call[Result]", future: "futures.Future[Other]") -> Other:
        """Return the result of a future that a call completes; cancel the call if the wait is interrupted."""
        try:
            return future.result()
        finally:
            if not future.done():
                self._loop.call_soon_threadsafe(call.cancel)
                futures.wait((call.future,))

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Schedule a plain function on the loop."""
        self._loop.call_soon_threadsafe(callback)

    def close(self) -> None:
        """Cancel every task, so that stores are closed and locks released, and end the loop."""
        if not self.is_closed:
            self._loop.call_soon_threadsafe(self._cancel_all)
            self._thread.join(_CLOSE_TIMEOUT)

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _cancel_all(self) -> None:
        async def cancel_and_stop() -> None:
            while self._tasks:
                for task in self._tasks:
                    task.cancel()
                await asyncio.wait(self._tasks)
            self._loop.stop()

        self._loop.create_task(cancel_and_stop(), name="explorer-io: close")


class Call(Generic[Result]):
    """A coroutine submitted to the loop; any thread can wait for its future."""

    def __init__(self, coroutine: Coroutine[object, object, Result], owner: TaskSet) -> None:
        self.future: futures.Future[Result] = futures.Future()
        self._coroutine = coroutine
        self._owner = owner
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the task. Called on the loop."""
        self._task = asyncio.create_task(self._run(), name=f"explorer-io: {self._coroutine!r}")
        self._owner.add(self._task)
        self._task.add_done_callback(self._on_done)

    def cancel(self) -> None:
        """Cancel the task. Called on the loop."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            result = await self._coroutine
        except Exception as error:  # noqa: BLE001 - raised again where the future is waited for
            self.future.set_exception(error)
        else:
            self.future.set_result(result)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._owner.discard(task)
        self._coroutine.close()
        if not self.future.done():
            self.future.set_exception(futures.CancelledError())


class HeldContext:
    """An async context manager that one task on the loop enters, holds and exits for another thread."""

    def __init__(
        self, portal: Portal, manager: AbstractAsyncContextManager[object], owner: TaskSet | None = None
    ) -> None:
        self._portal = portal
        self._manager = manager
        self._owner = owner
        self._call: Call[None] | None = None
        self._entered: futures.Future[None] = futures.Future()
        self._exit_requested = asyncio.Event()

    def enter(self) -> None:
        """Enter the context manager, and wait until that is done.

        Raises:
            Exception: What entering raised.
            concurrent.futures.CancelledError: The owner cancelled it.
        """
        self._call = self._portal.submit(self._hold(), self._owner)
        self._call.future.add_done_callback(self._on_done)
        self._portal.wait(self._call, self._entered)

    def exit(self) -> None:
        """Exit the context manager, and wait until that is done, except on the loop's own thread."""
        if self._call is None or self._portal.is_closed:
            return
        self._portal.call_soon(self._exit_requested.set)
        if not self._portal.is_loop_thread:
            with suppress(futures.CancelledError):
                self._call.future.result()

    async def _hold(self) -> None:
        async with self._manager:
            self._entered.set_result(None)
            await self._exit_requested.wait()

    def _on_done(self, future: "futures.Future[None]") -> None:
        if not self._entered.done():
            self._entered.set_exception(future.exception() or futures.CancelledError())


@cache
def _portal_of(_process: int) -> Portal:
    return Portal()


def portal() -> Portal:
    """Return the portal of this process, started at first use; a forked process gets its own."""
    with _PORTAL_LOCK:
        return _portal_of(os.getpid())
