"""A store for code that does not await."""

from collections.abc import Generator, Mapping
from types import TracebackType
from typing import Self

from explorer.blocking.connection import BlockingConnection
from explorer.blocking.lock import BlockingLock
from explorer.blocking.watch import BlockingWatch
from explorer.drivers.base import LOCK_TTL, PAGE_SIZE, Store
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Entry, Page, Revision, Status
from explorer.model.locks import LockInfo
from explorer.opener import open as open_store


def connect(url: str, access: Access | None = None) -> "BlockingStore":
    """Open the store of a URL; also a context manager, which closes it.

    Args:
        url: As for `explorer.open`.
        access: Likewise.

    Raises:
        InvalidAddress: The URL cannot be understood.
        BackendNotSupported: No driver is known for it.
        NotReachable: There is no answer.
        Denied: The store does not let us in.
    """
    return BlockingStore(open_store(url, access))


class BlockingStore:
    """An open connection to a store, whose calls return when they are done. Made by `connect`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection = BlockingConnection(store)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<BlockingStore {self.address.redacted}{' (closed)' if self._connection.closed else ''}>"

    def close(self) -> None:
        """End every call, watch, lock and connection of this store; a second call does nothing."""
        self._connection.close()

    # What it is

    @property
    def address(self) -> Address:
        """Where the store is."""
        return self._store.address

    @property
    def capabilities(self) -> Capability:
        """The calls that the store supports."""
        return self._store.capabilities

    @property
    def unsupported_reasons(self) -> Mapping[Capability, str]:
        """The reasons why it does not support the others."""
        return self._store.unsupported_reasons

    @property
    def lock_layouts(self) -> tuple[str, ...]:
        """Names of the layouts that a lock can be taken in; the first is the default."""
        return self._store.lock_layouts

    @property
    def separator(self) -> str:
        """The separator of the levels of its keys."""
        return self._store.separator

    def status(self) -> Status:
        """Ask the store's authority how it is."""
        return self._connection.run(self._store.status())

    def ping(self) -> Revision | None:
        """Have the store's authority prove that it is alive, as lightly as it can be asked."""
        return self._connection.run(self._store.ping())

    # Reading

    def get(self, key: str, *, consistent: bool = True) -> Entry:
        """Read one entry; KeyNotFound."""
        return self._connection.run(self._store.get(key, consistent=consistent))

    def exists(self, key: str) -> bool:
        """Tell whether there is an entry."""
        return self._connection.run(self._store.exists(key))

    def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        """Read a page of the next level below a prefix; KeyNotFound, Compacted."""
        return self._connection.run(self._store.children(prefix, after=after, limit=limit))

    def children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        """Read the last children of a level, or the last before a place; KeyNotFound."""
        return self._connection.run(self._store.children_before(prefix, before, after=after, limit=limit))

    def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        """Read a page of all entries below a prefix; KeyNotFound, Compacted."""
        return self._connection.run(self._store.list(prefix, after=after, limit=limit, values=values))

    def walk(self, prefix: str, *, values: bool = True) -> Generator[Entry, None, None]:
        """Read all entries below a prefix, as far as the iteration goes; KeyNotFound."""
        return self._connection.iterate(self._store.walk(prefix, values=values))

    def history(self, key: str) -> Generator[Entry, None, None]:
        """Read the earlier entries of a key, newest first; CallNotSupported."""
        return self._connection.iterate(self._connection.call(lambda: self._store.history(key)))

    # Writing

    def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        """Write an entry whatever is there now; TooLarge, OutcomeUnknown."""
        return self._connection.run(self._store.put(key, value, ttl=ttl, is_dir=is_dir, keep_alive=keep_alive))

    def delete(self, key: str) -> None:
        """Delete one entry; KeyNotFound."""
        self._connection.run(self._store.delete(key))

    def atomic_put(
        self, key: str, value: bytes, previous: Entry | Revision | None, *, ttl: float | None = None
    ) -> Entry:
        """Write an entry only if it still is the one that was read; KeyExists, KeyModified, OutcomeUnknown."""
        return self._connection.run(self._store.atomic_put(key, value, previous, ttl=ttl))

    def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        """Delete an entry only if it still is the one that was read; PreviousNotSpecified, KeyModified, KeyNotFound."""
        self._connection.run(self._store.atomic_delete(key, previous))

    def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        """Delete everything below a prefix, and tell how many entries that were; KeyNotFound, KeyModified."""
        return self._connection.run(self._store.delete_tree(prefix, guard=guard))

    # Watching

    def watch(self, key: str, *, since: Revision | None = None) -> BlockingWatch:
        """Watch one key: `with store.watch(key) as events: for event in events: ...`."""
        return BlockingWatch(self._connection, self._connection.call(lambda: self._store.watch(key, since=since)))

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> BlockingWatch:
        """Watch everything below a prefix, likewise. `known` is changed between two reads only."""
        watch = self._connection.call(lambda: self._store.watch_tree(prefix, since=since, known=known))
        return BlockingWatch(self._connection, watch)

    # Locks

    def lock(
        self,
        key: str,
        *,
        value: bytes = b"",
        ttl: float = LOCK_TTL,
        delete_on_unlock: bool = False,
        layout: str | None = None,
    ) -> BlockingLock:
        """Make a lock on a key, not yet held; CallNotSupported for a layout that is not among `lock_layouts`."""
        lock = self._connection.call(
            lambda: self._store.lock(key, value=value, ttl=ttl, delete_on_unlock=delete_on_unlock, layout=layout)
        )
        return BlockingLock(self._connection, lock)

    def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        """Tell every lock at or below a prefix."""
        return self._connection.run(self._store.locks(prefix))
