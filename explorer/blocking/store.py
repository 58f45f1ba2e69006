"""Blocking stores."""

from collections.abc import Generator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast, overload

from explorer.blocking.activity import Activity
from explorer.blocking.broker import BlockingBroker
from explorer.blocking.connection import BlockingConnection
from explorer.blocking.lock import BlockingLock
from explorer.blocking.watch import BlockingWatch
from explorer.blocking.watcher import BlockingWatcher
from explorer.broker import Broker, JsonSerializer, Serializer, Watcher
from explorer.broker.serializer import MessageT
from explorer.codecs.entry_decoder import EntryDecoder
from explorer.codecs.options import CodecNames, PathName
from explorer.data.extras import progress_bar
from explorer.data.frames import FrameReader, locks_frame
from explorer.data.result_frames import diff_frame, find_frame
from explorer.drivers.base import PAGE_SIZE, Store
from explorer.drivers.lock import LOCK_TTL
from explorer.model.address import Access, Address
from explorer.model.capabilities import Capability
from explorer.model.entries import NO_META, Child, Cursor, Entry, Meta, Page, Revision, Status
from explorer.model.locks import LockInfo
from explorer.model.operations import Operation
from explorer.opener import open as open_store

if TYPE_CHECKING:
    from pandas import DataFrame


def connect(url: str, access: Access | None = None) -> "BlockingStore":
    """Return the store of a URL, connected. It is a context manager, which closes it.

    Args:
        url: As for `explorer.open`.
        access: As for `explorer.open`.

    Raises:
        InvalidAddress: The URL is invalid.
        BackendNotSupported: There is no driver for the scheme.
        NotReachable: The store does not answer.
        Denied: The store refuses the credentials.
    """
    return BlockingStore(open_store(url, access))


