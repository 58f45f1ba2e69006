"""The contract of a store, run against ZooKeeper."""

import asyncio
import uuid
from typing import ClassVar
from urllib.parse import quote

import pytest

from explorer.drivers.base import Store
from explorer.drivers.zookeeper import ZooKeeperStore
from explorer.model.address import Access, parse
from explorer.model.entries import Entry, Revision
from tests.contract.fixtures import DriverFixtures
from tests.contract.suite import DriverContract
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


class TestZooKeeper(DriverContract, ZooKeeperFixtures):
    pass
