"""An open store on the portal: what runs there for it, and its end."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from concurrent.futures import CancelledError
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, TypeVar

from explorer.blocking.portal import HeldContext, Tasks, portal
from explorer.drivers.base import PAGE_SIZE, Store
from explorer.model.errors import NotReachable

Answer = TypeVar("Answer")

_MOST_AT_ONCE: Final = PAGE_SIZE
"""Items that an iteration fetches from the loop in one go, once it has shown that it wants many."""


class BlockingConnection:
    """A store that one task on the loop opened and will close, and the calls that run for it until then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._portal = portal()
        self._calls: Tasks = set()
        self.closed = False
        self._open = HeldContext(self._portal, self._opened())
        self._open.enter()

    def close(self) -> None:
        """Cancel what runs, and close the store; a second call does nothing."""
        self.closed = True
        self._open.leave()

    def run(self, work: Coroutine[object, object, Answer]) -> Answer:
        """Run a call on the loop and give its answer.

        Raises:
            NotReachable: The store is closed, or was while the call ran.
            RuntimeError: Called on the loop's own thread.
        """
        if self.closed:
            work.close()
            raise self._gone()
        try:
            return self._portal.run(work, self._calls)
        except CancelledError as error:
            raise self._gone() from error

    def call(self, make: Callable[[], Answer]) -> Answer:
        """Call a plain function on the loop: what it makes, such as a lock, may belong to the loop it is made on.

        Raises:
            NotReachable: The store is closed.
        """

        async def called() -> Answer:
            return make()

        return self.run(called())

    def stay(self, manager: AbstractAsyncContextManager[object]) -> HeldContext:
        """Prepare to enter something of the store's, which is left when the store is closed at the latest.

        Raises:
            NotReachable: The store is closed.
        """
        if self.closed:
            raise self._gone()
        return HeldContext(self._portal, manager, self._calls)

    def iterate(self, items: AsyncGenerator[Answer, None]) -> Generator[Answer, None, None]:
        """Fetch in growing portions: the first item at once, many without a trip to the loop for each."""
        most = 1
        try:
            while portion := self.run(_take(items, most)):
                yield from portion
                most = min(2 * most, _MOST_AT_ONCE)
        finally:
            self._finish(items)

    def _finish(self, items: AsyncGenerator[Answer, None]) -> None:
        """Close an iteration that was left early; a forgotten one is collected on any thread, the loop's too."""
        if self.closed or self._portal.has_ended:
            return
        if self._portal.is_here:
            self._portal.start(_close(items), self._calls)
        else:
            self.run(_close(items))

    def _gone(self) -> NotReachable:
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


async def _take(items: AsyncGenerator[Answer, None], most: int) -> list[Answer]:
    portion: list[Answer] = []
    async for item in items:
        portion.append(item)
        if len(portion) == most:
            break
    return portion


async def _close(items: AsyncGenerator[Answer, None]) -> None:
    await items.aclose()
