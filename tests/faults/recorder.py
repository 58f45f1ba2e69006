"""The watcher under test, and a recorder of the store's own history that no fault disturbs."""

import asyncio
from types import TracebackType
from typing import Self

from grpc.aio import AioRpcError

from explorer.drivers.etcd import EtcdStore, messages
from explorer.model.address import Access, parse
from explorer.model.entries import Revision
from explorer.model.events import Deleted, Event, Put
from tests.faults.checkers import FaultBegun, FaultHealed, number
from tests.faults.etcd_stub import EtcdStub, change
from tests.faults.history import Change, History
from tests.faults.replica import Replica
from tests.faults.timeouts import limit_requests
from tests.faults.workload import ROOT
from tests.scale import PATIENCE
from tests.servers.waiting import eventually

_LIMIT = 2.0
"""Seconds that a request of the watcher may take; a silent server is noticed after that."""


def open_store(*addresses: str, timeout: float = PATIENCE) -> EtcdStore:
    """Return a store at the prefix of the workload, not yet connected."""
    return EtcdStore(parse(f"etcd://{','.join(addresses)}/{ROOT}"), Access(timeout=timeout))


async def _end(task: asyncio.Task[None] | None, error: BaseException | None) -> None:
    """Cancel a task; raise its failure unless there is an error already."""
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (failure := task.exception()) and error is None:
            raise failure


class Watcher(Replica):
    """A replica of an etcd store, from a listing and a watch that continues from its revision."""

    def __init__(self, store: EtcdStore) -> None:
        super().__init__()
        self._store = store
        self.seen = 0
        """The revision of the store's last own event."""
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        page = await self._store.list("", limit=100_000)
        for entry in page.items:
            self.apply(Put(entry))
        limit_requests(self._store, _LIMIT)
        self._task = asyncio.create_task(self._watch(page.revision))
        await eventually(lambda: bool(self.log) or self.ended, "the watch is established", PATIENCE)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _end(self._task, error)

    @property
    def ended(self) -> bool:
        return self._task is None or self._task.done()

    @property
    def changes(self) -> int:
        """Number of changes that the store itself reported."""
        return sum(isinstance(event, Put | Deleted) and not event.inferred for event in self.log)

    def begin_fault(self, fault: str) -> None:
        """Mark in the log that a fault begins."""
        self.log.append(FaultBegun(fault))

    def end_fault(self, fault: str) -> None:
        """Mark in the log that a fault is over."""
        self.log.append(FaultHealed(fault))

    async def reach(self, revision: int) -> None:
        """Wait until the store's own events have reached a revision."""
        await eventually(lambda: self.seen >= revision or self.ended, f"revision {revision} is reached", PATIENCE)

    def state(self) -> dict[str, tuple[Revision, bytes | None]]:
        """Return revision and value by key."""
        return {key: (self.revisions[key], value) for key, value in self.values.items()}

    def apply(self, event: Event) -> None:
        super().apply(event)
        if isinstance(event, Put | Deleted) and not event.inferred:
            self.seen = number(event)

    async def _watch(self, since: Revision | None) -> None:
        async with self._store.watch_tree("", since=since, known=self.revisions) as events:
            await self.follow(events)


class Recorder:
    """Records the history of a server from its beginning; its connection is behind no proxy.

    Where history is compacted it has to run during the workload; elsewhere it may read everything at the end.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._changes: list[Change] = []
        self._seen = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._record())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await _end(self._task, error)

    async def reach(self, revision: int) -> History:
        """Return the history of the keys below ROOT up to a revision that wrote one."""
        task = self._task
        await eventually(
            lambda: self._seen >= revision or task is None or task.done(), f"{revision} is recorded", PATIENCE
        )
        return History(tuple(change for change in self._changes if change.revision <= revision))

    @property
    def seen(self) -> int:
        return self._seen

    async def _record(self) -> None:
        while True:
            async with EtcdStub(self._address) as client:
                try:
                    async for answer in client.watch(self._seen + 1):
                        self._take(answer)
                except AioRpcError:
                    await asyncio.sleep(0.1)

    def _take(self, answer: messages.WatchResponse) -> None:
        assert not answer.canceled, f"the recorder itself was cut off from history: {answer}"
        for event in answer.events:
            if event.kv.key.startswith(ROOT.encode()):
                self._changes.append(change(event, ROOT))
            self._seen = event.kv.mod_revision


async def record(address: str, revision: int) -> History:
    """Return the history up to a revision that wrote a key, of a store that was not compacted."""
    async with Recorder(address) as recorder:
        return await recorder.reach(revision)
