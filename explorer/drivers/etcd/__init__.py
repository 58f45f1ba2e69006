"""etcd, by its v3 API over gRPC."""

import os

# Read when gRPC is loaded: its core writes log lines to standard error, one for every refused connection. Here errors
# are raised.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from explorer.drivers.etcd.store import EtcdStore

__all__ = ["EtcdStore"]
