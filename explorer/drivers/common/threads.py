"""Between a client library that blocks and the event loop: one owned thread, and a bounded way back from it."""

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

CAPACITY = 4096
"""Items that may wait for the event loop before the rest is dropped and told as an overflow."""


class ThreadFuture(Generic[Answer]):
    """What a thread gives an answer to and a coroutine awaits as `future`. Made on the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Answer] = self._loop.create_future()

    def set(self, answer: Answer) -> None:
        """Answer; nothing happens if nobody waits any more."""
        call_soon(self._loop, partial(self.settle, answer, None))

    def set_exception(self, error: BaseException) -> None:
        """Fail likewise."""
        call_soon(self._loop, partial(self.settle, None, error))

    def settle(self, answer: Answer | None, error: BaseException | None) -> None:
        """Answer or fail; called on the event loop."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(cast("Answer", answer))
        else:
            self.future.set_exception(error)


Settled: TypeAlias = tuple[ThreadFuture[object], object, BaseException | None]
"""A reply with its answer, or with what it fails with."""


def settle(loop: asyncio.AbstractEventLoop, replies: Sequence[Settled]) -> None:
    """Answer many at once, which wakes the event loop once; called from any thread."""
    if replies:
        call_soon(loop, partial(_settle_all, replies))


def _settle_all(replies: Sequence[Settled]) -> None:
    for reply, answer, error in replies:
        reply.settle(answer, error)


class Worker:
    """One thread that makes blocking calls, in the order in which they are asked for. Made on the event loop.

    Args:
        name: What the thread is called, for whoever lists threads.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon: a call that blocks for ever must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._closed = False
        self._ended: ThreadFuture[None] = ThreadFuture()
        self._thread.start()

    def call(self, function: Callable[[], Answer]) -> asyncio.Future[Answer]:
        """Have a call made; called on the event loop, which the answer comes back to.

        Whoever stops waiting does not stop the call.

        Raises:
            NotReachable: The thread was ended.
        """
        if self._closed:
            raise NotReachable("the store was closed")
        reply: ThreadFuture[Answer] = ThreadFuture()

        def make() -> None:
            try:
                reply.set(function())
            except BaseException as error:  # noqa: BLE001 - raised by whoever awaits the call
                reply.set_exception(error)

        self._calls.put(make)
        return reply.future

    async def close(self, within: float) -> bool:
        """End the thread after the calls that were asked for, and tell whether it ended in so many seconds."""
        self._closed = True
        self._calls.put(None)
        try:
            async with asyncio.timeout(within):
                await asyncio.shield(self._ended.future)
        except TimeoutError:
            return False
        self._thread.join()
        return True

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
        self._ended.set(None)


class Mailbox(Generic[Item]):
    """What a thread tells the event loop: never more than `capacity` items, and never a silent gap.

    Made on the event loop. The thread's side never waits: what does not fit is dropped, and whoever takes is told so.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._loop = asyncio.get_running_loop()
        self._capacity = capacity
        self._items: deque[Item] = deque()
        self._overflowed = False
        self._ringing = False
        self._guard = threading.Lock()
        self._news = asyncio.Event()

    def put(self, item: Item) -> None:
        """Leave an item; called from any thread."""
        with self._guard:
            if len(self._items) >= self._capacity:
                self._overflowed = True
                return
            self._items.append(item)
            ring, self._ringing = not self._ringing, True
        if ring:
            call_soon(self._loop, self._news.set)

    async def take(self) -> tuple[list[Item], bool]:
        """Wait for items, and give all there are, with whether others were dropped after them."""
        await self._news.wait()
        with self._guard:
            taken, self._items = list(self._items), deque()
            overflowed, self._overflowed = self._overflowed, False
            self._ringing = False
            self._news.clear()
        return taken, overflowed


def call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    """Have the event loop call a function; nothing happens if the loop has ended meanwhile."""
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:
        if not loop.is_closed():
            raise
