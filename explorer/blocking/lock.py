"""Blocking locks."""

import asyncio
from types import TracebackType
from typing import Self

from explorer.blocking.connection import BlockingConnection
from explorer.drivers.lock import Lock
from explorer.model.entries import Entry, Revision


class BlockingLock:
    """A lock on a key. `with lock:` acquires it without a time limit and releases it."""

    def __init__(self, connection: BlockingConnection, lock: Lock) -> None:
        self._connection = connection
        self._lock = lock

    @property
    def key(self) -> str:
        """The locked key."""
        return self._lock.key

    @property
    def held(self) -> bool:
        """True while the store has confirmed that the lock is held."""
        return self._lock.held

    @property
    def lost(self) -> bool:
        """True once the lock is no longer held although it was not released."""
        return self._lock.lost.is_set()

    @property
    def fence(self) -> Revision | None:
        """The fencing token, which orders the holders of this lock; None while it is not held."""
        return self._lock.fence

    def acquire(self, timeout: float | None = None) -> None:
        """Acquire the lock.

        Args:
            timeout: Seconds to wait; 0 tries once, None waits without limit.

        Raises:
            CannotLock: It was not acquired in time.
        """
        self._connection.run(self._lock.acquire(timeout))

    def release(self) -> None:
        """Release the lock; do nothing if it is not held."""
        self._connection.run(self._lock.release())

    def wait_lost(self, timeout: float | None = None) -> bool:
        """Wait until the lock is lost, at most `timeout` seconds, and return True if it is."""
        return self._connection.run(self._wait_lost(timeout))

    def put(self, key: str, value: bytes) -> Entry:
        """Write an entry, guarded by the ownership of this lock.

        Raises:
            LockLost: The lock is no longer held; nothing was written.
        """
        return self._connection.run(self._lock.put(key, value))

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    async def _wait_lost(self, timeout: float | None) -> bool:  # noqa: ASYNC109 - passed to asyncio.timeout
        try:
            async with asyncio.timeout(timeout):
                return await self._lock.lost.wait()
        except TimeoutError:
            return False
