"""Detection of a restored snapshot, which Consul does not announce.

There are three signs. A blocking query is answered before its time with the same index: the state that it waited on was
replaced. To notice that at any time, a blocking query on the sessions, which hardly ever change, is always waiting. And
the newest index of the store, which every ping reads, goes back.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from explorer.drivers.common.retry import Backoff
from explorer.drivers.common.tasks import Tasks
from explorer.model.errors import ExplorerError

RESTORED: Final = "the store was restored from an older state"
_QUERY_WAIT: Final = 45.0
"""Seconds that the query on the sessions waits."""
_QUERY_INTERVAL: Final = 0.25
"""Seconds between two queries while sessions come and go."""


class RestoreDetector:
    """Counts the restores of a store, which its watches have to report.

    Args:
        query: Returns the newest index of the sessions; with an index and seconds, waits so long for a newer one.
        tasks: Owner of the background query.
    """

    def __init__(self, query: Callable[[int | None, float], Awaitable[int]], tasks: Tasks) -> None:
        self.count = 0
        self.reason = ""
        self.newest_index = 0
        """Newest index of the store that a ping has read."""
        self._query = query
        self._tasks = tasks
        self._reported = asyncio.Event()
        self._watches = 0
        self._task: asyncio.Task[None] | None = None

    def report(self, reason: str = RESTORED) -> None:
        """Report a restore, so that every watch reads again."""
        self.count += 1
        self.reason = reason
        self._reported.set()
        self._reported = asyncio.Event()

    async def next(self, count: int) -> None:
        """Wait until the number of restores differs from this one."""
        while self.count == count:
            await self._reported.wait()

    def observe(self, index: int, *, before: int) -> None:
        """Compare the newest index of the store with an earlier one.

        Args:
            index: The index that a ping read.
            before: `newest_index` when the ping was sent: answers may overtake each other.
        """
        if index < before:
            self.report(f"{RESTORED}: its index went back from {before} to {index}")
            self.newest_index = index
        else:
            self.newest_index = max(self.newest_index, index)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Run the background query while at least one watch is in this context."""
        self._watches += 1
        if self._task is None:
            self._task = self._tasks.start(self._run(), name="restore detector")
        try:
            yield
        finally:
            self._watches -= 1
            if not self._watches and self._task is not None:
                task, self._task = self._task, None
                await self._tasks.cancel(task)

    async def _run(self) -> None:
        backoff, clock = Backoff(), asyncio.get_running_loop().time
        while True:
            with suppress(ExplorerError):  # the watches report a broken connection
                index = await self._query(None, 0.0)
                while True:
                    began = clock()
                    answered = await self._query(index, _QUERY_WAIT)
                    if is_abandoned(index, answered, clock() - began, _QUERY_WAIT):
                        self.report()
                    index = answered
                    backoff.reset()
                    await asyncio.sleep(_QUERY_INTERVAL)
            await backoff.pause()


def is_abandoned(index: int, answered: int, waited: float, wait: float) -> bool:
    """Return whether the answer to a blocking query shows that the state that it waited on was replaced.

    Args:
        index: The index of the query.
        answered: The index of the answer.
        waited: Seconds until the answer.
        wait: Seconds that the query should have waited.
    """
    return answered == index and waited < wait
