"""The real servers that drivers are tested on."""

from tests.servers.fixtures import (
    certificates,
    etcd_version,
    own_consul,
    own_zookeeper,
    shared_consul,
    shared_etcd,
    shared_zookeeper,
    zookeeper_cluster,
)

__all__ = [
    "certificates",
    "etcd_version",
    "own_consul",
    "own_zookeeper",
    "shared_consul",
    "shared_etcd",
    "shared_zookeeper",
    "zookeeper_cluster",
]
