"""The broker and the watcher with every driver."""

from explorer.drivers.registry import DRIVERS
from tests.broker.contract import BrokerContract
from tests.drivers.test_bolt import BoltFixtures
from tests.drivers.test_consul import ConsulFixtures
from tests.drivers.test_etcd import EtcdFixtures
from tests.drivers.test_etcd2 import Etcd2Fixtures
from tests.drivers.test_files import DocumentFixtures, FileDbFixtures, FolderFixtures
from tests.drivers.test_memory import MemoryFixtures
from tests.drivers.test_redis import RedisFixtures
from tests.drivers.zookeeper_fixtures import ZooKeeperFixtures


class TestMemoryBroker(BrokerContract, MemoryFixtures):
    pass


class TestEtcdBroker(BrokerContract, EtcdFixtures):
    pass


class TestEtcd2Broker(BrokerContract, Etcd2Fixtures):
    pass


class TestBoltBroker(BrokerContract, BoltFixtures):
    pass


class TestConsulBroker(BrokerContract, ConsulFixtures):
    pass


class TestFolderBroker(BrokerContract, FolderFixtures):
    pass


class TestFileDbBroker(BrokerContract, FileDbFixtures):
    pass


class TestDocumentBroker(BrokerContract, DocumentFixtures):
    pass


class TestRedisBroker(BrokerContract, RedisFixtures):
    pass


class TestZooKeeperBroker(BrokerContract, ZooKeeperFixtures):
    pass


def test_every_driver_is_tested() -> None:
    """Also one that is registered later."""
    tested = {
        base.__module__.rpartition(".")[0]
        for suite in globals().values()
        if isinstance(suite, type) and issubclass(suite, BrokerContract) and suite is not BrokerContract
        for base in suite.driver.__mro__
    }
    missing = [name for name in DRIVERS.values() if not any(each.startswith(name.split(":")[0]) for each in tested)]
    assert missing == []
