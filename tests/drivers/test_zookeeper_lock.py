"""Locks of ZooKeeper beside kazoo's, and the sessions of their holders."""

import asyncio

import pytest
from kazoo.client import KazooClient

from explorer.drivers.zookeeper import ZooKeeperStore
from explorer.model.address import Access, parse
from explorer.model.errors import CannotLock
from tests.contract.fixtures import WAIT_TIMEOUT
from tests.drivers.zookeeper_fixtures import kazoo, root, store
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer

__all__ = ["kazoo", "root", "store"]

pytestmark = pytest.mark.servers


async def test_acquire_while_kazoo_holds_cannot_lock(store: ZooKeeperStore, kazoo: KazooClient, root: str) -> None:
    """The kazoo client's lock is listed with its holder, and can be acquired after its release."""
    theirs = kazoo.Lock(f"/{root}/job", "the other")
    assert await asyncio.to_thread(theirs.acquire)
    with pytest.raises(CannotLock):
        await store.lock("job").acquire(timeout=0.2)
    (info,) = await store.locks()
    assert (info.key, info.kind) == ("job", "kazoo lock")
    assert info.holder is not None
    assert info.holder.name.startswith("the other at 127.0.0.1:")
    assert info.holder.session == f"{kazoo.client_id[0]:#x}"
    assert info.holder.ttl == 10.0
    await asyncio.to_thread(theirs.release)
    await store.lock("job").acquire(timeout=WAIT_TIMEOUT)


async def test_kazoo_waits_for_our_lock(store: ZooKeeperStore, kazoo: KazooClient, root: str) -> None:
    """The kazoo client's contender is listed as a waiter, and gets the lock after the release."""
    theirs = kazoo.Lock(f"/{root}/job", "the other")
    async with store.lock("job", ttl=5):
        assert not await asyncio.to_thread(theirs.acquire, blocking=False)
        waiting = asyncio.create_task(asyncio.to_thread(theirs.acquire, timeout=WAIT_TIMEOUT))

        async def queued() -> bool:
            (info,) = await store.locks("job")
            return [waiter.name.split(" at ")[0] for waiter in info.waiters] == ["the other"]

        await eventually(queued, "the other waits", WAIT_TIMEOUT)
        assert not waiting.done()
    assert await waiting
    await asyncio.to_thread(theirs.release)


async def test_lock_is_acquired_when_kazoos_session_ends(
    store: ZooKeeperStore, shared_zookeeper: ZooKeeperServer, root: str
) -> None:
    client = KazooClient(shared_zookeeper.address)
    await asyncio.to_thread(client.start)
    await asyncio.to_thread(client.Lock(f"/{root}/job").acquire)
    ours = store.lock("job")
    waiting = asyncio.create_task(ours.acquire())
    await asyncio.to_thread(client.stop)
    client.close()
    async with asyncio.timeout(WAIT_TIMEOUT):
        await waiting
    assert ours.held
    await ours.release()


async def test_locks_lists_kazoos_shared_holders_together(store: ZooKeeperStore, kazoo: KazooClient, root: str) -> None:
    """An exclusive lock is refused while shared ones are held."""
    first, second = kazoo.ReadLock(f"/{root}/file", "one"), kazoo.ReadLock(f"/{root}/file", "two")
    for lock in (first, second):
        assert await asyncio.to_thread(lock.acquire)
    with pytest.raises(CannotLock):
        await store.lock("file").acquire(timeout=0.2)
    (info,) = await store.locks()
    assert info.kind.startswith("kazoo shared lock, also held by two at ")
    for lock in (first, second):
        await asyncio.to_thread(lock.release)


async def test_locks_lists_kazoos_semaphore(store: ZooKeeperStore, kazoo: KazooClient, root: str) -> None:
    semaphore = kazoo.Semaphore(f"/{root}/pool", "worker", max_leases=2)
    assert await asyncio.to_thread(semaphore.acquire)
    info = next(info for info in await store.locks() if info.key == "pool")
    assert info.kind == "kazoo semaphore, 1 held"
    assert info.holder is not None
    assert info.holder.name.startswith("worker at ")
    await asyncio.to_thread(semaphore.release)


async def test_contender_without_a_session_is_stale(store: ZooKeeperStore, kazoo: KazooClient, root: str) -> None:
    kazoo.create(f"/{root}/job/{'a' * 32}__lock__", b"", sequence=True, makepath=True)
    (info,) = await store.locks()
    assert info.stale
    assert info.holder is not None
    assert info.holder.session is None


async def _has_address(store: ZooKeeperStore) -> bool:
    """Return whether the holder's address is known: the AdminServer starts after the server answers."""
    (info,) = await store.locks("job")
    return info.holder is not None and " at 127.0.0.1:" in info.holder.name


@pytest.mark.parametrize("admin", [True, False])
async def test_locks_without_words_uses_the_admin_server(admin: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Without `cons` the holder's address comes from the AdminServer, or is missing with a note."""
    settings = {"4lw.commands.whitelist": "srvr", "admin.enableServer": str(admin).lower()}
    async with ZooKeeperServer(settings=settings) as server:
        url = f"zk://{server.address}/?admin={server.admin_port}"
        async with ZooKeeperStore(parse(url), Access()) as store, store.lock("job", ttl=8), store.lock("other", ttl=8):
            if admin:
                await eventually(lambda: _has_address(store), "the AdminServer answers")
            (info,) = await store.locks("job")
            assert info.holder is not None
            assert info.holder.session is not None
            if admin:
                assert info.holder.ttl == 8.0
            else:
                assert "no permission to read" in info.holder.name
                assert info.holder.ttl is None


async def test_lock_is_lost_when_its_session_expires(own_zookeeper: ZooKeeperServer) -> None:
    """A lost lock can be acquired again."""
    async with ZooKeeperStore(parse(f"zk://{own_zookeeper.address}/"), Access()) as store:
        lock = store.lock("job", ttl=2)
        await lock.acquire()
        await asyncio.to_thread(own_zookeeper.pause)
        try:
            async with asyncio.timeout(WAIT_TIMEOUT):
                await lock.lost.wait()
            assert (lock.held, lock.lost.is_set()) == (False, True)
        finally:
            own_zookeeper.resume()
        await lock.release()
        await lock.acquire(timeout=WAIT_TIMEOUT)
        assert lock.held
        await lock.release()
