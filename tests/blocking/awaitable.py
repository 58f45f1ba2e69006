"""Async adapters over the blocking classes, each call in a thread, for the contract suite."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

from explorer.blocking import BlockingLock, BlockingStore, BlockingWatch
from explorer.drivers.base import PAGE_SIZE, Store
from explorer.drivers.common.watch import Watch
from explorer.drivers.lock import LOCK_TTL, Lock
from explorer.model.entries import NO_META, Child, Cursor, Entry, Meta, Page, Revision, Status
from explorer.model.errors import ExplorerError, NotReachable
from explorer.model.events import Event
from explorer.model.locks import LockInfo
from explorer.model.operations import Operation

Result = TypeVar("Result")

_THREADS = 32
_WAIT_SLICE = 0.05
"""Seconds of one blocking wait for the loss of a lock; a thread that waits cannot be cancelled."""


class AwaitableStore(Store):
    """Store over `BlockingStore`.

    Args:
        store: A store, not yet connected.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store.address)
        self.capabilities = store.capabilities
        self.separator = store.separator
        self.max_operations = store.max_operations
        vars(self).update(unsupported_reasons=store.unsupported_reasons, lock_layouts=store.lock_layouts)
        vars(self).update(settable_meta=store.settable_meta)
        self._store = store
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="blocking")
        self._opened: BlockingStore | None = None

    @property
    def blocking(self) -> BlockingStore:
        if self._opened is None:
            raise NotReachable("the store is not open")
        return self._opened

    def start(self, call: Callable[[], Result]) -> "Future[Result]":
        """Start a call in a thread."""
        return self._threads.submit(call)

    async def run(self, call: Callable[[], Result]) -> Result:
        """Run a call in a thread and return its result."""
        return await asyncio.wrap_future(self.start(call))

    async def connect(self) -> None:
        self._opened = await self.run(lambda: BlockingStore(self._store))
        self.capabilities = self._opened.capabilities

    async def close(self) -> None:
        if self._opened is not None:
            await self.run(self._opened.close)

    async def status(self) -> Status:
        return await self.run(self.blocking.status)

    async def ping(self) -> Revision | None:
        return await self.run(self.blocking.ping)

    async def get(self, key: str, *, consistent: bool = True) -> Entry:
        return await self.run(lambda: self.blocking.get(key, consistent=consistent))

    async def exists(self, key: str) -> bool:
        return await self.run(lambda: self.blocking.exists(key))

    async def children(self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE) -> Page[Child]:
        return await self.run(lambda: self.blocking.children(prefix, after=after, limit=limit))

    async def list(
        self, prefix: str, *, after: Cursor | str | None = None, limit: int = PAGE_SIZE, values: bool = True
    ) -> Page[Entry]:
        return await self.run(lambda: self.blocking.list(prefix, after=after, limit=limit, values=values))

    async def walk(self, prefix: str, *, values: bool = True) -> AsyncGenerator[Entry, None]:
        items = self.blocking.walk(prefix, values=values)
        try:
            while (entry := await self.run(lambda: next(items, None))) is not None:
                yield entry
        finally:
            await self.run(items.close)

    def history(self, key: str) -> AsyncGenerator[Entry, None]:
        return self._iterated(self.blocking.history(key))

    async def _iterated(self, items: Generator[Entry, None, None]) -> AsyncGenerator[Entry, None]:
        try:
            while (entry := await self.run(lambda: next(items, None))) is not None:
                yield entry
        finally:
            await self.run(items.close)

    async def put(
        self, key: str, value: bytes, *, ttl: float | None = None, is_dir: bool = False, keep_alive: bool = False
    ) -> Entry:
        return await self.run(lambda: self.blocking.put(key, value, ttl=ttl, is_dir=is_dir, keep_alive=keep_alive))

    async def delete(self, key: str) -> None:
        await self.run(lambda: self.blocking.delete(key))

    async def atomic_put(
        self,
        key: str,
        value: bytes,
        previous: Entry | Revision | None,
        *,
        ttl: float | None = None,
        meta: Meta = NO_META,
    ) -> Entry:
        return await self.run(lambda: self.blocking.atomic_put(key, value, previous, ttl=ttl, meta=meta))

    async def atomic_delete(self, key: str, previous: Entry | Revision | None) -> None:
        await self.run(lambda: self.blocking.atomic_delete(key, previous))

    async def transact(self, operations: Sequence[Operation]) -> tuple[Entry | None, ...]:
        return await self.run(lambda: self.blocking.transact(operations))

    async def delete_tree(self, prefix: str, *, guard: Revision | None = None) -> int:
        return await self.run(lambda: self.blocking.delete_tree(prefix, guard=guard))

    def watch(self, key: str, *, since: Revision | None = None) -> Watch:
        return AwaitableWatch(self, self.blocking.watch(key, since=since))

    def watch_tree(
        self, prefix: str, *, since: Revision | None = None, known: Mapping[str, Revision] | None = None
    ) -> Watch:
        return AwaitableWatch(self, self.blocking.watch_tree(prefix, since=since, known=known))

    def lock(
        self,
        key: str,
        *,
        value: bytes = b"",
        ttl: float = LOCK_TTL,
        delete_on_unlock: bool = False,
        layout: str | None = None,
    ) -> Lock:
        lock = self.blocking.lock(key, value=value, ttl=ttl, delete_on_unlock=delete_on_unlock, layout=layout)
        return AwaitableLock(self, lock)

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        return await self.run(lambda: self.blocking.locks(prefix))


