"""Writes of single entries by compare-and-swap.

A plain put, too, is a compare-and-swap on what exists at the moment, repeated when another client was faster. So the
outcome of a write can be found out even if its reply is lost.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, Generic, NamedTuple, TypeVar

from explorer.drivers.common.errors import key_modified, key_not_found, previous_missing
from explorer.model.entries import NO_META, Entry, Meta, Revision
from explorer.model.errors import ExplorerError, KeyExists, KeyModified, OutcomeUnknown

Guard = TypeVar("Guard")
"""State of an entry that must not have changed when it is written."""
Lease = TypeVar("Lease")
"""Lifetime of an entry: a lease, a session, a TTL, or none."""
Compare = TypeVar("Compare")
"""A further condition of a write, such as that a lock is held."""

_MAX_REVISION: Final = 2**63 - 1
"""Largest revision that a request can hold."""


class ExpectedVersion(NamedTuple):
    """The version of an entry that a caller had read, in stores that number their writes."""

    revision: int
    """-1, which no entry has, for a revision that is no number."""
    created: int | None

    @classmethod
    def of(cls, previous: Entry | Revision) -> "ExpectedVersion":
        """Return the version of an entry, or of a revision alone."""
        revision = previous.revision if isinstance(previous, Entry) else previous
        created = previous.created if isinstance(previous, Entry) else None
        return cls(
            revision if isinstance(revision, int) and 0 < revision <= _MAX_REVISION else -1,
            created if isinstance(created, int) else None,
        )


class CasWriter(ABC, Generic[Guard, Lease]):
    """Writes the keys of an address by compare-and-swap; a driver supplies one guarded write and its leases."""

    async def put(self, key: str, value: bytes, *, ttl: float | None = None, keep_alive: bool = False) -> Entry:
        """Write an entry unconditionally, see `Store.put`."""
        async with self._lease_scope(key, ttl, keep_alive=keep_alive) as lease:
            while True:
                with suppress(KeyExists, KeyModified):
                    entry = await self._write(key, value, await self.current(key), lease)
                    break
        if lease is not None and keep_alive:
            self._keep_alive(key, lease)
        return entry

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        """Write an entry only if it is the one that was read, see `Store.atomic_put`."""
        guard = None if previous is None else await self._guard_for(key, previous)
        if previous is not None and guard is None:
            raise key_modified()
        async with self._lease_scope(key, ttl) as lease:
            if meta:  # the store refuses it for a key that exists
                return await self._create(key, value, lease, meta)
            return await self._write(key, value, guard, lease)

    async def delete(self, key: str) -> None:
        """Delete an entry, see `Store.delete`."""
        while (guard := await self.current(key)) is not None:
            with suppress(KeyModified):
                return await self._delete(key, guard)
        raise key_not_found()

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        """Delete an entry only if it is the one that was read, see `Store.atomic_delete`."""
        if previous is None:
            raise previous_missing()
        if (guard := await self._guard_for(key, previous)) is not None:
            with suppress(KeyModified):
                return await self._delete(key, guard)
        raise key_not_found() if await self.current(key) is None else key_modified()

    # What a driver supplies

    @abstractmethod
    async def current(self, key: str) -> Guard | None:
        """Return the guard for the entry as it is now; None if there is none."""

    @abstractmethod
    async def _guard_for(self, key: str, previous: Entry | Revision) -> Guard | None:
        """Return the guard for the entry that the caller had read; None if it certainly no longer exists."""

    @abstractmethod
    async def _write(self, key: str, value: bytes, guard: Guard | None, lease: Lease | None) -> Entry:
        """Write an entry and keep what the caller did not edit, its lease included unless there is another.

        Raises:
            KeyExists: The guard is None, and there is an entry.
            KeyModified: The entry is not the one of the guard.
        """

    async def _create(self, key: str, value: bytes, lease: Lease | None, meta: Meta) -> Entry:
        """Write an entry that does not exist, with metadata; a driver with `settable_meta` supplies it.

        Raises:
            KeyExists: There is an entry.
        """
        raise NotImplementedError  # not abstract: `atomic_put` refuses metadata where a driver has none

    @abstractmethod
    async def _delete(self, key: str, guard: Guard) -> None:
        """Delete an entry.

        Raises:
            KeyModified: The entry is not the one of the guard.
        """

    @abstractmethod
    async def _grant(self, key: str, ttl: float, *, keep_alive: bool) -> Lease:
        """Return a lease for a TTL in seconds, or one that says that the entry never expires for `math.inf`."""

    async def _revoke(self, lease: Lease) -> None:
        """Revoke an unused lease."""

    def _keep_alive(self, key: str, lease: Lease) -> None:
        """Renew a lease from now on."""

    # Shared

    @asynccontextmanager
    async def _lease_scope(
        self, key: str, ttl: float | None, *, keep_alive: bool = False
    ) -> AsyncGenerator[Lease | None, None]:
        """Grant a lease for a write, None without a TTL; revoke it (best effort) if the write failed for certain."""
        if ttl is not None and not ttl > 0:
            raise ExplorerError(f"{ttl} is no time to live", hint="a positive number of seconds, or inf for ever")
        lease = None if ttl is None else await self._grant(key, ttl, keep_alive=keep_alive)
        try:
            yield lease
        except OutcomeUnknown:
            raise
        except ExplorerError:
            if lease is not None:
                with suppress(ExplorerError):
                    await self._revoke(lease)
            raise


class ConditionalCasWriter(CasWriter[Guard, Lease], Generic[Guard, Lease, Compare]):
    """A writer for stores in which a write may depend on something else than the entry itself."""

    async def put_if(self, key: str, value: bytes, condition: Compare) -> Entry | None:
        """Write an entry under a condition; None if that does not hold."""
        while True:
            with suppress(KeyExists, KeyModified):
                return await self._write(key, value, await self.current(key), None, extra_conditions=(condition,))
            if not await self._condition_holds(key, condition):
                return None

    @abstractmethod
    async def _write(
        self,
        key: str,
        value: bytes,
        guard: Guard | None,
        lease: Lease | None,
        *,
        extra_conditions: Sequence[Compare] = (),
    ) -> Entry:
        """Write an entry likewise, if the conditions hold; KeyExists or KeyModified may mean that one does not."""

    @abstractmethod
    async def _condition_holds(self, key: str, condition: Compare) -> bool:
        """Return whether a condition holds."""
