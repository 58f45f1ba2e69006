"""Finding what changed among many entries: Consul tells the newest index below any beginning of a key.

A tree of a hundred thousand entries is not read again because one of them changed. Its keys are divided by their next
character, Consul is asked for the newest index below each part, and a part that has news is divided again until it is
small enough to be read.
"""

from collections.abc import AsyncGenerator, Sequence
from itertools import groupby
from typing import Final

from explorer.drivers.consul import requests
from explorer.drivers.consul.answers import Stored
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.keyspace import is_url_safe
from explorer.drivers.consul.reader import ConsulReader

FEW: Final = 1000
"""Entries that are read together."""


class ChangedKeys:
    """A search for entries that are newer than an index.

    Args:
        connection: Is asked.
        reader: Reads entries.
        since: The index.
    """

    def __init__(self, connection: ConsulConnection, reader: ConsulReader, since: int) -> None:
        self._connection = connection
        self._reader = reader
        self._since = since

    async def newer(self, keys: Sequence[str]) -> AsyncGenerator[list[Stored], None]:
        """Give, in parts, the entries of these keys, sorted, that are newer; and what else there is beside them."""
        waiting = [(keys, 0)]
        while waiting:
            part, shared = waiting.pop()
            if len(part) <= FEW:
                found = await self._reader.tree(part[0][: shared or shared_length(part)])
                yield [one for one in found if one.modified > self._since]
                continue
            length = shared_length(part) + 1
            for beginning, group in groupby(part, key=lambda key: key[:length]):
                members = list(group)
                if len(beginning) < length:  # the key that all others begin with
                    yield [one for one in await self._reader.entries(members) if one.modified > self._since]
                elif await self._news(beginning):
                    waiting.append((members, length))

    async def _news(self, beginning: str) -> bool:
        """Tell whether anything below a beginning of keys may be newer."""
        if not is_url_safe(beginning):
            return True
        asked = requests.names(beginning, self._reader.separator)
        index, _ = await self._connection.ask(asked, key=self._reader.subject)
        return index > self._since


def shared_length(keys: Sequence[str]) -> int:
    """Tell how many characters all of these keys, sorted, begin with in common."""
    first, last = keys[0], keys[-1]
    return next(
        (place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first)
    )
