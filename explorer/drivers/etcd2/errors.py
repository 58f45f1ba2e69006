"""Translation of the v2 API's errors into the error tree.

An error is JSON with a code of its own (etcd's `error` package). Codes that a caller may handle pass through
`raise_for_answer`; the others are raised there.
"""

from enum import IntEnum
from http import HTTPStatus
from typing import Final

from explorer.drivers.common import json_fields
from explorer.drivers.common.http import Response
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

_MAX_TEXT_LENGTH: Final = 200


class Etcd2ErrorCode(IntEnum):
    """Error codes of etcd's v2 API."""

    KEY_NOT_FOUND = 100
    COMPARE_FAILED = 101
    NOT_A_FILE = 102
    NOT_A_DIRECTORY = 104
    KEY_EXISTS = 105
    DIRECTORY_NOT_EMPTY = 108
    UNAUTHORIZED = 110
    INVALID_FORM = 210
    RAFT_INTERNAL = 300
    LEADER_ELECTION = 301
    EVENT_INDEX_CLEARED = 401


_HANDLED_BY_CALLERS: Final = (
    Etcd2ErrorCode.KEY_NOT_FOUND,
    Etcd2ErrorCode.COMPARE_FAILED,
    Etcd2ErrorCode.NOT_A_FILE,
    Etcd2ErrorCode.NOT_A_DIRECTORY,
    Etcd2ErrorCode.KEY_EXISTS,
    Etcd2ErrorCode.DIRECTORY_NOT_EMPTY,
)


class EventIndexClearedError(ExplorerError):
    """The history from an index on is gone, or belongs to another store."""


class StoreReplacedError(EventIndexClearedError):
    """The history belongs to another store, whose indexes cannot be compared with those of before."""


class DirectoryNotEmptyError(ExplorerError):
    """A directory that was to be deleted is not empty."""


def parse_fields(body: bytes) -> Fields:
    """Return the fields of a response; none if it is not JSON."""
    try:
        return json_fields.object_of(json_fields.parse(body))
    except (ValueError, RecursionError):
        return {}


def raise_for_answer(response: Response, *, has_user: bool) -> None:
    """Raise the error of a response, unless its code is one that callers handle.

    Args:
        response: The HTTP response.
        has_user: Whether the request named a user: etcd refuses a wrong password as it refuses a missing permission.

    Raises:
        ExplorerError: The response is an error.
        ValueError: The response is not etcd's.
    """
    if response.status < HTTPStatus.MULTIPLE_CHOICES:
        return
    fields = parse_fields(response.body)
    code = json_fields.number(fields, "errorCode", 0) or None
    if code is None:
        raise _error_for_status(response, fields, has_user=has_user)
    text = sanitize(f"{fields.get('message', '')}: {fields.get('cause', '')}".strip(": "))[:_MAX_TEXT_LENGTH]
    match code:
        case _ if code in _HANDLED_BY_CALLERS:
            return
        case Etcd2ErrorCode.UNAUTHORIZED:
            raise access_denied(has_user=has_user)
        case Etcd2ErrorCode.EVENT_INDEX_CLEARED:
            raise EventIndexClearedError("the store keeps only its last 1000 changes, and there were more")
        case Etcd2ErrorCode.RAFT_INTERNAL | Etcd2ErrorCode.LEADER_ELECTION:
            raise NotReachable(f"the store failed: {text}", hint="it may have lost its quorum")
        case Etcd2ErrorCode.INVALID_FORM if "too large" in text:
            raise _too_large()
        case _:
            raise ExplorerError(f"{text} (code {code})")


def _error_for_status(response: Response, fields: Fields, *, has_user: bool) -> ExplorerError:
    """Return the error of a response without a code, see `raise_for_answer`."""
    match response.status:
        case HTTPStatus.UNAUTHORIZED:
            return access_denied(has_user=has_user)
        case HTTPStatus.FORBIDDEN if "message" in fields:
            return access_denied(has_user=has_user)
        case HTTPStatus.NOT_FOUND:
            return NotReachable(
                "this is not etcd's v2 API (HTTP status 404)",
                hint="use etcd:// for the v3 API, or start the server (3.5 and older) with --enable-v2",
            )
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return _too_large()
        case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return NotReachable(f"the store failed (HTTP status {status})", hint="see its log")
        case status:
            message = f"HTTP status {status}"
            raise ValueError(message)


def access_denied(*, has_user: bool) -> ExplorerError:
    """Return the error for a request that the store does not allow."""
    if not has_user:
        return Unauthenticated(
            "authentication required", hint="name a user and the password (--user, --password-file, ETCDCTL_USERNAME)"
        )
    return Forbidden(
        "permission denied, or a wrong password: etcd does not tell which",
        hint="check the password, and that a role of the user covers this key",
    )


def _too_large() -> TooLarge:
    return TooLarge("the server refuses a write of this size", hint="etcd's v2 API accepts 10 MiB, URL-encoded")


def error_for(code: int) -> ExplorerError:
    """Return the error for a code that the caller cannot handle."""
    match code:
        case Etcd2ErrorCode.COMPARE_FAILED:
            return KeyModified("the key was changed meanwhile", hint="read it again")
        case Etcd2ErrorCode.NOT_A_FILE:
            return InvalidKey(
                "the key is a directory, and a directory has no value",
                hint="write to a key below it, or delete it first",
            )
        case Etcd2ErrorCode.NOT_A_DIRECTORY:
            return InvalidKey("a parent of this key has a value and cannot be a directory", hint="choose another key")
        case Etcd2ErrorCode.KEY_EXISTS:
            return KeyExists("the key exists already", hint="read it first")
        case Etcd2ErrorCode.DIRECTORY_NOT_EMPTY:
            return DirectoryNotEmptyError(
                "the directory is not empty",
                hint="delete the tree; it may have keys that begin with _, which etcd does not list",
            )
        case _:
            return KeyNotFound("no such key")


def lossy_value() -> ExplorerError:
    """Return the error for an edit of a value that the API cannot return exactly."""
    return ExplorerError(
        "the value has bytes that are no UTF-8: etcd's v2 API shows U+FFFD for each, so a save would damage it",
        hint="nothing was written; edit it with the program that made it, or put a whole new value",
    )
