"""Plugin: one store for the brokers and watchers of a program, configured by a file, as cn-infra's KvProtoPlugin."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias, cast, overload

from explorer.broker.broker import Broker
from explorer.broker.serializer import JsonSerializer, MessageT, Serializer
from explorer.broker.watcher import Watcher
from explorer.config import read_store_file
from explorer.drivers.base import Store
from explorer.drivers.common.retry import Backoff
from explorer.drivers.common.tasks import Tasks
from explorer.model.errors import CallNotSupported, ExplorerError, NotReachable
from explorer.model.sanitize import sanitize
from explorer.opener import open_profile

_LOG: Final = logging.getLogger(__package__)
_DISABLED: Final = "KV store is disabled"

ConnectCallback: TypeAlias = Callable[[], Awaitable[object] | object]
"""A function or a coroutine function."""


class KvPlugin:
    """A store that a program uses by brokers and watchers; an async context manager.

    The file has the settings of a profile (`url`, `user`, `password_file`, `timeout`, ...) at its top. Without the file
    the plugin is disabled: entering it does nothing, and what it makes raises CallNotSupported.

    Args:
        config: The file; or a store, not yet connected.
        serializer: Converts messages, by default as JSON.
        delayed_start: Go on without a connection if the store cannot be reached, and connect when it can.

    Raises:
        InvalidAddress: The file is invalid.
        BackendNotSupported: There is no driver for its URL.
    """

    def __init__(
        self,
        config: "str | PathLike[str] | Store",
        *,
        serializer: Serializer | None = None,
        delayed_start: bool = False,
    ) -> None:
        self._source = config if isinstance(config, Store) else Path(config)
        self._store = config if isinstance(config, Store) else _open_file(Path(config))
        self._serializer = serializer or JsonSerializer()
        self._delayed_start = delayed_start
        self._tasks = Tasks()
        self._callbacks: list[ConnectCallback] = []
        self.connected = False
        """True once the store is connected."""

    def __str__(self) -> str:
        return f"{_DISABLED}: {self._source} does not exist" if self._store is None else self._store.redacted

    @property
    def disabled(self) -> bool:
        """True if there is no configuration."""
        return self._store is None

    @property
    def store(self) -> Store:
        """The store.

        Raises:
            CallNotSupported: The plugin is disabled.
        """
        if self._store is None:
            raise CallNotSupported(str(self), hint='write a file with url = "etcd://host:2379/"')
        return self._store

    async def __aenter__(self) -> Self:
        if self._store is None:
            _LOG.info("%s", sanitize(str(self)))
            return self
        try:
            await self._connect(self._store)
        except NotReachable as error:
            await self._store.close()
            if not (self._delayed_start and error.retryable):
                raise
            _LOG.info("%s is not reachable yet: %s", self._store.redacted, sanitize(error.message))
            self._tasks.start(self._connect_later(self._store), name=f"connection to {self._store.redacted}")
        except BaseException:
            await self._store.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tasks.close()
        if self._store is not None:
            await self._store.close()

    async def on_connect(self, callback: ConnectCallback) -> None:
        """Call a function when the store is connected: at once if it is, never if the plugin is disabled."""
        if self.connected:
            await _call(callback)
        else:
            self._callbacks.append(callback)

    @overload
    def new_broker(self, prefix: str = "") -> Broker[bytes]: ...

    @overload
    def new_broker(self, prefix: str, message_type: type[MessageT]) -> Broker[MessageT]: ...

    def new_broker(
        self, prefix: str = "", message_type: type[MessageT] | type[bytes] = bytes
    ) -> Broker[MessageT] | Broker[bytes]:
        """Return a broker of messages of one type below a prefix."""
        return Broker(self.store, prefix, cast("type[MessageT]", message_type), self._serializer)

    @overload
    def new_watcher(self, prefix: str = "") -> Watcher[bytes]: ...

    @overload
    def new_watcher(self, prefix: str, message_type: type[MessageT]) -> Watcher[MessageT]: ...

    def new_watcher(
        self, prefix: str = "", message_type: type[MessageT] | type[bytes] = bytes
    ) -> Watcher[MessageT] | Watcher[bytes]:
        """Return a watcher of messages of one type below a prefix."""
        return Watcher(self.store, prefix, cast("type[MessageT]", message_type), self._serializer)

    async def _connect(self, store: Store) -> None:
        await store.connect()
        self.connected = True
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            await _call(callback)

    async def _connect_later(self, store: Store) -> None:
        pauses = Backoff()
        while not self.connected:
            await pauses.pause()
            try:
                await self._connect(store)
            except NotReachable:
                await store.close()
            except ExplorerError as error:
                context = {"message": f"cannot connect {self}", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)
                return


def _open_file(file: Path) -> Store | None:
    profile = read_store_file(file)
    return None if profile is None else open_profile(profile)


async def _call(callback: ConnectCallback) -> None:
    result = callback()
    if isawaitable(result):
        await result
