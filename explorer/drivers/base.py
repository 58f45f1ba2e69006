"""The contract of a store, which every driver implements.

It is libkv's and valkeyrie's Store interface without its gaps: pages, opaque revisions, watches that report lost
history, guarded deletes with three different outcomes, and locks that are held only while that is provable.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from types import TracebackType
from typing import Self

from explorer.drivers.attributes import StoreAttributes
from explorer.drivers.common.error_context import add_error_context
from explorer.drivers.common.pagination import add_limit_checks, flattened, list_pages
from explorer.drivers.common.reverse_pages import children_before
from explorer.drivers.common.watch import Watch
from explorer.drivers.lock import LOCK_TTL, Lock
from explorer.model.address import Address
from explorer.model.capabilities import Capability
from explorer.model.entries import NO_META, Child, Cursor, Entry, Meta, Page, Revision, Status
from explorer.model.errors import KeyNotFound
from explorer.model.keys import encode
from explorer.model.locks import LockInfo
from explorer.model.operations import Operation

PAGE_SIZE = 1000
"""Default number of entries or children in a page."""

PING_TIMEOUT = 2.0
"""Seconds within which a store has to answer a ping."""


class Store(StoreAttributes, ABC):
    """An open connection to a store, and an async context manager. Keys are relative to the address's path.

    What a store cannot do is absent from `capabilities` and raises CallNotSupported. Every call may raise NotReachable,
    Timeout, Unauthenticated, Forbidden and InvalidKey besides what it names.
    """

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        add_limit_checks(cls)
        add_error_context(cls)

    @classmethod
    def class_for(cls, address: Address) -> "type[Store]":
        """Return the class for an address: a driver with several layouts chooses by what is there.

        Raises:
            InvalidAddress: The address fits none.
        """
        del address
        return cls

    # Opening and closing

    @abstractmethod
    async def connect(self) -> None:
        """Open the connection with a first request, so that a wrong address, password or certificate is reported."""

    @abstractmethod
    async def close(self) -> None:
        """Close every watch, lock and connection of this store; a second call does nothing."""

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
        """Return the status of the store and its endpoints, which proves that a quorum is alive; write nothing."""

    async def ping(self) -> Revision | None:
        """Send the lightest linearizable request, and return the newest revision if the answer has it.

        One silent endpoint must not use up all of `PING_TIMEOUT`.

        Raises:
            Denied: The store is alive and refuses the request.
        """
        return (await self.status()).revision

    def clone(self, *, revision: Revision | None = None) -> "Store | None":
        """Return another connection to the same store, not yet opened; None if its URL makes one.

        Args:
            revision: Show the store as it was at a revision, read-only; None shows the present.
        """
        del revision
        return None

    def require_key(self, key: str) -> None:
        """Raise InvalidKey or TooLarge if the store can hold no such key, whatever else it has; ask no server."""
        encode(key)

    # Reading

    @abstractmethod
    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        """Return one entry.

        Args:
            key: The key exactly as the store spells it.
            consistent: False allows a stale answer, from a member that does not ask its leader.

        Raises:
            KeyNotFound: There is no such entry.
        """

    async def complete(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Return listed entries with the metadata that a listing leaves out, where they are still the same."""
        return entries

    async def exists(self, key: str) -> bool:
        """Return whether there is an entry."""
        try:
            await self.get(key)
        except KeyNotFound:
            return False
        return True

    @abstractmethod
    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        """Return a page of the next level below a prefix.

        Args:
            prefix: A directory, with or without the separator at its end; empty for the top.
            after: `Page.next` of the page before, or the key of a child.
            limit: Maximum number of children, at least 1.

        Raises:
            KeyNotFound: There is neither such a key nor anything below it.
            Compacted: The revision of the listing was compacted; list again.
        """

    async def children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        """Return the last children of a level, or the last ones before a key, without a gap.

        There may be fewer than `limit` although there are more before them. The page has no `next`.

        Args:
            prefix: A directory, with or without the separator at its end; empty for the top.
            before: A key, existing or not: children whose first key comes before it; None for the end of the level.
            after: The key of an earlier child, where the search begins.
            limit: Maximum number of children, at least 1.

        Raises:
            KeyNotFound: There is neither such a key nor anything below it.
        """
        return await children_before(self.children, prefix, before, after=after, limit=limit, separator=self.separator)

    @abstractmethod
    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        """Return a page of all entries below a prefix, itself excluded; at one revision with Capability.SNAPSHOT.

        Args:
            prefix: A directory, with or without the separator at its end; empty for everything.
            after: `Page.next` of the page before, or a key.
            limit: Maximum number of entries, at least 1.
            values: False leaves the values out (None).

        Raises:
            KeyNotFound: There is neither such a key nor anything below it; below a key alone, the page is empty.
            Compacted: The revision of the listing was compacted; list again.
        """

    def walk(self, prefix: str, *, values: bool = True) -> AsyncGenerator[Entry, None]:
        """Yield all entries below a prefix; at one revision with Capability.SNAPSHOT.

        Close an iteration that ends early by `contextlib.aclosing`.

        Raises:
            KeyNotFound: There is neither such a key nor anything below it.
        """
        return flattened(self.walk_pages(prefix, values=values))

    def walk_pages(self, prefix: str, *, values: bool = True) -> AsyncGenerator[Sequence[Entry], None]:
        """Yield all entries below a prefix as `walk` does, in pages, which take less time.

        Raises:
            KeyNotFound: There is neither such a key nor anything below it.
        """
        return list_pages(lambda after: self.list(prefix, after=after, values=values))

    def history(self, key: str) -> AsyncGenerator[Entry, None]:
        """Yield the earlier entries of a key, the newest first, as far back as the store keeps them.

        The current entry is not among them; the last one of a deleted key is.
        """
        self._refuse(Capability.HISTORY, key)

    # Writing

    @abstractmethod
    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        """Write an entry unconditionally.

        Args:
            key: The key exactly as the store spells it.
            value: The bytes, stored untouched.
            ttl: Seconds to live; None keeps the entry's lease, session or time left, `math.inf` removes it.
            is_dir: Make a directory with Capability.DIRECTORIES; otherwise an ordinary entry.
            keep_alive: Renew the TTL as long as this connection is open.

        Raises:
            TooLarge: The store refuses the size; nothing was written.
            OutcomeUnknown: The reply was lost and the outcome cannot be found out.
        """

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Delete one entry.

        Raises:
            KeyNotFound: There was no such entry.
        """

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        """Write an entry only if it is still the one that was read, or with `previous` None only if there is none.

        Everything else (lease, flags, owner, time left) is kept. `meta` is given to a key that is created, in the same
        request; its names are among `settable_meta`, its values as in `Entry.meta`.

        Raises:
            KeyExists: There is an entry although `previous` is None.
            KeyModified: The entry was changed or deleted.
            TooLarge: The store refuses the size.
            OutcomeUnknown: The reply was lost and the outcome cannot be found out.
            CallNotSupported: The store cannot create a key with `meta`.
        """
        self._refuse(Capability.ATOMIC, key)

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        """Delete an entry only if it is still the one that was read.

        Raises:
            PreviousNotSpecified: `previous` is None.
            KeyModified: The entry was changed.
            KeyNotFound: There is no such entry.
            OutcomeUnknown: The reply was lost and the outcome cannot be found out.
        """
        self._refuse(Capability.ATOMIC, key)

    async def transact(self, operations: Sequence[Operation]) -> tuple[Entry | None, ...]:
        """Apply all operations at once, or none of them, and return the entry of each put, None for each deletion.

        A put keeps lease, flags, owner and time left. An error names the key that it is about.

        Args:
            operations: Puts and deletes, each key once, each with what the key is expected to be.

        Raises:
            KeyExists: A key that is expected to be absent exists.
            KeyModified: An entry is not, or no longer, the expected one.
            TooLarge: The store refuses the number (see `max_operations`) or the size of the operations.
            OutcomeUnknown: The reply was lost and the outcome cannot be found out.
        """
        self._refuse(Capability.TRANSACTIONS, next((operation.key for operation in operations), ""))

    @abstractmethod
    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        """Delete everything below a prefix (`foo` never means `foobar`), and return the number of entries.

        Args:
            prefix: A directory; empty for everything below the address.
            guard: The revision of a preview (`Page.revision`), since which nothing below may have been written.

        Raises:
            KeyNotFound: There was nothing below the prefix.
            KeyModified: Something was written since `guard`; nothing was deleted.
        """

    # Watching

    def watch(self, key: str, *, since: Revision | None = None) -> Watch:
        """Watch one key: `async with store.watch(key) as events: async for event in events: ...`.

        Entering it establishes the watch. The first event is `Started`, with the entry as it is now. With `since`, the
        events after that revision follow.
        """
        self._refuse(Capability.WATCH, key)

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> Watch:
        """Watch everything below a prefix.

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
        """Return a lock on a key, not yet held.

        Acquiring it raises CannotLock at once while a lock of another layout is on the same key.

        Args:
            key: The key to lock.
            value: Value that is written to the key when the lock is acquired, unless empty; if it is a short text, it
                names the holder in `locks` as well.
            ttl: Seconds from the last renewal until the lock expires; it is renewed while held.
            delete_on_unlock: Delete the key at release.
            layout: Name of the layout, one of `lock_layouts`; None for the first of them.

        Raises:
            CallNotSupported: There is no such layout.
        """
        self._refuse(Capability.LOCK, key)

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        """Return the locks at or below a prefix with their holders and waiters, in order."""
        self._refuse(Capability.LOCKS, prefix)
