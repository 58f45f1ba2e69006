"""The lock table is read when something about a lock may have changed, and no more often than its cost allows."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from explorer.drivers.memory import MemoryStore
from explorer.model.address import parse
from explorer.model.capabilities import Capability
from explorer.model.clock import SystemClock
from explorer.model.entries import Entry
from explorer.model.errors import CallNotSupported, Forbidden, NotReachable
from explorer.model.events import Deleted, Put
from explorer.model.locks import LockInfo
from explorer.session.lock_table import LockTable
from explorer.session.states import Empty, Failed, Part, Ready
from tests.servers.waiting import eventually
from tests.session.fixtures import PATIENCE, Place, live, opened


class Counted(MemoryStore):
    """A memory store that counts how often its locks are read, and takes as long for it, or fails, as a test says."""

    def __init__(self, place: Place) -> None:
        super().__init__(parse("memory:"), database=place.keyspace)
        self.reads = 0
        self.failure: Exception | None = None

    async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
        self.reads += 1
        if self.failure is not None:
            raise self.failure
        return await super().locks(prefix)


@asynccontextmanager
async def table(store: MemoryStore, *, pause: float = 0.01) -> AsyncGenerator[LockTable, None]:
    """A lock table at work, which tells nobody."""
    running = LockTable(SystemClock(), _nobody, min_interval=pause)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(running.run(store))
        await eventually(lambda: running.state != Empty("not connected"), "it was read", PATIENCE)
        yield running
        task.cancel()


def _nobody(_: Part) -> None:
    """Ignore a notification."""


def put(key: str, *, lease: str | None = None, ttl: float | None = None) -> Put:
    return Put(Entry(key, b"", 7, lease=lease, ttl=ttl))


def holders(running: LockTable) -> list[tuple[str, str, int]]:
    if not isinstance(running.state, Ready):
        return []
    return [
        (lock.key, lock.holder.name if lock.holder else "", len(lock.waiters)) for lock in running.state.value.locks
    ]


@pytest.mark.heavy
async def test_lock_table_follows_holder_and_waiters() -> None:
    place = Place()
    async with place.other() as other, place.other() as rival, opened(place) as session:
        assert session.locks.state == Empty("nobody holds a lock or waits for one")
        async with other.lock("job") as held:
            await eventually(lambda: [lock[0] for lock in holders(session.locks)] == ["job"], "the holder", PATIENCE)
            async with asyncio.TaskGroup() as group:
                waiting = rival.lock("job")
                group.create_task(waiting.acquire())
                await eventually(lambda: [lock[2] for lock in holders(session.locks)] == [1], "the waiter", PATIENCE)
                await held.release()
            await eventually(lambda: [lock[2] for lock in holders(session.locks)] == [0], "the new holder", PATIENCE)
            await waiting.release()
        await eventually(lambda: not holders(session.locks), "nobody holds it", PATIENCE)


async def test_ttl_counts_down_between_readings() -> None:
    place = Place()
    async with place.other() as other, Counted(place) as store, other.lock("job", ttl=30), table(store) as running:
        await eventually(lambda: bool(holders(running)), "the holder", PATIENCE)
        assert isinstance(running.state, Ready)
        read = running.state.value
        holder = read.locks[0].holder
        assert holder is not None
        now = read.ttl_left(holder, read.read_at)
        later = read.ttl_left(holder, read.read_at + 10)
        assert now is not None
        assert later is not None
        assert now - later == pytest.approx(10)
        assert read.ttl_left(holder, read.read_at + 1000) == 0


async def test_ttl_of_a_new_lock_is_read_again() -> None:
    """A lock that is taken while others look is read because it changed; that it is renewed is no event."""
    place = Place()
    async with Counted(place) as store, table(store) as running, place.other() as other:
        await eventually(lambda: store.reads == 1, "it was read", PATIENCE)
        async with other.lock("a/job", ttl=1) as lock:
            running.on_events([put("a/job/00007", lease="7")])
            await eventually(lambda: bool(holders(running)), "the holder", PATIENCE)
            await eventually(lambda: store.reads >= 5, "it is read again and again", PATIENCE)
            assert lock.held


async def test_key_with_a_ttl_and_no_lease_is_read() -> None:
    place = Place()
    async with Counted(place) as store, table(store) as running:
        await eventually(lambda: store.reads == 1, "it was read", PATIENCE)
        running.on_events([put("config/c___lock", ttl=20)])
        await eventually(lambda: store.reads == 2, "it was read again", PATIENCE)
        running.on_events([Deleted("other", 9, Entry("other", b"", 7, ttl=2))])
        await eventually(lambda: store.reads == 3, "it was read again", PATIENCE)


async def test_events_unrelated_to_locks_read_nothing() -> None:
    place = Place()
    async with Counted(place) as store, table(store) as running:
        await eventually(lambda: store.reads == 1, "it was read", PATIENCE)
        running.on_events([put("config/a"), Deleted("config/b", 3)])
        await asyncio.sleep(0.05)
        assert store.reads == 1
        running.on_events([put("config/c", lease="7")])
        await eventually(lambda: store.reads == 2, "it was read again", PATIENCE)
        running.on_events([put("config/c", lease="7")])
        await asyncio.sleep(0.05)
        assert store.reads == 2
        running.on_events([Deleted("config/c", 9)])
        await eventually(lambda: store.reads == 3, "it was read again", PATIENCE)


async def test_whole_table_is_delayed_but_not_a_prefix() -> None:
    """The clock of the loop is asked: a whole reading begins late enough; what changed is read meanwhile."""
    place = Place()
    clock = asyncio.get_running_loop().time
    async with Counted(place) as store:
        read, began, prefixes = store.locks, list[float](), list[str]()

        async def slow(prefix: str = "") -> tuple[LockInfo, ...]:
            prefixes.append(prefix)
            began.append(clock())
            await asyncio.sleep(0.0 if prefix else 0.1)
            return await read(prefix)

        store.locks = slow  # type: ignore[method-assign]  # one method of a test's own object is replaced
        async with table(store) as running:
            await eventually(lambda: store.reads == 1, "it was read", PATIENCE)
            running.request_refresh()
            running.on_events([put("jobs/one", lease="7"), put("jobs/two", lease="8"), put("top", lease="9")])
            await eventually(lambda: store.reads == 4, "all was read again", PATIENCE)
    assert (prefixes[0], sorted(prefixes[1:3]), prefixes[3]) == ("", ["jobs", "top"], "")
    assert began[3] - began[0] >= 10 * 0.1


async def test_unchanged_locks_are_kept() -> None:
    """Only the queue that an event is about is read; a lock that was given up goes."""
    place = Place()
    async with (
        place.other() as other,
        Counted(place) as store,
        other.lock("a/job", ttl=30),
        table(store) as running,
    ):
        await eventually(lambda: [lock[0] for lock in holders(running)] == ["a/job"], "the holder", PATIENCE)
        async with other.lock("b/job", ttl=30) as second:
            running.on_events([put("b/job/00007", lease="7")])
            await eventually(lambda: [lock[0] for lock in holders(running)] == ["a/job", "b/job"], "both", PATIENCE)
            assert isinstance(running.state, Ready)
            key = running.state.value.locks[1].holder
            await second.release()
        assert key is not None
        running.on_events([Deleted(key.key, 9)])
        await eventually(lambda: [lock[0] for lock in holders(running)] == ["a/job"], "one is left", PATIENCE)
        assert isinstance(running.state, Ready)
        holder = running.state.value.locks[0].holder
        assert holder is not None
        left = running.state.value.ttl_left(holder, running.state.value.read_at)
        assert left is not None
        assert left <= 30


async def test_possible_locks_are_of_the_open_folder() -> None:
    """Stores whose locks can look like data list them where the folder is open, and nowhere else."""
    place = Place()

    class Lookalike(Counted):
        possible_layouts = ("libkv",)

        async def locks(self, prefix: str = "") -> tuple[LockInfo, ...]:
            certain = await super().locks(prefix)
            found = [entry async for entry in self.walk(prefix, values=False)] if prefix else []
            return certain + tuple(LockInfo(entry.key, "libkv", "libkv", None, certain=False) for entry in found)

    async with Lookalike(place) as store, table(store) as running:
        await store.put("a/one", b"", ttl=60)
        await store.put("b/two", b"", ttl=60)
        running.open_folder("a")
        await eventually(lambda: [lock[0] for lock in holders(running)] == ["a/one"], "those of a", PATIENCE)
        running.on_events([put("b/two", ttl=60), put("a/one", ttl=60)])
        running.open_folder("b")
        await eventually(lambda: [lock[0] for lock in holders(running)] == ["b/two"], "those of b", PATIENCE)


async def test_many_events_are_one_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause after a reading is over when the test says so: none is shorter, and none may be needed."""
    pause, sleep = 1000.0, asyncio.sleep
    pauses = asyncio.Semaphore(0)

    async def paused(seconds: float) -> None:
        await (pauses.acquire() if seconds >= pause else sleep(seconds))

    monkeypatch.setattr(asyncio, "sleep", paused)
    place = Place()
    async with Counted(place) as store, table(store, pause=pause) as running:
        for number in range(1000):
            running.on_events([put(f"session-{number}", lease="7")])
            await sleep(0)
        assert store.reads == 1
        pauses.release()
        await eventually(lambda: store.reads == 2, "it was read again", PATIENCE)
        pauses.release()
        for _ in range(1000):  # turns of the loop, of which a reading takes a few
            await sleep(0)
        assert store.reads == 2
        running.request_refresh()
        await eventually(lambda: store.reads == 3, "it is read when there is a reason", PATIENCE)


