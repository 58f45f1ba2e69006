"""Nodes and levels as they are now, and all nodes below one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from explorer.drivers.common.pagination import TreeWalk
from explorer.drivers.etcd2 import requests
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.errors import NOT_A_DIRECTORY, NOT_FOUND
from explorer.drivers.etcd2.keyspace import Node, is_below
from explorer.model.errors import Denied


@dataclass(frozen=True, slots=True)
class Etcd2Reader:
    """Reads nodes.

    Args:
        connection: Is asked.
        subject: What it is read for, as the caller wrote it.
    """

    connection: Etcd2Connection
    subject: str

    async def node(self, path: str, *, consistent: bool = True) -> Node | None:
        """Read a node, a directory with what is in it; None if there is none."""
        question = requests.read(path, consistent=consistent)
        return (await self.connection.ask(question, NOT_FOUND, NOT_A_DIRECTORY, key=self.subject)).node

    async def level(self, path: str) -> Sequence[Node]:
        """Read what is in a directory, in the order of names; nothing for what is none, or is gone."""
        node = await self.node(path)
        return sorted(node.below, key=lambda one: one.path) if node else ()


class Walk(TreeWalk[Node]):
    """All nodes below one, each before those below it, level by level.

    Args:
        reader: Reads the levels.
        base: The directory.
        after: Where to begin: after this path.
    """

    def __init__(self, reader: Etcd2Reader, base: str, *, after: str | None = None) -> None:
        super().__init__()
        self._reader = reader
        self._base = base
        self._after = None if after is None else after.split("/")
        self._levels: list[Iterator[Node]] | None = None

    async def _fill(self, wanted: int) -> None:
        if self._levels is None:
            self._levels = [iter(await self._reader.level(self._base))]
        while self._levels and len(self._pending) < wanted:
            node = next(self._levels[-1], None)
            if node is None:
                self._levels.pop()
                continue
            names = node.path.split("/")
            if self._after is None or names > self._after:
                self._pending.append(node)
            elif names < self._after[: len(names)]:
                continue  # it and all below it come before the place to begin at
            if node.directory:
                self._levels.append(iter(await self._seen(node.path)))

    async def _seen(self, path: str) -> Sequence[Node]:
        try:
            return [one for one in await self._reader.level(path) if is_below(one.path, path)]
        except Denied:
            return ()  # what may not be seen is not there
