"""What the servers' error codes mean, in the words of the error tree; kazoo raises them as exceptions with a `code`."""

from typing import Final

from kazoo.handlers.threading import KazooTimeoutError

from explorer.drivers.common.errors import key_exists, key_modified, key_not_found
from explorer.drivers.zookeeper.frames import NotSent, ProtocolError
from explorer.model.errors import (
    CallNotSupported,
    ExplorerError,
    Forbidden,
    InvalidKey,
    NotReachable,
    TooLarge,
    Unauthenticated,
)
from explorer.model.sanitize import sanitize

ROLLED_BACK = 0
NOT_TRIED = -2
CONNECTION_LOSS = -4
UNIMPLEMENTED = -6
BAD_ARGUMENTS = -8
NO_NODE = -101
NO_AUTH = -102
BAD_VERSION = -103
EPHEMERAL_PARENT = -108
NODE_EXISTS = -110
NOT_EMPTY = -111
SESSION_EXPIRED = -112
AUTH_FAILED = -115
SESSION_MOVED = -118
READ_ONLY = -119
NO_WATCHER = -121
REQUEST_TIMEOUT = -122
SASL_REQUIRED = -124
QUOTA_EXCEEDED = -125
THROTTLED = -127


_NOT_EMPTY_REASON: Final = "the node has children"


def is_not_empty(error: ExplorerError) -> bool:
    """Return whether a node was not deleted because it has children; the error tree has no class for that."""
    return error.message == _NOT_EMPTY_REASON


def translate(error: BaseException, redacted: str, key: str | None) -> ExplorerError:
    """Return the error that one of kazoo's, or whatever else came of a request, stands for."""
    match error:
        case ExplorerError():
            return error
        case NotSent():
            return NotReachable("the connection was lost", sent=False, hint="try again", address=redacted, key=key)
        case ProtocolError():
            return NotReachable(reason(error), hint="is it ZooKeeper's client port?", address=redacted, key=key)
    code = getattr(error, "code", None)
    if isinstance(code, int):
        return refusal(code, redacted, key)
    return NotReachable(f"the connection failed: {reason(error)}", hint="try again", address=redacted, key=key)


def reason(error: BaseException) -> str:
    """Return why a connection failed, in one line."""
    match error:
        case ProtocolError():
            return "what answers there is not ZooKeeper"
        case TimeoutError() | KazooTimeoutError():
            return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return sanitize(error.strerror)
    return sanitize(str(error)) or type(error).__name__


def refusal(code: int, redacted: str, key: str | None) -> ExplorerError:
    """Give the error that a code stands for."""
    match code:
        case -4 | -7 | -118 | -122:
            return NotReachable("the connection was lost", hint="try again", address=redacted, key=key)
        case -112:
            return NotReachable("the session has ended", hint="try again", address=redacted, key=key)
        case -127:
            return NotReachable("the server is overloaded", hint="try again later", address=redacted, key=key)
        case -119:
            return NotReachable(
                "the server that answered has no quorum", hint="see the other servers", address=redacted, key=key
            )
        case -6:
            return CallNotSupported(
                "the server does not do this",
                hint="a newer one may; a TTL needs zookeeper.extendedTypesEnabled=true",
                address=redacted,
                key=key,
            )
        case -101:
            return key_not_found()
        case -102:
            return Forbidden(
                "the node's access control list does not allow this",
                hint="see the node's acl; name a user (--user), or ask its owner",
                address=redacted,
                key=key,
            )
        case -103:
            return key_modified()
        case -108:
            return InvalidKey(
                "an ephemeral node can have no children", hint="choose another place", address=redacted, key=key
            )
        case -110:
            return key_exists()
        case -111:
            return ExplorerError(_NOT_EMPTY_REASON, hint="delete what is below it first", address=redacted, key=key)
        case -115 | -124:
            return Unauthenticated(
                "the servers do not accept who you are", hint="check the user and password", address=redacted, key=key
            )
        case -125:
            return TooLarge("the quota of the subtree is used up", hint="see listquota", address=redacted, key=key)
        case -8:
            return InvalidKey("the server refuses this path or this operation on it", address=redacted, key=key)
        case _:
            return ExplorerError(f"the server failed with code {code}", hint="see its log", address=redacted, key=key)
