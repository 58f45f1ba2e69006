"""The broker and the watcher with every driver."""

from tests.broker.contract import BrokerContract
from tests.drivers.test_bolt import BoltFixtures
from tests.drivers.test_consul import ConsulFixtures
from tests.drivers.test_etcd import EtcdFixtures
from tests.drivers.test_etcd2 import Etcd2Fixtures
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


class TestRedisBroker(BrokerContract, RedisFixtures):
    pass


class TestZooKeeperBroker(BrokerContract, ZooKeeperFixtures):
    pass
