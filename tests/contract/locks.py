import asyncio

import pytest

from explorer.drivers.base import Store
from explorer.drivers.lock import Lock
from explorer.model.capabilities import Capability
from explorer.model.errors import CannotLock, ExplorerError, LockLost
from explorer.model.locks import LockInfo
from tests.contract.fixtures import LONG_TTL, MIN_TTL, WAIT_TIMEOUT, DriverFixtures, needs, timed
from tests.servers.waiting import eventually

_TRY_TIMEOUT = 0.3
"""Seconds to wait for a lock that another connection holds."""


async def _lock_info(store: Store, key: str) -> LockInfo:
    return next(info for info in await store.locks(key) if info.key == key)


async def _wait_for_waiters(store: Store, key: str, waiters: int) -> None:
    async def queued() -> bool:
        return len((await _lock_info(store, key)).waiters) == waiters

    await eventually(queued, f"{waiters} waiters for {key}", WAIT_TIMEOUT)


async def _acquire(lock: Lock) -> None:
    async with asyncio.timeout(WAIT_TIMEOUT):
        await lock.acquire()


async def _await_acquired(waiting: asyncio.Task[None]) -> None:
    async with asyncio.timeout(WAIT_TIMEOUT):
        await waiting


@needs(Capability.LOCK)
class LockContract(DriverFixtures):
    """Locks: acquire, renew, release, lose, and write with a fence."""

    async def test_lock_and_unlock(self, store: Store) -> None:
        """As libkv's LockUnlock (L1): the key has the value while the lock is held; it can be obtained again."""
        lock = store.lock("testLockUnlock", value=b"bar", ttl=60, delete_on_unlock=True)
        assert (lock.held, lock.lost.is_set()) == (False, False)
        for _ in range(2):
            await _acquire(lock)
            assert lock.held
            assert not lock.lost.is_set()
            assert (await store.get("testLockUnlock")).value == b"bar"
            await lock.release()
            assert (lock.held, await store.exists("testLockUnlock")) == (False, False)

    @timed
    async def test_lock_is_renewed_until_its_connection_closes(self, store: Store, other: Store) -> None:
        """As libkv's LockTTL (L2): the lock outlives its TTL, and is free once its connection is closed."""
        theirs = other.lock("testLockTTL", value=b"bar", ttl=LONG_TTL)
        await _acquire(theirs)
        assert (await store.get("testLockTTL")).value == b"bar"
        await self.advance(LONG_TTL * 1.5)
        ours = store.lock("testLockTTL", value=b"foobar", ttl=3)
        with pytest.raises(CannotLock):
            await ours.acquire(timeout=_TRY_TIMEOUT)
        assert (theirs.held, theirs.lost.is_set()) == (True, False)
        await other.close()
        assert not theirs.held
        await _acquire(ours)
        assert (await store.get("testLockTTL")).value == b"foobar"
        await ours.release()

    async def test_list_has_the_locked_keys(self, store: Store) -> None:
        """As libkv's ListLock (L3): all entries are listed; anything else that is listed is a contender in `locks`."""
        entries = [f"testList/subfolder{rest}" for rest in ("", "/key1", "/key2", "/key3")]
        await store.put("testList", b"", is_dir=True)
        for key in self.storable_keys(*entries):
            await store.put(key, b"value")
        nesting = Capability.NESTING in self.driver.capabilities
        held = [store.lock(key, value=b"bar" if nesting else b"", ttl=MIN_TTL) for key in ("testList", *entries)]
        for lock in held:
            await _acquire(lock)
        listed = {entry.key for entry in (await store.list("testList")).items}
        contenders = {info.holder.key for info in await store.locks("testList") if info.holder}
        assert listed >= set(entries)
        assert listed - set(entries) <= contenders
        for lock in held:
            await lock.release()

    @timed
    async def test_second_lock_on_the_same_connection_waits(self, store: Store) -> None:
        """As libkv's LockWait: longer than the TTL, so that renewal must work; then it obtains the lock."""
        first = store.lock("testLockWait", value=b"bar", ttl=LONG_TTL)
        second = store.lock("testLockWait", value=b"baz", ttl=LONG_TTL)
        await _acquire(first)
        waiting = asyncio.create_task(second.acquire())
        await self.advance(LONG_TTL * 1.5)
        assert not waiting.done()
        assert first.held
        await first.release()
        await _await_acquired(waiting)
        assert second.held
        await second.release()

    async def test_lock_is_held_by_one_connection_only(self, store: Store, other: Store) -> None:
        """The error of the other names the key and the address."""
        async with store.lock("key", ttl=60) as lock:
            assert lock.held
            with pytest.raises(CannotLock) as raised:
                await other.lock("key", ttl=60).acquire(timeout=0)
            assert (raised.value.key, raised.value.address) == ("key", other.address.redacted)
        await other.lock("key", ttl=MIN_TTL).acquire(timeout=WAIT_TIMEOUT)

    async def test_acquire_without_waiting_obtains_a_free_lock(self, store: Store) -> None:
        lock = store.lock("key", ttl=MIN_TTL)
        await lock.acquire(timeout=0)
        assert lock.held

    async def test_acquire_of_a_held_lock_is_refused(self, store: Store) -> None:
        """A lock is not reentrant, and stays held."""
        async with store.lock("key", ttl=60) as lock:
            with pytest.raises(CannotLock):
                await lock.acquire(timeout=0)
            assert lock.held

    async def test_lock_does_not_lock_keys_below_or_beside(self, store: Store) -> None:
        async with (
            store.lock("foo", ttl=MIN_TTL),
            store.lock("foo/below", ttl=MIN_TTL),
            store.lock("foobar", ttl=MIN_TTL),
        ):
            pass

    async def test_keys_below_a_locked_key_are_no_contenders(self, store: Store) -> None:
        """An ordinary entry below the key does not block the lock, and stays."""
        await store.put("foo/below", b"value")
        lock = store.lock("foo", ttl=MIN_TTL)
        await lock.acquire(timeout=WAIT_TIMEOUT)
        assert lock.held
        await lock.release()
        assert await store.exists("foo/below")

    @needs(Capability.WAITERS)
    async def test_waiters_obtain_the_lock_in_order(self, store: Store, other: Store) -> None:
        """Each holder has a fence of its own."""
        locks = [connection.lock("key", ttl=60) for connection in (store, other, store, other)]
        await _acquire(locks[0])
        turns = []
        for number, lock in enumerate(locks[1:], start=1):
            turns.append(asyncio.create_task(lock.acquire()))
            await _wait_for_waiters(store, "key", number)
        fences = [locks[0].fence]
        for before, lock, turn in zip(locks, locks[1:], turns, strict=False):
            assert (lock.held, lock.fence) == (False, None)
            await before.release()
            await _await_acquired(turn)
            assert lock.held
            fences.append(lock.fence)
        await locks[-1].release()
        assert None not in fences
        assert len(set(fences)) == 4
        assert locks[-1].fence is None

    @needs(Capability.WAITERS)
    async def test_cancelled_waiter_leaves_the_queue(self, store: Store, other: Store) -> None:
        async with store.lock("key", ttl=60):
            waiting = asyncio.create_task(other.lock("key", ttl=60).acquire())
            await _wait_for_waiters(store, "key", 1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await _wait_for_waiters(store, "key", 0)

    @needs(Capability.WAITERS)
    async def test_waiter_on_a_closed_connection_gets_an_error(self, store: Store, other: Store) -> None:
        """It leaves the queue."""
        async with store.lock("key", ttl=60):
            waiting = asyncio.create_task(other.lock("key", ttl=60).acquire())
            await _wait_for_waiters(store, "key", 1)
            await other.close()
            with pytest.raises(ExplorerError):
                await _await_acquired(waiting)
            await _wait_for_waiters(store, "key", 0)

    @needs(Capability.FENCING)
    async def test_fenced_put_by_the_holder_writes(self, store: Store) -> None:
        await store.put("guarded", b"before")
        async with store.lock("key", ttl=60) as lock:
            written = await lock.put("guarded", b"by the holder")
            assert await store.get("guarded") == written

    async def test_fenced_put_without_the_lock_is_refused(self, store: Store) -> None:
        """It is refused before the lock is acquired and after its release."""
        lock = store.lock("key", ttl=60)
        with pytest.raises(LockLost):
            await lock.put("guarded", b"never held")
        await _acquire(lock)
        await lock.release()
        with pytest.raises(LockLost):
            await lock.put("guarded", b"released")
        assert not await store.exists("guarded")

    async def test_waiter_obtains_a_released_lock_with_a_new_fence(self, store: Store, other: Store) -> None:
        first, second = store.lock("key", ttl=60), other.lock("key", ttl=60)
        await _acquire(first)
        waiting = asyncio.create_task(second.acquire())
        fence = first.fence
        await first.release()
        await _await_acquired(waiting)
        assert second.held
        assert None not in (fence, second.fence)
        assert fence != second.fence
        await second.release()

    @needs(Capability.LOCKS)
    async def test_lock_whose_key_is_deleted_is_lost(self, store: Store, other: Store) -> None:
        """Fenced writes are refused, and the lock can be acquired again."""
        lock = store.lock("key", ttl=60)
        await _acquire(lock)
        holder = (await _lock_info(other, "key")).holder
        assert holder is not None
        await other.delete(holder.key)
        if Capability.FENCING in self.driver.capabilities:
            with pytest.raises(LockLost):
                await lock.put("guarded", b"too late")
        async with asyncio.timeout(WAIT_TIMEOUT):
            await lock.lost.wait()
        assert not lock.held
        with pytest.raises(LockLost):
            await lock.put("guarded", b"too late")
        assert not await store.exists("guarded")
        await lock.release()
        await _acquire(lock)
        assert not lock.lost.is_set()
        await lock.release()

    async def test_released_lock_is_not_lost(self, store: Store) -> None:
        """Releasing again has no effect."""
        lock = store.lock("key", ttl=60)
        await _acquire(lock)
        await lock.release()
        await lock.release()
        assert not lock.lost.is_set()

    async def test_value_of_a_lock_stays_after_its_release(self, store: Store) -> None:
        """It stays unless `delete_on_unlock` is set."""
        async with store.lock("key", value=b"who", ttl=60):
            pass
        assert (await store.get("key")).value == b"who"

    async def test_released_lock_leaves_no_task_and_no_key(self, store: Store) -> None:
        async with store.lock("key", ttl=60):
            pass
        before = asyncio.all_tasks()
        async with store.lock("key", ttl=60):
            pass
        await eventually(lambda: asyncio.all_tasks() <= before, "no task is left", WAIT_TIMEOUT)
        assert (await store.list("")).items == ()


@needs(Capability.LOCK, Capability.LOCKS)
class LockListContract(DriverFixtures):
    """Lists of locks with their holders and waiters."""

    async def test_locks_is_empty_without_locks(self, store: Store) -> None:
        """Ordinary entries with a TTL are no locks."""
        for key in self.storable_keys("key", "key/below"):
            await store.put(key, b"value", ttl=60)
        assert await store.locks() == ()

    @needs(Capability.WAITERS)
    async def test_locks_has_the_holder_and_the_waiters_in_order(self, store: Store, other: Store) -> None:
        """The first waiter becomes the holder when the lock is released."""
        locks = [connection.lock("key", ttl=60) for connection in (store, other, store)]
        await _acquire(locks[0])
        turns = []
        for number, lock in enumerate(locks[1:], start=1):
            turns.append(asyncio.create_task(lock.acquire()))
            await _wait_for_waiters(store, "key", number)
        info = await _lock_info(other, "key")
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
        await _await_acquired(turns[0])
        again = await _lock_info(other, "key")
        assert again.holder is not None
        assert [party.key for party in (again.holder, *again.waiters)] == [party.key for party in parties[1:]]
        await locks[1].release()
        await _await_acquired(turns[1])
        await locks[2].release()
        assert await store.locks("key") == ()

    async def test_locks_has_session_fence_and_ttl_of_the_holder(self, store: Store, other: Store) -> None:
        async with store.lock("key", ttl=60) as lock:
            info = await _lock_info(other, "key")
            assert info.kind
            assert (info.layout, info.certain) == (store.lock_layouts[0], True)
            assert info.stale is None
            assert info.holder is not None
            assert info.holder.session
            assert info.holder.fence == lock.fence
            assert info.holder.ttl is not None
            assert 0 < info.holder.ttl <= 60

    async def test_lock_value_names_the_holder(self, store: Store, other: Store) -> None:
        """In whatever place the layout has for it; the key has the value as well."""
        async with store.lock("key", value=b"nightly job 7", ttl=60):
            info = await _lock_info(other, "key")
            assert info.holder is not None
            assert "nightly job 7" in info.holder.name
            assert (await other.get("key")).value == b"nightly job 7"

    async def test_locks_of_a_prefix_has_its_own_and_those_below(self, store: Store) -> None:
        async with store.lock("foo", ttl=60), store.lock("foo/below/deep", ttl=60), store.lock("foobar", ttl=60):
            assert sorted(info.key for info in await store.locks("foo")) == ["foo", "foo/below/deep"]
            assert sorted(info.key for info in await store.locks()) == ["foo", "foo/below/deep", "foobar"]

    async def test_locks_has_keys_relative_to_the_address(self, store: Store) -> None:
        async with self.connection("deeper") as deeper, deeper.lock("key", ttl=60):
            assert [info.key for info in await deeper.locks()] == ["key"]
            assert [info.key for info in await store.locks()] == ["deeper/key"]
