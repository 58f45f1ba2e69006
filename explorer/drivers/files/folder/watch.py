"""Watches of a folder: what has changed is found by comparing, and a notification says where to look."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable
from functools import partial
from typing import Final, TypeAlias

from explorer.drivers.common.watch import ReconnectingWatch
from explorer.drivers.files.atomic_file import FileTag, is_reserved
from explorer.drivers.files.connection import FilesConnection
from explorer.drivers.files.folder.keyspace import FileKind, FileNode
from explorer.drivers.files.folder.reader import FolderReader
from explorer.drivers.files.notifier import Paths, PathSubscription
from explorer.model.entries import Entry, Revision
from explorer.model.events import Deleted, Event, Put, Started

Tag: TypeAlias = tuple[FileKind, FileTag | None, str | None]
"""State of a file, see `FileNode.tag`."""

_SECOND_LOOK: Final = 0.2
"""Seconds until a new folder is looked at again: files in it may have been made before it was watched."""
_BATCH_SIZE: Final = 100


class FolderKeyWatch(ReconnectingWatch):
    """A watch of one file.

    Args:
        connection: The connection.
        reader: Reads the folder.
        key: The key.
    """

    def __init__(self, connection: FilesConnection, reader: FolderReader, key: str) -> None:
        self._connection, self._reader, self._key = connection, reader, key
        self._path = reader.keyspace.to_path(key)
        self._last: Entry | None = None
        self._tag: Tag | None = None
        self._is_started = False

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        await self._connection.run(self._reader.require_root)
        async with self._connection.notifier.subscription() as changes:
            events = await self._changes(None)
            if self._is_started:
                yield [Started(None), *events]
            else:
                self._is_started = True
                yield [Started(None, self._last)]
            while True:
                if events := await self._changes(await changes.take()):
                    yield events

    async def _changes(self, paths: Paths) -> list[Event]:
        """Return the events for what has become of the file."""
        is_named = paths is None or self._path in paths
        return await self._connection.run(partial(self._compare, is_named=is_named))

    def _compare(self, *, is_named: bool) -> list[Event]:
        self._reader.require_root()
        node = self._reader.find(self._key)
        tag = node.tag if node else None
        if tag == self._tag and not is_named:
            return []
        entry = None
        if node:
            for read, found in self._reader.read([node], values=True):
                tag, entry = read.tag, found  # written between the look and the read, it was not written twice
        before, is_written, self._last, self._tag = self._last, tag != self._tag, entry, tag
        if entry is None:
            return [] if before is None else [Deleted(self._key, None)]
        is_changed = is_written or before is None or before.revision != entry.revision
        return [Put(entry, is_new=before is None)] if is_changed else []


class FolderTreeWatch(ReconnectingWatch):
    """A watch of everything below a directory.

    Args:
        connection: The connection.
        reader: Reads the folder.
        prefix: The directory.
    """

    def __init__(self, connection: FilesConnection, reader: FolderReader, prefix: str) -> None:
        self._connection, self._reader = connection, reader
        self._folder = reader.keyspace.to_folder(prefix)
        self._tags: dict[str, Tag] | None = None
        self._revisions: dict[str, Revision] = {}
        """Revisions as they were reported."""
        self._new: set[str] = set()
        """Keys that were not there before, and are not reported yet."""
        self._links: set[str] = set()
        """Symlinks, whose targets change without a notification of the link."""
        self._new_folders: set[bytes] = set()
        """Folders to look at once more."""

    async def _attempt(self) -> AsyncGenerator[Iterable[Event], None]:
        await self._connection.run(self._reader.require_root)
        async with self._connection.notifier.subscription() as changes:
            if self._tags is None:
                self._tags = await self._connection.scan(self._scan)
                yield [Started(None)]
            else:
                yield [Started(None)]
                async for events in self._compare(None):
                    yield events
            while True:
                paths = await self._next(changes)
                async for events in self._compare(paths):
                    yield events

    async def _next(self, changes: PathSubscription) -> Paths:
        """Return the next paths to look at: changed ones, or new folders for the second time."""
        if not self._new_folders:
            return await changes.take()
        try:
            async with asyncio.timeout(_SECOND_LOOK):
                return await changes.take()
        except TimeoutError:
            paths, self._new_folders = frozenset(self._new_folders), set()
            return paths

    async def _compare(self, paths: Paths) -> AsyncGenerator[list[Event], None]:
        """Yield the events for what has changed at some paths, or anywhere."""
        look = self._everything if paths is None else partial(self._look, paths)
        changed, gone = await self._connection.scan(look)
        if gone:
            yield [Deleted(key, None) for key in gone]
        for start in range(0, len(changed), _BATCH_SIZE):
            batch = changed[start : start + _BATCH_SIZE]
            if events := await self._connection.scan(partial(self._puts, batch)):
                yield events

    # In the thread of the connection

    def _scan(self) -> dict[str, Tag]:
        tags = {}
        for node in self._reader.walk(self._folder):
            tags[node.key] = node.tag
            if node.target is not None:
                self._links.add(node.key)
        return tags

    def _everything(self) -> tuple[list[FileNode], list[str]]:
        """Look at everything; return what has changed and the keys that are gone."""
        self._reader.require_root()
        nodes = {node.key: node for node in self._reader.walk(self._folder)}
        self._reader.require_root()  # if it has just gone, the files were not deleted one by one
        tags = self._tags or {}
        changed = [node for key, node in nodes.items() if tags.get(key) != node.tag]
        gone = sorted((key for key in tags if key not in nodes), reverse=True)
        for key in gone:
            self._forget(key)
        for node in changed:
            self._note(node)
        return sorted(changed, key=_key), gone

    def _look(self, paths: frozenset[bytes]) -> tuple[list[FileNode], list[str]]:
        """Look at some paths; return what may have changed and the keys that are gone."""
        self._reader.require_root()
        start = self._folder.rstrip(b"/") + b"/"
        if any(start.startswith(path.rstrip(b"/") + b"/") for path in paths):
            return self._everything()
        keys = {self._reader.keyspace.to_key(path) for path in paths if path.startswith(start) and not _is_own(path)}
        nodes: dict[str, FileNode] = {}
        gone: set[str] = set()
        for key in keys | self._links:
            self._look_at(key, nodes, gone, is_named=key in keys)
        return sorted(nodes.values(), key=_key), sorted(gone - nodes.keys(), reverse=True)

    def _look_at(self, key: str, nodes: dict[str, FileNode], gone: set[str], *, is_named: bool) -> None:
        tags = self._tags or {}
        before, node = tags.get(key), self._reader.find(key)
        below = (
            [other for other in tags if other.startswith(f"{key}/")]
            if before and before[0] is FileKind.DIRECTORY
            else []
        )
        present = set[str]()
        if node is not None:
            if node.tag != before:
                nodes[key] = node
                self._note(node)
            elif is_named and node.kind is FileKind.FILE:  # written again within one tick of the file system's clock
                nodes[key] = node
            if node.kind is FileKind.DIRECTORY:
                if before is None or before[0] is not FileKind.DIRECTORY:
                    self._new_folders.add(self._reader.keyspace.to_path(key))
                for child in self._reader.walk(self._reader.keyspace.to_folder(key)):
                    present.add(child.key)
                    if tags.get(child.key) != child.tag:
                        nodes[child.key] = child
                        self._note(child)
        elif before is not None:
            gone.add(key)
            self._forget(key)
        for other in below:
            if other not in present:
                gone.add(other)
                self._forget(other)

    def _note(self, node: FileNode) -> None:
        """Note a change, which is reported even if the bytes are the same."""
        self._revisions.pop(node.key, None)
        if self._tags is not None:
            if node.key not in self._tags:
                self._new.add(node.key)
            self._tags[node.key] = node.tag
        if node.target is not None:
            self._links.add(node.key)

    def _forget(self, key: str) -> None:
        if self._tags is not None:
            self._tags.pop(key, None)
        self._revisions.pop(key, None)
        self._new.discard(key)
        self._links.discard(key)

    def _puts(self, nodes: list[FileNode]) -> list[Event]:
        """Return an event for each file whose revision is not the one that was reported."""
        events: list[Event] = []
        for node, entry in self._reader.read(nodes, values=True):
            if self._tags is not None:
                self._tags[node.key] = node.tag  # written between the look and the read, it was not written twice
            if self._revisions.get(entry.key) != entry.revision:
                self._revisions[entry.key] = entry.revision
                events.append(Put(entry, is_new=entry.key in self._new))
            self._new.discard(entry.key)
        return events


def _key(node: FileNode) -> str:
    return node.key


def _is_own(path: bytes) -> bool:
    return is_reserved(os.path.basename(path))