async def test_store_without_locks_shows_the_reason() -> None:
    class Lockless(MemoryStore):
        capabilities = MemoryStore.capabilities & ~Capability.LOCKS
        unsupported_reasons = {Capability.LOCKS: "files know no locks"}  # noqa: RUF012 - as the contract has it

    async with Lockless(parse("memory:")) as store, table(store) as running:
        assert running.state == Empty("no locks to show: files know no locks")


@pytest.mark.parametrize("failure", [NotReachable("gone"), Forbidden("no")])
async def test_failed_reading_keeps_stale_locks(failure: Exception) -> None:
    place = Place()
    async with place.other() as other, Counted(place) as store, other.lock("job"), table(store) as running:
        await eventually(lambda: bool(holders(running)), "the holder", PATIENCE)
        store.failure = failure
        running.request_refresh()
        await eventually(lambda: isinstance(running.state, Failed), "it fails", PATIENCE)
        state = running.state
        assert isinstance(state, Failed)
        assert state.error is failure
        assert state.stale is not None
        assert state.stale.locks[0].key == "job"
        store.failure = None
        running.request_refresh()
        await eventually(lambda: isinstance(running.state, Ready), "it is read again", PATIENCE)


async def test_call_not_supported_shows_the_reason() -> None:
    place = Place()
    async with Counted(place) as store:
        store.failure = CallNotSupported("this version cannot")
        async with table(store) as running:
            await eventually(lambda: isinstance(running.state, Empty), "it is told", PATIENCE)
            assert running.state == Empty("no locks to show: this version cannot")


@pytest.mark.heavy
async def test_resync_reads_the_locks_again() -> None:
    place = Place()
    async with place.other() as other, opened(place) as session:
        place.stores[0].cut()
        async with other.lock("job"):
            place.keyspace.compact()
            place.stores[0].mend()
            await live(session)
            await eventually(lambda: bool(holders(session.locks)), "the holder", PATIENCE)
