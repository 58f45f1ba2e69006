"""etcd, by its v3 API over gRPC."""

import os

# gRPC's core writes its own log lines to standard error, one for every refused connection; errors are told by exceptions here.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from explorer.drivers.etcd.store import EtcdStore  # noqa: E402 - the variable is read when gRPC is loaded

__all__ = ["EtcdStore"]
