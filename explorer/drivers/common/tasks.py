"""The tasks that an open store owns: none outlives it, and none fails unheard."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

Result = TypeVar("Result")


class Tasks:
    """Background work of one owner, ended with it.

    A TaskGroup ties its tasks to a block of code; a store is also opened and closed by separate calls, so it keeps its
    own.
    """

    def __init__(self) -> None:
        self._running: set[asyncio.Task[object]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[object, object, Result], *, name: str) -> asyncio.Task[Result]:
        """Start work that belongs to this owner.

        Its failure is told by what it works for: a watch raises it, a lock is lost.
        """
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()

    async def end(self, task: asyncio.Task[Result]) -> None:
        """Cancel one task and wait until it is gone."""
        task.cancel()
        await asyncio.wait([task])

    async def outlast(self, work: Coroutine[object, object, Result], *, name: str) -> Result:
        """Wait for work that goes on to its own end when the one who waits is cancelled; `settle` waits for it then."""
        return await asyncio.shield(self.start(work, name=name))

    async def settle(self) -> None:
        """Wait until all work has come to its own end."""
        while self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        """End all tasks."""
        for task in tuple(self._running):
            await self.end(task)
