"""Locking from code that does not await."""

import asyncio
from types import TracebackType
from typing import Self

from explorer.blocking.connection import BlockingConnection
from explorer.drivers.base import Lock
from explorer.model.entries import Entry, Revision


class BlockingLock:
    """A lock on a key, not held until acquired. `with lock:` acquires without limit of time and releases."""

    def __init__(self, connection: BlockingConnection, lock: Lock) -> None:
        self._connection = connection
        self._lock = lock

    @property
    def key(self) -> str:
        """The key that is locked."""
        return self._lock.key

    @property
    def held(self) -> bool:
        """True while the lock is provably held."""
        return self._lock.held

    @property
    def lost(self) -> bool:
        """True once it is no longer held although it was not released."""
        return self._lock.lost.is_set()

    @property
    def fence(self) -> Revision | None:
        """The number that orders the holders of this lock; None while it is not held."""
        return self._lock.fence

    def acquire(self, timeout: float | None = None) -> None:
        """Wait for the lock, at most `timeout` seconds; 0 only tries; CannotLock."""
        self._connection.run(self._lock.acquire(timeout))

    def release(self) -> None:
        """Release the lock; does nothing when it is not held."""
        self._connection.run(self._lock.release())

    def wait_lost(self, timeout: float | None = None) -> bool:
        """Wait until the lock is lost, at most `timeout` seconds, and return whether it is."""
        return self._connection.run(self._wait_lost(timeout))

    def put(self, key: str, value: bytes) -> Entry:
        """Write an entry, which the store accepts only while this very lock is held; LockLost."""
        return self._connection.run(self._lock.put(key, value))

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    async def _wait_lost(self, timeout: float | None) -> bool:  # noqa: ASYNC109 - handed on to asyncio.timeout
        try:
            async with asyncio.timeout(timeout):
                return await self._lock.lost.wait()
        except TimeoutError:
            return False
