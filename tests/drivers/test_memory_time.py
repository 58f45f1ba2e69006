"""Time, cut connections and compactions, which only a store in this process lets a test control exactly."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from explorer.drivers.common.feed import MAX_PENDING_EVENTS
from explorer.drivers.common.watch import Watch
from explorer.drivers.memory import Database, ManualClock, MemoryStore
from explorer.model.address import parse
from explorer.model.clock import Timer, sleep_until
from explorer.model.entries import Entry
from explorer.model.errors import CannotLock, InvalidAddress, InvalidKey, LockLost, NotReachable
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
from explorer.model.keys import encode
from tests.contract.fixtures import WAIT_TIMEOUT, keys_and_values, keys_below, put_all, take_changes, take_events
from tests.servers.waiting import eventually


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def keyspace(clock: ManualClock) -> Database:
    return Database(clock)


@pytest.fixture
async def store(keyspace: Database) -> AsyncIterator[MemoryStore]:
    async with MemoryStore(parse("memory:"), database=keyspace) as store:
        yield store


@pytest.fixture
async def other(keyspace: Database) -> AsyncIterator[MemoryStore]:
    async with MemoryStore(parse("memory:"), database=keyspace) as store:
        yield store


class StoppedClock:
    """A clock whose timers never run, as at the moment when a stopped process goes on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        del when, callback
        return asyncio.get_running_loop().call_later(3600, lambda: None)


async def _until_resync(events: Watch) -> AsyncIterator[Event]:
    async with asyncio.timeout(WAIT_TIMEOUT):
        async for event in events:
            yield event
            if isinstance(event, Resync):
                return


async def _names(store: MemoryStore, prefix: str) -> AsyncIterator[str]:
    after = None
    while True:
        page = await store.children(prefix, after=after, limit=30)
        for child in page.items:
            yield child.name
        after = page.next
        if after is None:
            return


class TestTime:
    async def test_entry_expires_exactly_at_its_time(self, store: MemoryStore, clock: ManualClock) -> None:
        """An entry expires at its time, not before."""
        await store.put("key", b"value", ttl=10)
        await clock.advance(9.9)
        assert (await store.get("key")).ttl == pytest.approx(0.1)
        await clock.advance(0.1)
        assert not await store.exists("key")

    async def test_entry_expires_on_the_real_clock(self) -> None:
        """An entry expires on the real clock, too."""
        async with MemoryStore(parse("memory:")) as store, store.watch("key") as events:
            await store.put("key", b"value", ttl=0.05)
            assert keys_and_values(await take_changes(events, 2)) == [("key", b"value"), ("key", None)]

    async def test_later_lease_does_not_delay_an_earlier_one(self, store: MemoryStore, clock: ManualClock) -> None:
        """A later lease does not delay an earlier one."""
        await store.put("late", b"value", ttl=100)
        await store.put("early", b"value", ttl=1)
        async with store.watch_tree("") as events:
            await clock.advance(1)
            assert keys_and_values(await take_changes(events, 1)) == [("early", None)]

    async def test_deleted_entry_is_not_kept_alive(self, store: MemoryStore, clock: ManualClock) -> None:
        """The keepalive task of a deleted entry ends."""
        await store.put("key", b"value", ttl=6, keep_alive=True)
        await clock.advance(60)
        assert await store.exists("key")
        assert len(store.tasks) == 1
        await store.delete("key")
        await clock.advance(2)
        assert len(store.tasks) == 0

    async def test_keys_of_a_lease_are_deleted_in_one_commit(self, store: MemoryStore, keyspace: Database) -> None:
        """Keys of one lease are deleted in one commit."""
        lease = keyspace.grant(5)
        for key in (b"a", b"b"):
            keyspace.put(key, b"value", lease=lease.name)
        before = keyspace.revision
        async with store.watch_tree("") as events:
            keyspace.revoke(lease.name)
            assert [event.revision for event in await take_changes(events, 2)] == [before + 1] * 2

    async def test_manual_clock_stops_at_each_timer(self, clock: ManualClock) -> None:
        """The clock stops at each time that a task sleeps until."""
        seen = []

        async def tick() -> None:
            for moment in (1.0, 2.5, 4.0):
                await sleep_until(clock, moment)
                seen.append(clock.now())

        ticking = asyncio.create_task(tick())
        await clock.advance(10)
        await ticking
        assert seen == [1.0, 2.5, 4.0]

    async def test_shared_database_outlives_its_connections(self, keyspace: Database, clock: ManualClock) -> None:
        """A shared database outlives its connections."""
        async with MemoryStore(parse("memory:"), database=keyspace) as first:
            await first.put("stays", b"value")
            await first.put("ends", b"value", ttl=5)
        await clock.advance(5)
        async with MemoryStore(parse("memory:"), database=keyspace) as second:
            assert await keys_below(second, "") == ["stays"]


