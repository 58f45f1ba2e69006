"""Keys of a folder: the names of a key are the names of folders and a file."""

import os
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from explorer.drivers.files.atomic_file import FileTag, is_reserved
from explorer.model.entries import Entry, Meta
from explorer.model.errors import InvalidKey
from explorer.model.keys import decode, encode

_MAX_NAME: Final = 255
DIRECTORY_REVISION: Final = "directory"


class FileKind(Enum):
    """Kinds of files."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    """A symlink that is not followed."""
    SPECIAL = "special"
    """A fifo, a socket or a device, which is never opened."""


@dataclass(frozen=True, slots=True)
class FileNode:
    """A file as it was found."""

    key: str
    path: bytes
    """Where its bytes are: the target of a symlink that is followed."""
    kind: FileKind
    status: os.stat_result
    target: str | None = None
    """Target of the symlink, as it is written."""
    note: str | None = None
    """Why the value is not read."""

    @property
    def tag(self) -> tuple[FileKind, FileTag | None, str | None]:
        """The state of the file; that of a directory does not depend on what is in it."""
        return self.kind, None if self.kind is FileKind.DIRECTORY else FileTag.of(self.status), self.target

    def entry(self, value: bytes | None, revision: str, note: str | None = None) -> Entry:
        """Return the entry of the file."""
        meta: dict[str, str | int | bool] = {}
        if self.kind is FileKind.DIRECTORY:
            meta["directory"] = True
        if self.target is not None:
            meta["symlink to"] = self.target
        if note := note or self.note:
            meta["not read"] = note
        meta["mode"] = stat.filemode(self.status.st_mode)
        if self.kind is FileKind.FILE:
            modified = datetime.fromtimestamp(self.status.st_mtime_ns // 1_000_000_000, tz=UTC)
            meta["modified"] = modified.isoformat().replace("+00:00", "Z")
            if self.status.st_nlink > 1:
                meta["hard links"] = self.status.st_nlink
        return Entry(self.key, value, revision, meta=_frozen(meta))


def _frozen(meta: dict[str, str | int | bool]) -> Meta:
    return meta


@dataclass(frozen=True, slots=True)
class FolderKeyspace:
    """The keys below a folder."""

    root: bytes

    def to_path(self, key: str) -> bytes:
        """Return the path of a key.

        Raises:
            InvalidKey: A name of the key cannot be the name of a file.
        """
        data = encode(key)
        for name in data.split(b"/"):
            if name in (b"", b".", b".."):
                raise InvalidKey("a folder has no file with an empty name, . or ..", hint="write it like a/b/c")
            if b"\0" in name:
                raise InvalidKey("a file name cannot have a NUL character", hint="choose another key")
            if len(name) > _MAX_NAME:
                raise InvalidKey(
                    f"a name of the key has {len(name)} bytes, a file name has at most {_MAX_NAME}",
                    hint="choose a shorter key",
                )
            if is_reserved(name):
                raise InvalidKey("Keyscope uses this file name for its own temporary files", hint="choose another key")
        return os.path.join(self.root, data)

    def to_folder(self, prefix: str) -> bytes:
        """Return the path of a directory, with or without a slash at its end; empty for the root."""
        key = prefix.removesuffix("/")
        return self.to_path(key) if prefix else self.root

    def to_key(self, path: bytes) -> str:
        """Return the key of a path below the root."""
        return decode(path[len(self.root.rstrip(b"/")) + 1 :])
