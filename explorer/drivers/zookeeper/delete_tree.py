"""Deletion of everything below a znode, in transactions of some hundred znodes, the lowest ones first.

Each znode is deleted in the version that was read. A znode that was changed or created meanwhile fails its transaction;
then everything is read again, so that nothing is deleted that was not read before.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from explorer.drivers.common.delete_tree import TreeDeletion
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.zookeeper import errors, messages
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.frames import ZooKeeperErrorCode
from explorer.drivers.zookeeper.messages import OpError
from explorer.drivers.zookeeper.reader import ZNode, ZNodeWalk, ZooKeeperReader
from explorer.model.errors import ExplorerError

_MAX_NODES: Final = 500
"""Znodes of one transaction."""
_MAX_BYTES: Final = 2**18
"""Bytes of one transaction (unless a single path is longer): servers reject large ones."""
_PAGE_SIZE: Final = 5000
_RESERVED: Final = "/zookeeper"
"""The servers' own znodes, which cannot be deleted."""
_CHANGED: Final = (ZooKeeperErrorCode.NO_NODE, ZooKeeperErrorCode.BAD_VERSION, ZooKeeperErrorCode.NOT_EMPTY)


class ZooKeeperTreeDeletion(TreeDeletion[ZNode]):
    """The deletion of all znodes below one.

    Args:
        connection: The connection.
        prefix: The caller's prefix, for the log.
        base: The path of the znode; empty for the root.
    """

    def __init__(self, connection: ZooKeeperConnection, prefix: str, base: str) -> None:
        super().__init__(connection.redacted, prefix)
        self._connection, self._base = connection, base

    async def _read(self) -> list[ZNode]:
        """Return all znodes, each after those below it."""
        walk = ZNodeWalk(ZooKeeperReader(self._connection), self._base, values=False)
        nodes: list[ZNode] = []
        while page := await walk.take(_PAGE_SIZE):
            nodes += [node for node in page if node.path != _RESERVED and not node.path.startswith(f"{_RESERVED}/")]
        return nodes[::-1]

    async def _delete(self, found: Sequence[ZNode]) -> None:
        for nodes in _transactions(found):
            if not await self._commit(nodes):
                break  # something changed: everything is read again

    async def _commit(self, nodes: Sequence[ZNode]) -> bool:
        """Delete all of these znodes, or none; return whether they were deleted."""
        operations = [messages.delete(node.path, node.stat.version) for node in nodes]
        write_attempt = WriteAttempt(self._connection.timeout, self.redacted, self.subject)
        results = await write_attempt.send(lambda left: self._connection.send(messages.multi(operations), within=left))
        if results is None:
            return await self._resolve_outcome(nodes, write_attempt)
        failed = [result.code for result in results if isinstance(result, OpError)]
        causes = [code for code in failed if code not in errors.NOT_APPLIED]
        if failed and not all(code in _CHANGED for code in causes):
            raise errors.error_for_code(causes[0])
        if not failed:
            self.deleted += len(nodes)
        return not failed

    async def _resolve_outcome(self, nodes: Sequence[ZNode], write_attempt: WriteAttempt) -> bool:
        """Return whether a transaction whose answer was lost was applied: then its last znode, the highest, is gone."""
        last = nodes[-1]
        try:
            now = await ZooKeeperReader(self._connection).read_stat(last.path)
        except ExplorerError as error:
            raise write_attempt.outcome_unknown() from error
        is_deleted = now is None or now.czxid != last.stat.czxid
        self.deleted += len(nodes) if is_deleted else 0
        return is_deleted


def _transactions(nodes: Sequence[ZNode]) -> Iterator[Sequence[ZNode]]:
    """Yield the znodes of each transaction, in their order."""
    start = size = 0
    for end, node in enumerate(nodes):
        size += messages.delete(node.path).size
        if end - start >= _MAX_NODES or (size > _MAX_BYTES and end > start):
            yield nodes[start:end]
            start, size = end, messages.delete(node.path).size
    if start < len(nodes):
        yield nodes[start:]
