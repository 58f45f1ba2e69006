"""Background tasks of an open store, and requests that run concurrently."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Final, TypeVar

from explorer.model.errors import ExplorerError

Result = TypeVar("Result")
Target = TypeVar("Target", bound=Hashable)

STATUS_TIMEOUT: Final = 2.0
"""Seconds that each endpoint has to report its status; all are queried at once, so a dead one delays it only once."""


class Tasks:
    """Background tasks that end with their owner.

    A TaskGroup ties its tasks to a block of code. A store is also opened and closed by separate calls, so it keeps its
    own.
    """

    def __init__(self) -> None:
        self._running: set[asyncio.Task[object]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Awaitable[Result], *, name: str) -> asyncio.Task[Result]:
        """Start a task that belongs to this owner.

        Its failure is reported by what it works for: a watch raises it, a lock is lost.
        """
        task = asyncio.ensure_future(work)  # noqa: TID251 - this is an owner, and a call of gRPC is no coroutine
        task.set_name(name)
        self._running.add(task)
        task.add_done_callback(self._discard)
        return task

    def _discard(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # else asyncio logs that it was never retrieved

    async def cancel(self, *tasks: asyncio.Task[object]) -> None:
        """Cancel tasks, all before the first is waited for, and wait until they have ended."""
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def shielded(self, work: Awaitable[Result], *, name: str) -> Result:
        """Await work that runs to completion even if the caller is cancelled; `join` waits for it then."""
        return await asyncio.shield(self.start(work, name=name))

    async def join(self) -> None:
        """Wait until all tasks have ended by themselves."""
        while self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        """Cancel all tasks and wait until they have ended; all are cancelled even if the caller is."""
        await self.cancel(*self._running)


async def gather_results(
    targets: Iterable[Target], query: Callable[[Target], Awaitable[Result]]
) -> dict[Target, Result | ExplorerError]:
    """Query all targets concurrently, and return each one's result or error."""

    async def result_of(target: Target) -> Result | ExplorerError:
        try:
            return await query(target)
        except ExplorerError as error:
            return error

    async with asyncio.TaskGroup() as group:
        tasks = {target: group.create_task(result_of(target)) for target in targets}
    return {target: task.result() for target, task in tasks.items()}


async def gather_bounded(
    targets: Iterable[Target], query: Callable[[Target], Awaitable[Result]], *, limit: int
) -> dict[Target, Result]:
    """Query all targets with at most `limit` requests at a time, and return each one's result.

    Raises:
        ExplorerError: One of the requests failed.
    """
    free = asyncio.Semaphore(limit)

    async def query_when_free(target: Target) -> Result:
        async with free:
            return await query(target)

    results: dict[Target, Result] = {}
    for target, result in (await gather_results(targets, query_when_free)).items():
        if isinstance(result, ExplorerError):
            raise result
        results[target] = result
    return results
