"""Everything below a directory, read in parts of bounded size: few requests, some at once, whatever the values weigh.

The keys are listed first, by one request. They are divided by their next character until a part is small enough for one
`?recurse`; how many keys that are follows from the values read so far.
"""

from collections.abc import AsyncGenerator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from explorer.drivers.common.tasks import gather_results
from explorer.drivers.consul.answers import Stored
from explorer.drivers.consul.changed_keys import shared_length
from explorer.drivers.consul.reader import ConsulReader
from explorer.model.errors import ExplorerError

_AT_ONCE: Final = 4
"""Parts that are read at the same time."""
_PART_BYTES: Final = 4 << 20
"""Bytes of values that a part should not exceed by much."""
_MIN_KEYS: Final = 16
_FIRST_KEYS: Final = 256
"""Keys of a part while nothing is known of the values."""
_MAX_KEYS: Final = 4096


class Part(NamedTuple):
    """What one request reads."""

    beginning: str
    alone: bool
    """Whether only the key that is the beginning itself is meant."""


class Partition:
    """A division of sorted keys by what they begin with.

    Args:
        base: What all of them begin with.
        keys: The keys.
    """

    def __init__(self, base: str, keys: Sequence[str]) -> None:
        self._waiting: list[tuple[Part, Sequence[str]]] = [(Part(base, alone=False), keys)]

    def next(self, most: int) -> Part | None:
        """Return the next part that holds so many keys at most; None at the end."""
        while self._waiting:
            part, keys = self._waiting.pop()
            if part.alone or len(keys) <= most:
                return part
            length = shared_length(keys) + 1
            groups = [(beginning, list(group)) for beginning, group in groupby(keys, key=lambda key: key[:length])]
            for beginning, members in reversed(groups):
                self._waiting.append((Part(beginning, alone=len(beginning) < length), members))
        return None


async def read_in_parts(reader: ConsulReader, base: str, keys: Sequence[str]) -> AsyncGenerator[Sequence[Stored], None]:
    """Read all entries below a directory, in the order of their keys; what is made meanwhile is in it or not.

    Args:
        reader: Reads entries.
        base: The directory as the store spells it.
        keys: All keys below it, in their order.
    """

    async def read(part: Part) -> Sequence[Stored]:
        return await (reader.entries([part.beginning]) if part.alone else reader.tree(part.beginning))

    partition, most = Partition(base, keys), _FIRST_KEYS
    while parts := [part for _ in range(_AT_ONCE) if (part := partition.next(most)) is not None]:
        for found in (await gather_results(parts, read)).values():
            if isinstance(found, ExplorerError):
                raise found
            if found:
                size = max(1, sum(len(one.value) for one in found) // len(found))
                most = max(_MIN_KEYS, min(_MAX_KEYS, _PART_BYTES // size))
            yield found
