"""Writer of single keys, see `cas_writer.CasWriter`; the guard is a node's index.

A write without a TTL would remove the one that a node has; so the seconds left are written with it. etcd counts whole
seconds and rounds up: each write may extend the TTL by up to a second. The renewal of a TTL changes the index, as every
write does.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from explorer.drivers.common import cas_writer
from explorer.drivers.common.cas_writer import ExpectedVersion
from explorer.drivers.common.errors import key_exists, key_modified
from explorer.drivers.common.leases import keep_alive
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.etcd2 import errors, requests
from explorer.drivers.etcd2.cas import Etcd2CasWrite
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.errors import DirectoryNotEmptyError, Etcd2ErrorCode
from explorer.drivers.etcd2.keyspace import Etcd2Keyspace, Etcd2Node
from explorer.drivers.etcd2.reader import Etcd2Reader
from explorer.model.entries import Entry, Revision
from explorer.model.errors import ExplorerError, KeyNotFound


class NodeGuard(NamedTuple):
    """A node as it was read."""

    node: Etcd2Node
    compare_value: bool = False
    """True if the value is compared as well as the index."""


@dataclass(slots=True)
class Etcd2Lease:
    """TTL of an entry."""

    ttl: int | None
    """Seconds to live; None for ever."""
    created: int = 0
    """The index at which the node was created, once it is written."""


class Etcd2Writer(cas_writer.CasWriter[NodeGuard, Etcd2Lease]):
    """Writer of the keys of an address.

    Args:
        connection: The connection to the members.
        keyspace: Converts keys and nodes.
        tasks: Owns the renewal of TTLs.
    """

    def __init__(self, connection: Etcd2Connection, keyspace: Etcd2Keyspace, tasks: Tasks) -> None:
        self.connection = connection
        self.keyspace = keyspace
        self.tasks = tasks

    async def current(self, key: str) -> NodeGuard | None:
        node = await Etcd2Reader(self.connection).read_node(self.keyspace.to_store_key(key))
        return NodeGuard(node) if node else None

    async def make_directory(self, key: str, ttl: float | None) -> Entry:
        """Create a directory, or set the TTL of an existing one."""
        path = self.keyspace.to_store_key(key)
        async with self._lease_scope(key, ttl) as lease:
            form = {"dir": "true"} | ({"ttl": str(lease.ttl)} if lease and lease.ttl is not None else {})
            create, update = {**form, "prevExist": "false"}, {**form, "prevExist": "true"}
            while True:
                response = await self.connection.send(requests.write(path, create), Etcd2ErrorCode.KEY_EXISTS)
                if response.node is None:
                    existing = await self.current(key)
                    if existing and not existing.node.is_directory:
                        raise errors.error_for(Etcd2ErrorCode.KEY_EXISTS)
                    if existing and lease is None:
                        return self.keyspace.to_entry(existing.node)
                    response = await self.connection.send(
                        requests.write(path, update), Etcd2ErrorCode.KEY_NOT_FOUND, Etcd2ErrorCode.NOT_A_FILE
                    )
                if response.node:
                    return self.keyspace.to_entry(response.node)

    async def _guard_for(self, key: str, previous: Entry | Revision) -> NodeGuard | None:
        now, (modified, created) = await self.current(key), ExpectedVersion.of(previous)
        if now and now.node.modified == modified and created in (None, now.node.created):
            return NodeGuard(now.node, compare_value=now.node.is_lossy)
        return None

    async def _write(self, key: str, value: bytes, guard: NodeGuard | None, lease: Etcd2Lease | None) -> Entry:
        if guard and guard.node.is_directory:
            raise errors.error_for(Etcd2ErrorCode.NOT_A_FILE)
        ttl = lease.ttl if lease else guard.node.ttl if guard else None
        written = await Etcd2CasWrite(
            self.connection,
            key,
            self.keyspace.to_store_key(key),
            guard.node if guard else None,
            value,
            ttl,
            compare_value=guard is not None and guard.compare_value,
        ).commit()
        if written is None:
            raise key_exists() if guard is None else key_modified()
        if lease:
            lease.created = written.created
        return self.keyspace.to_entry(written)

    async def _delete(self, key: str, guard: NodeGuard) -> None:
        path = self.keyspace.to_store_key(key)
        try:
            deleted = await Etcd2CasWrite(self.connection, key, path, guard.node, None).commit()
        except DirectoryNotEmptyError as error:
            raise ExplorerError(error.message, hint=error.hint) from error
        if deleted is None:
            raise key_modified()

    async def _grant(self, key: str, ttl: float, *, keep_alive: bool) -> Etcd2Lease:
        del key, keep_alive
        return Etcd2Lease(None if math.isinf(ttl) else math.ceil(ttl))

    def _keep_alive(self, key: str, lease: Etcd2Lease) -> None:
        ttl = lease.ttl
        if ttl is not None:
            renewing = keep_alive(
                lambda left: renew(self.connection, self.keyspace.to_store_key(key), lease, left), ttl
            )
            self.tasks.start(renewing, name=f"TTL of {key}")


async def renew(connection: Etcd2Connection, path: str, lease: Etcd2Lease, within: float) -> float:
    """Renew the TTL of a node if it is still the one that was created, and return the TTL in seconds.

    Raises:
        KeyNotFound: The node is gone or another one.
    """
    while True:
        now = await Etcd2Reader(connection).read_node(path)
        if now is None or now.created != lease.created or now.ttl is None:
            raise KeyNotFound("the key no longer exists")
        form = {"refresh": "true", "ttl": str(lease.ttl), "prevIndex": str(now.modified)}
        renewed = await connection.send(
            requests.write(path, form),
            Etcd2ErrorCode.KEY_NOT_FOUND,
            Etcd2ErrorCode.COMPARE_FAILED,
            Etcd2ErrorCode.NOT_A_FILE,
            within=within,
            repeat=False,
        )
        if renewed.code is None:
            return float(lease.ttl or 0)
