"""What the answers of etcd's v2 API mean, in the words of the error tree.

A refusal is JSON with a code of its own (etcd's `error` package). What the asker of a question can make use of passes
here; the rest is raised.
"""

from typing import Final

from explorer.drivers.common import json_fields
from explorer.drivers.common.http import Answer
from explorer.drivers.common.json_fields import Fields
from explorer.model.errors import (
    ExplorerError,
    Forbidden,
    InvalidKey,
    KeyExists,
    KeyModified,
    KeyNotFound,
    NotReachable,
    TooLarge,
    Unauthenticated,
)
from explorer.model.sanitize import sanitize

NOT_FOUND: Final = 100
COMPARE_FAILED: Final = 101
NOT_A_FILE: Final = 102
NOT_A_DIRECTORY: Final = 104
EXISTS: Final = 105
NOT_EMPTY: Final = 108
_DENIED = 110
_ABSENT = 404
_UNKNOWN = 401
"""HTTP's own, of a user who is not known."""
_FORBIDDEN = 403
_FAILED = (300, 301)
_CLEARED = 401
_INVALID_FORM = 210
_ANSWERS = (NOT_FOUND, COMPARE_FAILED, NOT_A_FILE, NOT_A_DIRECTORY, EXISTS, NOT_EMPTY)
_LONGEST = 200


class EventIndexClearedError(ExplorerError):
    """History is not there, or belongs to another life of the store."""


class ReplacedError(EventIndexClearedError):
    """History belongs to another life of the store, whose indexes cannot be compared with those of before."""


class NotEmptyError(ExplorerError):
    """There is something in a directory that was to be deleted."""


def fields(body: bytes) -> Fields:
    """Return what an answer says; nothing if it is not JSON."""
    try:
        return json_fields.object_of(json_fields.parse(body))
    except (ValueError, RecursionError):
        return {}


def raise_for_answer(answer: Answer, key: str | None, redacted: str, *, named: bool) -> None:
    """Raise what an answer means, unless its asker knows better what to make of it.

    Args:
        answer: What came back.
        key: What it is about.
        redacted: The address for messages.
        named: Whether we said who we are: a password that is wrong is refused like a user who may not.

    Raises:
        ExplorerError: What the store says.
        ValueError: etcd says no such thing.
    """
    if answer.status < 300:  # noqa: PLR2004 - HTTP's own
        return
    told = fields(answer.body)
    code = json_fields.number(told, "errorCode", 0) or None
    if code in _ANSWERS:
        return
    text = sanitize(f"{told.get('message', '')}: {told.get('cause', '')}".strip(": "))[:_LONGEST]
    if code is None and answer.status == _ABSENT and "X-Etcd-Index" in answer.headers:
        return  # of what was only measured, and is not there
    if code is None:
        refused = answer.status == _UNKNOWN or (answer.status == _FORBIDDEN and "message" in told)
        raise denied(redacted, key, named=named) if refused else _of_status(answer, redacted, key)
    if code == _DENIED:
        raise denied(redacted, key, named=named)
    if code == _CLEARED:
        raise EventIndexClearedError(
            "the store keeps its last 1000 changes only, and it has been more", address=redacted, key=key
        )
    if code in _FAILED:
        raise NotReachable(
            f"the store could not do it: {text}", hint="it may have lost its quorum", address=redacted, key=key
        )
    if code == _INVALID_FORM and "too large" in text:
        raise _too_large(redacted, key)
    raise ExplorerError(f"{text} (code {code})", address=redacted, key=key)


def denied(redacted: str, key: str | None, *, named: bool) -> ExplorerError:
    """Give the error for what may not be done."""
    if not named:
        return Unauthenticated(
            "the store wants to know who asks",
            hint="name a user and the password (--user, --password-file, ETCDCTL_USERNAME)",
            address=redacted,
            key=key,
        )
    return Forbidden(
        "the user may not do this, or the password is not the user's: etcd does not tell which",
        hint="check the password, and whether a role of the user covers this key",
        address=redacted,
        key=key,
    )


def _of_status(answer: Answer, redacted: str, key: str | None) -> ExplorerError:
    match answer.status:
        case 404:
            return NotReachable(
                "this is not etcd's v2 API (HTTP status 404)",
                hint="use etcd:// for the v3 API, or start the server (3.5 and older) with --enable-v2",
                address=redacted,
                key=key,
            )
        case 413:
            return _too_large(redacted, key)
        case status if status >= 500:  # noqa: PLR2004 - HTTP's own
            return NotReachable(
                f"the store failed (HTTP status {status})", hint="see its log", address=redacted, key=key
            )
        case status:
            message = f"HTTP status {status}"
            raise ValueError(message)


def _too_large(redacted: str, key: str | None) -> TooLarge:
    return TooLarge(
        "the server refuses a write of this size",
        hint="etcd's v2 API takes 10 MiB in the spelling of a form",
        address=redacted,
        key=key,
    )


def refused(code: int, redacted: str, key: str | None) -> ExplorerError:
    """Give the error that an answer is to one who could not make anything of it."""
    match code:
        case 101:
            return KeyModified("the key was changed meanwhile", hint="read it again", address=redacted, key=key)
        case 102:
            return InvalidKey(
                "a directory is there, and a directory has no value",
                hint="write to a key below it, or delete it first",
                address=redacted,
                key=key,
            )
        case 104:
            return InvalidKey(
                "a name above it is a key with a value, so nothing can be below that",
                hint="choose another key",
                address=redacted,
                key=key,
            )
        case 105:
            return KeyExists("the key exists already", hint="read it first", address=redacted, key=key)
        case 108:
            return NotEmptyError(
                "the directory is not empty",
                hint="delete the tree; names that begin with _ are in it, too, and etcd does not list them",
                address=redacted,
                key=key,
            )
        case _:
            return KeyNotFound("no such key", address=redacted, key=key)


def unequal(redacted: str, key: str) -> ExplorerError:
    """Give the error for a value of which the store shows no more than a likeness."""
    return ExplorerError(
        "the value has bytes that are no UTF-8: etcd's v2 API shows U+FFFD for each, so a save would damage it",
        hint="nothing was written; write it by what made it, or put a whole new value",
        address=redacted,
        key=key,
    )
