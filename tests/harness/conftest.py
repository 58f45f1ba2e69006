"""The fixtures under test here."""

from tests.servers.fixtures import certificates, etcd_cluster, etcd_version, own_etcd, prefix, shared_etcd

__all__ = ["certificates", "etcd_cluster", "etcd_version", "own_etcd", "prefix", "shared_etcd"]
