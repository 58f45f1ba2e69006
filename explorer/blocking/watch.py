"""Blocking watches."""

import asyncio
import time
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import Self

from explorer.blocking.connection import BlockingConnection
from explorer.drivers.common.watch import Watch
from explorer.model.events import Deleted, Event, Put


class BlockingWatch(Iterator[Event]):
    """An iterator of events. `for event in watch` starts the watch and ends it with the loop; so does `with watch`.

    Args:
        connection: Runs the calls.
        watch: The watch, not started.
        limit: Puts and deletes after which the iteration ends; None for no limit.
        timeout: Seconds after which the iteration ends; None for no limit.
    """

    def __init__(
        self, connection: BlockingConnection, watch: Watch, *, limit: int | None = None, timeout: float | None = None
    ) -> None:
        self._connection = connection
        self._watch = watch
        self._context = connection.hold(watch)
        self._remaining = limit
        self._timeout = timeout
        self._deadline: float | None = None
        self._entered = False

    def __enter__(self) -> Self:
        self._context.enter()
        self._entered = True
        self._deadline = None if self._timeout is None else time.monotonic() + self._timeout
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.exit()

    def __iter__(self) -> Iterator[Event]:  # noqa: PYI034 - a loop without `with` has its own
        return self if self._entered else self._events()

    def __next__(self) -> Event:
        if self._remaining is not None and self._remaining <= 0:
            raise StopIteration
        try:
            event = self.next(None if self._deadline is None else max(0.0, self._deadline - time.monotonic()))
        except TimeoutError:
            raise StopIteration from None
        if self._remaining is not None and isinstance(event, Put | Deleted):
            self._remaining -= 1
        return event

    def _events(self) -> Generator[Event, None, None]:
        """Yield the events; leaving the loop early ends the watch as well, because the loop has the only reference."""
        with self:
            yield from self

    def next(self, timeout: float | None = None) -> Event:
        """Wait for the next event and return it. An event that comes after a timeout is not lost.

        Args:
            timeout: Seconds to wait; None waits without limit.

        Raises:
            TimeoutError: No event came in time; the watch goes on.
            ExplorerError: The watch ended with this error.
        """
        return self._connection.run(self._next(timeout))

    async def _next(self, timeout: float | None) -> Event:  # noqa: ASYNC109 - passed to asyncio.timeout
        async with asyncio.timeout(timeout):
            return await anext(self._watch)
