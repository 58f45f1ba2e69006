"""Fixtures for a path of its own on the shared etcd2 server: a store, and plain requests."""

import uuid
from collections.abc import AsyncIterator

import pytest

from explorer.drivers.etcd2 import Etcd2Store
from explorer.model.address import Access, parse
from tests.servers.etcd import EtcdServer
from tests.servers.etcd2 import PlainV2


@pytest.fixture
def path() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def plain(shared_etcd2: EtcdServer) -> PlainV2:
    return PlainV2(shared_etcd2)


@pytest.fixture
async def store(shared_etcd2: EtcdServer, path: str) -> AsyncIterator[Etcd2Store]:
    async with Etcd2Store(parse(f"etcd2://{shared_etcd2.address}/{path}/"), Access()) as store:
        yield store
