"""Watcher: callbacks for the changes of messages, as cn-infra's ProtoWatcher.

A watch goes on over lost connections. Where the history was lost, the state is read again and compared, and the
differences are reported like other changes (`inferred`). An event has the previous value also in stores that do not
report it: the watcher then remembers the values below its prefixes.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from inspect import isawaitable
from types import TracebackType
from typing import Generic, Self, TypeAlias, cast, overload

from explorer.broker.namespace import Namespace
from explorer.broker.serializer import JsonSerializer, MessageT, Serializer
from explorer.drivers.base import Store
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.common.watch import Watch
from explorer.model.capabilities import Capability
from explorer.model.entries import Entry, Revision
from explorer.model.errors import Compacted, ExplorerError, KeyNotFound
from explorer.model.events import Deleted, Put, Started


@dataclass(frozen=True, slots=True)
class ChangeEvent(Generic[MessageT]):
    """A put or a deletion of a key."""

    key: str
    """The key, relative to the watcher's prefix."""
    value: bytes | None
    """The new value; None if the key was deleted."""
    previous_value: bytes | None
    """The value before the change; None if there was none."""
    revision: Revision | None
    inferred: bool = False
    """Found by comparison after a gap in the history, see `Put.inferred`."""
    _namespace: Namespace[MessageT] = field(repr=False, kw_only=True)

    @property
    def is_deletion(self) -> bool:
        """True if the key was deleted."""
        return self.value is None

    @property
    def message(self) -> MessageT | None:
        """The new message; None if the key was deleted.

        Raises:
            InvalidText: The value is no message of the watcher's type.
        """
        return None if self.value is None else self._namespace.decode(self._namespace.root + self.key, self.value)

    @property
    def previous(self) -> MessageT | None:
        """The message before the change; None if there was none.

        Raises:
            InvalidText: The value was no message of the watcher's type.
        """
        value = self.previous_value
        return None if value is None else self._namespace.decode(self._namespace.root + self.key, value)


ChangeCallback: TypeAlias = Callable[[ChangeEvent[MessageT]], Awaitable[object] | object]
"""A function or a coroutine function; the next change is reported when it is done."""


class Watcher(Generic[MessageT]):
    """Watches messages of one type below a prefix.

    Args:
        store: The store; it has to be open.
        prefix: A directory; the keys of the watcher are relative to it.
        message_type: Type of the messages, as for a `Broker`.
        serializer: Converts messages, by default as JSON.
    """

    @overload
    def __init__(self: "Watcher[bytes]", store: Store, prefix: str = "") -> None: ...

    @overload
    def __init__(
        self, store: Store, prefix: str, message_type: type[MessageT], serializer: Serializer = ...
    ) -> None: ...

    def __init__(
        self,
        store: Store,
        prefix: str = "",
        message_type: type[MessageT] | type[bytes] = bytes,
        serializer: Serializer | None = None,
    ) -> None:
        kind = cast("type[MessageT]", message_type)
        self._namespace = Namespace(store, prefix, kind, serializer or JsonSerializer())

    async def watch(self, on_change: ChangeCallback[MessageT], *keys: str) -> "WatchRegistration[MessageT]":
        """Call a function for each change from now on, and return what ends that.

        Args:
            on_change: Called for one change after the other. An exception of it goes to the exception handler of the
                event loop, and the watch goes on.
            keys: Keys; one that ends with the separator is a directory, of which everything below is watched. All
                keys of the watcher by default.

        Raises:
            CallNotSupported: The store has no watches.
            Denied: The store refuses the watch.
        """
        registration = WatchRegistration(self._namespace, on_change)
        try:
            async with asyncio.TaskGroup() as group:
                for key in keys or ("",):
                    group.create_task(registration.add(key))
        except* ExplorerError as errors:
            await registration.cancel()
            raise _first(errors) from None
        return registration


