"""The contract of a lock, which every driver with locks implements."""

from abc import ABC, abstractmethod
from asyncio import Event as AsyncEvent
from types import TracebackType
from typing import Self

from explorer.model.entries import Entry, Revision

LOCK_TTL = 20.0
"""Default TTL of a lock in seconds, as in libkv."""


class Lock(ABC):
    """A lock on a key, not held until acquired. `async with lock:` acquires without timeout and releases.

    It counts as held only while that is provable: until the TTL has passed since the last request that the store
    confirmed was *sent*, by a clock that goes on while the machine sleeps.
    """

    key: str
    lost: AsyncEvent
    """Set when the lock is no longer provably held although it was not released."""

    @property
    @abstractmethod
    def held(self) -> bool:
        """True while the lock is provably held, however long this process was suspended."""

    @property
    @abstractmethod
    def fence(self) -> Revision | None:
        """Fencing token, which orders the holders of this lock; None while it is not held."""

    @abstractmethod
    async def acquire(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the contract's word
        """Wait for the lock, at most `timeout` seconds; 0 tries once, None waits without limit.

        Raises:
            CannotLock: Another client still holds it.
        """

    @abstractmethod
    async def release(self) -> None:
        """Release the lock; do nothing when it is not held."""

    @abstractmethod
    async def put(self, key: str, value: bytes) -> Entry:
        """Write an entry if this lock is held, as the store checks (a fenced write).

        Raises:
            LockLost: The lock is not held; nothing was written.
        """

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.release()
