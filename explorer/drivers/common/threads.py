"""A worker thread for a blocking client library, and thread-safe futures and mailboxes for the event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Generic, TypeAlias, TypeVar, cast

from explorer.model.errors import NotReachable

Answer = TypeVar("Answer")
Item = TypeVar("Item")

MAILBOX_CAPACITY = 4096
"""Pending items of a mailbox beyond which new ones are dropped and reported as an overflow."""


class ThreadFuture(Generic[Answer]):
    """A future that any thread may complete, and a coroutine awaits as `future`. Created on the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Answer] = self._loop.create_future()

    def set(self, answer: Answer) -> None:
        """Set the result from any thread; do nothing if the future is done."""
        call_soon(self._loop, partial(self.complete, answer, None))

    def set_exception(self, error: BaseException) -> None:
        """Set an exception likewise."""
        call_soon(self._loop, partial(self.complete, None, error))

    def complete(self, answer: Answer | None, error: BaseException | None) -> None:
        """Set a result or an exception, on the event loop."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(cast("Answer", answer))
        else:
            self.future.set_exception(error)


Completed: TypeAlias = tuple[ThreadFuture[object], object, BaseException | None]
"""A future with its result or its exception."""


def complete_all(loop: asyncio.AbstractEventLoop, replies: Sequence[Completed]) -> None:
    """Complete many futures from any thread, waking the event loop once."""
    if replies:
        call_soon(loop, partial(_complete_all, replies))


def _complete_all(replies: Sequence[Completed]) -> None:
    for reply, answer, error in replies:
        reply.complete(answer, error)


class Worker:
    """One thread that runs blocking calls in order. Created on the event loop.

    Args:
        name: Name of the thread.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon: a call that blocks for ever must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._closed = False
        self._ended: ThreadFuture[None] = ThreadFuture()
        self._thread.start()

    def call(self, function: Callable[[], Answer]) -> asyncio.Future[Answer]:
        """Run a call in the thread and return its future; called on the event loop.

        Cancelling the future does not stop the call.

        Raises:
            NotReachable: The thread has ended.
        """
        if self._closed:
            raise NotReachable("the store was closed")
        reply: ThreadFuture[Answer] = ThreadFuture()

        def run() -> None:
            try:
                reply.set(function())
            except BaseException as error:  # noqa: BLE001 - raised where the call is awaited
                reply.set_exception(error)

        self._calls.put(run)
        return reply.future

    async def close(self, within: float) -> bool:
        """End the thread after all pending calls, and return whether it ended in so many seconds."""
        self._closed = True
        self._calls.put(None)
        try:
            async with asyncio.timeout(within):
                await asyncio.shield(self._ended.future)
        except TimeoutError:
            return False
        self._thread.join()
        return True

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
        self._ended.set(None)


class Mailbox(Generic[Item]):
    """A bounded queue from a thread to the event loop, which reports a gap. Created on the event loop.

    The thread never waits: items beyond the capacity are dropped, and `take` says so.
    """

    def __init__(self, capacity: int = MAILBOX_CAPACITY) -> None:
        self._loop = asyncio.get_running_loop()
        self._capacity = capacity
        self._items: deque[Item] = deque()
        self._overflowed = False
        self._is_notified = False
        self._lock = threading.Lock()
        self._not_empty = asyncio.Event()

    def put(self, item: Item) -> None:
        """Append an item; called from any thread."""
        with self._lock:
            if len(self._items) >= self._capacity:
                self._overflowed = True
                return
            self._items.append(item)
            notify, self._is_notified = not self._is_notified, True
        if notify:
            call_soon(self._loop, self._not_empty.set)

    async def take(self) -> tuple[list[Item], bool]:
        """Wait for items; return all of them, and whether others were dropped after them."""
        await self._not_empty.wait()
        with self._lock:
            taken, self._items = list(self._items), deque()
            overflowed, self._overflowed = self._overflowed, False
            self._is_notified = False
            self._not_empty.clear()
        return taken, overflowed


def call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    """Call a function on the event loop; do nothing if the loop is closed."""
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:
        if not loop.is_closed():
            raise
