"""Base of stores over a connection, to servers or to a file: open, close, writes, watches and locks."""

import asyncio
import logging
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar
from weakref import WeakSet

from explorer.drivers.base import Store
from explorer.drivers.common.created_meta import require_settable, require_settable_meta
from explorer.drivers.common.errors import prefix_not_found
from explorer.drivers.common.feed import Feed
from explorer.drivers.common.request_log import logged_write
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.common.tls import raise_for_plain_port
from explorer.drivers.common.transaction import Transacted, require_distinct
from explorer.drivers.common.watch import ReconnectingWatch, Watch
from explorer.drivers.lock import LOCK_TTL, Lock
from explorer.model.address import Address
from explorer.model.capabilities import Capability
from explorer.model.entries import NO_META, Entry, Meta, Revision
from explorer.model.errors import ExplorerError, Forbidden, NotReachable
from explorer.model.operations import Operation
from explorer.model.sanitize import pluralize, sanitize

_LOG: Final = logging.getLogger(__package__)
_RELEASE_TIMEOUT = 1.0
"""Seconds in which a lock that is still held is released at closing."""


class Connection(Protocol):
    """A driver's connection, as far as drivers share it."""

    redacted: str
    """The address for messages."""
    timeout: float
    """Seconds that one request may take."""

    async def close(self) -> None:
        """Close it; every later request fails."""


Connected = TypeVar("Connected", bound=Connection)
"""A driver's type of connection."""


@dataclass(frozen=True, slots=True)
class LockOptions:
    """Options of a lock, see `Store.lock`."""

    key: str
    value: bytes
    ttl: float
    delete_on_unlock: bool
    layout: str | None = None
    """Name of the layout as the caller asked for it; None for the default."""


class Writer(Protocol):
    """A driver's writer of single entries, such as a `CasWriter`; see `Store`."""

    async def put(self, key: str, value: bytes, *, ttl: float | None = None, keep_alive: bool = False) -> Entry:
        """Write an entry unconditionally."""

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        """Write an entry only if it is the one that was read."""

    async def delete(self, key: str) -> None:
        """Delete an entry."""

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        """Delete an entry only if it is the one that was read."""


