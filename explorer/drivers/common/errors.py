"""Errors that all drivers raise in the same words; the store fills in its address and the key."""

import stat
from pathlib import Path
from typing import Final

from explorer.model.entries import Revision
from explorer.model.errors import (
    CannotLock,
    InvalidKey,
    KeyExists,
    KeyModified,
    KeyNotFound,
    NotReachable,
    PreviousNotSpecified,
)
from explorer.model.sanitize import sanitize

_SOCKET_HINT: Final = "is the server running, and is this the socket in its configuration?"


def future_revision(revision: int, newest: Revision | None) -> InvalidKey:
    """Return the error for a revision that the store has not reached."""
    return InvalidKey(f"revision {revision} is in the future", hint=f"the newest revision is {newest}")


def key_not_found() -> KeyNotFound:
    """Return the error for a key that does not exist."""
    return KeyNotFound("no such key")


def prefix_not_found() -> KeyNotFound:
    """Return the error for a prefix that is neither a key nor a directory."""
    return KeyNotFound("no such key, and nothing below it")


def nothing_below() -> KeyNotFound:
    """Return the error for a prefix with nothing to delete below it."""
    return KeyNotFound("nothing below this prefix")


def key_exists() -> KeyExists:
    """Return the error for a key that was to be created and exists."""
    return KeyExists("the key exists already", hint="read it and save against what you read")


def key_modified() -> KeyModified:
    """Return the error for a key that is not, or no longer, the one that the caller had read."""
    return KeyModified("the key was changed since it was read", hint="read it again")


def previous_missing() -> PreviousNotSpecified:
    """Return the error for a guarded deletion without the entry that guards it."""
    return PreviousNotSpecified("a guarded delete needs the entry that was read", hint="read it first")


def unknown_host(host: str, where: str = "") -> NotReachable:
    """Return the error for a host name without an address.

    Args:
        host: The name.
        where: Beginning of the message, with the endpoint if there are several.
    """
    hint = "leave out the period at its end" if host.endswith(".") else "check its spelling"
    return NotReachable(f"{where}unknown host name", sent=False, hint=hint)


def unreachable_socket(path: Path, error: NotReachable) -> NotReachable:
    """Return the error for a unix socket that could not be connected to.

    Args:
        path: The path.
        error: What the connection failed with; returned where the path says no more.
    """
    try:
        is_socket = stat.S_ISSOCK(path.stat().st_mode)
    except OSError as cause:
        reason = sanitize(cause.strerror or str(cause)).lower()
        return NotReachable(f"cannot connect: {reason}", sent=False, hint=_SOCKET_HINT)
    message = error.message if is_socket else "cannot connect: this is no socket"
    return NotReachable(message, sent=error.sent, connected=error.connected, hint=error.hint or _SOCKET_HINT)


def other_layout(layout: str, reason: str, *, takeable: bool = True) -> CannotLock:
    """Return the error for a key that is locked in another layout, whose clients would not see this lock.

    Args:
        layout: Name of the layout that the existing lock is in.
        reason: What shows the existing lock, such as its key.
        takeable: Whether Keyscope can take a lock in that layout.
    """
    advice = "take the lock in that layout" if takeable else "lock another key"
    return CannotLock(
        f"there is a lock of layout {layout} on this key: {reason}",
        hint=f"`keyscope locks` shows who holds it; {advice}",
    )
