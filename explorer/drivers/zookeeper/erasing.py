"""Deleting everything below a node: transactions of some hundred nodes each, those below before those above.

Each node is deleted in the version in which it was found. What was changed or made meanwhile stops its transaction;
then all is looked at again, so that nothing is deleted that was never seen.
"""

from dataclasses import dataclass

from explorer.drivers import refusals
from explorer.drivers.delivery import Delivery
from explorer.drivers.zookeeper import failures, messages
from explorer.drivers.zookeeper.connection import Connection
from explorer.drivers.zookeeper.messages import Refusal
from explorer.drivers.zookeeper.reading import Node, Reader, Walk
from explorer.model.errors import ExplorerError, KeyModified

_AT_ONCE = 500
"""Nodes of a transaction, which must not be larger than a value may be."""
_PAGE = 5000
_ROUNDS = 10
"""How often it is looked again when others write at the same time."""
_OWN = "/zookeeper"
"""What the servers keep for themselves, and do not let anybody delete."""
_MOVED = (failures.NO_NODE, failures.BAD_VERSION, failures.NOT_EMPTY)


@dataclass(slots=True)
class Erasure:
    """The deletion of all nodes below one.

    Args:
        connection: Is asked.
        subject: The prefix as the caller wrote it.
        base: The node; empty for the top of all.
    """

    connection: Connection
    subject: str
    base: str
    deleted: int = 0

    async def commit(self) -> int:
        """Delete, and tell how many nodes that were.

        Raises:
            KeyNotFound: There are none.
            KeyModified: Others went on writing there; some may have been deleted.
            OutcomeUnknown: An answer was lost and the store cannot tell.
        """
        for _ in range(_ROUNDS):
            found = await self._found()
            if not found:
                break
            for start in range(0, len(found), _AT_ONCE):
                if not await self._delete(found[start : start + _AT_ONCE]):
                    break
        else:
            raise KeyModified(
                f"others go on writing there; {self.deleted} nodes were deleted",
                hint="try again",
                address=self.connection.shown,
                key=self.subject,
            )
        if not self.deleted:
            raise refusals.bare(self.connection.shown, self.subject)
        return self.deleted

    async def _found(self) -> list[Node]:
        """Give all nodes, those below before those above."""
        walk = Walk(Reader(self.connection, self.subject), self.base, values=False)
        found: list[Node] = []
        while page := await walk.take(_PAGE):
            found += [node for node in page if node.path != _OWN and not node.path.startswith(f"{_OWN}/")]
        return found[::-1]

    async def _delete(self, nodes: list[Node]) -> bool:
        """Delete some, all or none of them; tell whether it was done."""
        operations = [messages.delete(node.path, node.stat.version) for node in nodes]
        delivery = Delivery(self.connection.timeout, self.connection.shown, self.subject)
        results = await delivery.send(
            lambda left: self.connection.send(messages.multi(operations), key=self.subject, within=left)
        )
        if results is None:
            return await self._happened(nodes, delivery)
        refused = [result.code for result in results if isinstance(result, Refusal)]
        telling = [code for code in refused if code not in (failures.ROLLED_BACK, failures.NOT_TRIED)]
        if refused and not all(code in _MOVED for code in telling):
            raise failures.refusal(telling[0], self.connection.shown, self.subject)
        if not refused:
            self.deleted += len(nodes)
        return not refused

    async def _happened(self, nodes: list[Node], delivery: Delivery) -> bool:
        """Tell whether a transaction whose answer was lost was done: then its last node, highest up, is gone."""
        last = nodes[-1]
        try:
            now = await Reader(self.connection, self.subject).stat(last.path)
        except ExplorerError as error:
            raise delivery.unknown() from error
        gone = now is None or now.czxid != last.stat.czxid
        self.deleted += len(nodes) if gone else 0
        return gone