class AwaitableWatch(Watch):
    """Watch over `BlockingWatch`; a cancelled read goes on in its thread, and the next read returns its event."""

    def __init__(self, store: AwaitableStore, watch: BlockingWatch) -> None:
        self._awaitable = store
        self._watch_in_thread = watch
        self._pending: Future[Event] | None = None

    async def __aenter__(self) -> Self:
        await self._awaitable.run(self._watch_in_thread.__enter__)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._watch_in_thread.__exit__, kind, error, trace)
        if self._pending is not None:
            with suppress(ExplorerError):
                await asyncio.wrap_future(self._pending)

    async def __anext__(self) -> Event:
        self._pending = self._pending or self._awaitable.start(self._watch_in_thread.next)
        event = await asyncio.shield(asyncio.wrap_future(self._pending))
        self._pending = None
        return event


class LostEvent(asyncio.Event):
    """Event that is set while the lock is lost."""

    def __init__(self, store: AwaitableStore, lock: BlockingLock) -> None:
        super().__init__()
        self._awaitable = store
        self._lock = lock

    def is_set(self) -> bool:
        return self._lock.lost

    async def wait(self) -> bool:  # type: ignore[override]  # asyncio says that it is always true
        while not await self._awaitable.run(lambda: self._lock.wait_lost(_WAIT_SLICE)):
            continue
        return True


class AwaitableLock(Lock):
    """Lock over `BlockingLock`; a cancelled acquisition is ended by a release from another thread."""

    def __init__(self, store: AwaitableStore, lock: BlockingLock) -> None:
        self.key = lock.key
        self.lost = LostEvent(store, lock)
        self._awaitable = store
        self._lock = lock

    @property
    def held(self) -> bool:
        return self._lock.held

    @property
    def fence(self) -> Revision | None:
        return self._lock.fence

    async def acquire(self, timeout: float | None = None) -> None:
        acquiring = self._awaitable.start(lambda: self._lock.acquire(timeout))
        try:
            await asyncio.shield(asyncio.wrap_future(acquiring))
        except asyncio.CancelledError:
            await self._awaitable.run(self._lock.release)
            with suppress(ExplorerError):
                await asyncio.wrap_future(acquiring)
            raise

    async def release(self) -> None:
        await self._awaitable.run(self._lock.release)

    async def put(self, key: str, value: bytes) -> Entry:
        return await self._awaitable.run(lambda: self._lock.put(key, value))
