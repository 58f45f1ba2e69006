"""The real servers that drivers are tested on."""

from tests.servers.fixtures import etcd_version, shared_etcd

__all__ = ["etcd_version", "shared_etcd"]
