"""A table of keys kept by watch events, and its comparison with what the store has."""

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
from tests.faults.checkers import LogEntry
from tests.scale import PATIENCE
from tests.servers.waiting import eventually


@dataclass(slots=True)
class Replica:
    """Revisions and values by key, as the events of a watch say, and the log of these events."""

    revisions: dict[str, Revision] = field(default_factory=dict)
    values: dict[str, bytes | None] = field(default_factory=dict)
    log: list[LogEntry] = field(default_factory=list)

    async def read(self, store: Store) -> None:
        """Take over what a store has now."""
        async for entry in store.walk(""):
            self.apply(Put(entry))

    async def follow(self, watch: Watch) -> None:
        """Apply and log each event of a watch."""
        async for event in watch:
            self.log.append(event)
            self.apply(event)

    def apply(self, event: Event) -> None:
        match event:
            case Put(entry=entry):
                self.revisions[entry.key], self.values[entry.key] = entry.revision, entry.value
            case Deleted(key=key):
                self.revisions.pop(key, None)
                self.values.pop(key, None)
            case _:
                pass

    @property
    def is_lost(self) -> bool:
        """True if the watch is lost now: a watch that is lost already is not lost again by the next fault."""
        states = (event for event in reversed(self.log) if isinstance(event, Lost | Restored | Resync))
        return isinstance(next(states, None), Lost)

    def count(self, kind: type[Event]) -> int:
        """Return the number of events of a kind."""
        return sum(isinstance(event, kind) for event in self.log)

    async def wait_lost(self, losses: int) -> None:
        """Wait until the watch was lost more often than so many times."""
        await eventually(lambda: self.count(Lost) > losses, "the watch is lost", PATIENCE)

    async def converged(self, store: Store) -> None:
        """Wait until the watch is not lost and the table is what a store has."""

        async def is_equal() -> bool:
            try:
                revisions = {entry.key: entry.revision async for entry in store.walk("", values=False)}
                if self.is_lost or self.revisions != revisions:
                    return False
                return self.values == {entry.key: entry.value async for entry in store.walk("")}
            except NotReachable:
                return False

        await eventually(is_equal, "the replica equals the store", PATIENCE)


@asynccontextmanager
async def following(watch: Watch, replica: Replica) -> AsyncGenerator[None, None]:
    """Keep a replica by a watch for the length of the block, in which the watch must not fail."""
    async with watch:
        task = asyncio.create_task(replica.follow(watch))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()


@asynccontextmanager
async def replicated(store: Store) -> AsyncGenerator[Replica, None]:
    """Keep a replica of a whole store for the length of the block."""
    replica = Replica()
    async with following(store.watch_tree("", known=replica.revisions), replica):
        current = Replica()
        await current.read(store)
        replica.revisions.update(current.revisions)
        replica.values.update(current.values)
        yield replica


async def write_some(store: Store, choice: random.Random, count: int) -> None:
    """Create, change and delete some keys; what fails is tried again."""
    done = 0
    while done < count:
        key = f"{choice.randrange(5)}/{choice.randrange(8)}"
        try:
            if choice.random() < 0.3:
                await store.delete(key)
            else:
                await store.put(key, str(done).encode())
        except (KeyNotFound, NotReachable, OutcomeUnknown):
            continue
        done += 1


async def write_once(store: Store, key: str, value: bytes) -> None:
    """Write a value as soon as the store takes it."""

    async def is_written() -> bool:
        try:
            await store.put(key, value)
        except (NotReachable, OutcomeUnknown):
            return False
        return True

    await eventually(is_written, "the store takes a write", PATIENCE)
