"""Translation of the system's errors into the error tree."""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from explorer.model.errors import (
    ExplorerError,
    Forbidden,
    InvalidKey,
    KeyNotFound,
    NoSpace,
    NotReachable,
    TooLarge,
)
from explorer.model.keys import decode
from explorer.model.sanitize import sanitize

_DENIED: Final = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class UnreadableFileError(NotReachable):
    """A file that cannot be parsed as it is, for example because somebody is just writing it."""


class LockedError(Exception):
    """Another process holds the lock of the folder at the moment."""


def display_path(path: bytes) -> str:
    """Return a path for messages."""
    return sanitize(decode(path))


def translate(error: OSError, path: bytes) -> ExplorerError:
    """Return the error for what the system reports about a path."""
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    message = f"{display_path(path)}: {reason}"
    match error.errno:
        case number if number in _DENIED:
            return Forbidden(f"permission denied: {message}", hint="nothing was changed; see the owner and mode")
        case number if number in _FULL:
            return NoSpace(message, hint="nothing was changed; free some space")
        case errno.ENOENT:
            return KeyNotFound("no such key")
        case errno.ENOTDIR:
            return InvalidKey("a parent of this key is a file and cannot be a directory", hint="choose another key")
        case errno.EISDIR:
            return InvalidKey("the key is a directory, which has no value", hint="write the value to a key below it")
        case errno.ENOTEMPTY:
            return InvalidKey("the directory is not empty", hint="delete what is below it first")
        case errno.ENAMETOOLONG:
            return InvalidKey("a name of the key is too long for a file name", hint="255 bytes are the usual limit")
        case errno.ELOOP:
            return InvalidKey(message, hint="symlinks are followed with ?follow=true only")
        case errno.EFBIG:
            return TooLarge(message, hint="nothing was changed")
        case errno.EINVAL | errno.EILSEQ:
            return InvalidKey(f"the file system refuses the name: {message}", hint="choose another key")
        case _:
            return NotReachable(message, sent=False)


@contextmanager
def translated(path: bytes) -> Generator[None, None, None]:
    """Raise an ExplorerError for an OSError about a path."""
    try:
        yield
    except OSError as error:
        raise translate(error, path) from error
