"""Servers for the interfaces of programs; one version of each is enough, the drivers are tested with all."""

import pytest

from tests.servers.fixtures import own_etcd, shared_consul, shared_etcd, shared_etcd2, shared_redis, shared_zookeeper

__all__ = ["own_etcd", "shared_consul", "shared_etcd", "shared_etcd2", "shared_redis", "shared_zookeeper"]


@pytest.fixture
def etcd_version() -> str:
    return "3.5"
