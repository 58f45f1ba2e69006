"""Reader of nodes and directories, and of all nodes below one."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass

from explorer.drivers.common.pagination import TreeWalk
from explorer.drivers.etcd2 import requests
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.errors import Etcd2ErrorCode
from explorer.drivers.etcd2.keyspace import Etcd2Node, is_below
from explorer.model.errors import Denied

_PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Etcd2Reader:
    """Reads nodes.

    Args:
        connection: The connection to the members.
    """

    connection: Etcd2Connection

    async def read_node(self, path: str, *, consistent: bool = True) -> Etcd2Node | None:
        """Return a node, a directory with the nodes in it; None if it does not exist."""
        request = requests.read(path, consistent=consistent)
        response = await self.connection.send(request, Etcd2ErrorCode.KEY_NOT_FOUND, Etcd2ErrorCode.NOT_A_DIRECTORY)
        return response.node

    async def read_children(self, path: str) -> Sequence[Etcd2Node]:
        """Return the nodes in a directory in the order of their names; none if it is no directory, or is gone."""
        node = await self.read_node(path)
        return sorted(node.children, key=lambda child: child.path) if node else []


class NodeWalk(TreeWalk[Etcd2Node]):
    """All nodes below one, each before those below it.

    Args:
        reader: Reads the directories.
        root: The path of the directory.
        after: The path to start after; None starts at the first.
    """

    def __init__(self, reader: Etcd2Reader, root: str, *, after: str | None = None) -> None:
        super().__init__()
        self._reader = reader
        self._root = root
        self._after = None if after is None else after.split("/")
        self._levels: list[Iterator[Etcd2Node]] | None = None

    async def pages(self) -> AsyncGenerator[Sequence[Etcd2Node], None]:
        """Yield all nodes, page by page."""
        while page := await self.take(_PAGE_SIZE):
            yield page

    async def _fill(self, wanted: int) -> None:
        if self._levels is None:
            self._levels = [iter(await self._reader.read_children(self._root))]
        while self._levels and len(self._pending) < wanted:
            node = next(self._levels[-1], None)
            if node is None:
                self._levels.pop()
                continue
            names = node.path.split("/")
            if self._after is None or names > self._after:
                self._pending.append(node)
            elif names < self._after[: len(names)]:
                continue  # the node and all below it come before the start
            if node.is_directory:
                self._levels.append(iter(await self._visible_children(node.path)))

    async def _visible_children(self, path: str) -> Sequence[Etcd2Node]:
        """Return the nodes in a directory; none if the user may not read it."""
        try:
            return [child for child in await self._reader.read_children(path) if is_below(child.path, path)]
        except Denied:
            return ()
