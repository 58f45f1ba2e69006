"""The tasks of a session: one TaskGroup owns them all, and it is known when what a person caused is done."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

RESTART_PAUSE: Final = 1.0
"""Seconds until a task that goes on as long as the session does is started again after an unexpected exception."""

Job: TypeAlias = Coroutine[object, object, None]
Task: TypeAlias = asyncio.Task[None]


class Jobs:
    """What a session has running. Errors of the store are told by the jobs themselves; any other failure is a defect.

    A defect ends the session and is raised where it was entered, unless somebody is there to report it to.
    """

    def __init__(self, on_failure: Callable[[Exception, str], object] | None = None) -> None:
        """Prepare.

        Args:
            on_failure: Is called with an exception that a job raised and the name of the job; the session goes on.
        """
        self._on_failure = on_failure
        self._create: Callable[[Job], Task] | None = None
        self._running: set[Task] = set()
        self._caused: set[Task] = set()
        self._latest: dict[str, Task] = {}

    @property
    def busy(self) -> bool:
        """Whether something that a person caused is not done."""
        return bool(self._caused)

    def start(self, job: Job, *, name: str, caused: bool = True) -> Task | None:
        """Start a job; nothing is started before the session is entered or once it is being left.

        Args:
            job: It tells errors of the store itself.
            name: What it is, for whoever looks at the tasks.
            caused: A person caused it and it comes to an end; others go on as long as the session does.
        """
        if self._create is None:
            job.close()
            return None
        task = self._create(job if self._on_failure is None else self._reporting(job, name, self._on_failure))
        task.set_name(name)
        self._running.add(task)
        if caused:
            self._caused.add(task)
        task.add_done_callback(self._ended)
        return task

    def keep_running(self, make: Callable[[], Job], *, name: str) -> None:
        """Start a job that goes on as long as the session does, and start it again should it fail."""
        self.start(self.restarting(make, name), name=name, caused=False)

    async def restarting(self, make: Callable[[], Job], name: str) -> None:
        """Run a job, and run it again after a pause whenever it fails with an exception that can be reported."""
        while True:
            try:
                await make()
            except Exception as error:
                if self._on_failure is None:
                    raise
                self._on_failure(error, name)
                await asyncio.sleep(RESTART_PAUSE)
            else:
                return

    @staticmethod
    async def _reporting(job: Job, name: str, on_failure: Callable[[Exception, str], object]) -> None:
        try:
            await job
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported and the session goes on
            on_failure(error, name)

    def replace(self, job: Job, *, name: str, caused: bool = True) -> Task | None:
        """Start a job instead of the one of that name: the newest wins."""
        self.cancel(name)
        task = self.start(job, name=name, caused=caused)
        if task is not None:
            self._latest[name] = task
        return task

    def cancel(self, name: str) -> None:
        """End the job that was started by `replace` under a name, if it still runs."""
        before = self._latest.pop(name, None)
        if before is not None:
            before.cancel()

    @asynccontextmanager
    async def going_on(self) -> AsyncGenerator[None, None]:
        """Hold a TaskGroup open; entered and left by one task. At the end everything is cancelled.

        Raises:
            ExceptionGroup: A job failed; what its block itself raised is raised as it is.
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

    async def done(self) -> None:
        """Wait until nothing that a person caused is running."""
        while self._caused:
            await asyncio.wait(set(self._caused))

    def _ended(self, task: Task) -> None:
        self._running.discard(task)
        self._caused.discard(task)
        name = task.get_name()
        if self._latest.get(name) is task:
            del self._latest[name]
