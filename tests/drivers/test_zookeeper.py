"""The contract of a store, run against ZooKeeper."""

from tests.contract.suite import DriverContract
from tests.drivers.zookeeper_fixtures import ZooKeeperFixtures


class TestZooKeeper(DriverContract, ZooKeeperFixtures):
    pass
