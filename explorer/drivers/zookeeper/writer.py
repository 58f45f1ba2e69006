"""Writes of single znodes, see `drivers.common.cas_writer`: the guard is a znode's creation and version.

A write keeps the access control list, the kind and the owner of the znode. The kind cannot change: for a TTL, or to
remove one, the znode is created anew within one transaction, which is possible only without children. The servers do
not say which znodes have a TTL (or are containers), so without a TTL it is always created anew.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from explorer.drivers.common import cas_writer
from explorer.drivers.common.errors import key_modified
from explorer.drivers.zookeeper import errors, messages
from explorer.drivers.zookeeper.acl import OPEN_ACL, Acl, acl_of
from explorer.drivers.zookeeper.cas import CreateOptions, ZooKeeperCasWrite
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.keyspace import Stat, ZooKeeperKeyspace, version_of
from explorer.drivers.zookeeper.messages import CreateMode, OpError, ZooKeeperRequest
from explorer.drivers.zookeeper.reader import ZooKeeperReader
from explorer.model.entries import Entry, Meta, Revision
from explorer.model.errors import CallNotSupported, ExplorerError, KeyExists, KeyNotFound

_MAX_TTL: Final = (2**40 - 1) / 1000
"""Seconds of the longest TTL of a znode."""


@dataclass(frozen=True, slots=True)
class ZNodeLease:
    """The life of a znode: a TTL in seconds, or as long as its session."""

    ttl: float
    keep_alive: bool


class ZooKeeperWriter(cas_writer.ConditionalCasWriter[Stat, ZNodeLease, ZooKeeperRequest[None]]):
    """Writes the znodes of an address.

    Args:
        connection: The connection; its session keeps ephemeral znodes alive.
        keyspace: Makes entries.
    """

    def __init__(self, connection: ZooKeeperConnection, keyspace: ZooKeeperKeyspace) -> None:
        self.connection = connection
        self.keyspace = keyspace

    async def current(self, key: str) -> Stat | None:
        return await ZooKeeperReader(self.connection).read_stat(self.keyspace.to_store_key(key))

    async def _guard_for(self, key: str, previous: Entry | Revision) -> Stat | None:
        now = await self.current(key)
        return now if now and (now.czxid, now.version) == version_of(previous) else None

    async def _write(
        self,
        key: str,
        value: bytes,
        guard: Stat | None,
        lease: ZNodeLease | None,
        *,
        extra_conditions: Sequence[ZooKeeperRequest[None]] = (),
        acl: Acl | None = None,
    ) -> Entry:
        path = self.keyspace.to_store_key(key)
        try:
            options = await self._create_options(key, guard, lease)
            if acl is not None:
                options = replace(options or CreateOptions(), acl=acl)
            written = await self._commit(
                ZooKeeperCasWrite(self.connection, key, path, guard, value, options, extra_conditions)
            )
        except KeyNotFound as error:
            if guard is not None:
                raise key_modified() from error  # deleted meanwhile
            await self.ensure_path(path.rpartition("/")[0], key)
            return await self._write(key, value, guard, lease, extra_conditions=extra_conditions, acl=acl)
        return await self.written_entry(path, value, written)

    async def _create(self, key: str, value: bytes, lease: ZNodeLease | None, meta: Meta) -> Entry:
        return await self._write(key, value, None, lease, acl=acl_of(meta))

    async def _commit(self, write: ZooKeeperCasWrite) -> Stat:
        try:
            written = await write.commit()
        except ExplorerError as error:
            if not errors.is_not_empty(error):
                raise
            raise CallNotSupported(
                "the TTL of a node with children cannot be set or removed", hint="choose a node without children"
            ) from error
        if written is None:  # an extra condition does not hold
            raise key_modified()
        return written

    async def _delete(self, key: str, guard: Stat) -> None:
        try:
            await ZooKeeperCasWrite(self.connection, key, self.keyspace.to_store_key(key), guard, None).commit()
        except KeyNotFound as error:
            raise key_modified() from error

    async def _condition_holds(self, key: str, condition: ZooKeeperRequest[None]) -> bool:
        del key
        (result,) = await self.connection.query(messages.multi([condition]))
        return not isinstance(result, OpError)

    async def _grant(self, key: str, ttl: float, *, keep_alive: bool) -> ZNodeLease:
        del key  # the lease is granted when the znode is created
        return ZNodeLease(ttl, keep_alive)

    async def ensure_path(self, path: str, key: str) -> bool:
        """Create a znode and those above it, and return whether it did not exist.

        Args:
            path: The path of the znode.
            key: The caller's key, for the log.
        """
        if not path:
            return False
        while True:
            try:
                await ZooKeeperCasWrite(self.connection, key, path, None, b"").commit()
            except KeyExists:
                return False
            except KeyNotFound:
                await self.ensure_path(path.rpartition("/")[0], key)
            else:
                return True

    async def written_entry(self, path: str, value: bytes, stat: Stat) -> Entry:
        """Return the entry that was written; without its access control list if that cannot be read."""
        try:
            acl = await ZooKeeperReader(self.connection).read_acl(path, stat.czxid)
        except ExplorerError:
            acl = None
        return self.keyspace.to_entry(path, value, stat, acl)

    async def _create_options(self, key: str, before: Stat | None, lease: ZNodeLease | None) -> CreateOptions | None:
        """Return the options to create the znode with; None to keep those that it has."""
        if lease is None:
            return None
        if before is not None and before.session is not None:
            raise CallNotSupported("an ephemeral node lives as long as its session", hint="delete it first")
        if math.isinf(lease.ttl) and before is None:
            return None
        acl = await self._read_acl(key) if before else OPEN_ACL
        if math.isinf(lease.ttl):
            return CreateOptions(acl=acl)
        return (
            CreateOptions(CreateMode.EPHEMERAL, acl=acl)
            if lease.keep_alive
            else CreateOptions(CreateMode.TTL, min(lease.ttl, _MAX_TTL), acl)
        )

    async def _read_acl(self, key: str) -> Acl:
        """Return the access control list of a znode, for the one that replaces it."""
        return await self.connection.query(messages.get_acl(self.keyspace.to_store_key(key)))
