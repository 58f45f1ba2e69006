"""Scans of all keys below a prefix."""

from collections.abc import AsyncGenerator, Callable
from typing import Final, TypeAlias

from explorer.drivers.redis.connection import RedisConnection
from explorer.drivers.redis.errors import foreign_reply
from explorer.drivers.redis.keyspace import pattern_below
from explorer.drivers.redis.node import RedisNode
from explorer.model.errors import Denied, NotReachable

_SCAN_COUNT: Final = 1000
_MAX_SCANS: Final = 2
"""Scans that are begun again when the server changed."""

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the number of keys that a scan has passed, and about how many there are."""


async def scan(
    connection: RedisConnection, prefix: bytes, on_progress: Progress | None = None
) -> AsyncGenerator[list[bytes], None]:
    """Yield the keys that begin with a prefix, in any order; a key may come twice.

    A key that exists from the beginning to the end is among them. There is no order to seek in: every key of the
    database is passed.
    """
    for attempt in range(_MAX_SCANS):
        try:
            async for keys in _scan_once(connection, prefix, on_progress):
                yield keys
        except NotReachable:
            if attempt == _MAX_SCANS - 1:
                raise
        else:
            return


async def _scan_once(
    connection: RedisConnection, prefix: bytes, on_progress: Progress | None
) -> AsyncGenerator[list[bytes], None]:
    nodes = await connection.topology.primaries(connection.timeout)
    within = connection.topology.share(connection.timeout)
    total: int | None = None
    if on_progress:
        sizes = [await _size(connection, node) for node in nodes]
        total = sum(size for size in sizes if size is not None) if None not in sizes else None
    passed = 0
    for node in nodes:
        cursor: bytes | str = "0"
        while True:
            reply = await connection.call_node(
                node, ("SCAN", cursor, "MATCH", pattern_below(prefix), "COUNT", _SCAN_COUNT), within
            )
            match reply:
                case [bytes(cursor), [*found]]:
                    keys = [key for key in found if isinstance(key, bytes) and key.startswith(prefix)]
                case _:
                    raise foreign_reply(reply)
            passed += _SCAN_COUNT
            if on_progress:
                on_progress(passed if total is None else min(passed, total), total)
            if keys:
                yield keys
            if cursor == b"0":
                break


async def _size(connection: RedisConnection, node: RedisNode) -> int | None:
    """Return the number of keys of a server; None if the user may not know it."""
    try:
        reply = await connection.call_node(node, ("DBSIZE",), connection.timeout)
    except Denied:
        return None
    return reply if isinstance(reply, int) else None
