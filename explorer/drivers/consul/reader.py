"""Entries and levels as they are now, asked of the leader; what HTTP would alter is asked for in a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.drivers.common.tasks import gather_results
from explorer.drivers.consul import requests
from explorer.drivers.consul.answers import Stored
from explorer.drivers.consul.connection import ConsulConnection
from explorer.drivers.consul.errors import denied
from explorer.drivers.consul.keyspace import is_url_safe
from explorer.model.errors import ExplorerError

_AT_ONCE = 4
"""Transactions that are asked for at the same time."""
MOST_OPERATIONS = 64
"""Operations that Consul takes in one transaction (128 since 1.16)."""


@dataclass(frozen=True, slots=True)
class ConsulReader:
    """Reads keys as the store spells them.

    Args:
        connection: Is asked.
        separator: Divides the names in a key.
        subject: What it is read for, as the caller wrote it.
    """

    connection: ConsulConnection
    separator: str
    subject: str

    async def entry(self, key: str, *, consistent: bool = True) -> Stored | None:
        """Read one entry; None if there is none.

        Raises:
            Forbidden: There is one, and the token may not read it.
        """
        asked = requests.read(key)
        consistency = "consistent" if consistent else "stale"
        verdict = await self.connection.commit([asked], key=self.subject, consistency=consistency, repeat=True)
        if verdict.won and not verdict.results:  # it is there, and was left out of the answer
            raise denied("", self.connection.redacted, self.subject)
        return verdict.results[0] if verdict.won else None

    async def entries(self, keys: Sequence[str]) -> list[Stored]:
        """Read entries, in the order of the keys; one that is gone meanwhile is left out."""
        found: list[Stored] = []
        most = MOST_OPERATIONS * _AT_ONCE
        for start in range(0, len(keys), most):
            some = keys[start : start + most]
            parts = [tuple(some[first : first + MOST_OPERATIONS]) for first in range(0, len(some), MOST_OPERATIONS)]
            for read in (await gather_results(parts, self._some)).values():
                if isinstance(read, ExplorerError):
                    raise read
                found += read
        return found

    async def _some(self, keys: Sequence[str]) -> list[Stored]:
        """Read as many entries as one transaction takes."""
        wanted = list(keys)
        while wanted:
            verdict = await self.connection.commit(
                [requests.read(key) for key in wanted], key=self.subject, consistency="consistent", repeat=True
            )
            if verdict.won:
                return verdict.results
            wanted = [key for number, key in enumerate(wanted) if number not in verdict.refusals]
        return []

    async def level(self, base: str) -> list[str]:
        """Read the names below a directory, as whole keys in their order.

        What has more below it ends with the separator. (A key that ends with it looks the same; the directory's own
        key, if it is one, comes first.)
        """
        if is_url_safe(base):
            _, found = await self.connection.ask(
                requests.names(base, self.separator, consistent=True), key=self.subject
            )
            return found
        names = dict.fromkeys(self._folded(found.key, base) for found in await self.tree(base))
        return list(names)

    async def everything(self, base: str) -> list[str]:
        """Read all keys below a directory."""
        if is_url_safe(base):
            _, found = await self.connection.ask(requests.names(base, None, consistent=True), key=self.subject)
            return found
        return [found.key for found in await self.tree(base)]

    async def tree(self, beginning: str) -> list[Stored]:
        """Read all entries whose keys begin so, which had better be few."""
        if is_url_safe(beginning):
            _, found = await self.connection.ask(requests.tree(beginning, consistent=True), key=self.subject)
            return found
        verdict = await self.connection.commit(
            [requests.read_tree(beginning)], key=self.subject, consistency="consistent", repeat=True
        )
        return verdict.results

    def _folded(self, key: str, base: str) -> str:
        name, divider, _ = key[len(base) :].partition(self.separator)
        return base + name + divider
