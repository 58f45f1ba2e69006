"""Failures of a file as errors: what the system refuses, what another process holds, and what is damaged."""

import errno
import os
from typing import Final

from explorer.model.errors import ExplorerError, Forbidden, InvalidKey, NoSpace, NotReachable, Timeout, TooLarge

_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


class DamagedFileError(Exception):
    """The file is no BoltDB file, or one of its pages cannot be what it says.

    Args:
        message: What is wrong, and on which page.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ForeignFileError(DamagedFileError):
    """Neither meta page of the file is valid."""


def translate(error: OSError | DamagedFileError) -> ExplorerError:
    """Return the error for a failure while a file was read or written."""
    if isinstance(error, ForeignFileError):
        return ExplorerError(f"this is no BoltDB file: {error.message}", hint="check the path")
    if isinstance(error, DamagedFileError):
        return ExplorerError(
            f"the file is damaged: {error.message}", hint="`bbolt check FILE` says more; restore a copy"
        )
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.ENOENT:
        return NotReachable("there is no such file", sent=False, hint="check the path; ?create=true makes a new file")
    if error.errno in _NO_SPACE:
        return NoSpace(f"the file cannot grow: {reason}", hint="free space on the disk; nothing was changed")
    if error.errno in _REFUSED:
        return Forbidden(f"the system refuses it: {reason}", hint="check the owner and mode of the file")
    return NotReachable(f"the file cannot be read or written: {reason}", sent=False)


def file_in_use(seconds: float, *, writing: bool) -> Timeout:
    """Return the error for a file that another process keeps locked.

    Args:
        seconds: How long it was waited for.
        writing: Whether the lock was wanted for writing.
    """
    hint = "close the other process" if writing else "?copy=true reads a private copy, which shows an earlier state"
    return Timeout(
        f"another process has the file open, for more than {seconds:g} s", sent=False, connected=True, hint=hint
    )


def no_bucket() -> InvalidKey:
    """Return the error for a value at the top of a file."""
    return InvalidKey("the top of a BoltDB file holds buckets only", hint="write it into a bucket: BUCKET/KEY")


def is_bucket() -> InvalidKey:
    """Return the error for a value under the name of a bucket."""
    return InvalidKey("the key is a bucket, which has no value", hint="write to a key in it")


def not_a_bucket(name: str) -> InvalidKey:
    """Return the error for a key below a key with a value."""
    return InvalidKey(f"{name!r} is a key with a value, so nothing can be in it", hint="choose another bucket")


def bucket_not_empty() -> ExplorerError:
    """Return the error for the deletion of a bucket as a single key."""
    return ExplorerError("the bucket is not empty", hint="delete what is below it first")


def too_large(what: str, limit: str) -> TooLarge:
    """Return the error for a key or a value beyond the format's limits."""
    return TooLarge(f"the {what} is too large for a BoltDB file", hint=f"the limit is {limit}")