class TestCutConnections:
    async def test_call_on_a_cut_connection_fails_with_the_reason(self, store: MemoryStore, other: MemoryStore) -> None:
        """Calls fail with the reason until the connection is restored."""
        store.cut("the cable is out")
        with pytest.raises(NotReachable, match="the cable is out"):
            await store.status()
        await other.put("key", b"value")
        store.mend()
        assert (await store.get("key")).value == b"value"

    async def test_watch_after_a_cut_resumes_without_a_gap(self, store: MemoryStore, other: MemoryStore) -> None:
        """A watch continues without a gap after the cut."""
        async with store.watch_tree("") as events:
            await take_events(events, 1)
            store.cut("the cable is out")
            lost = (await take_events(events, 1))[0]
            assert isinstance(lost, Lost)
            assert "the cable is out" in lost.reason
            await other.put("key", b"meanwhile")
            store.mend()
            restored, put = await take_events(events, 2)
            assert isinstance(restored, Restored)
            assert isinstance(put, Put)
            assert (put.entry.value, put.inferred) == (b"meanwhile", False)

    async def test_watch_after_a_compaction_yields_differences(
        self, store: MemoryStore, other: MemoryStore, keyspace: Database
    ) -> None:
        """A watch after a compaction reports the differences."""
        table = {entry.key: entry.revision for entry in await put_all(store, "same", "changed", "gone")}
        async with store.watch_tree("", known=table) as events:
            await take_events(events, 1)
            store.cut()
            await take_events(events, 1)
            await other.put("changed", b"new")
            await other.delete("gone")
            keyspace.compact()
            store.mend()
            resync, put, deleted = await take_events(events, 3)
            assert isinstance(resync, Resync)
            assert isinstance(put, Put)
            assert isinstance(deleted, Deleted)
            assert (put.key, put.inferred, deleted.key, deleted.inferred) == ("changed", True, "gone", True)
            await other.put("same", b"after")
            assert keys_and_values(await take_changes(events, 1)) == [("same", b"after")]

    async def test_known_table_is_read_once_the_reader_caught_up(
        self, store: MemoryStore, other: MemoryStore, keyspace: Database
    ) -> None:
        """A key that was put and deleted within a lag and a gap is known only by events not yet read."""
        table: dict[str, int | str] = {}
        async with store.watch_tree("", known=table) as events:
            await other.put("late", b"value")
            await eventually(lambda: keyspace.revision == 2, "written", WAIT_TIMEOUT)
            await asyncio.sleep(0)
            store.cut()
            await other.delete("late")
            keyspace.compact()
            store.mend()
            state: dict[str, Entry] = {}
            seen: list[str] = []
            async with asyncio.timeout(WAIT_TIMEOUT):
                async for event in events:
                    match event:
                        case Put(entry=entry):
                            table[entry.key], state[entry.key] = entry.revision, entry
                        case Deleted(key=key):
                            seen.append(key)
                            break
                        case _:
                            continue
            assert seen == ["late"]

    async def test_key_deleted_in_a_gap_is_reported(
        self, store: MemoryStore, other: MemoryStore, keyspace: Database
    ) -> None:
        """A single key that was deleted while the watch was cut is reported."""
        await store.put("key", b"value")
        async with store.watch("key") as events:
            await take_events(events, 1)
            store.cut()
            await take_events(events, 1)
            await other.delete("key")
            keyspace.compact()
            store.mend()
            resync, deleted = await take_events(events, 2)
            assert isinstance(resync, Resync)
            assert isinstance(deleted, Deleted)
            assert deleted.inferred

    async def test_reader_behind_a_compaction_gets_a_resync(
        self, store: MemoryStore, other: MemoryStore, keyspace: Database
    ) -> None:
        """A slow reader gets the pending events and then a Resync."""
        async with store.watch_tree("") as events:
            for number in range(MAX_PENDING_EVENTS + 1000):
                await other.put("key", f"{number}".encode())
                await asyncio.sleep(0)
            keyspace.compact()
            found = [event async for event in _until_resync(events)]
        values = [event.entry.value for event in found if isinstance(event, Put)]
        assert values == [f"{number}".encode() for number in range(len(values))]
        assert isinstance(found[0], Started)
        assert isinstance(found[-1], Resync)
        assert found[-1].since == len(values) + 1

    async def test_lock_is_lost_when_its_lease_cannot_be_renewed(
        self, store: MemoryStore, other: MemoryStore, clock: ManualClock
    ) -> None:
        """A held lock is lost when its lease cannot be renewed."""
        lock = store.lock("key", ttl=10)
        await lock.acquire()
        await clock.advance(60)
        assert (lock.held, lock.lost.is_set()) == (True, False)
        store.cut()
        await clock.advance(6)
        assert (lock.held, lock.lost.is_set()) == (True, False)
        await clock.advance(4)
        assert lock.lost.is_set()
        assert not lock.held
        assert lock.fence is None
        await other.lock("key", ttl=10).acquire(timeout=WAIT_TIMEOUT)
        store.mend()
        with pytest.raises(LockLost):
            await lock.put("guarded", b"too late")

    @pytest.mark.parametrize("seconds", [6, 9.9])
    async def test_lock_survives_a_short_cut(self, store: MemoryStore, clock: ManualClock, seconds: float) -> None:
        """A cut that ends before the lease does, however late, does not lose a lock."""
        lock = store.lock("key", ttl=10)
        await lock.acquire()
        store.cut()
        await clock.advance(seconds)
        store.mend()
        await clock.advance(30)
        assert lock.held
        await lock.release()

    async def test_lock_waiter_on_a_cut_connection_fails(self, store: MemoryStore, other: MemoryStore) -> None:
        """The waiter gets NotReachable."""
        async with other.lock("key", ttl=10):
            waiting = asyncio.create_task(store.lock("key", ttl=10).acquire())
            await asyncio.sleep(0)
            store.cut()
            with pytest.raises(NotReachable):
                await waiting

    async def test_lock_waiter_without_its_lease_fails(
        self, store: MemoryStore, other: MemoryStore, keyspace: Database
    ) -> None:
        """A waiter whose lease ended does not obtain the lock."""
        async with other.lock("key", ttl=10):
            waiting = asyncio.create_task(store.lock("key", ttl=10).acquire())
            await asyncio.sleep(0)
            waiter = (await other.locks("key"))[0].waiters[0]
            assert waiter.session is not None
            keyspace.revoke(waiter.session)
            with pytest.raises(CannotLock):
                await waiting

    async def test_lock_released_while_cut_ends_with_its_lease(
        self, store: MemoryStore, other: MemoryStore, clock: ManualClock
    ) -> None:
        """A lock released while cut ends with its lease."""
        lock = store.lock("key", ttl=10)
        await lock.acquire()
        store.cut()
        await lock.release()
        assert not lock.held
        assert len(await other.locks()) == 1
        await clock.advance(10)
        assert await other.locks() == ()

    async def test_lock_released_late_after_a_stop_deletes_nothing(self) -> None:
        """A process that was stopped beyond the lease releases a lock before any timer has run."""
        clock = StoppedClock()
        async with MemoryStore(parse("memory:"), database=Database(clock)) as store:
            lock = store.lock("key", value=b"value", ttl=10, delete_on_unlock=True)
            await lock.acquire()
            clock.seconds = 11
            assert not lock.held
            await lock.release()
            assert await store.exists("key")
            assert await store.locks() == ()


