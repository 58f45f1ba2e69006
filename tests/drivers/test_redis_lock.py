"""Locks on Redis beside those of redis-py, in both directions."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import LockNotOwnedError

from explorer.drivers.redis import RedisStore
from explorer.model.errors import CannotLock, LockLost
from tests.contract.fixtures import WAIT_TIMEOUT
from tests.drivers.redis_fixtures import path, store
from tests.servers.redis import RedisServer

__all__ = ["path", "store"]

pytestmark = pytest.mark.servers


@pytest.fixture
async def client(shared_redis: RedisServer) -> AsyncIterator[Redis]:
    """redis-py's own client."""
    async with Redis.from_url(f"redis://{shared_redis.address}") as client:
        yield client


async def test_lock_of_redis_py_keeps_ours_out(store: RedisStore, client: Redis, path: str) -> None:
    """It is listed with its token and the time left; ours is obtained once it is released."""
    theirs = client.lock(f"{path}:job", timeout=60)
    assert await theirs.acquire()
    ours = store.lock("job", ttl=60, layout="redis-py")
    with pytest.raises(CannotLock):
        await ours.acquire(timeout=0)
    (info,) = await store.locks("job")
    assert (info.layout, info.certain, info.stale) == ("redis-py", True, None)
    assert info.holder is not None
    assert theirs.local.token is not None
    assert info.holder.session == f"token {theirs.local.token.decode()}"
    assert info.holder.ttl is not None
    assert 50 < info.holder.ttl <= 60
    waiting = asyncio.create_task(ours.acquire())
    await theirs.release()
    async with asyncio.timeout(WAIT_TIMEOUT):
        await waiting
    assert ours.held
    await ours.release()


async def test_our_lock_keeps_redis_py_out(store: RedisStore, client: Redis, path: str) -> None:
    """redis-py waits for its release, and cannot release it."""
    theirs = client.lock(f"{path}:job", timeout=60, blocking_timeout=0.1)
    async with store.lock("job", ttl=60, layout="redis-py") as ours:
        assert not await theirs.acquire()
        theirs.local.token = b"0" * 32
        with pytest.raises(LockNotOwnedError):
            await theirs.release()
        assert ours.held
    assert await theirs.acquire(blocking_timeout=WAIT_TIMEOUT)
    await theirs.release()


async def test_lock_that_redis_py_takes_over_is_lost(store: RedisStore, client: Redis, path: str) -> None:
    """Releasing it leaves the other's lock alone."""
    ours = store.lock("job", ttl=60, layout="redis-py")
    await ours.acquire(timeout=0)
    await client.delete(f"{path}:job")
    theirs = client.lock(f"{path}:job", timeout=60)
    assert await theirs.acquire()
    async with asyncio.timeout(WAIT_TIMEOUT):
        await ours.lost.wait()
    with pytest.raises(LockLost):
        await ours.put("other", b"")
    await ours.release()
    assert await theirs.owned()
    await theirs.release()


async def test_lock_without_ttl_is_stale(store: RedisStore, client: Redis, path: str) -> None:
    theirs = client.lock(f"{path}:job")
    assert await theirs.acquire()
    (info,) = await store.locks("job")
    assert info.stale == "no TTL: it never expires"
    await theirs.release()


async def test_layouts_keep_each_other_out(store: RedisStore) -> None:
    """A lock beside the key and the key as the lock itself exclude each other; data is no lock."""
    beside, itself = store.lock("job", ttl=60), store.lock("job", ttl=60, layout="redis-py")
    async with beside:
        with pytest.raises(CannotLock, match="layout redis on this key"):
            await itself.acquire(timeout=0)
    async with itself:
        with pytest.raises(CannotLock, match="layout redis-py on this key"):
            await beside.acquire(timeout=0)
    await store.put("data", b"value")
    with pytest.raises(CannotLock, match="never expires"):
        await store.lock("data", layout="redis-py").acquire(timeout=0)
    async with store.lock("data", ttl=60):
        assert (await store.get("data")).value == b"value"


async def test_value_of_the_caller_is_the_lock_itself(store: RedisStore) -> None:
    """As valkeyrie has it; it is a possible lock, which could be data that expires."""
    async with store.lock("job", value=b"me", ttl=60, layout="redis-py"):
        assert (await store.get("job")).value == b"me"
        (info,) = await store.locks("job")
        assert (info.certain, info.holder and info.holder.name) == (False, "me")
        for number, data in enumerate((b'{"cached": 1}', b"two\nlines", b"x" * 61, b"\xff")):
            await store.put(f"job:{number}", data, ttl=60)
        assert len(await store.locks("job")) == 1, "cached data is no lock"
    assert not await store.exists("job")