class BlockingStore:
    """A connected store whose calls block; `connect` returns one.

    The calls raise what those of `explorer.drivers.base.Store` raise, and NotReachable once the store is closed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection = BlockingConnection(store)
        self._activities: dict[str, Activity] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<BlockingStore {self.address.redacted}{' (closed)' if self._connection.closed else ''}>"

    def close(self) -> None:
        """Close the store with its calls, watches and locks; a second call does nothing."""
        self._connection.close()

    # Properties

    @property
    def address(self) -> Address:
        """Address of the store."""
        return self._store.address

    @property
    def capabilities(self) -> Capability:
        """Capabilities of the store."""
        return self._store.capabilities

    @property
    def unsupported_reasons(self) -> Mapping[Capability, str]:
        """Reason for each capability that the store does not have."""
        return self._store.unsupported_reasons

    @property
    def lock_layouts(self) -> tuple[str, ...]:
        """Names of the lock layouts; the first is the default."""
        return self._store.lock_layouts

    @property
    def max_operations(self) -> int | None:
        """Number of operations that fit into a transaction; None if only their size is limited."""
        return self._store.max_operations

    @property
    def separator(self) -> str:
        """Separator of the levels of keys."""
        return self._store.separator

    def status(self) -> Status:
        """Return the status of the store and its endpoints."""
        return self._connection.run(self._store.status())

    def ping(self) -> Revision | None:
        """Check by the cheapest linearizable request that the store answers, and return its revision if it has one."""
        return self._connection.run(self._store.ping())

    # Reading

    def get(self, key: str, *, consistent: bool = True) -> Entry:
        """Return one entry; KeyNotFound."""
        return self._connection.run(self._store.get(key, consistent=consistent))

    def complete(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Return listed entries with the metadata that a listing leaves out, where they are still the same."""
        return self._connection.run(self._store.complete(entries))

    def exists(self, key: str) -> bool:
        """Return whether the key has an entry."""
        return self._connection.run(self._store.exists(key))

    def require_key(self, key: str) -> None:
        """Raise InvalidKey or TooLarge if the store can hold no such key; asks no server."""
        self._store.require_key(key)

    def meta_refusal(self, meta: Meta, *, has_children: bool = False) -> str:
        """Return why a key cannot be created with metadata, in one line; "" if it can."""
        return self._store.meta_refusal(meta, has_children=has_children)

    def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        """Return a page of the next level below a prefix; KeyNotFound, Compacted."""
        return self._connection.run(self._store.children(prefix, after=after, limit=limit))

    def children_before(
        self, prefix: str, before: str | None = None, *, after: str | None = None, limit: int = PAGE_SIZE
    ) -> Page[Child]:
        """Return the last children of a level, or the last before a key; KeyNotFound."""
        return self._connection.run(self._store.children_before(prefix, before, after=after, limit=limit))

    def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        """Return a page of all entries below a prefix; KeyNotFound, Compacted."""
        return self._connection.run(self._store.list(prefix, after=after, limit=limit, values=values))

    def walk(self, prefix: str, *, values: bool = True) -> Generator[Entry, None, None]:
        """Yield all entries below a prefix, read as the iteration goes on; KeyNotFound."""
        return self._connection.iterate(self._store.walk(prefix, values=values))

    def walk_pages(self, prefix: str, *, values: bool = True) -> Generator[Sequence[Entry], None, None]:
        """Yield all entries below a prefix in pages, read as the iteration goes on; KeyNotFound."""
        return self._connection.iterate(self._store.walk_pages(prefix, values=values), max_batch_size=1)

    def history(self, key: str) -> Generator[Entry, None, None]:
        """Yield the earlier entries of a key, newest first; CallNotSupported."""
        return self._connection.iterate(self._connection.call(lambda: self._store.history(key)))

    # Writing

    def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        """Write an entry unconditionally; TooLarge, OutcomeUnknown."""
        return self._connection.run(self._store.put(key, value, ttl=ttl, is_dir=is_dir, keep_alive=keep_alive))

    def delete(self, key: str) -> None:
        """Delete one entry; KeyNotFound."""
        self._connection.run(self._store.delete(key))

    def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        """Write an entry if it is unchanged since it was read; KeyExists, KeyModified, OutcomeUnknown."""
        return self._connection.run(self._store.atomic_put(key, value, previous, ttl=ttl, meta=meta))

    def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        """Delete an entry if it is unchanged since it was read; PreviousNotSpecified, KeyModified, KeyNotFound."""
        self._connection.run(self._store.atomic_delete(key, previous))

    def transact(self, operations: Sequence[Operation]) -> tuple[Entry | None, ...]:
        """Apply all operations or none; KeyExists, KeyModified, TooLarge, OutcomeUnknown."""
        return self._connection.run(self._store.transact(operations))

    def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        """Delete everything below a prefix and return the number of entries; KeyNotFound, KeyModified."""
        return self._connection.run(self._store.delete_tree(prefix, guard=guard))

    # Watching

    def watch(
        self, key: str, *, since: Revision | None = None, limit: int | None = None, timeout: float | None = None
    ) -> BlockingWatch:
        """Return a watch of one key, as `watch_tree`."""
        watch = self._connection.call(lambda: self._store.watch(key, since=since))
        return BlockingWatch(self._connection, watch, limit=limit, timeout=timeout)

    def watch_tree(
        self,
        prefix: str,
        *,
        since: Revision | None = None,
        known: Mapping[str, Revision] | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> BlockingWatch:
        """Return a watch of everything below a prefix: `for event in store.watch_tree(prefix): ...`.

        The watch ends with the loop, however that is left. `with store.watch_tree(prefix) as events:` keeps it for
        several loops.

        Args:
            prefix: As for `Store.watch_tree`.
            since: As for `Store.watch_tree`.
            known: As for `Store.watch_tree`. Change it between two events only.
            limit: End the iteration after so many puts and deletes.
            timeout: End the iteration after so many seconds.
        """
        watch = self._connection.call(lambda: self._store.watch_tree(prefix, since=since, known=known))
        return BlockingWatch(self._connection, watch, limit=limit, timeout=timeout)

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
        """Return a lock on a key, not yet acquired; CallNotSupported for a layout that is not among `lock_layouts`."""
        lock = self._connection.call(
            lambda: self._store.lock(key, value=value, ttl=ttl, delete_on_unlock=delete_on_unlock, layout=layout)
        )
        return BlockingLock(self._connection, lock)

    def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        """Return every lock at or below a prefix."""
        return self._connection.run(self._store.locks(prefix))

    # Messages

    @overload
    def broker(self, prefix: str = "") -> BlockingBroker[bytes]: ...

    @overload
    def broker(
        self, prefix: str, message_type: type[MessageT], serializer: Serializer = ...
    ) -> BlockingBroker[MessageT]: ...

    def broker(
        self,
        prefix: str = "",
        message_type: type[MessageT] | type[bytes] = bytes,
        serializer: Serializer | None = None,
    ) -> BlockingBroker[MessageT] | BlockingBroker[bytes]:
        """Return a broker of messages of one type below a prefix, as `explorer.Broker`."""
        kind = cast("type[MessageT]", message_type)
        return BlockingBroker(self._connection, Broker(self._store, prefix, kind, serializer or JsonSerializer()))

    @overload
    def watcher(self, prefix: str = "") -> BlockingWatcher[bytes]: ...

    @overload
    def watcher(
        self, prefix: str, message_type: type[MessageT], serializer: Serializer = ...
    ) -> BlockingWatcher[MessageT]: ...

    def watcher(
        self,
        prefix: str = "",
        message_type: type[MessageT] | type[bytes] = bytes,
        serializer: Serializer | None = None,
    ) -> BlockingWatcher[MessageT] | BlockingWatcher[bytes]:
        """Return a watcher of messages of one type below a prefix, as `explorer.Watcher`."""
        kind = cast("type[MessageT]", message_type)
        return BlockingWatcher(self._connection, Watcher(self._store, prefix, kind, serializer or JsonSerializer()))

    # Data

    def to_frame(
        self,
        prefix: str = "",
        decode: bool = True,  # noqa: FBT001, FBT002 - as `explorer.to_frame`
        *,
        limit: int | None = None,
        proto: Sequence[PathName] = (),
        import_paths: Sequence[PathName] = (),
        codecs: CodecNames | None = None,
    ) -> "DataFrame":
        """Return the entries below a prefix as a pandas frame, as `explorer.to_frame`."""
        decoder = self.decoder(proto=proto, import_paths=import_paths, codecs=codecs) if decode else None
        reader = FrameReader(self._store, prefix, decoder, limit)
        with progress_bar("reading", "keys") as advance:
            while not reader.done:
                advance(reader.add(self._connection.run(reader.read())))
        return reader.frame()

    def locks_frame(self, prefix: str = "") -> "DataFrame":
        """Return the locks at or below a prefix as a pandas frame, as `explorer.locks_frame`."""
        return self._connection.run(locks_frame(self._store, prefix))

    def diff_frame(
        self,
        other: "BlockingStore",
        prefix: str = "",
        decode: bool = True,  # noqa: FBT001, FBT002 - as `explorer.diff_frame`
        *,
        proto: Sequence[PathName] = (),
        import_paths: Sequence[PathName] = (),
        codecs: CodecNames | None = None,
    ) -> "DataFrame":
        """Return the keys that differ from those of another store as a pandas frame, as `explorer.diff_frame`."""
        options = {"proto": proto, "import_paths": import_paths}
        work = diff_frame(self._store, other._store, prefix, decode, codecs=codecs, **options)  # noqa: SLF001 - its own kind
        return self._connection.run(work)

    def find_frame(
        self,
        prefix: str = "",
        *,
        key: str | None = None,
        value: str | None = None,
        regex: bool = False,
        ignore_case: bool = False,
        limit: int | None = None,
        proto: Sequence[PathName] = (),
        import_paths: Sequence[PathName] = (),
        codecs: CodecNames | None = None,
    ) -> "DataFrame":
        """Return what is found below a prefix as a pandas frame, as `explorer.find_frame`."""
        return self._connection.run(
            find_frame(
                self._store,
                prefix,
                key=key,
                value=value,
                regex=regex,
                ignore_case=ignore_case,
                limit=limit,
                proto=proto,
                import_paths=import_paths,
                codecs=codecs,
            )
        )

    def decoder(
        self,
        *,
        proto: Sequence[PathName] = (),
        import_paths: Sequence[PathName] = (),
        codecs: CodecNames | None = None,
    ) -> EntryDecoder:
        """Return a decoder of this store's values, as `explorer.EntryDecoder`."""
        return EntryDecoder(self._store, proto=proto, import_paths=import_paths, codecs=codecs)

    def activity(self, prefix: str = "") -> Activity:
        """Return the changes below a prefix by second, counted from now on: `store.activity("config/").plot()`.

        It is a context manager. A new one for the same prefix closes the one before, as when a cell is run again.
        """
        if (before := self._activities.pop(prefix, None)) is not None:
            before.close()
        watch = self._connection.call(lambda: self._store.watch_tree(prefix))
        self._activities[prefix] = activity = Activity(self._connection, watch, prefix, self.address.redacted)
        return activity
