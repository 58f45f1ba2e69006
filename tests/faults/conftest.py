"""The real servers that are hurt here."""

from tests.servers.fixtures import own_zookeeper, zookeeper_cluster

__all__ = ["own_zookeeper", "zookeeper_cluster"]