class TestKeyspace:
    async def test_revisions_count_commits(self, store: MemoryStore, keyspace: Database) -> None:
        start = keyspace.revision
        entries = await put_all(store, "a", "b", "a")
        assert [entry.revision for entry in entries] == [start + 1, start + 2, start + 3]
        assert (entries[2].created, entries[2].version) == (start + 1, 2)
        await store.delete_tree("")
        assert keyspace.revision == start + 4

    async def test_compaction_keeps_the_current_versions_only(self, store: MemoryStore, keyspace: Database) -> None:
        """Earlier versions and deleted keys are dropped."""
        await put_all(store, "kept", "gone", value=b"first")
        await store.put("kept", b"second")
        await store.delete("gone")
        keyspace.compact()
        assert keyspace.versions(b"gone") == ()
        assert [version.value for version in keyspace.versions(b"kept")] == [b"second"]
        with pytest.raises(ValueError, match="not after"):
            keyspace.compact()
        with pytest.raises(ValueError, match="up to"):
            keyspace.compact(keyspace.revision + 1)

    @pytest.mark.heavy
    async def test_hundred_thousand_keys_are_listed_and_deleted(self, store: MemoryStore, keyspace: Database) -> None:
        """Large databases are listed and deleted in time."""
        for number in range(100_000):
            keyspace.put(b"top/%02d/%05d" % (number % 100, number), b"value")
        assert len([child async for child in _names(store, "top")]) == 100
        assert len((await store.list("top/42")).items) == 1000
        assert await store.delete_tree("top") == 100_000

    def test_scan_yields_keys_in_byte_order(self, keyspace: Database) -> None:
        """Keys are ordered by their bytes."""
        keys = [b"\xff", b"", b"a", b"a\xff", b"a/", b"\x00", "é".encode(), encode("\udcc3")]
        keyspace.write({key: b"value" for key in keys if key})
        assert [key for key, _ in keyspace.scan(b"", b"\0")] == sorted(key for key in keys if key)


