"""Driver for etcd's v2 API over HTTP, which etcd 3.4 and 3.5 serve with `--enable-v2`."""

from explorer.drivers.etcd2.store import Etcd2Store

__all__ = ["Etcd2Store"]
