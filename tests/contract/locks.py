import asyncio

import pytest

from explorer.drivers.base import Lock, Store
from explorer.model.capabilities import Capability
from explorer.model.errors import CannotLock, ExplorerError, LockLost
from explorer.model.locks import LockInfo
from tests.contract.fixtures import LASTING, PATIENCE, TTL, DriverFixtures, needs, timed
from tests.servers.waiting import eventually

_TRY = 0.3
"""Seconds to try for a lock that somebody else holds."""


async def _info(store: Store, key: str) -> LockInfo:
    return next(info for info in await store.locks(key) if info.key == key)


async def _queued(store: Store, key: str, waiters: int) -> None:
    async def queued() -> bool:
        return len((await _info(store, key)).waiters) == waiters

    await eventually(queued, f"{waiters} wait for {key}", PATIENCE)


async def _obtained(lock: Lock) -> None:
    async with asyncio.timeout(PATIENCE):
        await lock.acquire()


async def _in_time(waiting: asyncio.Task[None]) -> None:
    async with asyncio.timeout(PATIENCE):
        await waiting


@needs(Capability.LOCK)
class Locking(DriverFixtures):
    """Locks that are held only while that can be proved."""

    async def test_lock_and_unlock(self, store: Store) -> None:
        """As libkv's LockUnlock (L1): the key has the value while the lock is held; it can be obtained again."""
        lock = store.lock("testLockUnlock", value=b"bar", ttl=60, delete_on_unlock=True)
        assert not lock.held
        for _ in range(2):
            await _obtained(lock)
            assert lock.held
            assert not lock.lost.is_set()
            assert (await store.get("testLockUnlock")).value == b"bar"
            await lock.release()
            assert not lock.held
            assert not await store.exists("testLockUnlock")

    @timed
    async def test_a_lock_is_renewed_and_ends_with_its_connection(self, store: Store, other: Store) -> None:
        """As libkv's LockTTL (L2)."""
        theirs = other.lock("testLockTTL", value=b"bar", ttl=LASTING)
        await _obtained(theirs)
        assert (await store.get("testLockTTL")).value == b"bar"
        await self.advance(LASTING * 1.5)
        ours = store.lock("testLockTTL", value=b"foobar", ttl=3)
        with pytest.raises(CannotLock):
            await ours.acquire(timeout=_TRY)
        assert theirs.held
        await other.close()
        assert not theirs.held
        await _obtained(ours)
        assert (await store.get("testLockTTL")).value == b"foobar"
        await ours.release()

    async def test_locked_keys_are_listed(self, store: Store) -> None:
        """As libkv's ListLock (L3): the entries are there; anything else listed is a contender, and in `locks`."""
        entries = [f"testList/subfolder{rest}" for rest in ("", "/key1", "/key2", "/key3")]
        await store.put("testList", b"", is_dir=True)
        for key in self.possible(*entries):
            await store.put(key, b"value")
        nesting = Capability.NESTING in self.driver.capabilities
        held = [store.lock(key, value=b"bar" if nesting else b"", ttl=TTL) for key in ("testList", *entries)]
        for lock in held:
            await _obtained(lock)
        listed = {entry.key for entry in (await store.list("testList")).items}
        contenders = {info.holder.key for info in await store.locks("testList") if info.holder}
        assert listed >= set(entries)
        assert listed - set(entries) <= contenders
        for lock in held:
            await lock.release()

    @timed
    async def test_a_second_locker_on_the_same_connection_waits(self, store: Store) -> None:
        """LockWait: longer than the TTL, so that renewal must work; then it obtains the lock."""
        first = store.lock("testLockWait", value=b"bar", ttl=LASTING)
        second = store.lock("testLockWait", value=b"baz", ttl=LASTING)
        await _obtained(first)
        waiting = asyncio.create_task(second.acquire())
        await self.advance(LASTING * 1.5)
        assert not waiting.done()
        assert first.held
        await first.release()
        await _in_time(waiting)
        assert second.held
        await second.release()

    async def test_only_one_holds_it(self, store: Store, other: Store) -> None:
        async with store.lock("key", ttl=60) as lock:
            assert lock.held
            with pytest.raises(CannotLock) as raised:
                await other.lock("key", ttl=60).acquire(timeout=0)
            assert (raised.value.key, raised.value.address) == ("key", other.address.redacted)
        await other.lock("key", ttl=TTL).acquire(timeout=PATIENCE)

    async def test_a_free_lock_is_obtained_by_trying_only(self, store: Store) -> None:
        lock = store.lock("key", ttl=TTL)
        await lock.acquire(timeout=0)
        assert lock.held

    async def test_who_holds_it_already_cannot_obtain_it_again(self, store: Store) -> None:
        async with store.lock("key", ttl=60) as lock:
            with pytest.raises(CannotLock):
                await lock.acquire(timeout=0)
            assert lock.held

    async def test_a_lock_on_a_key_says_nothing_of_those_below_or_beside(self, store: Store) -> None:
        async with store.lock("foo", ttl=TTL), store.lock("foo/below", ttl=TTL), store.lock("foobar", ttl=TTL):
            pass

    async def test_keys_below_a_locked_key_are_no_contenders(self, store: Store) -> None:
        await store.put("foo/below", b"value")
        lock = store.lock("foo", ttl=TTL)
        await lock.acquire(timeout=PATIENCE)
        assert lock.held
        await lock.release()
        assert await store.exists("foo/below")

    @needs(Capability.WAITERS)
    async def test_waiters_obtain_it_in_order(self, store: Store, other: Store) -> None:
        locks = [connection.lock("key", ttl=60) for connection in (store, other, store, other)]
        await _obtained(locks[0])
        turns = []
        for number, lock in enumerate(locks[1:], start=1):
            turns.append(asyncio.create_task(lock.acquire()))
            await _queued(store, "key", number)
        fences = [locks[0].fence]
        for before, lock, turn in zip(locks, locks[1:], turns, strict=False):
            assert not lock.held
            await before.release()
            await _in_time(turn)
            assert lock.held
            fences.append(lock.fence)
        await locks[-1].release()
        assert None not in fences
        assert len(set(fences)) == 4
        assert locks[-1].fence is None

    @needs(Capability.WAITERS)
    async def test_who_stops_waiting_leaves_the_queue(self, store: Store, other: Store) -> None:
        async with store.lock("key", ttl=60):
            waiting = asyncio.create_task(other.lock("key", ttl=60).acquire())
            await _queued(store, "key", 1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await _queued(store, "key", 0)

    @needs(Capability.WAITERS)
    async def test_who_waits_when_its_connection_is_closed_is_told_so(self, store: Store, other: Store) -> None:
        async with store.lock("key", ttl=60):
            waiting = asyncio.create_task(other.lock("key", ttl=60).acquire())
            await _queued(store, "key", 1)
            await other.close()
            with pytest.raises(ExplorerError):
                await _in_time(waiting)
            await _queued(store, "key", 0)

    @needs(Capability.FENCING)
    async def test_a_fenced_write(self, store: Store) -> None:
        await store.put("guarded", b"before")
        async with store.lock("key", ttl=60) as lock:
            written = await lock.put("guarded", b"by the holder")
            assert await store.get("guarded") == written

    async def test_a_fenced_write_without_the_lock_is_refused(self, store: Store) -> None:
        lock = store.lock("key", ttl=60)
        with pytest.raises(LockLost):
            await lock.put("guarded", b"never held")
        await _obtained(lock)
        await lock.release()
        with pytest.raises(LockLost):
            await lock.put("guarded", b"released")
        assert not await store.exists("guarded")

    async def test_whoever_waits_obtains_it_in_the_end_and_has_another_fence(self, store: Store, other: Store) -> None:
        first, second = store.lock("key", ttl=60), other.lock("key", ttl=60)
        await _obtained(first)
        waiting = asyncio.create_task(second.acquire())
        fence = first.fence
        await first.release()
        await _in_time(waiting)
        assert second.held
        assert None not in (fence, second.fence)
        assert fence != second.fence
        await second.release()

    @needs(Capability.LOCKS)
    async def test_a_lock_taken_away_is_lost(self, store: Store, other: Store) -> None:
        lock = store.lock("key", ttl=60)
        await _obtained(lock)
        holder = (await _info(other, "key")).holder
        assert holder is not None
        await other.delete(holder.key)
        if Capability.FENCING in self.driver.capabilities:
            with pytest.raises(LockLost):
                await lock.put("guarded", b"too late")
        async with asyncio.timeout(PATIENCE):
            await lock.lost.wait()
        assert not lock.held
        with pytest.raises(LockLost):
            await lock.put("guarded", b"too late")
        assert not await store.exists("guarded")
        await lock.release()
        await _obtained(lock)
        assert not lock.lost.is_set()
        await lock.release()

    async def test_a_released_lock_is_not_lost(self, store: Store) -> None:
        lock = store.lock("key", ttl=60)
        await _obtained(lock)
        await lock.release()
        await lock.release()
        assert not lock.lost.is_set()

    async def test_a_value_outlives_the_lock_unless_it_is_to_be_deleted(self, store: Store) -> None:
        async with store.lock("key", value=b"who", ttl=60):
            pass
        assert (await store.get("key")).value == b"who"

    async def test_a_released_lock_leaves_neither_task_nor_key(self, store: Store) -> None:
        async with store.lock("key", ttl=60):
            pass
        before = asyncio.all_tasks()
        async with store.lock("key", ttl=60):
            pass
        await eventually(lambda: asyncio.all_tasks() <= before, "no task is left", PATIENCE)
        assert (await store.list("")).items == ()


@needs(Capability.LOCK, Capability.LOCKS)
class Inspecting(DriverFixtures):
    """Who holds a lock and who waits for it."""

    async def test_nobody_holds_anything(self, store: Store) -> None:
        for key in self.possible("key", "key/below"):
            await store.put(key, b"value", ttl=60)
        assert await store.locks() == ()

    @needs(Capability.WAITERS)
    async def test_the_holder_and_the_waiters_in_order(self, store: Store, other: Store) -> None:
        locks = [connection.lock("key", ttl=60) for connection in (store, other, store)]
        await _obtained(locks[0])
        turns = []
        for number, lock in enumerate(locks[1:], start=1):
            turns.append(asyncio.create_task(lock.acquire()))
            await _queued(store, "key", number)
        info = await _info(other, "key")
        assert info.holder is not None
        assert info.kind
        assert info.stale is None
        assert info.holder.fence == locks[0].fence
        assert info.holder.ttl is not None
        assert 0 < info.holder.ttl <= 60
        parties = [info.holder, *info.waiters]
        assert len({party.session for party in parties}) == 3
        assert all(party.name and party.key for party in parties)
        await locks[0].release()
        await _in_time(turns[0])
        again = await _info(other, "key")
        assert again.holder is not None
        assert [party.key for party in (again.holder, *again.waiters)] == [party.key for party in parties[1:]]
        await locks[1].release()
        await _in_time(turns[1])
        await locks[2].release()
        assert await store.locks("key") == ()

    async def test_the_holder_is_told_with_its_session_and_its_fence(self, store: Store, other: Store) -> None:
        async with store.lock("key", ttl=60) as lock:
            info = await _info(other, "key")
            assert info.kind
            assert (info.layout, info.certain) == (store.lock_layouts[0], True)
            assert info.stale is None
            assert info.holder is not None
            assert info.holder.session
            assert info.holder.fence == lock.fence
            assert info.holder.ttl is not None
            assert 0 < info.holder.ttl <= 60

    async def test_a_prefix_tells_its_own_lock_and_those_below(self, store: Store) -> None:
        async with store.lock("foo", ttl=60), store.lock("foo/below/deep", ttl=60), store.lock("foobar", ttl=60):
            assert sorted(info.key for info in await store.locks("foo")) == ["foo", "foo/below/deep"]
            assert sorted(info.key for info in await store.locks()) == ["foo", "foo/below/deep", "foobar"]

    async def test_keys_of_locks_are_relative_to_the_address(self, store: Store) -> None:
        async with self.connection("deeper") as deeper, deeper.lock("key", ttl=60):
            assert [info.key for info in await deeper.locks()] == ["key"]
            assert [info.key for info in await store.locks()] == ["deeper/key"]
