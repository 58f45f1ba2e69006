"""Watching from code that does not await."""

import asyncio
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from explorer.blocking.connection import BlockingConnection
from explorer.drivers.common.watch import Watch
from explorer.model.events import Event


class BlockingWatch(Iterator[Event]):
    """A watch: entered, it is established; read, it tells events; left, nothing of it remains."""

    def __init__(self, connection: BlockingConnection, watch: Watch) -> None:
        self._connection = connection
        self._watch = watch
        self._stay = connection.stay(watch)

    def __enter__(self) -> Self:
        self._stay.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stay.leave()

    def __next__(self) -> Event:
        return self.next()

    def next(self, timeout: float | None = None) -> Event:
        """Wait for the next event; one that comes later is not lost.

        Args:
            timeout: Seconds to wait; None waits for ever.

        Raises:
            TimeoutError: There was none; the watch goes on.
            ExplorerError: What the watch ended with.
        """
        return self._connection.run(self._next(timeout))

    async def _next(self, timeout: float | None) -> Event:  # noqa: ASYNC109 - handed on to asyncio.timeout
        async with asyncio.timeout(timeout):
            return await anext(self._watch)
