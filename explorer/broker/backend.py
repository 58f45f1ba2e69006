"""Backend: the calls of voltha-lib-go's db.Backend, with a path prefix and liveness."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing, contextmanager
from types import TracebackType
from typing import Final, Self

from explorer.broker.alive import AliveMonitor, AliveState
from explorer.drivers.base import PING_TIMEOUT, Store
from explorer.drivers.common.tasks import Tasks
from explorer.model.entries import Entry
from explorer.model.errors import ExplorerError, KeyNotFound, NotReachable, Timeout
from explorer.model.events import Event, Lost

CHECK_INTERVAL: Final = 10.0
"""Seconds between two liveness checks of an open backend."""
LIVENESS_INTERVAL: Final = 30.0
"""Seconds after which an unchanged state is yielded again, as VOLTHA's LivenessChannelInterval."""


class Backend:
    """A store below a path prefix, whose every call and watch shows whether it is alive. An async context manager.

    Keys are relative to the prefix when they are passed, and whole when they are returned, as VOLTHA has it. A missing
    key is None and no error. While the backend is open, it checks the store by itself, so that an idle one is known to
    be alive or dead as well; a check writes nothing.

    Args:
        store: The store, not yet connected.
        path_prefix: Begins every key, with a separator after it.
        check_interval: Seconds between two checks; None leaves them to `perform_liveness_check`.
    """

    def __init__(self, store: Store, path_prefix: str = "", *, check_interval: float | None = CHECK_INTERVAL) -> None:
        self._store = store
        self._check_interval = check_interval
        self._monitor = AliveMonitor()
        self._tasks = Tasks()
        self._is_connected = False
        self.path_prefix = path_prefix.rstrip(store.separator)

    async def __aenter__(self) -> Self:
        """Connect; a store that cannot be reached is dead, and connected by a later check."""
        try:
            with self._observed():
                await self._probe()
        except NotReachable as error:
            if not error.retryable:
                raise
        if self._check_interval is not None:
            self._tasks.start(self._check(self._check_interval), name=f"liveness of {self._store.redacted}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the checks and close the store; a second call does nothing."""
        await self._tasks.close()
        await self._store.close()

    def __str__(self) -> str:
        return f"{self._store.redacted}: {self.path_prefix or 'all keys'}"

    # Liveness

    @property
    def state(self) -> AliveState:
        """State of the store: alive or dead, why, and when it last answered."""
        return self._monitor.state

    async def perform_liveness_check(self, timeout: float = PING_TIMEOUT) -> bool:  # noqa: ASYNC109 - VOLTHA's word
        """Ask the store's authority, and return whether it answers within so many seconds; a refusal is an answer."""
        try:
            with self._observed():
                try:
                    async with asyncio.timeout(timeout):
                        await self._probe()
                except TimeoutError as error:
                    message = f"no answer within {timeout:g} s"
                    raise Timeout(message, address=self._store.redacted) from error
        except ExplorerError:
            return self.state.alive
        return True

    def liveness(
        self, *, min_interval: float = 1.0, max_interval: float = LIVENESS_INTERVAL
    ) -> AsyncGenerator[AliveState, None]:
        """Yield the state now, at each change, and again after `max_interval` seconds without one.

        Any number of readers may do so, at any speed: the next state is always the latest.

        Args:
            min_interval: Seconds between two states at least; changes in between are counted in the next one.
            max_interval: Seconds between two states at most.
        """
        return self._monitor.states(min_interval=min_interval, max_interval=max_interval)

    # Reading

    def make_path(self, key: str) -> str:
        """Return the whole key."""
        path = f"{self.path_prefix}{self._store.separator}{key}" if self.path_prefix else key
        return path if self._store.keeps_first_slash else path.removeprefix(self._store.separator)

    async def get(self, key: str) -> Entry | None:
        """Return an entry; None if there is none."""
        with self._observed():
            try:
                return await self._store.get(self.make_path(key))
            except KeyNotFound:
                return None

    async def key_exists(self, key: str) -> bool:
        """Return whether there is an entry."""
        with self._observed():
            return await self._store.exists(self.make_path(key))

    async def list(self, prefix: str = "") -> Mapping[str, Entry]:
        """Return all entries below a directory by their whole keys."""
        return {entry.key: entry for entry in await self._walk(prefix, values=True)}

    async def get_with_prefix(self, prefix: str) -> Mapping[str, Entry]:
        """Return all entries below a directory by their whole keys, as `list`."""
        return await self.list(prefix)

    async def get_with_prefix_keys_only(self, prefix: str) -> tuple[str, ...]:
        """Return the whole keys below a directory."""
        return tuple(entry.key for entry in await self._walk(prefix, values=False))

    async def _walk(self, prefix: str, *, values: bool) -> tuple[Entry, ...]:
        with self._observed():
            try:
                async with aclosing(self._store.walk(self.make_path(prefix), values=values)) as entries:
                    return tuple([entry async for entry in entries])
            except KeyNotFound:
                return ()

    # Writing

    async def put(self, key: str, value: bytes | str) -> Entry:
        """Write an entry; a text is written as UTF-8."""
        with self._observed():
            return await self._store.put(self.make_path(key), value.encode() if isinstance(value, str) else value)

    async def delete(self, key: str) -> None:
        """Delete an entry; a missing one is no error."""
        with self._observed():
            try:
                await self._store.delete(self.make_path(key))
            except KeyNotFound:
                return

    async def delete_with_prefix(self, prefix: str) -> int:
        """Delete everything below a directory, and return the number of entries."""
        with self._observed():
            try:
                return await self._store.delete_tree(self.make_path(prefix))
            except KeyNotFound:
                return 0

    # Watching

    async def watch(self, key: str, *, with_prefix: bool = False) -> AsyncGenerator[Event, None]:
        """Yield the events of a key, or with `with_prefix` of everything below it, see `Store.watch`.

        A lost connection is dead, every other event is alive. Close an iteration that ends early by
        `contextlib.aclosing`.
        """
        path = self.make_path(key)
        with self._observed():
            async with self._store.watch_tree(path) if with_prefix else self._store.watch(path) as events:
                async for event in events:
                    lost = isinstance(event, Lost)
                    self._monitor.set(not lost, event.reason if isinstance(event, Lost) else "")
                    yield event

    # Shared

    @contextmanager
    def _observed(self) -> Generator[None, None, None]:
        """Note how the call in the block ends; a missing key is an answer."""
        try:
            yield
        except ExplorerError as error:
            self._monitor.observe(error)
            raise
        self._monitor.observe(None)

    async def _probe(self) -> None:
        """Ask the store's authority; connect first if that did not succeed before."""
        if self._is_connected:
            await self._store.ping()
            return
        try:
            await self._store.connect()
        except BaseException:
            await self._store.close()
            raise
        self._is_connected = True

    async def _check(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self.perform_liveness_check()
