"""The real servers that are hurt here."""

from tests.servers.fixtures import (
    etcd2_cluster,
    own_etcd2,
    own_zookeeper,
    prefix,
    shared_etcd2,
    shared_zookeeper,
    zookeeper_cluster,
)

__all__ = [
    "etcd2_cluster",
    "own_etcd2",
    "own_zookeeper",
    "prefix",
    "shared_etcd2",
    "shared_zookeeper",
    "zookeeper_cluster",
]
