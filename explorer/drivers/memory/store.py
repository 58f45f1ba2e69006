"""The memory store: the whole contract over a database in this process."""

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from types import MappingProxyType
from typing import ClassVar, Final, cast
from weakref import WeakSet

from explorer.drivers.base import PAGE_SIZE, Store
from explorer.drivers.common.connected_store import LockOptions
from explorer.drivers.common.created_meta import flags_of, flags_refusal, require_settable, require_settable_meta
from explorer.drivers.common.errors import (
    future_revision,
    key_exists,
    key_not_found,
    nothing_below,
    prefix_not_found,
    previous_missing,
)
from explorer.drivers.common.leases import RENEWALS
from explorer.drivers.common.read_only import earlier_driver
from explorer.drivers.common.settings import separator_option
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.common.transaction import Transacted, require_distinct
from explorer.drivers.common.watch import FixedWatch, Watch
from explorer.drivers.lock import LOCK_TTL
from explorer.drivers.memory.connection import MemoryConnection
from explorer.drivers.memory.database import Database, KeyVersion
from explorer.drivers.memory.keyspace import MemoryKeyspace
from explorer.drivers.memory.lock import LAYOUT, MemoryLock, list_locks
from explorer.drivers.memory.transaction import MemoryTransaction, is_same
from explorer.drivers.memory.watch import MemoryWatch
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.clock import sleep_until
from explorer.model.entries import NO_META, Child, Cursor, Entry, Meta, Page, Revision, Status
from explorer.model.errors import Compacted, ExplorerError, InvalidAddress, InvalidKey, KeyModified, KeyNotFound
from explorer.model.keys import directory, encode
from explorer.model.locks import LockInfo
from explorer.model.operations import Operation
from explorer.model.sanitize import sanitize
from explorer.version import __version__

_LOG: Final = logging.getLogger(__package__)


