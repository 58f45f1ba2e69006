"""Search for the pairs of a large tree that changed: Consul knows the newest index below any prefix.

So a tree of a hundred thousand keys is not read again after one change. Its keys are divided by their next character,
Consul is asked for the newest index below each part, and a part that changed is divided again until it is small enough
to be read.
"""

from collections.abc import AsyncGenerator, Sequence
from itertools import groupby
from typing import Final

from explorer.drivers.consul import requests
from explorer.drivers.consul.answers import KVPair
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.keyspace import is_url_safe
from explorer.drivers.consul.reader import ConsulReader

MAX_PART_KEYS: Final = 1000
"""Keys of a part that is read in one request."""


class ChangedKeys:
    """A search for pairs that are newer than an index.

    Args:
        connection: The connection.
        reader: Reads pairs.
        since: The index.
    """

    def __init__(self, connection: ConsulConnection, reader: ConsulReader, since: int) -> None:
        self._connection = connection
        self._reader = reader
        self._since = since

    async def find(self, keys: Sequence[str]) -> AsyncGenerator[list[KVPair], None]:
        """Yield lists of newer pairs: those of the sorted keys, and new ones in the parts that are read."""
        parts = [(keys, 0)]
        while parts:
            part, shared = parts.pop()
            if len(part) <= MAX_PART_KEYS:
                pairs = await self._reader.list_pairs(part[0][: shared or shared_length(part)])
                yield [pair for pair in pairs if pair.modify_index > self._since]
                continue
            length = shared_length(part) + 1
            for prefix, group in groupby(part, key=lambda key: key[:length]):
                members = list(group)
                if len(prefix) < length:  # the key that is the start of all others
                    pairs = await self._reader.get_pairs(members)
                    yield [pair for pair in pairs if pair.modify_index > self._since]
                elif await self._may_have_changed(prefix):
                    parts.append((members, length))

    async def _may_have_changed(self, prefix: str) -> bool:
        """Return whether anything below a prefix may be newer."""
        if not is_url_safe(prefix):
            return True
        request = requests.list_keys(prefix, self._reader.separator)
        index, _ = await self._connection.send(request)
        return index > self._since


def shared_length(keys: Sequence[str]) -> int:
    """Return the length of the longest start that all of these sorted keys share."""
    first, last = keys[0], keys[-1]
    return next(
        (index for index, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first)
    )
