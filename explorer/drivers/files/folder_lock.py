"""Lock of a folder, which every write of Keyscope takes: `flock` on the folder itself, so that no file is added.

Where the file system locks no folders (NFS), a hidden file in it is locked instead. Other programs need not take the
lock; a write compares what is there right before it anyway.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager
from typing import Final

from explorer.drivers.files.errors import LockedError, translated

LOCK_FILE: Final = b".keyscope.lock"
_BUSY: Final = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)
_NO_FOLDER_LOCKS: Final = (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


@contextmanager
def locked(folders: Iterable[bytes]) -> Generator[None, None, None]:
    """Hold the locks of folders, which are taken in the order of their paths.

    Raises:
        LockedError: Another process holds one of them at the moment.
    """
    with ExitStack() as stack:
        for folder in sorted(set(folders)):
            stack.enter_context(_locked(folder))
        yield


@contextmanager
def _locked(folder: bytes) -> Generator[None, None, None]:
    with translated(folder):
        descriptor = _open_folder(folder)
    try:
        yield
    finally:
        os.close(descriptor)


def _open_folder(folder: bytes) -> int:
    """Return a descriptor that has the lock; closing it releases the lock."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # a folder that may be written but not listed
        return _open_lock_file(folder)
    try:
        _lock(descriptor)
    except OSError as error:
        os.close(descriptor)
        if error.errno not in _NO_FOLDER_LOCKS:
            raise
        return _open_lock_file(folder)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _open_lock_file(folder: bytes) -> int:
    path = os.path.join(folder, LOCK_FILE)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    try:
        require_regular(descriptor)
        _lock(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def require_regular(descriptor: int) -> None:
    """Raise an OSError unless an open file is a regular one."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, "not a regular file")


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            raise LockedError from error
        raise
