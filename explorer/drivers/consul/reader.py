"""Consistent reads of keys, pairs and levels. A key that does not survive in a URL is read by a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from explorer.drivers.common.tasks import gather_results
from explorer.drivers.consul import requests
from explorer.drivers.consul.answers import KVPair
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.errors import permission_error
from explorer.drivers.consul.keyspace import is_url_safe
from explorer.model.errors import ExplorerError

_MAX_TRANSACTIONS: Final = 4
"""Transactions under way at the same time."""
MAX_OPERATIONS: Final = 64
"""Operations that Consul takes in one transaction (128 since 1.16)."""


@dataclass(frozen=True, slots=True)
class ConsulReader:
    """Reads keys of the store.

    Args:
        connection: The connection.
        separator: The separator between the names in a key.
    """

    connection: ConsulConnection
    separator: str

    async def get_pair(self, key: str, *, consistent: bool = True) -> KVPair | None:
        """Return a pair; None if there is none.

        Raises:
            Forbidden: The token may not read it.
        """
        consistency = "consistent" if consistent else "stale"
        result = await self.connection.commit([requests.get_operation(key)], consistency=consistency, repeat=True)
        if result.succeeded and not result.results:  # Consul leaves out pairs that the token may not read
            raise permission_error("")
        return result.results[0] if result.succeeded else None

    async def get_pairs(self, keys: Sequence[str], *, skip_unreadable: bool = True) -> list[KVPair]:
        """Return the pairs of keys, in this order, without those that no longer exist.

        Args:
            keys: The keys in the store.
            skip_unreadable: Leave out pairs that the token may not read.

        Raises:
            Forbidden: The token may not read one, which is not to be left out.
        """
        pairs: list[KVPair] = []
        step = MAX_OPERATIONS * _MAX_TRANSACTIONS
        for start in range(0, len(keys), step):
            chunk = keys[start : start + step]
            batches = [tuple(chunk[first : first + MAX_OPERATIONS]) for first in range(0, len(chunk), MAX_OPERATIONS)]
            read = partial(self._get_batch, skip_unreadable=skip_unreadable)
            for result in (await gather_results(batches, read)).values():
                if isinstance(result, ExplorerError):
                    raise result
                pairs += result
        return pairs

    async def _get_batch(self, keys: Sequence[str], *, skip_unreadable: bool) -> list[KVPair]:
        """Return the pairs of at most `MAX_OPERATIONS` keys."""
        remaining = list(keys)
        while remaining:
            result = await self.connection.commit(
                [requests.get_operation(key) for key in remaining],
                consistency="consistent",
                repeat=True,
            )
            if result.succeeded and len(result.results) < len(remaining) and not skip_unreadable:
                raise permission_error("")
            if result.succeeded:
                return result.results
            remaining = [key for number, key in enumerate(remaining) if number not in result.errors]
        return []

    async def list_level(self, base: str) -> list[str]:
        """Return the keys and directories of the level below a directory, as whole keys in their order.

        A directory ends with the separator. (So does a key that ends with it; the directory's own key, if there is
        one, comes first.)
        """
        if is_url_safe(base):
            _, keys = await self.connection.send(requests.list_keys(base, self.separator, consistent=True))
            return keys
        names = dict.fromkeys(self._cut_off(pair.key, base) for pair in await self.list_pairs(base))
        return list(names)

    async def list_keys(self, base: str) -> list[str]:
        """Return all keys below a directory."""
        if is_url_safe(base):
            _, keys = await self.connection.send(requests.list_keys(base, None, consistent=True))
            return keys
        return [pair.key for pair in await self.list_pairs(base)]

    async def list_pairs(self, prefix: str) -> list[KVPair]:
        """Return all pairs below a prefix in one answer; only for small numbers of pairs."""
        if is_url_safe(prefix):
            _, pairs = await self.connection.send(requests.list_pairs(prefix, consistent=True))
            return pairs
        result = await self.connection.commit(
            [requests.get_tree_operation(prefix)], consistency="consistent", repeat=True
        )
        return result.results

    def _cut_off(self, key: str, base: str) -> str:
        """Return a key up to the first separator behind a directory."""
        name, separator, _ = key[len(base) :].partition(self.separator)
        return base + name + separator
