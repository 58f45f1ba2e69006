"""Deletion of everything below a folder: each file only as it was found, then the folders left empty."""

from collections.abc import Sequence
from functools import partial
from itertools import groupby

from explorer.drivers.common.delete_tree import TreeDeletion
from explorer.drivers.files.connection import FilesConnection
from explorer.drivers.files.folder.keyspace import FileKind, FileNode
from explorer.drivers.files.folder.reader import FolderReader
from explorer.drivers.files.folder.writer import delete_unchanged
from explorer.model.errors import ExplorerError


class FolderTreeDeletion(TreeDeletion[FileNode]):
    """Deletion of all files below a directory.

    Args:
        connection: The connection.
        reader: Reads the folder.
        prefix: The directory.
    """

    def __init__(self, connection: FilesConnection, reader: FolderReader, prefix: str) -> None:
        super().__init__(connection.redacted, prefix)
        self._connection, self._reader = connection, reader

    async def _read(self) -> list[FileNode]:
        folder = self._reader.keyspace.to_folder(self.subject)
        return await self._connection.run(lambda: list(self._reader.walk(folder)))

    async def _delete(self, found: Sequence[FileNode]) -> None:
        before, not_empty = self.deleted, False
        directories = [node for node in reversed(found) if node.kind is FileKind.DIRECTORY]
        files = sorted((node for node in found if node.kind is not FileKind.DIRECTORY), key=_parent)
        for nodes in (files, directories):
            for _, group in groupby(nodes, key=_parent):
                delete = partial(delete_unchanged, self._reader, list(group))
                deleted, left = await self._connection.run_locked(delete)
                self.deleted += deleted
                not_empty = not_empty or left
        if not_empty and self.deleted == before:
            raise ExplorerError(
                f"a directory is not empty, though nothing in it is listed; {self.progress}",
                hint="it has files that may not be listed, or that another write is just making",
            )


def _parent(node: FileNode) -> str:
    return node.key.rpartition("/")[0]
