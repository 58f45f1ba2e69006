"""The contract of a store, run against Consul."""

import asyncio
import uuid
from typing import ClassVar
from urllib.parse import quote

import pytest

from explorer.drivers.base import Store
from explorer.drivers.consul import ConsulStore
from explorer.model.address import Access, parse
from tests.contract.fixtures import DriverFixtures
from tests.contract.suite import DriverContract
from tests.servers.consul import ConsulServer


class ConsulFixtures(DriverFixtures):
    driver: ClassVar[type[Store]] = ConsulStore

    @pytest.fixture(autouse=True)
    def _server(self, shared_consul: ConsulServer) -> None:
        self.server = shared_consul
        self.root = f"test-{uuid.uuid4().hex[:12]}"

    def connection(self, path: str = "") -> Store:
        return ConsulStore(parse(f"consul://{self.server.address}/{self.root}/{quote(path)}"), Access())

    async def advance(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class TestConsul(DriverContract, ConsulFixtures):
    pass
