"""Writing single keys, see `drivers.writing`: what is guarded is a node's index.

A write without a TTL would free a node of the one it has; so the seconds that are left are written with it. etcd counts
whole seconds and rounds up: each write may let it live up to a second longer. The renewal of a TTL makes a new index,
as every write does.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from explorer.drivers.common import cas_writer
from explorer.drivers.common.cas_writer import Version
from explorer.drivers.common.errors import key_exists, key_modified
from explorer.drivers.common.leases import keep_alive
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.etcd2 import errors, requests
from explorer.drivers.etcd2.cas import Etcd2CasWrite
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.errors import COMPARE_FAILED, EXISTS, NOT_A_FILE, NOT_FOUND, NotEmptyError
from explorer.drivers.etcd2.keyspace import Etcd2Keyspace, Node
from explorer.drivers.etcd2.reader import Etcd2Reader
from explorer.model.entries import Entry, Revision
from explorer.model.errors import ExplorerError, KeyNotFound


class NodeGuard(NamedTuple):
    """A node that was read."""

    node: Node
    as_shown: bool = False
    """Whether its value is edited, and so has to be what was shown."""


@dataclass(slots=True)
class Etcd2Lease:
    """How long an entry is to live."""

    ttl: int | None
    """In seconds; None for ever."""
    created: int = 0
    """The creation of the node that lives so, once it is written."""


class Etcd2Writer(cas_writer.CasWriter[NodeGuard, Etcd2Lease]):
    """Writes the keys of an address.

    Args:
        connection: Is asked.
        layout: Spells entries.
        tasks: Keeps entries alive.
    """

    def __init__(self, connection: Etcd2Connection, layout: Etcd2Keyspace, tasks: Tasks) -> None:
        self.connection = connection
        self.layout = layout
        self.tasks = tasks

    async def current(self, key: str) -> NodeGuard | None:
        node = await Etcd2Reader(self.connection, key).node(self.layout.locate(key))
        return NodeGuard(node) if node else None

    async def make_directory(self, key: str, ttl: float | None) -> Entry:
        """Make a directory, or give the one that is there its TTL."""
        path = self.layout.locate(key)
        async with self._lease_scope(key, ttl) as life:
            form = {"dir": "true"} | ({"ttl": str(life.ttl)} if life and life.ttl is not None else {})
            new, known = {**form, "prevExist": "false"}, {**form, "prevExist": "true"}
            while True:
                made = await self.connection.ask(requests.write(path, new), EXISTS, key=key)
                if made.node is None:
                    there = await self.current(key)
                    if there and not there.node.directory:
                        raise errors.refused(EXISTS, self.layout.redacted, key)
                    if there and life is None:
                        return self.layout.entry(there.node)
                    made = await self.connection.ask(requests.write(path, known), NOT_FOUND, NOT_A_FILE, key=key)
                if made.node:
                    return self.layout.entry(made.node)

    async def _guard_for(self, key: str, previous: Entry | Revision) -> NodeGuard | None:
        now, (modified, created) = await self.current(key), Version.of(previous)
        if now and now.node.modified == modified and created in (None, now.node.created):
            return NodeGuard(now.node, as_shown=now.node.doubtful)
        return None

    async def _write(self, key: str, value: bytes, guard: NodeGuard | None, lease: Etcd2Lease | None) -> Entry:
        if guard and guard.node.directory:
            raise errors.refused(NOT_A_FILE, self.layout.redacted, key)
        ttl = lease.ttl if lease else guard.node.ttl if guard else None
        written = await Etcd2CasWrite(
            self.connection,
            key,
            self.layout.locate(key),
            guard.node if guard else None,
            value,
            ttl,
            as_shown=guard is not None and guard.as_shown,
        ).commit()
        if written is None:
            raise key_exists() if guard is None else key_modified()
        if lease:
            lease.created = written.created
        return self.layout.entry(written)

    async def _delete(self, key: str, guard: NodeGuard) -> None:
        try:
            deleted = await Etcd2CasWrite(self.connection, key, self.layout.locate(key), guard.node, None).commit()
        except NotEmptyError as error:
            raise ExplorerError(error.message, hint=error.hint, address=error.address, key=key) from error
        if deleted is None:
            raise key_modified()

    async def _grant(self, key: str, ttl: float, *, keep_alive: bool) -> Etcd2Lease:
        del key, keep_alive
        return Etcd2Lease(None if math.isinf(ttl) else math.ceil(ttl))

    def _keep_alive(self, key: str, lease: Etcd2Lease) -> None:
        ttl = lease.ttl
        if ttl is not None:
            renewing = keep_alive(lambda left: renew(self.connection, key, self.layout.locate(key), lease, left), ttl)
            self.tasks.start(renewing, name=f"TTL of {key}")


async def renew(connection: Etcd2Connection, key: str, path: str, life: Etcd2Lease, within: float) -> float:
    """Renew the TTL of a node that is still the one that was made, and give it in seconds.

    Raises:
        KeyNotFound: It is not.
    """
    while True:
        now = await Etcd2Reader(connection, key).node(path)
        if now is None or now.created != life.created or now.ttl is None:
            raise KeyNotFound("it is no longer there", address=connection.redacted, key=key)
        form = {"refresh": "true", "ttl": str(life.ttl), "prevIndex": str(now.modified)}
        renewed = await connection.ask(
            requests.write(path, form), NOT_FOUND, COMPARE_FAILED, NOT_A_FILE, key=key, within=within, repeat=False
        )
        if renewed.code is None:
            return float(life.ttl or 0)
