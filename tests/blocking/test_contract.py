"""Blocking stores against the contract suite, with every driver."""

import asyncio

import pytest

from explorer.blocking.portal import portal
from explorer.drivers.base import Store
from tests.blocking.awaitable import AwaitableStore
from tests.contract.fixtures import DriverFixtures
from tests.contract.suite import DriverContract
from tests.drivers.test_consul import ConsulFixtures
from tests.drivers.test_etcd import EtcdFixtures
from tests.drivers.test_etcd2 import Etcd2Fixtures
from tests.drivers.test_files import FileDbFixtures, FolderFixtures
from tests.drivers.test_memory import MemoryFixtures
from tests.drivers.test_redis import RedisFixtures
from tests.drivers.zookeeper_fixtures import ZooKeeperFixtures
from tests.servers.fixtures import shared_consul, shared_etcd, shared_etcd2, shared_redis, shared_zookeeper

__all__ = ["shared_consul", "shared_etcd", "shared_etcd2", "shared_redis", "shared_zookeeper"]


class Blocking(DriverFixtures):
    """Fixtures whose connections are blocking; tests that advance the clock are left out."""

    run_timed = False

    def connection(self, path: str = "") -> Store:
        return AwaitableStore(super().connection(path))


class TestBlockingMemory(Blocking, DriverContract, MemoryFixtures):
    """The clock and the keyspace of a memory store belong to the portal's loop."""

    run_timed = True

    async def advance(self, seconds: float) -> None:
        await asyncio.to_thread(portal().run, self.clock.advance(seconds))

    async def compact(self, store: Store) -> None:
        async def compacted() -> None:
            await MemoryFixtures.compact(self, store)

        await asyncio.to_thread(portal().run, compacted())


class TestBlockingEtcd(Blocking, DriverContract, EtcdFixtures):
    @pytest.fixture
    def etcd_version(self) -> str:
        """One version is enough: the driver is tested with all of them."""
        return "3.5"


class TestBlockingEtcd2(Blocking, DriverContract, Etcd2Fixtures):
    async def compact(self, store: Store) -> None:
        await Etcd2Fixtures.compact(self, store)


class TestBlockingConsul(Blocking, DriverContract, ConsulFixtures):
    pass


class TestBlockingRedis(Blocking, DriverContract, RedisFixtures):
    pass


class TestBlockingZooKeeper(Blocking, DriverContract, ZooKeeperFixtures):
    pass


class TestBlockingFolder(Blocking, DriverContract, FolderFixtures):
    pass


class TestBlockingFileDb(Blocking, DriverContract, FileDbFixtures):
    pass
