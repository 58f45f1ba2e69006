"""Files that are read whole and replaced whole: a temporary file, synced, renamed, and the folder synced."""

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from explorer.drivers.common.errors import key_exists, key_modified
from explorer.drivers.files.errors import display_path, translated
from explorer.drivers.files.folder_lock import LOCK_FILE, require_regular
from explorer.model.errors import Forbidden, OutcomeUnknown, TooLarge
from explorer.model.format import format_bytes

_TEMPORARY: Final = re.compile(rb"\.keyscope-[0-9a-f]{16}~")
_STALE_AGE: Final = 60.0
"""Seconds after which a temporary file is what a crash left, even where locks of other machines are not seen."""
_CHUNK: Final = 1 << 20
_MAX_TRIES: Final = 5
_NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


@dataclass(frozen=True, slots=True)
class FileTag:
    """The state of a file without its bytes: two states have two tags, as far as the file system does."""

    inode: int
    size: int
    modified: int
    """Nanoseconds."""

    @classmethod
    def of(cls, status: os.stat_result) -> "FileTag":
        """Return the tag of a status."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class FileContent:
    """The bytes of a file, and its status when they were read."""

    data: bytes
    status: os.stat_result

    @property
    def tag(self) -> FileTag:
        """The tag of the state that was read."""
        return FileTag.of(self.status)


def digest(data: bytes) -> str:
    """Return the revision of bytes."""
    return sha256(data).hexdigest()[:32]


def is_reserved(name: bytes) -> bool:
    """Return whether a name is that of a temporary file or of a lock, which no listing shows."""
    return name == LOCK_FILE or bool(_TEMPORARY.fullmatch(name))


def open_regular(path: bytes) -> int:
    """Open a regular file for reading; never a fifo or a device, which would block or act.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        require_regular(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read_file(path: bytes, max_size: int) -> FileContent:
    """Return the bytes of a file, all of one state as far as its size and time show.

    Raises:
        OSError: It cannot be read.
        TooLarge: It has more bytes.
    """
    tries = 0
    while True:
        tries += 1
        descriptor = open_regular(path)
        try:
            before = os.fstat(descriptor)
            data = _read_all(descriptor, before.st_size, max_size)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        is_whole = FileTag.of(before) == FileTag.of(after) and len(data) == after.st_size
        if is_whole or tries == _MAX_TRIES:
            return FileContent(data, after)


def _read_all(descriptor: int, size: int, max_size: int) -> bytes:
    parts: list[bytes] = []
    while size <= max_size and (part := os.read(descriptor, _CHUNK)):
        parts.append(part)
        size = max(size, sum(map(len, parts)))
    if size > max_size:
        raise too_large(size, max_size)
    return b"".join(parts)


def too_large(size: int, limit: int) -> TooLarge:
    """Return the error for a value beyond the limit."""
    return TooLarge(
        f"the file has {format_bytes(size)}, the limit is {format_bytes(limit)}",
        hint=f"raise the limit with ?max_value={size}",
    )


def write_file(path: bytes, data: bytes, *, create: bool, check: Callable[[], None]) -> None:
    """Write a file as a whole; on an error, nothing was changed.

    Args:
        path: The file, without symlinks.
        data: The new bytes.
        create: True if the file must not exist, and is created with the usual mode; otherwise mode and owner are kept.
        check: Called right before the new file takes its place; raises if something else did meanwhile.

    Raises:
        KeyExists: The file was created meanwhile.
        KeyModified: The file was deleted meanwhile.
    """
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, b".keyscope-" + secrets.token_hex(8).encode() + b"~")
    with translated(path):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o666 if create else 0o600)
        try:
            try:
                _write_all(descriptor, data)
                if not create:
                    _keep_attributes(descriptor, path)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            check()
            if create:
                _link(temporary, path)
            else:
                os.rename(temporary, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
    sync_folder(folder)


def remove_file(path: bytes) -> None:
    """Remove a file or an empty folder.

    Raises:
        ExplorerError: It cannot be removed.
    """
    with translated(path):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            os.rmdir(path)
        else:
            os.unlink(path)
    sync_folder(os.path.dirname(path))


def sync_folder(folder: bytes) -> None:
    """Make a rename or a deletion in a folder survive a crash of the machine.

    Raises:
        OutcomeUnknown: The change is visible, and may be undone by a crash.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return  # a folder that may be written but not listed cannot be synced
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # not every file system syncs folders
            raise OutcomeUnknown(
                f"written, but the folder cannot be synced: {display_path(folder)}: {error.strerror}",
                hint="a crash of the machine may undo it; read the key again",
            ) from error
    finally:
        os.close(descriptor)


def remove_stale_files(folder: bytes) -> None:
    """Remove the temporary files that a crash left; called with the lock of the folder, so that no writer has one."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name):
                with suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE_AGE:
                        os.unlink(entry.path)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _keep_attributes(descriptor: int, path: bytes) -> None:
    """Copy the owner, the mode and the attributes of the old file to the new one.

    Raises:
        KeyModified: The old file is gone.
        Forbidden: The owner or group cannot be kept.
    """
    try:
        old = os.lstat(path)
    except FileNotFoundError:
        raise key_modified() from None
    new = os.fstat(descriptor)
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        try:
            os.fchown(descriptor, old.st_uid, old.st_gid)
        except PermissionError as error:
            raise Forbidden(
                f"the owner {old.st_uid}:{old.st_gid} of {display_path(path)} cannot be kept",
                hint="save as that user, or change the owner",
            ) from error
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
    if hasattr(os, "listxattr"):  # Linux: access lists are among them
        with suppress(OSError):
            for name in os.listxattr(path, follow_symlinks=False):
                with suppress(OSError):
                    os.setxattr(descriptor, name, os.getxattr(path, name, follow_symlinks=False))


def _link(temporary: bytes, path: bytes) -> None:
    """Link a new file to its name unless there is such a file.

    Raises:
        KeyExists: There is one.
    """
    try:
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError:
        raise key_exists() from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _claim(path)  # no hard links, as on FAT: an empty file takes the name first
        os.rename(temporary, path)


def _claim(path: bytes) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666))
    except FileExistsError:
        raise key_exists() from None
