"""The memory store: the whole contract over a keyspace in this process."""

import logging
from collections.abc import AsyncGenerator, Mapping
from math import inf
from types import MappingProxyType
from typing import ClassVar, Final

from explorer.drivers.base import LOCK_TTL, PAGE_SIZE, Store
from explorer.drivers.common.errors import key_exists, previous_missing
from explorer.drivers.common.settings import separator
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.common.watch import Watch
from explorer.drivers.memory.database import Database, Version
from explorer.drivers.memory.keyspace import MemoryKeyspace
from explorer.drivers.memory.lock import LAYOUT, RENEWALS, MemoryLock, found_locks
from explorer.drivers.memory.watch import MemoryWatch
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import (
    Compacted,
    ExplorerError,
    InvalidAddress,
    InvalidKey,
    KeyModified,
    KeyNotFound,
    NotReachable,
)
from explorer.model.keys import directory, encode
from explorer.model.locks import LockInfo
from explorer.model.sanitize import sanitize
from explorer.version import __version__

_LOG: Final = logging.getLogger(__package__)


class MemoryStore(Store):
    """A connection to a keyspace that lives as long as this process.

    Each `memory:` URL makes a keyspace of its own; several stores share one by its `keyspace`. `cut` and `mend`
    break and heal this connection, which within a process nothing else could.
    """

    capabilities = ~(Capability.DIRECTORIES | Capability.STALE_READS)
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = MappingProxyType(
        {
            Capability.DIRECTORIES: "a prefix exists by the keys below it",
            Capability.STALE_READS: "there is one copy, and it is never behind",
        }
    )
    lock_layouts: ClassVar[tuple[str, ...]] = (LAYOUT,)
    options: ClassVar[tuple[str, ...]] = ("separator",)
    """What the URL may say after its question mark."""

    def __init__(self, address: Address, _access: Access | None = None, *, keyspace: Database | None = None) -> None:
        super().__init__(address)
        address.only_options(*self.options)
        address.require_no_socket()
        self.separator = separator(address)
        if address.hosts:
            raise InvalidAddress(
                f"{address.scheme}: is in this process and on no host",
                hint=f"write {address.scheme}: or {address.scheme}:path",
                address=address.redacted,
            )
        self.keyspace = keyspace or Database()
        self.view = MemoryKeyspace(self.keyspace, encode(directory(address.path, self.separator)), self.separator)
        self.tasks = Tasks()
        self.locks_in_use: set[MemoryLock] = set()
        self.down: str | None = None
        """Why nothing can be asked of this store, None while all is well."""
        self._closed = False

    # The connection

    async def connect(self) -> None:
        """Find out whether the connection is open."""
        self.check()
        _LOG.info("opened %s", self.address.redacted)

    async def close(self) -> None:
        """End every watch and lock of this connection."""
        if self._closed:
            return
        self._closed = True
        for lock in tuple(self.locks_in_use):
            lock.lose()
        self.down = "the store is closed"
        await self.tasks.close()
        _LOG.info("closed %s", self.address.redacted)

    def cut(self, reason: str = "the connection was cut") -> None:
        """Break the connection: every call fails, watches are lost, leases are not renewed."""
        self.down = reason
        self.keyspace.ring()

    def mend(self) -> None:
        """Heal a cut connection."""
        if not self._closed:
            self.down = None
            self.keyspace.ring()

    def check(self) -> None:
        """Bring the keyspace up to the present moment.

        Raises:
            NotReachable: The connection is cut or closed.
        """
        if self.down is not None:
            raise NotReachable(
                self.down, hint="open the store again" if self._closed else "", address=self.address.redacted
            )
        self.keyspace.expire()

    async def status(self) -> Status:
        """Tell how much there is."""
        self.check()
        keyspace = self.keyspace
        return Status(
            product=self.address.scheme,
            version=__version__,
            revision=keyspace.revision,
            identity=keyspace.identity,
            facts={
                "keys": keyspace.count(),
                "leases": len(keyspace.leases),
                "compacted up to revision": keyspace.compacted,
            },
        )

    async def ping(self) -> Revision | None:
        """Tell the newest revision."""
        self.check()
        return self.keyspace.revision

    def clone(self) -> "MemoryStore":
        """Make one more connection to the same keyspace."""
        return type(self)(self.address, keyspace=self.keyspace)

    # Reading

    async def get(self, key: str, *, consistent: bool = True) -> Entry:  # noqa: ARG002 - there is one copy
        """Read one entry."""
        full, current = self._current(key)
        if current is None:
            raise self._not_found(key)
        return self.view.entry(full, current)

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        """Read a page of the next level, at one revision."""
        revision = self._revision_of(prefix, after)
        page = self.view.children(prefix, after, revision, limit=limit)
        if not page.items:
            self._must_exist(prefix, revision)
        return page

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        """Read a page of all entries below a prefix, at one revision."""
        revision = self._revision_of(prefix, after)
        page = self.view.entries(prefix, after, revision, limit=limit, values=values)
        if not page.items:
            self._must_exist(prefix, revision)
        return page

    async def history(self, key: str) -> AsyncGenerator[Entry, None]:
        """Read the earlier entries of a key, as they were when this was first asked for."""
        full, current = self._current(key)
        for version in reversed(self.keyspace.versions(full)):
            if version.value is not None and version != current:
                yield self.view.entry(full, version)._replace(ttl=None)

    # Writing

    async def put(
        self,
        key: str,
        value: bytes,
        *,
        ttl: float | None = None,
        is_dir: bool = False,  # noqa: ARG002 - an ordinary entry here
        keep_alive: bool = False,
    ) -> Entry:
        """Write an entry whatever is there now."""
        full, current = self._current(key)
        return self._write(full, value, current, ttl, keep_alive=keep_alive)

    async def delete(self, key: str) -> None:
        """Delete one entry."""
        full, _ = self._current(key)
        if not self.keyspace.delete([full]):
            raise self._not_found(key)
        self._log("deleted", full)

    async def atomic_put(
        self, key: str, value: bytes, previous: Entry | Revision | None, *, ttl: float | None = None
    ) -> Entry:
        """Write an entry only if it still is the one that was read."""
        full, current = self._current(key)
        if previous is None:
            if current is not None:
                raise key_exists()
        elif current is None or not _same(current, previous):
            raise self._modified(key, current)
        return self._write(full, value, current, ttl)

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        """Delete an entry only if it still is the one that was read."""
        full, current = self._current(key)
        if previous is None:
            raise previous_missing()
        if current is None:
            raise self._not_found(key)
        if not _same(current, previous):
            raise self._modified(key, current)
        self.keyspace.delete([full])
        self._log("deleted", full)

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        """Delete everything below a prefix in one commit."""
        self.check()
        found = tuple(self.keyspace.scan(*self.view.span(prefix)))
        if not found:
            raise self._not_found(prefix)
        if guard is not None:
            seen = self._number(guard, prefix)
            for key, version in found:
                if version.revision > seen:
                    raise self._modified(self.view.relative(key), version)
        self._log(f"deleted below it, {len(found)} entries", encode(prefix))
        return self.keyspace.delete(key for key, _ in found)

    # Watching

    def watch(self, key: str, *, since: Revision | None = None) -> Watch:
        """Watch one key."""
        full = self.view.full(key)
        return self._watch(key, (full, full + b"\0"), since, None, single=True)

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> Watch:
        """Watch everything below a prefix."""
        return self._watch(prefix, self.view.span(prefix), since, known, single=False)

    def _watch(
        self,
        key: str,
        span: tuple[bytes, bytes],
        since: Revision | None,
        known: Mapping[str, Revision] | None,
        *,
        single: bool,
    ) -> Watch:
        after = None if since is None else self._number(since, key)
        watcher = MemoryWatch(self.view, span, single=single, check=self.check, since=after, known=known)
        return Watch(self.tasks, watcher.produce, name=f"watch of {key or 'all keys'}")

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
        """Make a lock on a key."""
        self._require_layout(layout, key)
        return MemoryLock(self, key, value=value, ttl=self._lasting(ttl, key), delete_on_unlock=delete_on_unlock)

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        """Tell every lock at or below a prefix."""
        self.check()
        return found_locks(self.view, prefix)

    # What the calls above share

    def _current(self, key: str) -> tuple[bytes, Version | None]:
        self.check()
        full = self.view.full(key)
        return full, self.keyspace.at(full)

    def _write(
        self, key: bytes, value: bytes, current: Version | None, ttl: float | None, *, keep_alive: bool = False
    ) -> Entry:
        lease = current.lease if current else None
        if ttl is not None:
            lease = None if ttl == inf else self.keyspace.grant(self._lasting(ttl, self.view.relative(key))).name
        version = self.keyspace.put(key, value, lease=lease)
        self._log(f"put, revision {version.revision}", key)
        if keep_alive and lease is not None:
            self.tasks.start(self._keep_alive(lease), name=f"keep {lease} alive")
        return self.view.entry(key, version)

    def _log(self, what: str, key: bytes) -> None:
        _LOG.info("%s in %s: %s", sanitize(key), self.address.redacted, what)

    async def _keep_alive(self, name: str) -> None:
        while (lease := self.keyspace.leases.get(name)) is not None and lease.keys:
            if self.down is None:
                self.keyspace.renew(name)
            await self.keyspace.reach(self.keyspace.clock.now() + lease.ttl / RENEWALS)

    def _revision_of(self, prefix: str, after: Cursor | str | None) -> int:
        self.check()
        if not isinstance(after, Cursor) or after.revision is None:
            return self.keyspace.revision
        revision = self._number(after.revision, prefix)
        if revision < self.keyspace.compacted:
            raise Compacted(
                f"revision {revision} is gone",
                oldest=self.keyspace.compacted,
                hint="list again",
                address=self.address.redacted,
                key=prefix,
            )
        return revision

    def _must_exist(self, prefix: str, revision: int) -> None:
        if not self.view.found(prefix, revision):
            raise self._not_found(prefix)

    def _number(self, revision: Revision, key: str) -> int:
        if isinstance(revision, int):
            return revision
        raise InvalidKey(
            f"{revision!r} is no revision of this store",
            hint="they are whole numbers",
            address=self.address.redacted,
            key=key,
        )

    def _lasting(self, ttl: float, key: str) -> float:
        if 0 < ttl < inf:
            return ttl
        raise ExplorerError(
            f"{ttl} is no time to live",
            hint="name a positive number of seconds",
            address=self.address.redacted,
            key=key,
        )

    def _not_found(self, key: str) -> KeyNotFound:
        return KeyNotFound(
            "there is nothing", hint="keys are exact, see what is there", address=self.address.redacted, key=key
        )

    def _modified(self, key: str, current: Version | None) -> KeyModified:
        now = "it is gone" if current is None else f"it is at revision {current.revision} now"
        return KeyModified(f"somebody changed it: {now}", hint="read it again", address=self.address.redacted, key=key)


def _same(current: Version, previous: Entry | Revision) -> bool:
    match previous:
        case Entry(revision=revision, created=created):
            return current.revision == revision and created in (None, current.created)
        case _:
            return current.revision == previous
