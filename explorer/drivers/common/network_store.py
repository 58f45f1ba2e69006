"""What every store behind a network does alike: opening, closing, refusing what is asked while closed."""

import asyncio
import logging
import time
from abc import abstractmethod
from contextlib import suppress
from typing import Final, Generic, Protocol
from weakref import WeakSet

from explorer.drivers.base import LOCK_TTL, Lock, Store
from explorer.drivers.common.connections import Connected
from explorer.drivers.common.errors import prefix_not_found
from explorer.drivers.common.lease_lock import LockOptions
from explorer.drivers.common.request_log import logged_write
from explorer.drivers.common.tasks import Tasks
from explorer.model.address import Address
from explorer.model.entries import Entry, Revision
from explorer.model.errors import ExplorerError, Forbidden, NotReachable
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)
_FAREWELL = 1.0
"""Seconds in which a lock that is still held is released at closing."""


class Writes(Protocol):
    """What writes single entries, such as a `writing.Writer`; see `Store`."""

    async def put(self, key: str, value: bytes, *, ttl: float | None = None, keep_alive: bool = False) -> Entry:
        """Write an entry whatever is there now."""

    async def atomic_put(
        self, key: str, value: bytes, previous: Entry | Revision | None, *, ttl: float | None = None
    ) -> Entry:
        """Write an entry only if it is the one that was read."""

    async def delete(self, key: str) -> None:
        """Delete an entry."""

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        """Delete an entry only if it is the one that was read."""


class NetworkStore(Store, Generic[Connected]):
    """A store behind a connection.

    Args:
        address: What was asked for.
        redacted: The address for messages.
        separator: What stands between the names in a key.
    """

    def __init__(self, address: Address, redacted: str, separator: str) -> None:
        super().__init__(address)
        self.separator = separator
        self._shown = redacted
        self._tasks = Tasks()
        self._locks: WeakSet[Lock] = WeakSet()
        self._connection: Connected | None = None

    @property
    def connection(self) -> Connected:
        """The connection, for what the contract has no call for."""
        if self._connection is None:
            raise NotReachable(
                "the store is not open", hint="async with explorer.open(url) as store: ...", address=self._shown
            )
        return self._connection

    # What a driver supplies

    @abstractmethod
    def _reach(self) -> Connected:
        """Make the connection; nothing is sent yet."""

    @abstractmethod
    async def _greet(self) -> None:
        """Make the first contact on it."""

    @property
    @abstractmethod
    def _writer(self) -> Writes:
        """What writes on it."""

    @abstractmethod
    def _lock(self, terms: LockOptions) -> Lock:
        """Make a lock on it, not yet held."""

    # Opening and closing

    async def connect(self) -> None:
        if self._connection is None:
            began = time.monotonic()
            _LOG.info("opening %s", self._shown)
            try:
                self._connection = self._reach()
                with suppress(Forbidden):  # who may read a part only is welcome all the same
                    await self._greet()
            except ExplorerError as error:
                _LOG.info("%s was not opened: %s", self._shown, sanitize(error.message))
                raise
            _LOG.info("opened %s by %s in %.0f ms", self._shown, type(self).__name__, (time.monotonic() - began) * 1000)

    async def close(self) -> None:
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        for lock in tuple(self._locks):
            with suppress(ExplorerError, TimeoutError):
                async with asyncio.timeout(min(_FAREWELL, connection.timeout)):
                    await lock.release()
        await self._tasks.close()
        await connection.close()
        _LOG.info("closed %s", self._shown)

    # Reading

    async def _require(self, prefix: str) -> None:
        """Refuse a prefix that is neither a key nor a directory; the top is always one."""
        key = prefix.removesuffix(self.separator)
        if key and not await self.exists(key):
            raise prefix_not_found(self._shown, prefix)

    # Writing

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        del is_dir  # where a directory is no kind of its own
        return await logged_write(self._writer.put(key, value, ttl=ttl, keep_alive=keep_alive), "put", self._shown, key)

    async def atomic_put(
        self, key: str, value: bytes, previous: Entry | Revision | None, *, ttl: float | None = None
    ) -> Entry:
        return await logged_write(
            self._writer.atomic_put(key, value, previous, ttl=ttl), "atomic put", self._shown, key
        )

    async def delete(self, key: str) -> None:
        await logged_write(self._writer.delete(key), "delete", self._shown, key)

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        await logged_write(self._writer.atomic_delete(key, previous), "atomic delete", self._shown, key)

    # Locks

    def lock(
        self,
        key: str,
        *,
        value: bytes = b"",
        ttl: float = LOCK_TTL,
        delete_on_unlock: bool = False,
        layout: str | None = None,
    ) -> Lock:
        self._require_layout(layout, key)
        lock = self._lock(LockOptions(key, value, ttl, delete_on_unlock, layout))
        self._locks.add(lock)
        return lock
