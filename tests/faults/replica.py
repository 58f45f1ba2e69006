"""A watcher that folds what it is told, a writer beside it, and the question whether what was folded is true."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from explorer.drivers.base import Store
from explorer.drivers.common.watch import Watch
from explorer.model.entries import Revision
from explorer.model.errors import KeyNotFound, NotReachable, OutcomeUnknown
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync
from tests.scale import PATIENCE
from tests.servers.waiting import eventually


@dataclass(slots=True)
class Replica:
    """A watcher that folds events into a table, as a view does."""

    table: dict[str, Revision] = field(default_factory=dict)
    log: list[Event] = field(default_factory=list)

    async def follow(self, watch: Watch) -> None:
        async for event in watch:
            self.log.append(event)
            match event:
                case Put(entry=entry):
                    self.table[entry.key] = entry.revision
                case Deleted(key=key):
                    self.table.pop(key, None)
                case _:
                    continue

    @property
    def heard(self) -> bool:
        """Whether the last loss is over: a watch that is lost already cannot be lost by what comes next."""
        told = (event for event in reversed(self.log) if isinstance(event, Lost | Restored | Resync))
        return not isinstance(next(told, None), Lost)

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.log)


async def fresh(store: Store) -> dict[str, Revision]:
    return {entry.key: entry.revision async for entry in store.walk("", values=False)}


@asynccontextmanager
async def folding(store: Store) -> AsyncGenerator[Replica, None]:
    folder = Replica()
    async with store.watch_tree("", known=folder.table) as watch:
        folder.table.update(await fresh(store))
        task = asyncio.create_task(folder.follow(watch))
        try:
            yield folder
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()


async def converged(folder: Replica, store: Store) -> None:
    """Wait until the table is what a fresh read says."""

    async def equal() -> bool:
        try:
            return folder.heard and folder.table == await fresh(store)
        except NotReachable:
            return False

    await eventually(equal, "the folded table is the store's", PATIENCE)


async def write(store: Store, choice: random.Random, count: int) -> None:
    """Create, change and delete some nodes, patiently."""
    done = 0
    while done < count:
        key = f"{choice.randrange(5)}/{choice.randrange(8)}"
        try:
            if choice.random() < 0.3:
                await store.delete(key)
            else:
                await store.put(key, str(done).encode())
        except KeyNotFound:
            continue
        except (NotReachable, OutcomeUnknown):
            continue
        done += 1


async def lost(folder: Replica, times: int) -> None:
    await eventually(lambda: folder.count(Lost) > times, "the loss is told", PATIENCE)
