"""Reconnector: opens the store in the background and opens it again after a failure."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Final, TypeAlias

from explorer.drivers.base import Store
from explorer.drivers.common.retry import Backoff
from explorer.model.clock import SystemClock, wait_until
from explorer.model.errors import ExplorerError, NotReachable
from explorer.model.sanitize import sanitize
from explorer.session.connection.liveness import LivenessTracker
from explorer.session.internal_errors import as_failure

_LOG: Final = logging.getLogger(__package__)

MIN_RETRY_DELAY: Final = 0.5
MAX_RETRY_DELAY: Final = 10.0
"""Seconds before another attempt to connect; they double with each."""

ConnectionTask: TypeAlias = Callable[[Store], Coroutine[object, object, None]]


class Reconnector:
    """Keeps a session connected. After an error that only a person can fix (a password), it waits for `retry_now`."""

    def __init__(
        self, connect: Callable[[], Store], tracker: LivenessTracker, clock: SystemClock, on_change: Callable[[], None]
    ) -> None:
        """Prepare the reconnector.

        Args:
            connect: Returns a new store that is not open yet.
            tracker: Records the outcome of each attempt.
            clock: Clock of the next attempt.
            on_change: Called after each change of the tracker.
        """
        self._connect = connect
        self._tracker = tracker
        self._clock = clock
        self._on_change = on_change
        self._retry_requested = asyncio.Event()
        self._store: Store | None = None
        self._connecting = True
        self._attempted = asyncio.Event()

    @property
    def is_attempted(self) -> bool:
        """True once the first attempt to connect has ended, in whatever way."""
        return self._attempted.is_set()

    async def wait_attempted(self) -> None:
        """Wait until the first attempt to connect has ended, in whatever way."""
        await self._attempted.wait()

    @property
    def is_settled(self) -> bool:
        """True if the store is open, or the next attempt is not due yet."""
        return not self._connecting

    @property
    def store(self) -> Store:
        """The connected store.

        Raises:
            ExplorerError: There is none; the error of the last attempt.
        """
        error = self.connection_error()
        if error is not None or self._store is None:
            raise error or NotReachable("not connected yet")
        return self._store

    @property
    def is_open(self) -> bool:
        """True if the store is open, even if it is looking for its servers again."""
        return self._store is not None

    def connection_error(self) -> ExplorerError | None:
        """Return the error that calls fail with while there is no connection; None while there is one."""
        if self._store is None:
            return self._tracker.error or NotReachable("not connected yet", hint="connecting is under way")
        return self._tracker.connection_error(self._clock.now())

    def retry_now(self) -> None:
        """Connect at once if there is no connection."""
        self._retry_requested.set()

    async def run(self, follow: ConnectionTask, companions: Sequence[ConnectionTask]) -> None:
        """Connect and use the connection, again and again, until cancelled.

        Args:
            follow: Uses the connection until it fails.
            companions: Other tasks that use the connection for as long.
        """
        backoff = Backoff(MIN_RETRY_DELAY, MAX_RETRY_DELAY, jitter=False)
        while True:
            self._connecting = True
            self._tracker.on_connecting()
            self._on_change()
            try:
                async with self._connect() as store:
                    backoff.reset()
                    self._opened(store)
                    await _run_together(store, follow, companions)
            except ExplorerError as error:
                failure = error
            except Exception as error:
                self._tracker.on_disconnected(as_failure(error), None)
                self._set_settled()
                raise
            else:
                failure = NotReachable("the store was closed")
            finally:
                self._store = None
            await self._wait(failure, backoff.next_pause() if failure.retryable else None)

    def _opened(self, store: Store) -> None:
        self._store = store
        self._tracker.on_connected(self._clock.now())
        self._set_settled()

    def _set_settled(self) -> None:
        self._connecting = False
        self._attempted.set()
        self._on_change()

    async def _wait(self, failure: ExplorerError, delay: float | None) -> None:
        moment = None if delay is None else self._clock.now() + delay
        when = "on request" if delay is None else f"in {delay:.1f} s"
        _LOG.info("not connected: %s; next try %s", sanitize(failure.message), when)
        self._tracker.on_disconnected(failure, moment)
        self._retry_requested.clear()
        self._set_settled()
        if moment is None:
            await self._retry_requested.wait()
            self._retry_requested.clear()
        else:
            await wait_until(self._clock, moment, self._retry_requested)


async def _run_together(store: Store, follow: ConnectionTask, companions: Sequence[ConnectionTask]) -> None:
    """Run companions until `follow` ends.

    Raises:
        ExplorerError: The error that `follow` ended with.
    """
    failure: ExplorerError | None = None
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(companion(store)) for companion in companions]
        try:
            await follow(store)
        except ExplorerError as error:
            failure = error
        finally:
            for task in tasks:
                task.cancel()
    if failure is not None:
        raise failure
