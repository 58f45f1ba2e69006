"""Deletion of everything below a directory: each key as it was read, then the directories left empty.

etcd would delete a tree in one step, with keys that others just created and with hidden keys that nobody saw. So each
key is deleted by itself, and only as it was listed; a directory that is not empty then stays.
"""

from collections.abc import Sequence
from typing import Final

from explorer.drivers.common.delete_tree import TreeDeletion
from explorer.drivers.common.error_context import error_context
from explorer.drivers.common.tasks import gather_results
from explorer.drivers.etcd2.cas import Etcd2CasWrite
from explorer.drivers.etcd2.connection import Etcd2Connection
from explorer.drivers.etcd2.errors import DirectoryNotEmptyError
from explorer.drivers.etcd2.keyspace import Etcd2Keyspace, Etcd2Node
from explorer.drivers.etcd2.reader import Etcd2Reader, NodeWalk
from explorer.model.errors import ExplorerError

_MAX_CONCURRENT_DELETES: Final = 16


class Etcd2TreeDeletion(TreeDeletion[Etcd2Node]):
    """Deletion of all nodes below one.

    Args:
        connection: The connection to the members.
        keyspace: Converts paths to keys.
        subject: The prefix for the log.
        path: The path of the directory.
    """

    def __init__(self, connection: Etcd2Connection, keyspace: Etcd2Keyspace, subject: str, path: str) -> None:
        super().__init__(connection.redacted, subject)
        self._connection, self._keyspace, self._path = connection, keyspace, path

    async def _read(self) -> list[Etcd2Node]:
        walk = NodeWalk(Etcd2Reader(self._connection), self._path)
        return [node async for page in walk.pages() for node in page]

    async def _delete(self, found: Sequence[Etcd2Node]) -> None:
        before = self.deleted
        keys = [node for node in found if not node.is_directory]
        for start in range(0, len(keys), _MAX_CONCURRENT_DELETES):
            await self._delete_keys(keys[start : start + _MAX_CONCURRENT_DELETES])
        not_empty: DirectoryNotEmptyError | None = None
        for node in reversed(found):
            if node.is_directory:
                not_empty = await self._delete_directory(node) or not_empty
        if not_empty is not None and self.deleted == before:
            raise ExplorerError(
                f"a directory is not empty, though no key in it is listed; {self.progress}",
                hint="names that begin with _ are not listed: delete them by their keys",
                key=not_empty.key,
            )

    async def _delete_keys(self, nodes: Sequence[Etcd2Node]) -> None:
        for result in (await gather_results(nodes, self._delete_node)).values():
            if isinstance(result, ExplorerError):
                raise result
            self.deleted += result

    async def _delete_node(self, node: Etcd2Node) -> bool:
        key = self._keyspace.to_key(node.path)
        with error_context(self.redacted, key):
            return await Etcd2CasWrite(self._connection, key, node.path, node, None).commit() is not None

    async def _delete_directory(self, node: Etcd2Node) -> DirectoryNotEmptyError | None:
        """Delete a directory; return the error if it is not empty, since it may become so."""
        try:
            self.deleted += await self._delete_node(node)
        except DirectoryNotEmptyError as error:
            return error
        return None