class MemoryStore(Store):
    """A store over a database that lives as long as this process.

    Each `memory:` URL has a database of its own; several stores share one by `database`. `cut` and `mend` break and
    restore the connection, which nothing else could do within a process.

    Args:
        address: The address.
        database: The database; None for a new one.
        revision: The revision to show; None for the present.
    """

    capabilities = ~(Capability.DIRECTORIES | Capability.STALE_READS)
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = MappingProxyType(
        {
            Capability.DIRECTORIES: "a prefix exists by the keys below it",
            Capability.STALE_READS: "there is one copy, which never lags behind",
        }
    )
    settable_meta = frozenset({"flags"})
    lock_layouts: ClassVar[tuple[str, ...]] = (LAYOUT,)
    options: ClassVar[tuple[str, ...]] = ("separator",)
    """Options that the URL may have."""

    def __init__(
        self,
        address: Address,
        _access: Access | None = None,
        *,
        database: Database | None = None,
        revision: Revision | None = None,
    ) -> None:
        super().__init__(address)
        self._shown_at = None if revision is None else _number(revision)
        self.snapshot = "" if revision is None else f"revision {revision}"
        address.only_options(*self.options)
        address.require_no_socket()
        self.separator = separator_option(address)
        if address.hosts:
            raise InvalidAddress(
                f"{address.scheme}: is in this process and on no host",
                hint=f"write {address.scheme}: or {address.scheme}:path",
                address=address.redacted,
            )
        self.database = database or Database()
        root = encode(directory(address.path, self.separator))
        self._keyspace = MemoryKeyspace(self.database, root, self.separator)
        self.connection = MemoryConnection(self.database, self._keyspace, address.redacted)
        self._locks: WeakSet[MemoryLock] = WeakSet()
        self._closed = False

    # The connection

    @property
    def tasks(self) -> Tasks:
        """Background tasks of the connection."""
        return self.connection.tasks

    async def connect(self) -> None:
        self.connection.check()
        if self._shown_at is not None:
            self._require_kept(self._shown_at)
        _LOG.info("opened %s", self.redacted)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for lock in tuple(self._locks):
            with suppress(ExplorerError):
                await lock.release()
        await self.connection.close()
        _LOG.info("closed %s", self.redacted)

    def cut(self, reason: str = "the connection was cut") -> None:
        """Break the connection: every call fails, watches are lost, leases are not renewed."""
        self.connection.cut(reason)

    def mend(self) -> None:
        """Restore a cut connection."""
        self.connection.mend()

    async def status(self) -> Status:
        self.connection.check()
        database = self.database
        return Status(
            product=self.address.scheme,
            version=__version__,
            revision=database.revision,
            identity=database.identity,
            complaints=(f"shows {self.snapshot}, not the present",) if self.snapshot else (),
            facts={
                "keys": database.count(),
                "leases": len(database.leases),
                "compacted up to revision": database.compacted,
            },
        )

    async def ping(self) -> Revision | None:
        self.connection.check()
        return self.database.revision

    def clone(self, *, revision: Revision | None = None) -> "MemoryStore":
        if revision is None:
            return type(self)(self.address, database=self.database)
        earlier = cast("type[MemoryStore]", earlier_driver(type(self)))
        return earlier(self.address, database=self.database, revision=revision)

    def require_key(self, key: str) -> None:
        self._keyspace.to_store_key(key)

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:  # noqa: ARG002 - there is one copy
        store_key, current = self._current(key)
        if current is None:
            raise key_not_found()
        return self._keyspace.to_entry(store_key, current)

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        revision = self._revision_of(after)
        page = self._keyspace.children(prefix, after, revision, limit=limit)
        if not page.items:
            self._require(prefix, revision)
        return page

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        revision = self._revision_of(after)
        page = self._keyspace.entries(prefix, after, revision, limit=limit, values=values)
        if not page.items:
            self._require(prefix, revision)
        return page

    async def count(self, prefix: str) -> int:
        """Return the number of keys below a prefix."""
        return self._keyspace.count(prefix, self._revision_of(None))

    async def history(self, key: str) -> AsyncGenerator[Entry, None]:
        store_key, current = self._current(key)
        for version in reversed(self.database.versions(store_key)):
            is_shown = self._shown_at is None or version.revision <= self._shown_at
            if version.value is not None and version != current and is_shown:
                yield self._keyspace.to_entry(store_key, version)._replace(ttl=None)

    # Writing

    def meta_refusal(self, meta: Meta, *, has_children: bool = False) -> str:
        return super().meta_refusal(meta, has_children=has_children) or flags_refusal(meta)

    async def put(
        self,
        key: str,
        value: bytes,
        *,
        ttl: float | None = None,
        is_dir: bool = False,  # noqa: ARG002 - an ordinary entry here
        keep_alive: bool = False,
    ) -> Entry:
        store_key, current = self._current(key)
        return self._write(store_key, value, current, ttl, keep_alive=keep_alive)

    async def delete(self, key: str) -> None:
        store_key, _ = self._current(key)
        if not self.database.delete([store_key]):
            raise key_not_found()
        self._log("deleted", store_key)

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        require_settable_meta(self, key, meta, creates=previous is None)
        store_key, current = self._current(key)
        if previous is None:
            if current is not None:
                raise key_exists()
        elif current is None or not is_same(current, previous):
            raise _modified(current)
        return self._write(store_key, value, current, ttl, flags=flags_of(meta))

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        store_key, current = self._current(key)
        if previous is None:
            raise previous_missing()
        if current is None:
            raise key_not_found()
        if not is_same(current, previous):
            raise _modified(current)
        self.database.delete([store_key])
        self._log("deleted", store_key)

    async def transact(self, operations: Sequence[Operation]) -> Transacted:
        self.connection.check()
        require_distinct(operations)
        require_settable(self, operations)
        written = await MemoryTransaction(self._keyspace).commit(operations)
        for operation in operations:
            self._log("written by a transaction", self._keyspace.to_store_key(operation.key))
        return written

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        self.connection.check()
        found = tuple(self.database.scan(*self._keyspace.key_range(prefix)))
        if not found:
            raise nothing_below()
        if guard is not None:
            revision = _number(guard)
            for key, version in found:
                if version.revision > revision:
                    raise _modified(version, key=self._keyspace.to_key(key))
        self._log(f"deleted below it, {len(found)} entries", encode(prefix))
        return self.database.delete(key for key, _ in found)

    # Watching

    def watch(self, key: str, *, since: Revision | None = None) -> Watch:
        store_key = self._keyspace.to_store_key(key)
        return self._make_watch(key, (store_key, store_key + b"\0"), since, None, is_single=True)

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> Watch:
        return self._make_watch(prefix, self._keyspace.key_range(prefix), since, known, is_single=False)

    def _make_watch(
        self,
        subject: str,
        key_range: tuple[bytes, bytes],
        since: Revision | None,
        known: Mapping[str, Revision] | None,
        *,
        is_single: bool,
    ) -> Watch:
        if self._shown_at is not None:
            run = FixedWatch(self._shown_at, partial(self._find, subject) if is_single else None).run
        else:
            after = None if since is None else _number(since)
            run = MemoryWatch(self.connection, key_range, is_single=is_single, since=after, known=known).run
        return Watch(self.tasks, run, name=f"watch of {subject or 'all keys'}", address=self.redacted, key=subject)

    async def _find(self, key: str) -> Entry | None:
        with suppress(KeyNotFound):
            return await self.get(key)
        return None

    # Locks

    def lock(
        self,
        key: str,
        *,
        value: bytes = b"",
        ttl: float = LOCK_TTL,
        delete_on_unlock: bool = False,
        layout: str | None = None,
    ) -> MemoryLock:
        self._require_layout(layout, key)
        lock = MemoryLock(self.connection, LockOptions(key, value, _positive(ttl), delete_on_unlock, layout))
        self._locks.add(lock)
        return lock

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        self.connection.check()
        return list_locks(self._keyspace, prefix)

    # Shared

    def _current(self, key: str) -> tuple[bytes, KeyVersion | None]:
        self.connection.check()
        store_key = self._keyspace.to_store_key(key)
        return store_key, self.database.at(store_key, self._shown_at)

    def _write(
        self,
        key: bytes,
        value: bytes,
        current: KeyVersion | None,
        ttl: float | None,
        *,
        keep_alive: bool = False,
        flags: int = 0,
    ) -> Entry:
        lease = current.lease if current else None
        if ttl is not None:
            lease = None if ttl == inf else self.database.grant(_positive(ttl)).name
        version = self.database.put(key, value, lease=lease, flags=flags)
        self._log(f"put, revision {version.revision}", key)
        if keep_alive and lease is not None:
            self.tasks.start(self._keep_alive(lease), name=f"keep {lease} alive")
        return self._keyspace.to_entry(key, version)

    def _log(self, what: str, key: bytes) -> None:
        _LOG.info("%s in %s: %s", sanitize(key), self.redacted, what)

    async def _keep_alive(self, name: str) -> None:
        while (lease := self.database.leases.get(name)) is not None and lease.keys:
            if self.connection.down_reason is None:
                self.database.renew(name)
            clock = self.database.clock
            await sleep_until(clock, clock.now() + lease.ttl / RENEWALS)

    def _revision_of(self, after: Cursor | str | None) -> int:
        """Return the revision of a listing that goes on after a cursor, or the current one."""
        self.connection.check()
        if not isinstance(after, Cursor) or after.revision is None:
            revision = self._shown_at or self.database.revision
        else:
            revision = _number(after.revision)
        self._require_kept(revision)
        return revision

    def _require_kept(self, revision: int) -> None:
        if revision < self.database.compacted:
            raise Compacted(
                f"revision {revision} has been compacted", oldest=self.database.compacted, hint="list again"
            )
        if revision > self.database.revision:
            raise future_revision(revision, self.database.revision)

    def _require(self, prefix: str, revision: int) -> None:
        if not self._keyspace.exists(prefix, revision):
            raise prefix_not_found()


def _modified(current: KeyVersion | None, *, key: str | None = None) -> KeyModified:
    now = "it was deleted" if current is None else f"its revision is {current.revision} now"
    return KeyModified(f"the key was changed since it was read: {now}", hint="read it again", key=key)


def _number(revision: Revision) -> int:
    if isinstance(revision, int):
        return revision
    raise InvalidKey(f"{revision!r} is no revision of this store", hint="revisions are whole numbers")


def _positive(ttl: float) -> float:
    if 0 < ttl < inf:
        return ttl
    raise ExplorerError(f"{ttl} is no time to live", hint="a positive number of seconds")
