"""Deleting everything below a directory: each key in the state in which it was read, then the directories left empty.

etcd would delete a tree in one step, with what others made there a moment ago and with the hidden names that nobody
saw. So each key is deleted by itself, and only as it was listed; a directory that is not empty then stays.
"""

from collections.abc import Sequence
from typing import Final

from explorer.drivers.common.delete_tree import TreeDeletion
from explorer.drivers.common.tasks import gather_results
from explorer.drivers.etcd2.cas import Etcd2CasWrite
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.errors import NotEmptyError
from explorer.drivers.etcd2.keyspace import Etcd2Keyspace, Node
from explorer.drivers.etcd2.reader import Etcd2Reader, Walk
from explorer.model.errors import ExplorerError

_AT_ONCE: Final = 16
_PAGE: Final = 1000


class Etcd2TreeDeletion(TreeDeletion[Node]):
    """The deletion of all nodes below one.

    Args:
        connection: Is asked.
        layout: Spells keys.
        subject: The prefix as the caller wrote it.
        base: Its path.
    """

    def __init__(self, connection: Etcd2Connection, layout: Etcd2Keyspace, subject: str, base: str) -> None:
        super().__init__(connection.redacted, subject)
        self._connection, self._layout, self._base = connection, layout, base

    async def _read(self) -> list[Node]:
        walk = Walk(Etcd2Reader(self._connection, self.subject), self._base)
        found: list[Node] = []
        while page := await walk.take(_PAGE):
            found += page
        return found

    async def _delete(self, found: Sequence[Node]) -> None:
        before = self.deleted
        keys = [node for node in found if not node.directory]
        for start in range(0, len(keys), _AT_ONCE):
            await self._delete_keys(keys[start : start + _AT_ONCE])
        refusal: NotEmptyError | None = None
        for node in reversed(found):
            if node.directory:
                refusal = await self._close(node) or refusal
        if refusal is not None and self.deleted == before:
            raise ExplorerError(
                f"a directory is not empty, though nothing is listed in it; {self.progress}",
                hint="names that begin with _ are in no listing: delete them by their keys",
                address=self.redacted,
                key=refusal.key,
            )

    async def _delete_keys(self, nodes: Sequence[Node]) -> None:
        for outcome in (await gather_results(nodes, self._erase)).values():
            if isinstance(outcome, ExplorerError):
                raise outcome
            self.deleted += outcome

    async def _erase(self, node: Node) -> bool:
        save = Etcd2CasWrite(self._connection, self._layout.relative(node.path), node.path, node, None)
        return await save.commit() is not None

    async def _close(self, node: Node) -> NotEmptyError | None:
        """Delete a directory; if there is something in it, that is given, in case it stays so."""
        try:
            self.deleted += await self._erase(node)
        except NotEmptyError as error:
            return error
        return None
