"""Fixtures of ZooKeeper's driver: the contract's, and a path, a store and a kazoo client of a test's own."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import ClassVar
from urllib.parse import quote

import pytest
from kazoo.client import KazooClient

from explorer.drivers.base import Store
from explorer.drivers.zookeeper import ZooKeeperStore
from explorer.model.address import Access, parse
from explorer.model.entries import Entry, Revision
from tests.contract.fixtures import DriverFixtures
from tests.servers.zookeeper import ZooKeeperServer


class ZooKeeperFixtures(DriverFixtures):
    driver: ClassVar[type[Store]] = ZooKeeperStore

    @pytest.fixture(autouse=True)
    def _server(self, shared_zookeeper: ZooKeeperServer) -> None:
        self.server = shared_zookeeper
        self.root = f"test-{uuid.uuid4().hex[:12]}"

    def connection(self, path: str = "") -> Store:
        return ZooKeeperStore(parse(f"zk://{self.server.address}/{self.root}/{quote(path)}"), Access())

    def stale_revision(self, entry: Entry) -> Revision:
        return f"{entry.revision}6744"

    async def advance(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.fixture
def kazoo(shared_zookeeper: ZooKeeperServer) -> Iterator[KazooClient]:
    """A kazoo client of its own."""
    client = KazooClient(shared_zookeeper.address)
    client.start()
    yield client
    client.stop()
    client.close()


@pytest.fixture
def root() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def store(shared_zookeeper: ZooKeeperServer, root: str) -> AsyncIterator[ZooKeeperStore]:
    async with ZooKeeperStore(parse(f"zk://{shared_zookeeper.address}/{root}"), Access()) as store:
        yield store
