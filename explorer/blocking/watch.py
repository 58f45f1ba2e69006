"""Blocking watches."""

import asyncio
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from explorer.blocking.connection import BlockingConnection
from explorer.drivers.common.watch import Watch
from explorer.model.events import Event


class BlockingWatch(Iterator[Event]):
    """An iterator of events and a context manager: entering starts the watch, exiting ends it."""

    def __init__(self, connection: BlockingConnection, watch: Watch) -> None:
        self._connection = connection
        self._watch = watch
        self._context = connection.hold(watch)

    def __enter__(self) -> Self:
        self._context.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.exit()

    def __next__(self) -> Event:
        return self.next()

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
