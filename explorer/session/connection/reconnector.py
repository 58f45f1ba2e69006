"""The session's connection: made in the background, made again after a failure that may pass, given up for others."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Final, TypeAlias

from explorer.drivers.base import Store
from explorer.model.errors import ExplorerError, NotReachable
from explorer.model.sanitize import sanitize
from explorer.session.clock import Clock, wait_until
from explorer.session.connection.liveness import LivenessTracker
from explorer.session.internal_errors import as_failure

_LOG: Final = logging.getLogger(__package__)

PAUSES: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds until connecting is tried again, and again; the last is kept."""

ConnectionTask: TypeAlias = Callable[[Store], Coroutine[object, object, None]]


class Reconnector:
    """Keeps a session connected. What only a person can mend (a password, a certificate) waits for `retry`."""

    def __init__(
        self, connect: Callable[[], Store], pulse: LivenessTracker, clock: Clock, notice: Callable[[], None]
    ) -> None:
        """Prepare.

        Args:
            connect: Makes a connection, not yet opened.
            pulse: Is told how it went.
            clock: What the time of the next try is told by.
            notice: Is called when the pulse was told something.
        """
        self._connect = connect
        self._pulse = pulse
        self._clock = clock
        self._notice = notice
        self._retry = asyncio.Event()
        self._store: Store | None = None
        self._trying = True

    @property
    def settled(self) -> bool:
        """Whether there is a connection, or the next try has to be waited for."""
        return not self._trying

    @property
    def store(self) -> Store:
        """The open store.

        Raises:
            NotReachable: There is none; with the reason of the last try.
        """
        unreachable = self.unreachable()
        if unreachable is not None or self._store is None:
            raise unreachable or NotReachable("not connected yet")
        return self._store

    @property
    def open(self) -> bool:
        """Whether there is an open store, be it connected or finding its servers again."""
        return self._store is not None

    @property
    def connected(self) -> bool:
        """Whether there is an open store with a connection."""
        return self.unreachable() is None

    def unreachable(self) -> ExplorerError | None:
        """Return what a call fails with while there is no connection; None while there is one."""
        if self._store is None:
            return self._pulse.error or NotReachable("not connected yet", hint="it is being tried")
        return self._pulse.unconnected(self._clock.now())

    def retry(self) -> None:
        """Try now, if there is no connection."""
        self._retry.set()

    async def run(self, follow: ConnectionTask, companions: Sequence[ConnectionTask]) -> None:
        """Connect and work with the connection, over and over, until cancelled.

        Args:
            follow: What uses the connection until it fails.
            companions: What else uses it as long.
        """
        tries = 0
        while True:
            self._trying = True
            self._pulse.connecting()
            self._notice()
            try:
                async with self._connect() as store:
                    tries = 0
                    self._opened(store)
                    await _together(store, follow, companions)
            except ExplorerError as error:
                failure = error
            except Exception as error:
                self._pulse.failed(as_failure(error), None)
                self._trying = False
                self._notice()
                raise
            else:
                failure = NotReachable("the store was closed")
            finally:
                self._store = None
            pause = PAUSES[min(tries, len(PAUSES) - 1)] if failure.retryable else None
            tries += 1
            await self._wait(failure, pause)

    def _opened(self, store: Store) -> None:
        self._store = store
        self._trying = False
        self._pulse.opened(self._clock.now())
        self._notice()

    async def _wait(self, failure: ExplorerError, pause: float | None) -> None:
        moment = None if pause is None else self._clock.now() + pause
        when = "when a person asks for it" if pause is None else f"in {pause:.1f} s"
        _LOG.info("not connected: %s; next try %s", sanitize(failure.message), when)
        self._pulse.failed(failure, moment)
        self._trying = False
        self._retry.clear()
        self._notice()
        if moment is None:
            await self._retry.wait()
            self._retry.clear()
        else:
            await wait_until(self._clock, moment, self._retry)


async def _together(store: Store, follow: ConnectionTask, companions: Sequence[ConnectionTask]) -> None:
    """Follow a store beside the companions; the end of the one ends the others.

    Raises:
        ExplorerError: What following ended with.
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
