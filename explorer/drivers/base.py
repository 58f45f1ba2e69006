"""The contract of a store, which every driver implements.

It is libkv's and valkeyrie's Store interface without its gaps: pages, opaque revisions, watches that report lost
history, guarded deletes with three different outcomes, and locks that are held only while that is provable.
"""

from abc import ABC, abstractmethod
from asyncio import Event as AsyncEvent
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, NoReturn, Self

from explorer.drivers.common.error_context import add_error_context
from explorer.drivers.common.reverse_pages import children_before
from explorer.drivers.common.watch import Watch
from explorer.model.address import Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.errors import CallNotSupported, KeyNotFound
from explorer.model.locks import LockInfo

PAGE_SIZE = 1000
"""Entries or children in a page unless the caller says otherwise."""

PING_TIMEOUT = 2.0
"""Seconds within which a store has to answer a ping."""

LOCK_TTL = 20.0
"""Seconds a lock outlives its holder's last sign of life unless the caller says otherwise; libkv's figure."""


class Lock(ABC):
    """A lock on a key, not held until acquired. `async with lock:` acquires without timeout and releases.

    It counts as held only while that is provable: until the TTL has passed since the last request that the store
    confirmed was *sent*, by a clock that goes on while the machine sleeps.
    """

    key: str
    lost: AsyncEvent
    """Set as soon as the lock is no longer provably held although it was not released."""

    @property
    @abstractmethod
    def held(self) -> bool:
        """Whether the lock is provably held at this moment; true of this process however long it was stopped."""

    @property
    @abstractmethod
    def fence(self) -> Revision | None:
        """The number that orders the holders of this lock; None while it is not held."""

    @abstractmethod
    async def acquire(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the contract's word
        """Wait for the lock, at most `timeout` seconds; 0 only tries, None waits for ever.

        Raises:
            CannotLock: Somebody else holds it still.
        """

    @abstractmethod
    async def release(self) -> None:
        """Give the lock up; does nothing when it is not held."""

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


class Store(ABC):
    """An open connection to a store, and an async context manager. Keys are relative to the address's path.

    What a store cannot do is absent from `capabilities` and raises CallNotSupported. Every call may raise NotReachable,
    Timeout, Unauthenticated, Forbidden and InvalidKey besides what it names.
    """

    capabilities: Capability
    """What the driver can do; of a store that is open, less what its servers turned out to be too old for."""
    unsupported_reasons: ClassVar[Mapping[Capability, str]] = {}
    """Why an absent capability is absent, for the message of CallNotSupported."""

    lock_layouts: ClassVar[tuple[str, ...]] = ()
    """Names of the layouts that a lock can be taken in; the first is the default."""

    possible_layouts: ClassVar[tuple[str, ...]] = ()
    """Names of layouts whose locks look like data; `locks` lists them only below a prefix that is not empty."""

    separator: str = "/"
    schema: ClassVar[Path | None] = None
    """A protobuf schema (`.proto`) of values that the store brings along."""
    messages: ClassVar[Mapping[str, str]] = {}
    """Which message of it the values below a prefix are; the prefix is one of whole keys, with the address's path."""

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        add_error_context(cls)

    def __init__(self, address: Address) -> None:
        self.address = address

    @property
    def redacted(self) -> str:
        """The address for messages, without secrets."""
        return self.address.redacted

    # Opening and closing

    @abstractmethod
    async def connect(self) -> None:
        """Make the first contact, so that a wrong address, password or certificate is told now."""

    @abstractmethod
    async def close(self) -> None:
        """End every watch, lock and connection of this store; a second call does nothing."""

    async def __aenter__(self) -> Self:
        try:
            await self.connect()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @abstractmethod
    async def status(self) -> Status:
        """Ask the store's authority how it is; an answer proves that it is alive, and nothing is written for it."""

    async def ping(self) -> Revision | None:
        """Have the store's authority prove that it is alive, by the lightest question that needs it; writes nothing.

        Returns the newest revision if the answer has it. One silent endpoint must not use up all of `PING_TIMEOUT`.

        Raises:
            Denied: It is alive and refuses; that is a proof too.
        """
        return (await self.status()).revision

    def clone(self) -> "Store | None":
        """Make one more connection to the same store, not yet opened; None where its URL, made again, is that."""
        return None

    # Reading

    @abstractmethod
    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        """Read one entry.

        Args:
            key: The key exactly as the store spells it.
            consistent: False allows a stale answer, from a member that does not ask its leader.

        Raises:
            KeyNotFound: There is none.
        """

    async def exists(self, key: str) -> bool:
        """Tell whether there is an entry."""
        try:
            await self.get(key)
        except KeyNotFound:
            return False
        return True

    @abstractmethod
    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        """Read a page of the next level below a prefix, without reading what is below that.

        Args:
            prefix: A directory, with or without the separator at its end; empty for the top.
            after: `Page.next` of the page before, or the key of a child.
            limit: The most children of a page.

        Raises:
            KeyNotFound: There is neither such a key nor anything below it.
            Compacted: The revision that the listing began at is gone; list again.
        """

    async def children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        """Read the last children of a level, or the last before a place, as they are now; none between is left out.

        There may be fewer than `limit` although there are more before them. The page has no `next`.

        Args:
            prefix: A directory, with or without the separator at its end; empty for the top.
            before: A key, be it there or not: children whose first key comes before it; None for the end of the level.
            after: The key of a child before that place, from where the search begins.
            limit: The most children.

        Raises:
            KeyNotFound: There is neither such a key nor anything below it.
        """
        return await children_before(self.children, prefix, before, after=after, limit=limit, separator=self.separator)

    @abstractmethod
    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        """Read a page of all entries below a prefix, the prefix itself excluded, at one revision where the store can.

        Args:
            prefix: A directory, with or without the separator at its end; empty for everything.
            after: `Page.next` of the page before, or a key.
            limit: The most entries of a page.
            values: False leaves the values out (None).

        Raises:
            KeyNotFound: There is neither such a key nor anything below it. A key with nothing below gives an empty
            page.
            Compacted: The revision that the listing began at is gone; list again.
        """

    async def walk(self, prefix: str, *, values: bool = True) -> AsyncGenerator[Entry, None]:
        """Read all entries below a prefix, page by page, at one revision where the store can.

        An iteration that is left before its end is closed by `contextlib.aclosing`.

        Raises:
            KeyNotFound: There is neither such a key nor anything below it.
        """
        after: Cursor | None = None
        while True:
            page = await self.list(prefix, after=after, values=values)
            for entry in page.items:
                yield entry
            after = page.next
            if after is None:
                return

    def history(self, key: str) -> AsyncGenerator[Entry, None]:
        """Read the earlier entries of a key, newest first, as far back as the store keeps them.

        The entry of today is not among them; that of a deleted key's last day is.
        """
        self._refuse(Capability.HISTORY, key)

    # Writing

    @abstractmethod
    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        """Write an entry whatever is there now.

        Args:
            key: The key exactly as the store spells it.
            value: The bytes, stored untouched.
            ttl: Seconds to live; None keeps what the entry has (its lease, session or time left), `math.inf` frees it
            of any.
            is_dir: Make a directory, in stores that have them as a kind of their own; elsewhere an ordinary entry.
            keep_alive: Renew the TTL for as long as this connection is open.

        Raises:
            TooLarge: The store refuses the size; nothing was written.
            OutcomeUnknown: The answer was lost and the store cannot tell.
        """

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Delete one entry.

        Raises:
            KeyNotFound: There was none.
        """

    async def atomic_put(
        self, key: str, value: bytes, previous: Entry | Revision | None, *, ttl: float | None = None
    ) -> Entry:
        """Write an entry only if it still is the one that was read; with `previous` None only if there is none.

        What the caller did not edit (lease, flags, owner, time left) is kept.

        Raises:
            KeyExists: There is one although `previous` is None.
            KeyModified: It is another one, or gone.
            TooLarge: The store refuses the size.
            OutcomeUnknown: The answer was lost and the store cannot tell.
        """
        self._refuse(Capability.ATOMIC, key)

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        """Delete an entry only if it still is the one that was read.

        Raises:
            PreviousNotSpecified: `previous` is None.
            KeyModified: It is another one.
            KeyNotFound: There is none.
            OutcomeUnknown: The answer was lost and the store cannot tell.
        """
        self._refuse(Capability.ATOMIC, key)

    @abstractmethod
    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        """Delete everything below a prefix (`foo` never means `foobar`), and tell how many entries that were.

        Args:
            prefix: A directory; empty for everything below the address.
            guard: The revision that a preview was read at (`Page.revision`): refuse if anything below was written
            since.

        Raises:
            KeyNotFound: There was nothing.
            KeyModified: Something was written since `guard`; nothing was deleted.
        """

    # Watching

    def watch(self, key: str, *, since: Revision | None = None) -> Watch:
        """Watch one key: `async with store.watch(key) as events: async for event in events: ...`.

        Entering establishes the watch; `Started`, which tells the entry as it is now, comes first. With `since`, what
        happened after that revision follows.
        """
        self._refuse(Capability.WATCH, key)

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> Watch:
        """Watch everything below a prefix, likewise.

        Args:
            prefix: A directory, with or without the separator at its end; empty for everything.
            since: Report events after this revision, such as that of a listing; None starts now.
            known: The watcher's live table of keys and revisions. If history was lost, it is read once all events
                before were taken, and its keys that are gone are reported as deleted.
        """
        self._refuse(Capability.WATCH, prefix)

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
        """Make a lock on a key, not yet held.

        Acquiring it raises CannotLock at once while a lock of another layout is on the same key.

        Args:
            key: What is locked.
            value: Written to the key itself when the lock is obtained, unless empty.
            ttl: Seconds it outlives the holder's last sign of life; it is renewed while held.
            delete_on_unlock: Delete the key itself at release.
            layout: The name of the layout, one of `lock_layouts`; None for the first of them.

        Raises:
            CallNotSupported: There is no such layout.
        """
        self._refuse(Capability.LOCK, key)

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        """Tell every lock at or below a prefix: who holds it, who waits in which order, since when, how much longer."""
        self._refuse(Capability.LOCKS, prefix)

    # For drivers

    def _require_layout(self, layout: str | None, key: str) -> None:
        """Raise CallNotSupported if there is no lock layout of this name."""
        if layout is not None and layout not in self.lock_layouts:
            raise CallNotSupported(
                f"{self.address.scheme} has no lock layout {layout!r}; it has {', '.join(self.lock_layouts)}",
                hint=f"use {self.lock_layouts[0]}",
                address=self.redacted,
                key=key,
            )

    def _refuse(self, capability: Capability, key: str) -> NoReturn:
        reason = self.unsupported_reasons.get(capability, "the store has nothing of the kind")
        raise CallNotSupported(
            f"{self.address.scheme} cannot do this ({(capability.name or '').lower()}): {reason}",
            hint="see Store.capabilities",
            address=self.redacted,
            key=key,
        )
