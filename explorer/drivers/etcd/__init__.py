"""Driver for etcd's v3 API over gRPC."""

import os

# Read when gRPC is loaded: its core logs every refused connection to standard error; the driver raises errors instead.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from explorer.drivers.etcd.store import EtcdStore

__all__ = ["EtcdStore"]
