"""Open connection to a store on the portal's loop, and the calls that run on it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from concurrent.futures import CancelledError
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, TypeVar

from explorer.blocking.portal import HeldContext, TaskSet, portal
from explorer.drivers.base import PAGE_SIZE, Store
from explorer.model.errors import NotReachable

Result = TypeVar("Result")

_MAX_BATCH_SIZE: Final = PAGE_SIZE
"""Items that an iteration fetches from the loop at once."""


class BlockingConnection:
    """A store that one task on the loop keeps open, and the calls that run for it until it is closed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._portal = portal()
        self._calls: TaskSet = set()
        self.closed = False
        self._open_store = HeldContext(self._portal, self._opened())
        self._open_store.enter()

    def close(self) -> None:
        """Cancel running calls and close the store; a second call does nothing."""
        self.closed = True
        self._open_store.exit()

    def run(self, coroutine: Coroutine[object, object, Result]) -> Result:
        """Run a call on the loop and return its result.

        Raises:
            NotReachable: The store is closed, or was closed while the call ran.
            RuntimeError: Called on the loop's own thread.
        """
        if self.closed:
            coroutine.close()
            raise self._closed_error()
        try:
            return self._portal.run(coroutine, self._calls)
        except CancelledError as error:
            raise self._closed_error() from error

    def call(self, function: Callable[[], Result]) -> Result:
        """Call a plain function on the loop, for objects that belong to the loop they are made on, such as locks.

        Raises:
            NotReachable: The store is closed.
        """

        async def call_on_loop() -> Result:
            return function()

        return self.run(call_on_loop())

    def hold(self, manager: AbstractAsyncContextManager[object]) -> HeldContext:
        """Return a context manager to be entered on the loop; it is exited at the latest when the store is closed.

        Raises:
            NotReachable: The store is closed.
        """
        if self.closed:
            raise self._closed_error()
        return HeldContext(self._portal, manager, self._calls)

    def iterate(
        self, items: AsyncGenerator[Result, None], max_batch_size: int = _MAX_BATCH_SIZE
    ) -> Generator[Result, None, None]:
        """Yield the items, fetched in batches that grow from one item to `max_batch_size`."""
        size = 1
        try:
            while batch := self.run(_next_items(items, size)):
                yield from batch
                size = min(2 * size, max_batch_size)
        finally:
            self._close_items(items)

    def _close_items(self, items: AsyncGenerator[Result, None]) -> None:
        """Close an iteration that was left early; a forgotten one is collected on any thread, also on the loop's."""
        if self.closed or self._portal.is_closed:
            return
        if self._portal.is_loop_thread:
            self._portal.submit(_aclose(items), self._calls)
        else:
            self.run(_aclose(items))

    def _closed_error(self) -> NotReachable:
        return NotReachable("the store is closed", hint="connect again", address=self._store.address.redacted)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[None]:
        async with self._store:
            try:
                yield
            finally:
                for call in self._calls:
                    call.cancel()
                if self._calls:
                    await asyncio.wait(self._calls)


async def _next_items(items: AsyncGenerator[Result, None], size: int) -> list[Result]:
    batch: list[Result] = []
    async for item in items:
        batch.append(item)
        if len(batch) == size:
            break
    return batch


async def _aclose(items: AsyncGenerator[Result, None]) -> None:
    await items.aclose()
