"""Changed keys that a watch has not read yet, collected from every server while it reads others."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from explorer.drivers.common.tasks import Tasks
from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.invalidations import changed_keys
from explorer.drivers.redis.node import RedisNode
from explorer.model.errors import NotReachable

_MAX_PENDING: Final = 100_000
"""Changed keys that may wait to be read; with more, everything is read again."""
_TOPOLOGY_INTERVAL: Final = 5.0
"""Seconds after which sentinels or a cluster are asked again which servers are the primaries."""
FLUSHED: Final = "the database was flushed"
OVERFLOW: Final = "changes came faster than they were read"


@dataclass(frozen=True, slots=True)
class TakenChanges:
    """Changed keys with the number of times that each was named."""

    counts: Counter[bytes]
    gap: str | None
    """Reason for which everything has to be read again; None if the keys are all that changed."""


class PendingChanges:
    """Collects changed keys.

    Args:
        servers: Number of servers that have to be listened to before any change counts.
    """

    def __init__(self, servers: int) -> None:
        self._missing = servers
        self._counts: Counter[bytes] = Counter()
        self._gap: str | None = None
        self._wake = asyncio.Event()
        self._failed: asyncio.Task[None] | None = None

    def add(self, keys: list[bytes] | None) -> None:
        """Add changed keys; None if everything was flushed, and an empty list once a server is listened to."""
        if keys is None:
            self._gap = FLUSHED
        elif not keys:
            self._missing -= 1
        else:
            self._counts.update(keys)
        if len(self._counts) > _MAX_PENDING:
            self._gap = OVERFLOW
        if self._gap:
            self._counts.clear()
        self._wake.set()

    def fail(self, task: asyncio.Task[None]) -> None:
        """Note that a collecting task has ended."""
        self._failed = self._failed or task
        self._wake.set()

    async def established(self) -> None:
        """Wait until every server is listened to."""
        while self._missing:
            await self._wait()

    async def take(self) -> TakenChanges:
        """Wait for changes and return them.

        Raises:
            NotReachable: A server is not listened to any more.
        """
        while not (self._counts or self._gap):
            await self._wait()
        taken = TakenChanges(self._counts, self._gap)
        self._counts, self._gap = Counter(), None
        return taken

    async def _wait(self) -> None:
        if self._failed is not None:
            error = None if self._failed.cancelled() else self._failed.exception()
            raise error or NotReachable("connection lost")
        self._wake.clear()
        await self._wake.wait()


@asynccontextmanager
async def pending_changes(
    connection: RedisConnection, tasks: Tasks, prefix: bytes, *, is_key: bool
) -> AsyncGenerator[PendingChanges, None]:
    """Collect the keys that change below a prefix, or the key itself, from before this returns on."""
    topology, within = connection.topology, connection.timeout
    nodes = [await topology.node_of(prefix, within)] if is_key else await topology.primaries(within)
    pending = PendingChanges(len(nodes))

    async def collect(node: RedisNode) -> None:
        async with aclosing(changed_keys(connection, node, prefix)) as batches:
            async for keys in batches:
                pending.add(keys)

    async def check_topology() -> None:
        hosts = await topology.refresh(within)
        while True:
            await asyncio.sleep(_TOPOLOGY_INTERVAL)
            if await topology.refresh(within) != hosts:
                raise NotReachable("the primaries changed")

    work = [tasks.start(collect(node), name=f"changes at {node.host}") for node in nodes]
    if connection.has_topology:
        work.append(tasks.start(check_topology(), name="topology"))
    for task in work:
        task.add_done_callback(pending.fail)
    try:
        async with asyncio.timeout(within):
            await pending.established()
        yield pending
    except TimeoutError:
        raise NotReachable("no answer in time") from None
    finally:
        await tasks.cancel(*work)
