"""Blocking watchers: callbacks for the changes of messages, in a thread of their own."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeAlias

from explorer.blocking.connection import BlockingConnection
from explorer.broker import ChangeEvent, Watcher, WatchRegistration
from explorer.broker.serializer import MessageT

BlockingCallback: TypeAlias = Callable[[ChangeEvent[MessageT]], object]
"""A function, which may call the store; the next change is reported when it returns."""


class BlockingWatcher(Generic[MessageT]):
    """A watcher whose calls block, see `explorer.broker.Watcher`; `BlockingStore.watcher` returns one."""

    def __init__(self, connection: BlockingConnection, watcher: Watcher[MessageT]) -> None:
        self._connection = connection
        self._watcher = watcher

    def watch(self, on_change: BlockingCallback[MessageT], *keys: str) -> "BlockingWatchRegistration[MessageT]":
        """Call a function for each change from now on, in another thread, and return what ends that; Denied."""

        async def call_in_thread(change: ChangeEvent[MessageT]) -> None:
            await asyncio.to_thread(on_change, change)

        registration = self._connection.run(self._watcher.watch(call_in_thread, *keys))
        return BlockingWatchRegistration(self._connection, registration)


class BlockingWatchRegistration(Generic[MessageT]):
    """The watches that call one function; they end with the store, or when they are cancelled."""

    def __init__(self, connection: BlockingConnection, registration: WatchRegistration[MessageT]) -> None:
        self._connection = connection
        self._registration = registration

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._connection.closed:
            self.cancel()

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys and directories that are watched."""
        return self._connection.call(lambda: self._registration.keys)

    def add(self, key: str) -> None:
        """Watch one more key or directory; return when its changes are reported. One that is watched begins anew."""
        self._connection.run(self._registration.add(key))

    def cancel(self, *keys: str) -> None:
        """End the watches of these keys, of all by default; a call that is under way is not waited for."""
        self._connection.run(self._registration.cancel(*keys))

    def wait(self) -> None:
        """Wait until a watch has ended by an error, and raise that; return when all were cancelled."""
        self._connection.run(self._registration.wait())