class TestAddress:
    @pytest.mark.parametrize("url", ["memory:?color=red", "memory:?separator=", "memory://host/path"])
    async def test_invalid_url_is_refused_with_a_hint(self, url: str) -> None:
        """Unknown options, an empty separator, and a host are refused."""
        with pytest.raises(InvalidAddress) as raised:
            MemoryStore(parse(url))
        assert raised.value.hint

    async def test_separator_option_divides_names(self, keyspace: Database) -> None:
        """The option replaces the separator."""
        async with MemoryStore(parse("memory:app?separator=:"), database=keyspace) as store:
            await put_all(store, "a:b:c", "a/b", "a:b")
            assert [child.name for child in (await store.children("")).items] == ["a/b", "a"]
            assert await keys_below(store, "a:b") == ["a:b:c"]
            assert keyspace.at(b"app:a/b") is not None
            async with store.lock("a:b", ttl=10) as lock:
                assert [info.key for info in await store.locks("a")] == ["a:b"]
                assert lock.held

    async def test_memory_url_is_a_store_of_its_own(self) -> None:
        """Each memory URL is a store of its own."""
        async with MemoryStore(parse("memory:")) as one, MemoryStore(parse("memory:")) as two:
            await one.put("key", b"value")
            assert not await two.exists("key")
            assert (await one.status()).identity != (await two.status()).identity

    async def test_revision_that_is_no_number_is_refused(self, store: MemoryStore) -> None:
        """A revision that is no number is refused."""
        with pytest.raises(InvalidKey, match="no revision"):
            store.watch_tree("", since="yesterday")