class ConnectedStore(Store, Generic[Connected]):
    """A store over one connection.

    Args:
        address: The address as it was given.
        redacted: The address that is really used, for messages.
        separator: Separator of the names in a key.
    """

    def __init__(self, address: Address, redacted: str, separator: str) -> None:
        super().__init__(address)
        self.separator = separator
        self._redacted = redacted
        self._tasks = Tasks()
        self._locks: WeakSet[Lock] = WeakSet()
        self._connection: Connected | None = None

    @property
    def redacted(self) -> str:
        return self._redacted

    @property
    def connection(self) -> Connected:
        """The connection, for requests that the contract has no call for."""
        if self._connection is None:
            raise NotReachable(
                "the store is not open", hint="async with explorer.open(url) as store: ...", address=self.redacted
            )
        return self._connection

    # What a driver supplies

    @abstractmethod
    def _make_connection(self) -> Connected:
        """Return a new connection; nothing is sent yet."""

    @abstractmethod
    async def _handshake(self) -> None:
        """Send the first request on the connection."""

    @property
    @abstractmethod
    def _writer(self) -> Writer:
        """Writer of single entries on the connection."""

    @abstractmethod
    def _lock(self, options: LockOptions) -> Lock:
        """Return a lock on the connection, not yet held."""

    @abstractmethod
    def _key_watch(self, key: str, since: Revision | None) -> ReconnectingWatch:
        """Return a watch of one key; `since` is None in stores that cannot resume."""

    @abstractmethod
    def _tree_watch(
        self, prefix: str, since: Revision | None, known: Mapping[str, Revision] | None
    ) -> ReconnectingWatch:
        """Return a watch of everything below a prefix; `since` is None in stores that cannot resume."""

    @abstractmethod
    async def _delete_tree(self, prefix: str, guard: Revision | None) -> int:
        """Delete everything below a prefix; `guard` is None in stores without guarded deletion."""

    async def _transact(self, operations: Sequence[Operation]) -> Transacted:
        """Apply all operations or none; a driver with transactions supplies it, see `common.transaction`."""
        raise NotImplementedError  # not abstract: `transact` refuses the call where a driver has no transactions

    # Opening and closing

    async def connect(self) -> None:
        if self._connection is None:
            began = time.monotonic()
            _LOG.info("opening %s", self.redacted)
            try:
                self._connection = self._make_connection()
                with suppress(Forbidden):  # reading a part of the keys may be allowed
                    await self._handshake()
            except ExplorerError as error:
                _LOG.info("%s was not opened: %s", self.redacted, sanitize(error.message))
                if self.address.tls and isinstance(error, NotReachable):
                    await raise_for_plain_port(self.address.hosts, error)
                raise
            _LOG.info(
                "opened %s by %s in %.0f ms", self.redacted, type(self).__name__, (time.monotonic() - began) * 1000
            )

    async def close(self) -> None:
        if self._connection is None:
            return
        connection, self._connection = self._connection, None
        for lock in tuple(self._locks):
            with suppress(ExplorerError, TimeoutError):
                async with asyncio.timeout(min(_RELEASE_TIMEOUT, connection.timeout)):
                    await lock.release()
        await self._tasks.close()
        await connection.close()
        _LOG.info("closed %s", self.redacted)

    # Reading

    async def _require(self, prefix: str) -> None:
        """Raise KeyNotFound if a prefix is neither empty nor a key."""
        key = prefix.removesuffix(self.separator)
        if key and not await self.exists(key):
            raise prefix_not_found()

    # Writing

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        del is_dir  # an ordinary entry in stores without directories
        self._require_lifetime(key, ttl, keep_alive=keep_alive)
        with logged_write("put", self.redacted, key) as record:
            return record.done(await self._writer.put(key, value, ttl=ttl, keep_alive=keep_alive))

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        self._require_lifetime(key, ttl)
        require_settable_meta(self, key, meta, creates=previous is None)
        with logged_write("atomic put", self.redacted, key) as record:
            return record.done(await self._writer.atomic_put(key, value, previous, ttl=ttl, meta=meta))

    async def delete(self, key: str) -> None:
        with logged_write("delete", self.redacted, key):
            await self._writer.delete(key)

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        with logged_write("atomic delete", self.redacted, key):
            await self._writer.atomic_delete(key, previous)

    async def transact(self, operations: Sequence[Operation]) -> Transacted:
        first = next((operation.key for operation in operations), "")
        self._require_capability(Capability.TRANSACTIONS, first)
        require_distinct(operations)
        require_settable(self, operations)
        subject = f"{first} and {pluralize(len(operations) - 1, 'other')}" if len(operations) > 1 else first
        with logged_write("transaction on", self.redacted, subject):
            return await self._transact(operations) if operations else ()

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        if guard is not None:
            self._require_capability(Capability.GUARDED_DELETE, prefix)
        with logged_write("delete tree", self.redacted, prefix) as record:
            return record.done(await self._delete_tree(prefix, guard))

    # Watching

    def watch(self, key: str, *, since: Revision | None = None) -> Watch:
        if since is not None:
            self._require_capability(Capability.RESUME, key)
        return self._make_watch(key, self._key_watch(key, since).run)

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> Watch:
        if since is not None:
            self._require_capability(Capability.RESUME, prefix)
        return self._make_watch(prefix, self._tree_watch(prefix, since, known).run)

    def _make_watch(self, subject: str, run: Callable[[Feed], Awaitable[None]]) -> Watch:
        return Watch(self._tasks, run, name=f"watch of {subject or 'all keys'}", address=self.redacted, key=subject)

    def _require_lifetime(self, key: str, ttl: float | None, *, keep_alive: bool = False) -> None:
        """Raise CallNotSupported if the store cannot let an entry expire, or keep it alive."""
        if ttl is not None:
            self._require_capability(Capability.TTL, key)
        if keep_alive:
            self._require_capability(Capability.KEEP_ALIVE, key)

    def _require_capability(self, capability: Capability, key: str) -> None:
        """Raise CallNotSupported if the store lacks a capability."""
        if capability not in self.capabilities:
            self._refuse(capability, key)

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
