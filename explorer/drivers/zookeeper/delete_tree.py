"""Deleting everything below a node: transactions of some hundred nodes each, those below before those above.

Each node is deleted in the version in which it was found. What was changed or made meanwhile stops its transaction;
then all is looked at again, so that nothing is deleted that was never seen.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from explorer.drivers.common.delete_tree import TreeDeletion
from explorer.drivers.common.write_attempt import WriteAttempt
from explorer.drivers.zookeeper import errors, messages
from explorer.drivers.zookeeper.connection import ZooKeeperConnection
from explorer.drivers.zookeeper.messages import OpError
from explorer.drivers.zookeeper.reader import Node, Walk, ZooKeeperReader
from explorer.model.errors import ExplorerError

_AT_ONCE: Final = 500
"""Nodes of a transaction, at most."""
_BYTES: Final = 2**18
"""Bytes of a transaction, at most (but for a single long path): servers refuse large ones."""
_PAGE: Final = 5000
_OWN: Final = "/zookeeper"
"""What the servers keep for themselves, and do not let anybody delete."""
_MOVED: Final = (errors.NO_NODE, errors.BAD_VERSION, errors.NOT_EMPTY)


class ZooKeeperTreeDeletion(TreeDeletion[Node]):
    """The deletion of all nodes below one.

    Args:
        connection: Is asked.
        subject: The prefix as the caller wrote it.
        base: The node; empty for the top of all.
    """

    def __init__(self, connection: ZooKeeperConnection, subject: str, base: str) -> None:
        super().__init__(connection.redacted, subject)
        self._connection, self._base = connection, base

    async def _read(self) -> list[Node]:
        """Give all nodes, those below before those above."""
        walk = Walk(ZooKeeperReader(self._connection, self.subject), self._base, values=False)
        found: list[Node] = []
        while page := await walk.take(_PAGE):
            found += [node for node in page if node.path != _OWN and not node.path.startswith(f"{_OWN}/")]
        return found[::-1]

    async def _delete(self, found: Sequence[Node]) -> None:
        for nodes in _transactions(found):
            if not await self._commit(nodes):
                break  # something moved: it is looked again

    async def _commit(self, nodes: Sequence[Node]) -> bool:
        """Delete some, all or none of them; tell whether it was done."""
        operations = [messages.delete(node.path, node.stat.version) for node in nodes]
        delivery = WriteAttempt(self._connection.timeout, self.redacted, self.subject)
        results = await delivery.send(
            lambda left: self._connection.send(messages.multi(operations), key=self.subject, within=left)
        )
        if results is None:
            return await self._happened(nodes, delivery)
        refused = [result.code for result in results if isinstance(result, OpError)]
        telling = [code for code in refused if code not in (errors.ROLLED_BACK, errors.NOT_TRIED)]
        if refused and not all(code in _MOVED for code in telling):
            raise errors.refusal(telling[0], self.redacted, self.subject)
        if not refused:
            self.deleted += len(nodes)
        return not refused

    async def _happened(self, nodes: Sequence[Node], delivery: WriteAttempt) -> bool:
        """Tell whether a transaction whose answer was lost was done: then its last node, highest up, is gone."""
        last = nodes[-1]
        try:
            now = await ZooKeeperReader(self._connection, self.subject).stat(last.path)
        except ExplorerError as error:
            raise delivery.outcome_unknown() from error
        gone = now is None or now.czxid != last.stat.czxid
        self.deleted += len(nodes) if gone else 0
        return gone


def _transactions(found: Sequence[Node]) -> Iterator[Sequence[Node]]:
    """Divide nodes into transactions, in their order."""
    start = size = 0
    for end, node in enumerate(found):
        size += messages.delete(node.path).size
        if end - start >= _AT_ONCE or (size > _BYTES and end > start):
            yield found[start:end]
            start, size = end, messages.delete(node.path).size
    if start < len(found):
        yield found[start:]
