"""Writing single entries: every write is a compare-and-swap, so that what became of it can be found out.

A plain put, too, is one on what is there at the moment, made again when somebody else was faster: its answer can be
lost without the outcome being lost. What a driver supplies is one guarded write, what guards it, and what entries live
by.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, Generic, NamedTuple, TypeVar

from explorer.drivers.common.errors import key_exists, key_modified, key_not_found, previous_missing
from explorer.model.entries import Entry, Revision
from explorer.model.errors import ExplorerError, OutcomeUnknown

Seen = TypeVar("Seen")
"""What was read of an entry, and has to be so still."""
Life = TypeVar("Life")
"""What an entry is to live by: a lease, a session, a TTL, or none."""
Condition = TypeVar("Condition")
"""What has to hold besides, such as that a lock is held."""


_MAX_REVISION: Final = 2**63 - 1
"""Requests have 64 bits for a revision."""


class Version(NamedTuple):
    """What a caller had read, where writes are numbered; -1, which never is, stands for what is no number."""

    revision: int
    created: int | None

    @classmethod
    def of(cls, previous: Entry | Revision) -> "Version":
        """Read it."""
        revision = previous.revision if isinstance(previous, Entry) else previous
        created = previous.created if isinstance(previous, Entry) else None
        return cls(
            revision if isinstance(revision, int) and 0 < revision <= _MAX_REVISION else -1,
            created if isinstance(created, int) else None,
        )


class CasWriter(ABC, Generic[Seen, Life, Condition]):
    """Writes the keys of an address by compare-and-swap.

    Args:
        redacted: The address for messages.
    """

    def __init__(self, redacted: str) -> None:
        self.redacted = redacted

    async def put(self, key: str, value: bytes, *, ttl: float | None = None, keep_alive: bool = False) -> Entry:
        """Write an entry whatever is there now, see `Store.put`."""
        async with self._living(key, ttl, keep_alive=keep_alive) as life:
            while True:
                entry = await self._write(key, value, await self.current(key), life)
                if entry is not None:
                    break
        if life is not None and keep_alive:
            self._keep_alive(key, life)
        return entry

    async def atomic_put(
        self, key: str, value: bytes, previous: Entry | Revision | None, *, ttl: float | None = None
    ) -> Entry:
        """Write an entry only if it is the one that was read, see `Store.atomic_put`."""
        before = None if previous is None else await self._seen(key, previous)
        if previous is not None and before is None:
            raise key_modified(self.redacted, key)
        async with self._living(key, ttl) as life:
            entry = await self._write(key, value, before, life)
            if entry is None:
                raise (key_exists if previous is None else key_modified)(self.redacted, key)
        return entry

    async def commit_put(self, key: str, value: bytes, condition: Condition) -> Entry | None:
        """Put under a further condition; None when that does not hold."""
        while True:
            entry = await self._write(key, value, await self.current(key), None, besides=(condition,))
            if entry is not None:
                return entry
            if not await self._holds(key, condition):
                return None

    async def delete(self, key: str) -> None:
        """Delete an entry, see `Store.delete`."""
        while (now := await self.current(key)) is not None:
            if await self._erase(key, now):
                return
        raise key_not_found(self.redacted, key)

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        """Delete an entry only if it is the one that was read, see `Store.atomic_delete`."""
        if previous is None:
            raise previous_missing(self.redacted, key)
        before = await self._seen(key, previous)
        if before is not None and await self._erase(key, before):
            return
        now = await self.current(key)
        raise (key_not_found if now is None else key_modified)(self.redacted, key)

    # What a driver supplies

    @abstractmethod
    async def current(self, key: str) -> Seen | None:
        """Read what is stored now, as far as a write has to know it; None for nothing."""

    @abstractmethod
    async def _seen(self, key: str, previous: Entry | Revision) -> Seen | None:
        """Give what guards a write on what the caller had read; None if that is certainly no longer there."""

    @abstractmethod
    async def _write(
        self, key: str, value: bytes, before: Seen | None, life: Life | None, *, besides: Sequence[Condition] = ()
    ) -> Entry | None:
        """Write if the entry is as it was (None: there is none) and the conditions hold; None if not.

        What the caller did not edit is kept, and what the entry lives by unless given another.
        """

    @abstractmethod
    async def _erase(self, key: str, before: Seen) -> bool:
        """Delete if the entry is as it was; False if it is not."""

    @abstractmethod
    async def _holds(self, key: str, condition: Condition) -> bool:
        """Ask whether a further condition holds."""

    @abstractmethod
    async def _grant(self, key: str, ttl: float, *, keep_alive: bool) -> Life:
        """Get what an entry is to live by for a TTL in seconds; for ever, if it is infinite."""

    async def _give_back(self, life: Life) -> None:
        """End what no entry came to live by; does not matter if the store cannot be reached."""

    def _keep_alive(self, key: str, life: Life) -> None:
        """Renew it from now on, where there is anything to renew."""

    # What all do alike

    @asynccontextmanager
    async def _living(
        self, key: str, ttl: float | None, *, keep_alive: bool = False
    ) -> AsyncGenerator[Life | None, None]:
        """Get what an entry is to live by, None to keep what it has; ended if nothing came to live by it."""
        if ttl is not None and not ttl > 0:
            raise ExplorerError(f"{ttl} is no time to live", hint="a positive number of seconds, or inf for ever")
        life = None if ttl is None else await self._grant(key, ttl, keep_alive=keep_alive)
        try:
            yield life
        except OutcomeUnknown:
            raise
        except ExplorerError:
            if life is not None:
                with suppress(ExplorerError):
                    await self._give_back(life)
            raise
