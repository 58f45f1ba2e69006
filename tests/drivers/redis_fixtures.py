"""Fixtures for a prefix of its own on the shared Redis server: a store, and redis-cli."""

import uuid
from collections.abc import AsyncIterator

import pytest

from explorer.drivers.redis import RedisStore
from explorer.model.address import Access, parse
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
