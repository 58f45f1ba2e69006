"""Deleting everything below a directory: each key in the state in which it was read, then the directories left empty.

etcd would delete a tree in one step, with what others made there a moment ago and with the hidden names that nobody
saw. So each key is deleted by itself, and only as it was listed; a directory that is not empty then stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.drivers import refusals
from explorer.drivers.etcd2.connection import Connection
from explorer.drivers.etcd2.failures import NotEmptyError
from explorer.drivers.etcd2.layout import Layout, Node
from explorer.drivers.etcd2.reading import Reader, Walk
from explorer.drivers.etcd2.saving import Save
from explorer.drivers.surveying import everywhere
from explorer.model.errors import ExplorerError, KeyModified

_AT_ONCE = 16
_PAGE = 1000
_ROUNDS = 10
"""How often it is looked again when others write at the same time."""


@dataclass(slots=True)
class Erasure:
    """The deletion of all nodes below one.

    Args:
        connection: Is asked.
        layout: Spells keys.
        subject: The prefix as the caller wrote it.
        base: Its path.
    """

    connection: Connection
    layout: Layout
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
            before = self.deleted
            keys = [node for node in found if not node.directory]
            for start in range(0, len(keys), _AT_ONCE):
                await self._delete(keys[start : start + _AT_ONCE])
            refusal: NotEmptyError | None = None
            for node in reversed(found):
                if node.directory:
                    refusal = await self._close(node) or refusal
            if refusal is not None and self.deleted == before:
                raise NotEmptyError(
                    f"a directory is not empty, though nothing is listed in it; {self.deleted} nodes were deleted",
                    hint="names that begin with _ are in no listing: delete them by their keys",
                    address=self.connection.shown,
                    key=refusal.key,
                )
        else:
            raise KeyModified(
                f"others go on writing there; {self.deleted} nodes were deleted",
                hint="try again",
                address=self.connection.shown,
                key=self.subject,
            )
        if not self.deleted:
            raise refusals.empty(self.connection.shown, self.subject)
        return self.deleted

    async def _found(self) -> list[Node]:
        walk = Walk(Reader(self.connection, self.subject), self.base)
        found: list[Node] = []
        while page := await walk.take(_PAGE):
            found += page
        return found

    async def _delete(self, nodes: Sequence[Node]) -> None:
        for outcome in (await everywhere(nodes, self._erase)).values():
            if isinstance(outcome, ExplorerError):
                raise outcome
            self.deleted += outcome

    async def _erase(self, node: Node) -> bool:
        save = Save(self.connection, self.layout.relative(node.path), node.path, node, None)
        return await save.commit() is not None

    async def _close(self, node: Node) -> NotEmptyError | None:
        """Delete a directory; if there is something in it, that is given, in case it stays so."""
        try:
            self.deleted += await self._erase(node)
        except NotEmptyError as error:
            return error
        return None
