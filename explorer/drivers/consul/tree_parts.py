"""Reads everything below a directory in parts of bounded size: few requests, some at a time, whatever the value sizes.

One request lists the keys. They are divided by their next character until a part is small enough for one `?recurse`
request; the number of keys that is small enough follows from the values read so far.
"""

from collections.abc import AsyncGenerator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from explorer.drivers.common.tasks import gather_results
from explorer.drivers.consul.answers import KVPair
from explorer.drivers.consul.changed_keys import shared_length
from explorer.drivers.consul.reader import ConsulReader
from explorer.model.errors import ExplorerError

_MAX_REQUESTS: Final = 4
"""Parts that are read at the same time."""
_PART_BYTES: Final = 4 << 20
"""Bytes of values that a part should not exceed by much."""
_MIN_KEYS: Final = 16
_FIRST_KEYS: Final = 256
"""Keys of a part while the size of the values is not known."""
_MAX_KEYS: Final = 4096


class TreePart(NamedTuple):
    """The keys that one request reads."""

    prefix: str
    is_single_key: bool
    """True if the part is the key that equals the prefix, and nothing below it."""


class Partition:
    """Sorted keys, divided by their prefixes.

    Args:
        base: The prefix of all keys.
        keys: The keys.
    """

    def __init__(self, base: str, keys: Sequence[str]) -> None:
        self._parts: list[tuple[TreePart, Sequence[str]]] = [(TreePart(base, is_single_key=False), keys)]

    def next(self, max_keys: int) -> TreePart | None:
        """Return the next part with at most so many keys; None at the end."""
        while self._parts:
            part, keys = self._parts.pop()
            if part.is_single_key or len(keys) <= max_keys:
                return part
            length = shared_length(keys) + 1
            groups = [(prefix, list(group)) for prefix, group in groupby(keys, key=lambda key: key[:length])]
            for prefix, members in reversed(groups):
                self._parts.append((TreePart(prefix, is_single_key=len(prefix) < length), members))
        return None


async def read_in_parts(reader: ConsulReader, base: str, keys: Sequence[str]) -> AsyncGenerator[Sequence[KVPair], None]:
    """Yield all pairs below a directory, in the order of their keys, with or without those created meanwhile.

    Args:
        reader: Reads pairs.
        base: The directory in the store.
        keys: All keys below it, in their order.
    """

    async def read(part: TreePart) -> Sequence[KVPair]:
        return await (reader.get_pairs([part.prefix]) if part.is_single_key else reader.list_pairs(part.prefix))

    partition, max_keys = Partition(base, keys), _FIRST_KEYS
    while parts := [part for _ in range(_MAX_REQUESTS) if (part := partition.next(max_keys)) is not None]:
        for pairs in (await gather_results(parts, read)).values():
            if isinstance(pairs, ExplorerError):
                raise pairs
            if pairs:
                size = max(1, sum(len(pair.value) for pair in pairs) // len(pairs))
                max_keys = max(_MIN_KEYS, min(_MAX_KEYS, _PART_BYTES // size))
            yield pairs
