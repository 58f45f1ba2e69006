"""Detection of a restored snapshot, which Consul's servers announce to nobody.

Three things give it away. A query that waits is answered before its time with the very index that it was asked with:
its state was abandoned for another one. A query about what hardly ever changes, the sessions, is kept waiting for that,
in case no other waits at that moment. And the newest index of all, which every proof of life tells, goes back.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from explorer.drivers.common.retry import Backoff
from explorer.drivers.common.tasks import Tasks
from explorer.model.errors import ExplorerError

RESTORED: Final = "the store was restored from an older state"
_WAIT: Final = 45.0
"""Seconds that the query about sessions waits."""
_INTERVAL: Final = 0.25
"""Seconds between two of them while sessions come and go."""


class RestoreDetector:
    """Counts the restores of a store that its watches have to react to.

    Args:
        query: Asks for the newest index of the sessions; with an index and seconds, waits so long for a newer one.
        tasks: Own what looks out.
    """

    def __init__(self, query: Callable[[int | None, float], Awaitable[int]], tasks: Tasks) -> None:
        self.count = 0
        self.reason = ""
        self.newest = 0
        """The newest index of all that was proved."""
        self._query = query
        self._tasks = tasks
        self._reported = asyncio.Event()
        self._watches = 0
        self._task: asyncio.Task[None] | None = None

    def report(self, reason: str = RESTORED) -> None:
        """Make every watch read again."""
        self.count += 1
        self.reason = reason
        self._reported.set()
        self._reported = asyncio.Event()

    async def next(self, count: int) -> None:
        """Wait until there was a restore after so many."""
        while self.count == count:
            await self._reported.wait()

    def observe(self, index: int, *, before: int) -> None:
        """Take in the newest index of all.

        Args:
            index: As a proof tells it.
            before: The newest one that was known when the proof was asked for: answers may overtake each other.
        """
        if index < before:
            self.report(f"{RESTORED}: its index went back from {before} to {index}")
            self.newest = index
        else:
            self.newest = max(self.newest, index)

    @asynccontextmanager
    async def attended(self) -> AsyncGenerator[None, None]:
        """Look out for restores while at least one watch is inside."""
        self._watches += 1
        if self._task is None:
            self._task = self._tasks.start(self._attend(), name="restore detector")
        try:
            yield
        finally:
            self._watches -= 1
            if not self._watches and self._task is not None:
                task, self._task = self._task, None
                await self._tasks.cancel(task)

    async def _attend(self) -> None:
        pauses, clock = Backoff(), asyncio.get_running_loop().time
        while True:
            with suppress(ExplorerError):  # the watches report what is wrong with the connection
                index = await self._query(None, 0.0)
                while True:
                    began = clock()
                    answered = await self._query(index, _WAIT)
                    if is_abandoned(index, answered, clock() - began, _WAIT):
                        self.report()
                    index = answered
                    pauses.reset()
                    await asyncio.sleep(_INTERVAL)
            await pauses.pause()


def is_abandoned(asked: int, answered: int, waited: float, wait: float) -> bool:
    """Return whether an answer gives away that the state its query waited on is no longer the store's."""
    return answered == asked and waited < wait
