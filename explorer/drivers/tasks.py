"""The tasks that an open store owns: none outlives it, and none fails unheard."""

import asyncio
from collections.abc import Coroutine


class Tasks:
    """Background work of one owner, ended with it.

    A TaskGroup ties its tasks to a block of code; a store is also opened and closed by separate calls, so it keeps its own.
    """

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        """Start work that belongs to this owner. Its failure is told by what it works for: a watch raises it, a lock is lost."""
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def end(self, task: asyncio.Task[None]) -> None:
        """Cancel one task and wait until it is gone."""
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()

    async def close(self) -> None:
        """End all tasks."""
        for task in tuple(self._running):
            await self.end(task)
