"""The driver contract on etcd's v2 API."""

import asyncio
import uuid
from typing import ClassVar
from urllib.parse import quote

import pytest

from explorer.drivers.base import Store
from explorer.drivers.etcd2 import Etcd2Store
from explorer.model.address import Access, parse
from tests.contract.fixtures import DriverFixtures
from tests.contract.suite import DriverContract
from tests.servers.etcd import EtcdServer

_HISTORY_SIZE = 1000
"""Changes that the store keeps."""


class Etcd2Fixtures(DriverFixtures):
    driver: ClassVar[type[Store]] = Etcd2Store
    has_leases: ClassVar[bool] = False

    @pytest.fixture(autouse=True)
    def _server(self, shared_etcd2: EtcdServer) -> None:
        self.server = shared_etcd2
        self.root = f"test-{uuid.uuid4().hex[:12]}"

    def connection(self, path: str = "") -> Store:
        return Etcd2Store(parse(f"etcd2://{self.server.address}/{self.root}/{quote(path)}"), Access())

    async def advance(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def compact(self, store: Store) -> None:
        """Write to other keys until the history has no earlier change."""
        del store
        async with Etcd2Store(parse(f"etcd2://{self.server.address}/{self.root}-beside/"), Access()) as beside:
            for _ in range(_HISTORY_SIZE // 50 + 1):
                async with asyncio.TaskGroup() as group:
                    for number in range(50):
                        group.create_task(beside.put(f"{number}", b""))


class TestEtcd2(DriverContract, Etcd2Fixtures):
    pass
