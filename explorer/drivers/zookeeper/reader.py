"""Reads of single znodes, of the level below one, and of whole subtrees in the order of their names."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from explorer.drivers.common.pagination import TreeWalk
from explorer.drivers.zookeeper import messages
from explorer.drivers.zookeeper.acl import Acl
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.keyspace import Stat
from explorer.model.errors import CallNotSupported, ExplorerError, Forbidden, KeyNotFound

_READ_AHEAD: Final = 1000
"""Znodes of a level that are read together."""
_MAX_UNCOUNTED: Final = 2000
"""Children of a znode from which on all znodes below it are counted, which costs a server one look at each of them."""


@dataclass(frozen=True, slots=True)
class ZNode:
    """A znode that was read."""

    path: str
    stat: Stat
    value: bytes | None = None
    """None if it was not requested, or if it may not be read."""
    acl: Acl | None = None
    """None if it was not requested, or if it may not be read."""


@dataclass(frozen=True, slots=True)
class ZNodeLevel:
    """The names of a znode's children, or a part of them."""

    names: Sequence[str]
    """In their order."""
    are_leaves: bool
    """True if they are known to have no children themselves."""

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, part: slice) -> "ZNodeLevel":
        return ZNodeLevel(self.names[part], self.are_leaves)


@dataclass(frozen=True, slots=True)
class ZooKeeperReader:
    """Reads znodes.

    Args:
        connection: The connection.
    """

    connection: ZooKeeperConnection

    async def read_node(self, path: str, *, consistent: bool = True) -> ZNode | None:
        """Return a znode with its value and access control list; None if there is none.

        Args:
            path: The path.
            consistent: Make the server catch up with its leader first.
        """
        requests: list[messages.ZooKeeperRequest[object]] = [messages.get_data(path), messages.get_acl(path)]
        if consistent:
            requests.insert(0, messages.sync(path))
        *_, data, acl = await self.connection.query_all(requests)
        match data:
            case (bytes() as value, Stat() as stat):
                self._observe([stat])
                return ZNode(path, stat, value, cast("Acl | None", None if isinstance(acl, ExplorerError) else acl))
            case KeyNotFound():
                return None
            case _:
                raise cast("ExplorerError", data)

    async def read_stat(self, path: str) -> Stat | None:
        """Return a znode's Stat, which needs no permission; None if there is no znode."""
        _, stat = await self.connection.query_all([messages.sync(path), messages.exists(path)])
        return _result(cast("Stat | ExplorerError | None", stat))

    async def read_acl(self, path: str, czxid: int) -> Acl | None:
        """Return the access control list of a znode; None if the znode is not the one of this creation."""
        stat_or_error, acl = await self.connection.query_all([messages.exists(path), messages.get_acl(path)])
        stat = _result(cast("Stat | ExplorerError | None", stat_or_error))
        if stat is None or stat.czxid != czxid or isinstance(acl, ExplorerError):
            return None
        return cast("Acl", acl)

    async def read_acls(self, paths: Sequence[str]) -> list[ZNode | None]:
        """Return znodes with their access control lists; None for one that is gone or may not be read.

        10,000 of them take 0.9 s and are read ahead of their answers; one `read_node` after the other, 16 at the same
        time, takes 4 s. A Stat does not say whether the list is the default: its aversion counts later changes only.
        """
        nodes: list[ZNode | None] = []
        for start in range(0, len(paths), _READ_AHEAD):
            part = paths[start : start + _READ_AHEAD]
            answers = await self.connection.query_all([messages.get_acl_and_stat(path) for path in part])
            for path, answer in zip(part, answers, strict=True):
                match answer:
                    case (acl, stat):
                        nodes.append(ZNode(path, stat, acl=acl))
                    case KeyNotFound() | Forbidden():
                        nodes.append(None)
                    case _:
                        raise answer
        return nodes

    async def list_children(self, path: str) -> list[str]:
        """Return the names of a znode's children in their order; none if there is no znode."""
        try:
            return await self.connection.list_children(path)
        except KeyNotFound:
            return []

    async def read_level(self, path: str) -> ZNodeLevel:
        """Return the level below a znode; for a large one, also whether its znodes have children.

        Raises:
            KeyNotFound: There is no such znode.
        """
        names = await self.connection.list_children(path)
        if len(names) <= _MAX_UNCOUNTED or not self.connection.persistent_watches:
            return ZNodeLevel(names, are_leaves=False)
        connects = self.connection.state.connects
        try:
            count = await self.connection.query(messages.count_descendants(path or "/"))
        except CallNotSupported:
            self.connection.set_legacy_server()
            await self.connection.wait_reconnected(connects)  # a legacy server closes the connection after that answer
            return ZNodeLevel(names, are_leaves=False)
        return ZNodeLevel(names, are_leaves=count == len(names))

    async def read_nodes(self, paths: Sequence[str], *, values: bool) -> list[ZNode]:
        """Return the znodes that exist, with or without their values."""
        if not values:
            stats = await self.connection.query_all([messages.exists(path) for path in paths])
            nodes = [ZNode(path, stat) for path, stat in zip(paths, map(_result, stats), strict=True) if stat]
        else:
            answers = await self.connection.query_all([messages.get_data(path) for path in paths])
            nodes = []
            for path, answer in zip(paths, answers, strict=True):
                match answer:
                    case KeyNotFound():
                        continue
                    case Forbidden():
                        nodes += await self.read_nodes([path], values=False)
                    case ExplorerError():
                        raise answer
                    case (value, stat):
                        nodes.append(ZNode(path, stat, value))
        self._observe([node.stat for node in nodes])
        return nodes

    def _observe(self, stats: Sequence[Stat]) -> None:
        """Remember the newest time of a change that was read."""
        state = self.connection.state
        state.newest_mtime = max(state.newest_mtime, *(stat.mtime for stat in stats), 0)


