"""Jobs: the tasks of a session, owned by one TaskGroup."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

RESTART_DELAY: Final = 1.0
"""Seconds before a permanent job is started again after an unexpected exception."""

Job: TypeAlias = Coroutine[object, object, None]
Task: TypeAlias = asyncio.Task[None]


class Jobs:
    """The running jobs of a session. A job handles store errors itself; any other exception is a defect.

    A defect ends the session, and is raised where it was entered, unless `on_failure` takes it.
    """

    def __init__(self, on_failure: Callable[[Exception, str], object] | None = None) -> None:
        """Prepare for jobs.

        Args:
            on_failure: Called with an exception that a job raised and the job's name; then the session goes on.
        """
        self._on_failure = on_failure
        self._create: Callable[[Job], Task] | None = None
        self._running: set[Task] = set()
        self._user_initiated: set[Task] = set()
        self._latest: dict[str, Task] = {}

    @property
    def is_busy(self) -> bool:
        """True if a user-initiated job is running."""
        return bool(self._user_initiated)

    def start(self, job: Job, *, name: str, user_initiated: bool = True) -> Task | None:
        """Start a job; nothing is started before `task_group` is entered, or while it is left.

        Args:
            job: A coroutine that handles store errors itself.
            name: Name of the task.
            user_initiated: Whether a person caused it, and it ends by itself; `join` waits for it.
        """
        if self._create is None:
            job.close()
            return None
        task = self._create(job if self._on_failure is None else self._reporting(job, name, self._on_failure))
        task.set_name(name)
        self._running.add(task)
        if user_initiated:
            self._user_initiated.add(task)
        task.add_done_callback(self._on_done)
        task.add_done_callback(lambda _: job.close())  # one that was cancelled before it began
        return task

    def keep_running(self, make: Callable[[], Job], *, name: str) -> None:
        """Start a permanent job; it is started again when it fails."""
        self.start(self.run_with_restarts(make, name), name=name, user_initiated=False)

    async def run_with_restarts(self, make: Callable[[], Job], name: str) -> None:
        """Run a job, and run it again after a delay whenever it fails with an exception that can be reported."""
        while True:
            try:
                await make()
            except Exception as error:
                if self._on_failure is None:
                    raise
                self._on_failure(error, name)
                await asyncio.sleep(RESTART_DELAY)
            else:
                return

    @staticmethod
    async def _reporting(job: Job, name: str, on_failure: Callable[[Exception, str], object]) -> None:
        try:
            await job
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported and the session goes on
            on_failure(error, name)

    def replace(self, job: Job, *, name: str, user_initiated: bool = True) -> Task | None:
        """Start a job in place of the running one of that name."""
        self.cancel(name)
        task = self.start(job, name=name, user_initiated=user_initiated)
        if task is not None:
            self._latest[name] = task
        return task

    def cancel(self, name: str) -> None:
        """Cancel the job that `replace` started under a name, if it still runs."""
        task = self._latest.pop(name, None)
        if task is not None:
            task.cancel()

    @asynccontextmanager
    async def task_group(self) -> AsyncGenerator[None, None]:
        """Hold a TaskGroup open; entered and left by one task. At the end every job is cancelled.

        Raises:
            ExceptionGroup: A job failed. An exception of the block itself is raised as it is.
        """
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            self._create = group.create_task
            try:
                yield
            except Exception as error:  # noqa: BLE001 - raised again below, not wrapped by the group
                failure = error
            finally:
                self._create = None
                for task in self._running:
                    task.cancel()
        if failure is not None:
            raise failure

    async def join(self) -> None:
        """Wait until no user-initiated job is running."""
        while self._user_initiated:
            await asyncio.wait(set(self._user_initiated))

    def _on_done(self, task: Task) -> None:
        self._running.discard(task)
        self._user_initiated.discard(task)
        name = task.get_name()
        if self._latest.get(name) is task:
            del self._latest[name]
