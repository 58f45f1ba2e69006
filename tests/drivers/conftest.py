"""The real servers that drivers are tested on."""

from tests.servers.fixtures import (
    certificates,
    etcd2_cluster,
    etcd_version,
    own_consul,
    own_etcd2,
    own_redis,
    own_zookeeper,
    shared_consul,
    shared_etcd,
    shared_etcd2,
    shared_redis,
    shared_valkey,
    shared_zookeeper,
    zookeeper_cluster,
)

__all__ = [
    "certificates",
    "etcd2_cluster",
    "etcd_version",
    "own_consul",
    "own_etcd2",
    "own_redis",
    "own_zookeeper",
    "shared_consul",
    "shared_etcd",
    "shared_etcd2",
    "shared_redis",
    "shared_valkey",
    "shared_zookeeper",
    "zookeeper_cluster",
]
