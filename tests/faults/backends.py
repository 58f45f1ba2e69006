"""Adapters by which the fault lanes run against every store: servers, URLs, and the bytes of a request that writes."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import explorer
from explorer.drivers.base import Store
from explorer.drivers.consul.cas import ConsulCasWrite
from explorer.drivers.etcd.cas import EtcdCasWrite
from explorer.drivers.etcd2.cas import Etcd2CasWrite
from explorer.drivers.redis.cas import RedisCasWrite
from explorer.drivers.zookeeper.cas import ZooKeeperCasWrite
from explorer.model.address import Access
from explorer.model.errors import KeyExists, OutcomeUnknown
from tests.servers.consul import ConsulCluster, ConsulServer
from tests.servers.etcd import EtcdCluster, EtcdServer
from tests.servers.redis import RedisCluster, RedisServer
from tests.servers.zookeeper import ZooKeeperCluster, ZooKeeperServer

BackendServer: TypeAlias = ConsulServer | EtcdServer | RedisServer | ZooKeeperServer
BackendCluster: TypeAlias = ConsulCluster | EtcdCluster | RedisCluster | ZooKeeperCluster
CasWriteClass: TypeAlias = type[ConsulCasWrite | EtcdCasWrite | Etcd2CasWrite | RedisCasWrite | ZooKeeperCasWrite]

_ZOOKEEPER_DELETE: Final = 2
"""The operation code of a deletion."""


@dataclass(frozen=True, slots=True)
class Backend:
    """A store as the fault lanes see it.

    Attributes:
        scheme: Of its URLs, and its name in test ids.
        server_class: Of its servers.
        shared_server: Name of the session's server, as in `tests.servers.fixtures`.
        make_server: Makes one server; `make_cluster` makes three that vote.
        cas_write: The class whose `commit` sends a guarded write.
        put_marker: Bytes that only a request which writes the value `b"after"` has; `delete_marker` and
            `delete_tree_marker` the same of deletions, of a key below a prefix.
        options: Of its URLs.
        overwritten_save: The error of a save whose reply was lost and that was overwritten since; None if the store's
            history shows that it was saved.
        refused_create: The error of a create that never arrived while the key was made by another client.
        first_version: `Entry.version` of a new key, where the store counts writes.
        history_length: Changes after which the store forgets older ones.
        notices_silence: A watch is lost when the server is silent, without a request of the user's.
        keeps_session: The connection is made again without a request of the user's.
        resyncs: A watch has no history to continue from, so each reconnection is a `Resync`.
    """

    scheme: str
    server_class: type[BackendServer]
    shared_server: str
    make_server: Callable[[], BackendServer]
    make_cluster: Callable[[], BackendCluster]
    cas_write: CasWriteClass
    put_marker: bytes
    delete_marker: Callable[[str], bytes]
    delete_tree_marker: bytes | None = None
    options: str = ""
    overwritten_save: type[Exception] | None = None
    refused_create: type[Exception] = KeyExists
    first_version: int | None = None
    history_length: int | None = None
    notices_silence: bool = False
    keeps_session: bool = False
    resyncs: bool = False

    def __str__(self) -> str:
        return self.scheme

    def open(self, address: str, path: str = "faults", *, timeout: float = Access().timeout) -> Store:
        """Return a store below a path, not yet connected; `timeout` is that of a request in seconds."""
        return explorer.open(f"{self.scheme}://{address}/{path}/?timeout={timeout:g}{self.options}")


def _zookeeper_delete(path: str) -> bytes:
    node = f"/{path}".encode()
    return struct.pack(">ii", _ZOOKEEPER_DELETE, len(node)) + node


CONSUL: Final = Backend(
    "consul",
    ConsulServer,
    "consul",
    ConsulServer,
    ConsulCluster,
    ConsulCasWrite,
    put_marker=b'"check-',
    delete_marker=lambda _: b'"delete"',
    delete_tree_marker=b'"delete-tree"',
    overwritten_save=OutcomeUnknown,
    refused_create=OutcomeUnknown,
)
ETCD: Final = Backend(
    "etcd",
    EtcdServer,
    "etcd 3.5",
    lambda: EtcdServer("3.5"),
    lambda: EtcdCluster("3.5"),
    EtcdCasWrite,
    put_marker=b"after",
    delete_marker=str.encode,
    first_version=1,
)
ETCD2: Final = Backend(
    "etcd2",
    EtcdServer,
    "etcd v2",
    lambda: EtcdServer("3.4", v2=True),
    lambda: EtcdCluster("3.4", v2=True),
    Etcd2CasWrite,
    put_marker=b"PUT ",
    delete_marker=lambda _: b"DELETE ",
    delete_tree_marker=b"DELETE ",
    history_length=1000,
)
REDIS: Final = Backend(
    "redis",
    RedisServer,
    "redis",
    RedisServer,
    RedisCluster,
    RedisCasWrite,
    put_marker=b"after",
    delete_marker=lambda _: b"\r\nDEL\r\n",
    delete_tree_marker=b"\r\nUNLINK\r\n",
    options="&separator=/",
    overwritten_save=OutcomeUnknown,
    notices_silence=True,
    resyncs=True,
)
ZOOKEEPER: Final = Backend(
    "zk",
    ZooKeeperServer,
    "zookeeper",
    ZooKeeperServer,
    ZooKeeperCluster,
    ZooKeeperCasWrite,
    put_marker=b"after",
    delete_marker=_zookeeper_delete,
    delete_tree_marker=struct.pack(">i?i", _ZOOKEEPER_DELETE, False, -1),  # noqa: FBT003 - "not the last" of a multi
    options="&session=4",
    overwritten_save=OutcomeUnknown,
    first_version=0,
    notices_silence=True,
    keeps_session=True,
    resyncs=True,
)