class WatchRegistration(Generic[MessageT]):
    """The watches that call one function; they end with the store, or when they are cancelled."""

    def __init__(self, namespace: Namespace[MessageT], on_change: ChangeCallback[MessageT]) -> None:
        self._namespace = namespace
        self._on_change = on_change
        self._tasks = Tasks()
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cancel()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys and directories that are watched."""
        return tuple(key for key, task in self._watches.items() if not task.done())

    async def add(self, key: str) -> None:
        """Watch one more key or directory; return when its changes are reported. One that is watched begins anew."""
        await self.cancel(key)
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = self._watches[key] = self._tasks.start(self._run(key, started), name=f"watcher of {key or 'all keys'}")
        await asyncio.wait((task, started), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task

    async def cancel(self, *keys: str) -> None:
        """End the watches of these keys, of all by default; no call is made after that."""
        watches = [task for key in keys or tuple(self._watches) if (task := self._watches.pop(key, None))]
        await self._tasks.cancel(*watches)

    async def wait(self) -> None:
        """Wait until a watch has ended by an error, and raise that; return when all were cancelled."""
        watches = tuple(self._watches.values())
        if watches:
            await asyncio.wait(watches, return_when=asyncio.FIRST_EXCEPTION)
        for task in watches:
            if task.done() and not task.cancelled():
                await task

    async def _run(self, key: str, started: "asyncio.Future[None]") -> None:
        store = self._namespace.store
        store_key, known = self._namespace.to_store_key(key), _KnownValues(store)
        is_directory = not store_key or store_key.endswith(store.separator)
        watch = store.watch_tree(store_key, known=known.revisions) if is_directory else store.watch(store_key)
        async with watch, aclosing(self._changes(watch, store_key, known, started)) as changes:
            async for change in changes:
                async with self._turn:
                    await self._call(change)

    async def _changes(
        self, watch: Watch, prefix: str, known: "_KnownValues", started: "asyncio.Future[None]"
    ) -> AsyncGenerator[ChangeEvent[MessageT], None]:
        """Yield the changes; before, the state at the start is read, as far as it is needed for them."""
        async for event in watch:
            match event:
                case Started(entry=entry) if not started.done():
                    await known.read(prefix, entry)
                    started.set_result(None)
                case Put(entry=entry, previous=previous, inferred=inferred):
                    before = known.put(entry, previous)
                    if entry.value is not None and not self._namespace.is_directory(entry.value):
                        yield self._event(entry.key, entry.value, before, entry.revision, inferred=inferred)
                case Deleted(key=key, revision=revision, previous=previous, inferred=inferred):
                    before = known.delete(key, previous)
                    if before is None or not self._namespace.is_directory(before):
                        yield self._event(key, None, before, revision, inferred=inferred)
                case _:
                    continue

    def _event(
        self, key: str, value: bytes | None, before: bytes | None, revision: Revision | None, *, inferred: bool
    ) -> ChangeEvent[MessageT]:
        key = self._namespace.to_key(key)
        return ChangeEvent(key, value, before, revision, inferred, _namespace=self._namespace)

    async def _call(self, change: ChangeEvent[MessageT]) -> None:
        try:
            result = self._on_change(change)
            if isawaitable(result):
                await result
        except Exception as error:  # noqa: BLE001 - one change that a program cannot handle does not end its watch
            context = {"message": f"callback of a watch failed for {change.key!r}", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)


class _KnownValues:
    """Revisions of the keys below a prefix, and the values where the store does not report previous ones."""

    def __init__(self, store: Store) -> None:
        self.revisions: dict[str, Revision] = {}
        self._store = store
        self._values: dict[str, bytes | None] | None = None if Capability.PREVIOUS in store.capabilities else {}

    async def read(self, prefix: str, entry: Entry | None) -> None:
        """Read the state at the start: the entry of a single key, or everything below a directory."""
        if prefix and not prefix.endswith(self._store.separator):
            if entry is not None:
                self.put(entry, None)
            return
        try:
            async with aclosing(self._store.walk(prefix, values=self._values is not None)) as entries:
                async for each in entries:
                    self.put(each, None)
        except KeyNotFound:
            return
        except Compacted:  # while the pages were read
            await self.read(prefix, entry)

    def put(self, entry: Entry, previous: Entry | None) -> bytes | None:
        """Remember an entry, and return the value before it."""
        is_new = self.revisions.get(entry.key) != entry.revision  # else the reading at the start had it already
        self.revisions[entry.key] = entry.revision
        before = previous and previous.value
        if self._values is not None:
            before = self._values.get(entry.key) if is_new else None
            self._values[entry.key] = entry.value
        return before

    def delete(self, key: str, previous: Entry | None) -> bytes | None:
        """Forget a key, and return the value that it had."""
        self.revisions.pop(key, None)
        return previous and previous.value if self._values is None else self._values.pop(key, None)


def _first(errors: BaseExceptionGroup[ExplorerError]) -> BaseException:
    """Return the first error of a group."""
    first: BaseException = errors
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
