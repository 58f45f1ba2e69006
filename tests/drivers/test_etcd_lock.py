"""Locks beside etcdctl's and valkeyrie's, and the listing of contenders."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from explorer.drivers.base import Store
from explorer.drivers.etcd import EtcdStore, leases, messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.model.address import Access, parse
from explorer.model.errors import CannotLock
from explorer.model.locks import LockInfo
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import prefix
from tests.servers.programs import ETCDCTL, environment
from tests.servers.require import require
from tests.servers.waiting import eventually

__all__ = ["prefix"]

WAIT_TIMEOUT = 30.0
"""Seconds after which an expected event counts as missing."""


@pytest.fixture
async def store(shared_etcd: EtcdServer, prefix: str) -> AsyncGenerator[Store, None]:
    async with EtcdStore(parse(f"etcd://{shared_etcd.address}/{prefix}"), Access()) as opened:
        yield opened


@asynccontextmanager
async def etcdctl_lock(server: EtcdServer, key: str) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    """Run `etcdctl lock`, which prints the contender's key when it holds the lock, and holds it until it ends."""
    line = require(ETCDCTL[server.version])
    process = await asyncio.create_subprocess_exec(
        *line,
        *("--endpoints", server.url, "lock", key),
        env=environment(line) | {"ETCDCTL_API": "3"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def contender_key(process: asyncio.subprocess.Process) -> str:
    """Wait until etcdctl holds the lock, and return its contender's key."""
    assert process.stdout
    async with asyncio.timeout(WAIT_TIMEOUT):
        return (await process.stdout.readline()).decode().strip()


async def wait_for_waiters(store: Store, key: str, waiters: int) -> LockInfo:
    """Wait until a lock has a number of waiters, and return its info."""
    found: list[LockInfo] = []

    async def is_reached() -> bool:
        found[:] = [info for info in await store.locks() if info.key == key]
        return bool(found) and len(found[0].waiters) == waiters

    await eventually(is_reached, f"{waiters} waiters for {key}", WAIT_TIMEOUT)
    return found[0]


async def test_lock_waits_for_etcdctl(store: Store, shared_etcd: EtcdServer, prefix: str) -> None:
    """A lock that etcdctl holds is waited for."""
    async with etcdctl_lock(shared_etcd, f"{prefix}job") as theirs:
        contender = await contender_key(theirs)
        ours = store.lock("job", ttl=20)
        waiting = asyncio.create_task(ours.acquire())
        info = await wait_for_waiters(store, "job", 1)
        assert info.holder
        assert f"{prefix}{info.holder.key}" == contender
        assert not waiting.done()
        theirs.terminate()
        async with asyncio.timeout(WAIT_TIMEOUT):
            await waiting
        assert ours.held
        await ours.release()


async def test_etcdctl_waits_for_our_lock_in_order(store: Store, shared_etcd: EtcdServer, prefix: str) -> None:
    """Etcdctl waits for our lock, and the queue keeps its order."""
    first, last = store.lock("job", ttl=20), store.lock("job", ttl=20)
    await first.acquire()
    async with etcdctl_lock(shared_etcd, f"{prefix}job") as theirs:
        await wait_for_waiters(store, "job", 1)
        waiting = asyncio.create_task(last.acquire())
        info = await wait_for_waiters(store, "job", 2)
        fences = [info.holder.fence if info.holder else None, *(waiter.fence for waiter in info.waiters)]
        assert fences == sorted(fences, key=lambda fence: fence if isinstance(fence, int) else 0)
        assert fences[0] == first.fence
        await first.release()
        assert (await contender_key(theirs)).startswith(f"{prefix}job/")
        assert not waiting.done()
        theirs.terminate()
        async with asyncio.timeout(WAIT_TIMEOUT):
            await waiting
    assert isinstance(last.fence, int)
    assert last.fence == fences[2]
    await last.release()


async def test_locks_lists_the_lease_and_its_other_keys(store: Store, shared_etcd: EtcdServer, prefix: str) -> None:
    """A lock is listed with its lease and the other keys attached to it."""
    async with store.lock("job", ttl=20) as lock:
        (info,) = await store.locks()
        assert info.holder
        assert info.holder.session
        assert (info.key, info.kind, info.stale, info.waiters) == ("job", "etcd mutex", None, ())
        assert info.holder.fence == lock.fence
        await asyncio.to_thread(
            shared_etcd.ctl, "put", f"--lease={info.holder.session}", f"{prefix}beside", "of the same lease"
        )
        (again,) = await store.locks()
        assert again.holder
        assert again.holder.other_keys == ("beside",)


def contender(lease: str) -> str:
    """Return a contender's name as etcd's concurrency package makes it: without etcdctl's leading zeros."""
    return f"{int(lease, 16):x}"


async def test_locks_ttl_counts_down(store: Store, shared_etcd: EtcdServer, prefix: str) -> None:
    """The TTL of a lock's holder counts down."""
    lease = shared_etcd.ctl("lease", "grant", "60").split()[1]
    shared_etcd.ctl("put", f"--lease={lease}", f"{prefix}job/{contender(lease)}", "")

    async def ttl() -> float:
        (info,) = await store.locks()
        assert info.holder
        assert info.holder.session == lease
        assert info.holder.ttl is not None
        return info.holder.ttl

    first = await ttl()
    assert 50 < first <= 60

    async def is_less() -> bool:
        return await ttl() < first

    await eventually(is_less, "the TTL goes down", WAIT_TIMEOUT)
    shared_etcd.ctl("lease", "revoke", lease)
    assert await store.locks() == ()


async def test_contender_without_lease_is_stale(store: Store, shared_etcd: EtcdServer, prefix: str) -> None:
    """A contender whose key lost its lease is listed as stale."""
    lease = shared_etcd.ctl("lease", "grant", "60").split()[1]
    orphan = f"{prefix}job/{contender(lease)}"
    shared_etcd.ctl("put", f"--lease={lease}", orphan, "")
    shared_etcd.ctl("put", orphan, "put over by hand")
    ours = store.lock("job", ttl=20)
    waiting = asyncio.create_task(ours.acquire())
    info = await wait_for_waiters(store, "job", 1)
    assert info.stale
    assert info.holder
    assert f"{prefix}{info.holder.key}" == orphan
    assert info.holder.session is None
    shared_etcd.ctl("del", orphan)
    async with asyncio.timeout(WAIT_TIMEOUT):
        await waiting
    await ours.release()


async def test_entry_that_looks_like_a_contender_is_no_lock(store: Store) -> None:
    """A hex name without lease and queue may be anything, such as a commit named by its hash."""
    await store.put("commits/4b825dc642cb6eb9", b"a tree")
    assert await store.locks() == ()


async def test_valkeyrie_lock_is_listed(store: Store, shared_etcd: EtcdServer, prefix: str) -> None:
    """A lock in valkeyrie's layout is listed."""
    lease = shared_etcd.ctl("lease", "grant", "60").split()[1]
    shared_etcd.ctl("put", f"--lease={lease}", f"{prefix}deep/job___lock", "")
    (info,) = await store.locks()
    assert (info.key, info.kind, info.stale) == ("deep/job", "valkeyrie lock", None)
    assert info.holder
    assert info.holder.session == lease
    shared_etcd.ctl("del", f"{prefix}deep/job___lock")
    shared_etcd.ctl("put", f"--lease={lease}", f"{prefix}job___lock/{contender(lease)}", "")
    (info,) = await store.locks()
    assert (info.key, info.kind) == ("job", "valkeyrie lock")
    shared_etcd.ctl("lease", "revoke", lease)


async def test_entries_below_a_locked_key_are_no_contenders(store: Store) -> None:
    """Ordinary entries below a locked key do not delay the lock."""
    for key in ("job", "job/settings", "job/0123", "job/deep/cafe"):
        await store.put(key, b"value")
    async with store.lock("job", ttl=20) as lock:
        (info,) = await store.locks()
        assert info.holder
        assert (info.key, info.waiters, info.holder.fence) == ("job", (), lock.fence)
    assert await store.locks() == ()
    assert len((await store.list("job")).items) == 3


@pytest.mark.parametrize("beside", ["job___lock", "job___lock/694d7acc3d2b0f1a"])
async def test_lock_beside_one_of_valkeyrie_is_refused(
    store: Store, beside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused at once, by name, also if it appears between the first check and our contender."""
    await store.put("job___lock/other", b"no contender")
    async with asyncio.timeout(WAIT_TIMEOUT), store.lock("job", ttl=60):
        pass
    lock = store.lock("job", ttl=60)
    grant = leases.grant

    async def grant_and_put(connection: EtcdConnection, ttl: float) -> messages.LeaseGrantResponse:
        await store.put(beside, b"")
        return await grant(connection, ttl)

    monkeypatch.setattr(leases, "grant", grant_and_put)
    for _ in range(2):
        with pytest.raises(CannotLock, match="layout valkeyrie"):
            await asyncio.wait_for(lock.acquire(), WAIT_TIMEOUT)
        assert {entry.key for entry in (await store.list("")).items} == {beside, "job___lock/other"}