def _result(answer: Stat | ExplorerError | None) -> Stat | None:
    if isinstance(answer, ExplorerError):
        raise answer
    return answer


class ZNodeWalk(TreeWalk[ZNode]):
    """All znodes below one, each before those below it, found by reading level after level.

    Args:
        reader: Reads the znodes.
        base: The path of the znode above them; empty for the root.
        values: Read the values as well.
        after: The path after which to begin.
    """

    def __init__(self, reader: ZooKeeperReader, base: str, *, values: bool, after: str | None = None) -> None:
        super().__init__()
        self._reader = reader
        self._base = base
        self._values = values
        self._after = None if after is None else after.split("/")
        self._levels: list[deque[str]] | None = None
        self._read_ahead: list[deque[ZNode]] = []

    async def _fill(self, wanted: int) -> None:
        if self._levels is None:
            self._levels = []
            await self._enter(self._base)
        while self._levels and len(self._pending) < wanted:
            level, nodes = self._levels[-1], self._read_ahead[-1]
            if not nodes and level:
                paths = [level.popleft() for _ in range(min(_READ_AHEAD, len(level), max(wanted, 1)))]
                nodes.extend(await self._reader.read_nodes(paths, values=self._values))
            if nodes:
                node = nodes.popleft()
                if self._after is None or node.path.split("/") > self._after:
                    self._pending.append(node)
                if node.stat.num_children:
                    await self._enter(node.path)
            elif not level:
                self._levels.pop()
                self._read_ahead.pop()

    async def _enter(self, path: str) -> None:
        if self._levels is None:
            return
        try:
            names = await self._reader.list_children(path)
        except Forbidden:
            if path == self._base:
                raise
            names = []  # a level that may not be read is left out
        paths = (f"{path}/{name}" for name in names)
        self._levels.append(deque(path for path in paths if not self._is_before_start(path)))
        self._read_ahead.append(deque())

    def _is_before_start(self, path: str) -> bool:
        """Return whether a znode and everything below it is before `after`."""
        names = path.split("/")
        return self._after is not None and names < self._after[: len(names)]
