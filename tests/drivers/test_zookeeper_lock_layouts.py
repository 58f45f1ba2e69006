"""Lock layouts of Curator and go-zookeeper: their locks and ours exclude each other."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from explorer.drivers.zookeeper import ZooKeeperStore
from explorer.model.address import Access, parse
from explorer.model.errors import CallNotSupported, CannotLock
from explorer.model.locks import LockInfo
from tests.clients import lockers
from tests.clients.lockers import Locker, LockProcess
from tests.contract.fixtures import WAIT_TIMEOUT
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer


@pytest.fixture(scope="module")
def curator() -> Iterator[Locker]:
    with lockers.curator() as locker:
        yield locker


@pytest.fixture(scope="module")
def go_zookeeper() -> Iterator[Locker]:
    with lockers.go_zookeeper() as locker:
        yield locker


@pytest.fixture
def root() -> str:
    return f"strangers-{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def store(shared_zookeeper: ZooKeeperServer, root: str) -> AsyncIterator[ZooKeeperStore]:
    async with ZooKeeperStore(parse(f"zk://{shared_zookeeper.address}/{root}"), Access()) as store:
        yield store


async def wait_for_waiters(store: ZooKeeperStore, waiters: int) -> LockInfo:
    """Wait until the only lock has so many waiters, and return it."""

    async def queued() -> bool:
        found = await store.locks()
        return len(found) == 1 and len(found[0].waiters) == waiters

    await eventually(queued, f"{waiters} wait", WAIT_TIMEOUT)
    return (await store.locks())[0]


async def wait_held(process: LockProcess) -> None:
    async with asyncio.timeout(WAIT_TIMEOUT):
        await asyncio.to_thread(process.wait_held)


async def assert_mutual_exclusion(
    store: ZooKeeperStore, locker: Locker, address: str, path: str, kind: str = ""
) -> LockInfo:
    """Wait for a foreign lock, hold the lock before another one, and return the first one's description."""
    with locker.run(address, path, kind) as first:
        await wait_held(first)
        info = await wait_for_waiters(store, 0)
        with pytest.raises(CannotLock, match=f"layout {info.layout} on this key"):
            await store.lock("job").acquire()
        with pytest.raises(CannotLock, match="another client"):
            await store.lock("job", layout=info.layout).acquire(timeout=0.2)
        ours = store.lock("job", layout=info.layout)
        waiting = asyncio.create_task(ours.acquire())
        assert (await wait_for_waiters(store, 1)).waiters[0].key != info.key
        with locker.run(address, path, kind) as second:
            await wait_for_waiters(store, 2)
            await asyncio.to_thread(first.release)
            async with asyncio.timeout(WAIT_TIMEOUT):
                await waiting
            held = await wait_for_waiters(store, 1)
            assert (held.layout, held.kind) == (info.layout, info.kind)
            await ours.release()
            await wait_held(second)
            await asyncio.to_thread(second.release)
    return info


async def test_go_zookeeper_lock_excludes_ours(
    store: ZooKeeperStore, shared_zookeeper: ZooKeeperServer, go_zookeeper: Locker, root: str
) -> None:
    info = await assert_mutual_exclusion(store, go_zookeeper, shared_zookeeper.address, f"/{root}/job")
    assert (info.key, info.kind) == ("job", "go-zookeeper lock (also of valkeyrie)")
    assert info.holder is not None
    assert " at 127.0.0.1:" in info.holder.name
    assert info.holder.ttl == 10.0


async def test_curator_mutex_excludes_ours(
    store: ZooKeeperStore, shared_zookeeper: ZooKeeperServer, curator: Locker, root: str
) -> None:
    info = await assert_mutual_exclusion(store, curator, shared_zookeeper.address, f"/{root}/job", "mutex")
    assert (info.key, info.kind) == ("job", "Curator lock")
    assert info.holder is not None
    assert " at 127.0.0.1:" in info.holder.name


async def test_curator_write_lock_excludes_ours(
    store: ZooKeeperStore, shared_zookeeper: ZooKeeperServer, curator: Locker, root: str
) -> None:
    info = await assert_mutual_exclusion(store, curator, shared_zookeeper.address, f"/{root}/job", "write")
    assert (info.key, info.kind) == ("job", "Curator lock")


async def test_curator_read_locks_are_held_together(
    store: ZooKeeperStore, shared_zookeeper: ZooKeeperServer, curator: Locker, root: str
) -> None:
    address, path = shared_zookeeper.address, f"/{root}/file"
    with curator.run(address, path, "read") as first, curator.run(address, path, "read") as second:
        await wait_held(first)
        await wait_held(second)
        with curator.run(address, path, "write"):
            info = await wait_for_waiters(store, 1)
            assert info.kind.startswith("Curator shared lock, also held by ")


async def test_curator_semaphore_permits_are_held_together(
    store: ZooKeeperStore, shared_zookeeper: ZooKeeperServer, curator: Locker, root: str
) -> None:
    address, path = shared_zookeeper.address, f"/{root}/pool"
    with curator.run(address, path, "semaphore") as first, curator.run(address, path, "semaphore") as second:
        await wait_held(first)
        await wait_held(second)
        info = await wait_for_waiters(store, 0)
        assert info.key == "pool"
        assert info.kind.startswith("Curator semaphore, 2 held, also held by ")


async def test_contender_of_another_layout_refuses_our_turn(
    store: ZooKeeperStore, shared_zookeeper: ZooKeeperServer, curator: Locker, root: str
) -> None:
    """A lock is refused if a contender of another layout, which may not see ours, came while it waited."""
    first = store.lock("job")
    await first.acquire()
    second = store.lock("job")
    waiting = asyncio.create_task(second.acquire())
    await wait_for_waiters(store, 1)
    with curator.run(shared_zookeeper.address, f"/{root}/job", "mutex"):
        info = await wait_for_waiters(store, 2)
        assert (info.layout, info.kind) == ("kazoo", "kazoo lock, beside contenders of Curator")
        await first.release()
        with pytest.raises(CannotLock, match="layout curator on this key"):
            async with asyncio.timeout(WAIT_TIMEOUT):
                await waiting


async def test_unknown_layout_is_not_supported(store: ZooKeeperStore) -> None:
    """The error names the layouts that exist."""
    with pytest.raises(CallNotSupported, match="kazoo, curator, go-zookeeper"):
        store.lock("job", layout="zookeeper")
