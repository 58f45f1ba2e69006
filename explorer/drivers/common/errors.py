"""What every store refuses, in one set of words."""

from explorer.model.errors import CannotLock, KeyExists, KeyModified, KeyNotFound, PreviousNotSpecified


def key_not_found(redacted: str, key: str | None) -> KeyNotFound:
    """Give the error for a key that is not there.

    Args:
        redacted: The address for messages.
        key: The key as the caller wrote it.
    """
    return KeyNotFound("no such key", address=redacted, key=key)


def prefix_not_found(redacted: str, prefix: str) -> KeyNotFound:
    """Give the error for a prefix that is neither a key nor a directory."""
    return KeyNotFound("no such key, and nothing below it", address=redacted, key=prefix)


def nothing_below(redacted: str, prefix: str) -> KeyNotFound:
    """Give the error for a prefix below which there is nothing to delete."""
    return KeyNotFound("nothing lies below this prefix", address=redacted, key=prefix)


def key_exists(redacted: str, key: str | None) -> KeyExists:
    """Give the error for a key that was to be created and is there."""
    return KeyExists("the key exists already", hint="read it and save against what you read", address=redacted, key=key)


def key_modified(redacted: str, key: str | None) -> KeyModified:
    """Give the error for a key that is not, or no longer, what the caller had read."""
    return KeyModified("the key was changed since it was read", hint="read it again", address=redacted, key=key)


def previous_missing(redacted: str, key: str | None) -> PreviousNotSpecified:
    """Give the error for a guarded deletion that does not say of what."""
    return PreviousNotSpecified("say which entry is to be deleted", hint="read it first", address=redacted, key=key)


def other_layout(redacted: str, key: str, layout: str, reason: str, *, takeable: bool = True) -> CannotLock:
    """Return the error for a lock on a key that is locked in another layout, whose clients would not see this one.

    Args:
        redacted: The address for messages.
        key: The key as the caller wrote it.
        layout: The name of the layout that the lock is in.
        reason: What shows that, such as the key that is there.
        takeable: Whether Keyscope can take a lock in that layout.
    """
    advice = "take the lock in that layout" if takeable else "lock another key"
    return CannotLock(
        f"there is a lock of layout {layout} on this key: {reason}",
        hint=f"`keyscope locks` shows who holds it; {advice}",
        address=redacted,
        key=key,
    )
