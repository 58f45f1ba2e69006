"""etcd's key-value store of version 2, by its HTTP API, as etcd 3.4 and 3.5 still serve it with `--enable-v2`."""

from explorer.drivers.etcd2.store import Etcd2Store

__all__ = ["Etcd2Store"]
