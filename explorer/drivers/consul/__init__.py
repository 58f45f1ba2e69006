"""Consul's key-value store, by the HTTP API of its agents."""

from explorer.drivers.consul.store import ConsulStore

__all__ = ["ConsulStore"]
