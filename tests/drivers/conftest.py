"""The real servers that drivers are tested on."""

from tests.servers.fixtures import certificates, etcd_version, own_consul, shared_consul, shared_etcd

__all__ = ["certificates", "etcd_version", "own_consul", "shared_consul", "shared_etcd"]
