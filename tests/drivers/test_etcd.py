"""The driver contract on etcd, in every installed version."""

import asyncio
import uuid
from typing import ClassVar
from urllib.parse import quote

import pytest

from explorer.drivers.base import Store
from explorer.drivers.etcd import EtcdStore
from explorer.model.address import Access, parse
from tests.contract.fixtures import DriverFixtures
from tests.contract.suite import DriverContract
from tests.servers.etcd import EtcdServer


class EtcdFixtures(DriverFixtures):
    driver: ClassVar[type[Store]] = EtcdStore

    @pytest.fixture(autouse=True)
    def _server(self, shared_etcd: EtcdServer) -> None:
        self.server = shared_etcd
        self.root = f"test-{uuid.uuid4().hex[:12]}"

    def connection(self, path: str = "") -> Store:
        return EtcdStore(parse(f"etcd://{self.server.address}/{self.root}/{quote(path)}"), Access())

    async def advance(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def compact(self, store: Store) -> None:
        assert store.address.scheme == "etcd"
        await asyncio.to_thread(self.server.compact)


class TestEtcd(DriverContract, EtcdFixtures):
    pass
