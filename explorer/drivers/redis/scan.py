"""Scans of all keys below a prefix."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.errors import foreign_reply
from explorer.drivers.redis.keyspace import pattern_below
from explorer.drivers.redis.node import RedisNode
from explorer.model.errors import Denied, NotReachable
from explorer.model.progress import has_progress_listener, report_progress

_SCAN_COUNT: Final = 1000
_MAX_SCANS: Final = 2
"""Scans that are begun again when the server changed."""

_MIN_ROUNDED: Final = 10_000
_PROGRESS_INTERVAL: Final = 0.3
"""Seconds between two reports of progress; a scan that is shorter reports none."""


async def scan(connection: RedisConnection, prefix: bytes) -> AsyncGenerator[list[bytes], None]:
    """Yield the keys that begin with a prefix, in any order; a key may come twice.

    A key that exists from the beginning to the end is among them. There is no order to seek in: every key of the
    database is passed.
    """
    for attempt in range(_MAX_SCANS):
        try:
            async with aclosing(_scan_once(connection, prefix)) as pages:
                async for keys in pages:
                    yield keys
        except NotReachable:
            if attempt == _MAX_SCANS - 1:
                raise
        else:
            return


async def _scan_once(connection: RedisConnection, prefix: bytes) -> AsyncGenerator[list[bytes], None]:
    nodes = await connection.topology.primaries(connection.timeout)
    within = connection.topology.share(connection.timeout)
    progress = ScanProgress(connection, nodes)
    for node in nodes:
        cursor = b"0"
        while True:
            command = ("SCAN", cursor, "MATCH", pattern_below(prefix), "COUNT", _SCAN_COUNT)
            match await connection.call_node(node, command, within):
                case [bytes(cursor), [*found]]:
                    keys = [key for key in found if isinstance(key, bytes) and key.startswith(prefix)]
                case reply:
                    raise foreign_reply(reply)
            await progress.add(_SCAN_COUNT)
            if keys:
                yield keys
            if cursor == b"0":
                break


class ScanProgress:
    """Reports how far a scan is, to a caller that listens.

    Args:
        connection: The connection.
        nodes: The servers that are scanned.
    """

    def __init__(self, connection: RedisConnection, nodes: Sequence[RedisNode]) -> None:
        self._connection = connection
        self._nodes = nodes
        self._passed = 0
        self._total: int | None = None
        self._next = time.monotonic() + _PROGRESS_INTERVAL

    async def add(self, count: int) -> None:
        """Note that so many more keys were passed."""
        self._passed += count
        if time.monotonic() < self._next or not has_progress_listener():
            return
        self._next = time.monotonic() + _PROGRESS_INTERVAL
        if self._total is None:
            self._total = await count_keys(self._connection, self._nodes) or 0
        of = f" of about {_rounded(self._total)}" if self._total else ""
        report_progress(f"scanned {_rounded(min(self._passed, self._total or self._passed))}{of}")


def _rounded(count: int) -> str:
    """Return a number as a text that fits into a row of the tree."""
    return f"{count:,}" if count < _MIN_ROUNDED else f"{count // 1000:,}k"


async def count_keys(connection: RedisConnection, nodes: Sequence[RedisNode]) -> int | None:
    """Return the number of keys of servers; None if the user may not know it."""
    total = 0
    for node in nodes:
        try:
            reply = await connection.call_node(node, ("DBSIZE",), connection.timeout)
        except Denied:
            return None
        total += reply if isinstance(reply, int) else 0
    return total
