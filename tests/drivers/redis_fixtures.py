"""Fixtures for a prefix of its own on the shared Redis server: a store, and redis-cli."""

import uuid
from collections.abc import AsyncIterator

import pytest

import explorer
from explorer.drivers.redis import RedisStore
from explorer.model.address import Access, parse
from explorer.model.errors import KeyExists, KeyModified
from tests.servers.redis import RedisServer


def open_redis(server: RedisServer, path: str = "", options: str = "") -> RedisStore:
    """Return a store of a server, not yet connected."""
    return RedisStore(parse(f"redis://{server.address}/{path}{options}"), Access())


@pytest.fixture
def path() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def store(shared_redis: RedisServer, path: str) -> AsyncIterator[RedisStore]:
    async with open_redis(shared_redis, path) as store:
        yield store


async def assert_guarded(store: explorer.Store) -> None:
    """Assert that writes and deletions of strings are guarded, and keep the time to live."""
    seen, saved = await assert_writes_guarded(store)
    with pytest.raises(KeyModified):
        await store.atomic_delete("key", seen)
    await store.atomic_delete("key", saved)
    assert not await store.exists("key")


async def assert_writes_guarded(store: explorer.Store) -> tuple[explorer.Entry, explorer.Entry]:
    """Assert that writes of strings are guarded and keep TTLs; return an outdated entry and the present one."""
    seen = await store.put("key", b"value")
    with pytest.raises(KeyExists):
        await store.atomic_put("key", b"other", None)
    saved = await store.atomic_put("key", b"saved", seen)
    assert await store.get("key") == saved
    with pytest.raises(KeyModified):
        await store.atomic_put("key", b"late", seen)
    lived = await store.put("lived", b"\x00\xff", ttl=60)
    assert (await store.atomic_put("lived", b"", lived)).ttl is not None
    return seen, saved
