"""Folders of files that nobody else may read: drafts, plans and the journal."""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from io import BufferedWriter
from pathlib import Path
from secrets import token_hex
from typing import Final, Self

_OTHERS_MODE: Final = stat.S_IRWXG | stat.S_IRWXO


class PrivateFolder:
    """An open folder that was checked: a directory of ours, no link, closed to other users. Its methods block.

    Args:
        path: The folder.
        make: Make it if it is missing.

    Raises:
        OSError: It cannot be opened, or belongs to another user.
    """

    def __init__(self, path: Path, *, make: bool = False) -> None:
        self._path = path
        self._make = make
        self._handle = -1

    def __enter__(self) -> Self:
        if self._make:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._handle = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        status = os.fstat(self._handle)
        if status.st_uid != os.getuid():
            self.__exit__()
            raise PermissionError(0, "the folder belongs to another user", str(self._path))
        if status.st_mode & _OTHERS_MODE:
            os.fchmod(self._handle, 0o700)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)

    def names(self) -> Sequence[str]:
        """Return the names of the files."""
        with os.scandir(self._handle) as entries:
            return [entry.name for entry in entries]

    def read(self, name: str, limit: int) -> bytes | None:
        """Return the content of a file; None if it is missing, too large, or may have been written by others."""
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._handle)
        except OSError:
            return None
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            is_foreign = status.st_uid != os.getuid() or bool(status.st_mode & _OTHERS_MODE)
            if is_foreign or not stat.S_ISREG(status.st_mode) or status.st_size > limit:
                return None
            data = file.read(limit + 1)
            return data if len(data) <= limit else None

    def write(self, name: str, data: bytes) -> None:
        """Write a file as a whole: after a crash there is the old or the new one."""
        temporary = f".{name}.{token_hex(4)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(temporary, flags, 0o600, dir_fd=self._handle)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            os.replace(temporary, name, src_dir_fd=self._handle, dst_dir_fd=self._handle)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=self._handle)
            raise
        os.fsync(self._handle)

    def append(self, name: str) -> BufferedWriter:
        """Return a file to append to, made if it is missing."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(name, flags, 0o600, dir_fd=self._handle), "ab")

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.unlink(name, dir_fd=self._handle)
        os.fsync(self._handle)
