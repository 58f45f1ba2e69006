"""Writing single nodes, see `drivers.writing`: what is guarded is a node's creation and version.

What the caller did not edit is kept: the access control list, the kind of the node, and whose it is. A node cannot
become of another kind: for a TTL, or freed of one, it is made anew within one transaction, which only one without
children can be. The servers tell nobody which nodes have a TTL (or are containers), so one is made anew to be sure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from explorer.drivers.common import cas_writer
from explorer.drivers.common.errors import key_modified
from explorer.drivers.zookeeper import errors, messages
from explorer.drivers.zookeeper.cas import CreateOptions, ZooKeeperCasWrite
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.keyspace import OPEN, Acl, Stat, ZooKeeperKeyspace, expected
from explorer.drivers.zookeeper.messages import Mode, OpError, Request
from explorer.drivers.zookeeper.reader import ZooKeeperReader
from explorer.model.entries import Entry, Revision
from explorer.model.errors import CallNotSupported, ExplorerError, KeyExists, KeyNotFound

_LONGEST = (2**40 - 1) / 1000
"""Seconds of the longest TTL that fits into a node."""


@dataclass(frozen=True, slots=True)
class NodeLease:
    """How long a node is to live: so many seconds, or while its session does."""

    ttl: float
    keep_alive: bool


class ZooKeeperWriter(cas_writer.ConditionalCasWriter[Stat, NodeLease, Request[None]]):
    """Writes the nodes of an address.

    Args:
        connection: Is asked; its session is what nodes are kept alive by.
        layout: Spells entries.
    """

    def __init__(self, connection: ZooKeeperConnection, layout: ZooKeeperKeyspace) -> None:
        self.connection = connection
        self.layout = layout

    async def current(self, key: str) -> Stat | None:
        return await ZooKeeperReader(self.connection, key).stat(self.layout.locate(key))

    async def _guard_for(self, key: str, previous: Entry | Revision) -> Stat | None:
        now = await self.current(key)
        return now if now and (now.czxid, now.version) == expected(previous) else None

    async def _write(
        self,
        key: str,
        value: bytes,
        guard: Stat | None,
        lease: NodeLease | None,
        *,
        extra_conditions: Sequence[Request[None]] = (),
    ) -> Entry:
        path = self.layout.locate(key)
        try:
            options = await self._create_options(key, guard, lease)
            written = await self._commit(
                ZooKeeperCasWrite(self.connection, key, path, guard, value, options, extra_conditions)
            )
        except KeyNotFound as error:
            if guard is not None:
                raise key_modified() from error  # deleted meanwhile
            await self.make(path.rpartition("/")[0], key)
            return await self._write(key, value, guard, lease, extra_conditions=extra_conditions)
        return await self._told(key, path, value, written)

    async def _commit(self, save: ZooKeeperCasWrite) -> Stat:
        try:
            written = await save.commit()
        except ExplorerError as error:
            if not errors.is_not_empty(error):
                raise
            raise CallNotSupported(
                "a node with children cannot be made to end by itself, nor freed of that",
                hint="choose a node without children",
            ) from error
        if written is None:  # an extra condition does not hold
            raise key_modified()
        return written

    async def _delete(self, key: str, guard: Stat) -> None:
        await ZooKeeperCasWrite(self.connection, key, self.layout.locate(key), guard, None).commit()

    async def _condition_holds(self, key: str, condition: Request[None]) -> bool:
        (result,) = await self.connection.ask(messages.multi([condition]), key=key)
        return not isinstance(result, OpError)

    async def _grant(self, key: str, ttl: float, *, keep_alive: bool) -> NodeLease:
        del key  # a node is made with it
        return NodeLease(ttl, keep_alive)

    async def make(self, path: str, key: str) -> bool:
        """Create a node and all above it, and tell whether it was not there.

        Args:
            path: Its path.
            key: What that is done for.
        """
        if not path:
            return False
        while True:
            try:
                await ZooKeeperCasWrite(self.connection, key, path, None, b"").commit()
            except KeyExists:
                return False
            except KeyNotFound:
                await self.make(path.rpartition("/")[0], key)
            else:
                return True

    async def _told(self, key: str, path: str, value: bytes, stat: Stat) -> Entry:
        """Give the entry that was written, as it is read. That cannot fail any more, whatever cannot be read of it."""
        try:
            acl = await ZooKeeperReader(self.connection, key).acl(path, stat.czxid)
        except ExplorerError:
            acl = None
        return self.layout.entry(path, value, stat, acl)

    async def _create_options(self, key: str, before: Stat | None, life: NodeLease | None) -> CreateOptions | None:
        """Tell what kind of node it is to become: None to keep what it is."""
        if life is None:
            return None
        if before is not None and before.session is not None:
            raise CallNotSupported(
                "the node lives as long as somebody's session",
                hint="delete it first",
            )
        if math.isinf(life.ttl) and before is None:
            return None
        acl = await self._acl(key) if before else OPEN
        if math.isinf(life.ttl):
            return CreateOptions(acl=acl)
        return (
            CreateOptions(Mode.EPHEMERAL, acl=acl)
            if life.keep_alive
            else CreateOptions(Mode.TTL, min(life.ttl, _LONGEST), acl)
        )

    async def _acl(self, key: str) -> Acl:
        """Read who may do what with a node, to give it on to what takes its place."""
        return await self.connection.ask(messages.acl(self.layout.locate(key)), key=key)
