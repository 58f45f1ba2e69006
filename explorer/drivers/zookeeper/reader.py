"""Reading nodes: single ones, the level below one, and whole subtrees in the order of their names."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from explorer.drivers.common.pagination import TreeWalk
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.keyspace import Acl, Stat
from explorer.model.errors import CallNotSupported, ExplorerError, Forbidden, KeyNotFound

_AT_ONCE = 1000
"""Nodes of a level that are read ahead together."""
_CROWDED = 2000
"""Children of a node beyond which all that is below it is counted, for which a server looks at each of its nodes."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node as it was read."""

    path: str
    stat: Stat
    value: bytes | None = None
    """None where it was not asked for, or may not be read."""
    acl: Acl | None = None
    """None where it was not asked for, or may not be read."""


@dataclass(frozen=True, slots=True)
class Level:
    """The children of a node by their names."""

    names: Sequence[str]
    """In their order."""
    are_leaves: bool
    """Whether they are known to have no children themselves."""


@dataclass(frozen=True, slots=True)
class ZooKeeperReader:
    """Reads nodes.

    Args:
        connection: Is asked.
        subject: The key or prefix as the caller wrote it.
    """

    connection: ZooKeeperConnection
    subject: str

    async def node(self, path: str, *, consistent: bool = True) -> Node | None:
        """Read a node with all there is to it; None if there is none.

        Args:
            path: Its path.
            consistent: Have the server catch up with its leader first.
        """
        requests: list[messages.Request[object]] = [messages.get(path), messages.acl(path)]
        if consistent:
            requests.insert(0, messages.sync(path))
        *_, found, acl = await self.connection.ask_all(requests, key=self.subject)
        match found:
            case (bytes() as value, Stat() as stat):
                self.connection.newest = max(self.connection.newest, stat.mtime)
                return Node(path, stat, value, cast("Acl | None", None if isinstance(acl, ExplorerError) else acl))
            case KeyNotFound():
                return None
            case _:
                raise cast("ExplorerError", found)

    async def stat(self, path: str) -> Stat | None:
        """Read a node's Stat, which needs no permission; None if there is no node."""
        _, found = await self.connection.ask_all([messages.sync(path), messages.exists(path)], key=self.subject)
        return _raised(cast("Stat | ExplorerError | None", found))

    async def acl(self, path: str, czxid: int) -> Acl | None:
        """Read who may do what with a node; None if it is not (any more) the one of this creation."""
        found, acl = await self.connection.ask_all([messages.exists(path), messages.acl(path)], key=self.subject)
        stat = _raised(cast("Stat | ExplorerError | None", found))
        if stat is None or stat.czxid != czxid or isinstance(acl, ExplorerError):
            return None
        return cast("Acl", acl)

    async def names(self, path: str) -> list[str]:
        """Read the names of the level below a node, in their order; none if there is no node."""
        try:
            return await self.connection.children(path, key=self.subject)
        except KeyNotFound:
            return []

    async def level(self, path: str) -> Level:
        """Read the level below a node; of a crowded one, whether anything is below it, too.

        Raises:
            KeyNotFound: There is no such node.
        """
        names = await self.connection.children(path, key=self.subject)
        if len(names) <= _CROWDED or not self.connection.stays:
            return Level(names, are_leaves=False)
        contacts = self.connection.contacts
        try:
            below = await self.connection.ask(messages.count_below(path or "/"), key=self.subject)
        except CallNotSupported:
            self.connection.note_older()
            await self.connection.next_contact(contacts)  # such a server ends the connection after it has said so
            return Level(names, are_leaves=False)
        return Level(names, are_leaves=below == len(names))

    async def nodes(self, paths: Sequence[str], *, values: bool) -> list[Node]:
        """Read those nodes that are there, with or without their values."""
        if not values:
            stats = await self.connection.ask_all([messages.exists(path) for path in paths], key=self.subject)
            found = [Node(path, stat) for path, stat in zip(paths, map(_raised, stats), strict=True) if stat]
        else:
            answers = await self.connection.ask_all([messages.get(path) for path in paths], key=self.subject)
            found = []
            for path, answer in zip(paths, answers, strict=True):
                match answer:
                    case KeyNotFound():
                        continue
                    case Forbidden():
                        found += await self.nodes([path], values=False)
                    case ExplorerError():
                        raise answer
                    case (value, stat):
                        found.append(Node(path, stat, value))
        self.connection.newest = max(self.connection.newest, *(node.stat.mtime for node in found), 0)
        return found


def _raised(answer: Stat | ExplorerError | None) -> Stat | None:
    if isinstance(answer, ExplorerError):
        raise answer
    return answer


class Walk(TreeWalk[Node]):
    """All nodes below one, each before those below it, found by going down.

    Args:
        reader: Reads the nodes.
        base: The node whose descendants they are; empty for the top.
        values: Whether to read the values.
        after: Where to begin: after this path.
    """

    def __init__(self, reader: ZooKeeperReader, base: str, *, values: bool, after: str | None = None) -> None:
        super().__init__()
        self._reader = reader
        self._base = base
        self._values = values
        self._after = None if after is None else after.split("/")
        self._levels: list[deque[str]] | None = None
        self._read: list[deque[Node]] = []

    async def _fill(self, wanted: int) -> None:
        if self._levels is None:
            self._levels = []
            await self._enter(self._base)
        while self._levels and len(self._pending) < wanted:
            level, read = self._levels[-1], self._read[-1]
            if not read and level:
                paths = [level.popleft() for _ in range(min(_AT_ONCE, len(level), max(wanted, 1)))]
                read.extend(await self._reader.nodes(paths, values=self._values))
            if read:
                node = read.popleft()
                if self._after is None or node.path.split("/") > self._after:
                    self._pending.append(node)
                if node.stat.children:
                    await self._enter(node.path)
            elif not level:
                self._levels.pop()
                self._read.pop()

    async def _enter(self, path: str) -> None:
        if self._levels is None:
            return
        try:
            names = await self._reader.names(path)
        except Forbidden:
            if path == self._base:
                raise
            names = []  # what may not be seen is not there
        paths = (f"{path}/{name}" for name in names)
        self._levels.append(deque(path for path in paths if not self._passed(path)))
        self._read.append(deque())

    def _passed(self, path: str) -> bool:
        """Tell whether a node and all below it come before the place to begin at."""
        names = path.split("/")
        return self._after is not None and names < self._after[: len(names)]
