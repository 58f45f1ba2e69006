"""Translation of the servers' error codes into the error tree; kazoo raises them as exceptions with a `code`."""

from typing import Final

from kazoo.handlers.threading import KazooTimeoutError

from explorer.drivers.common.errors import key_exists, key_modified, key_not_found
from explorer.drivers.zookeeper.frames import NotSent, ProtocolError, ZooKeeperErrorCode
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

NOT_APPLIED: Final = (ZooKeeperErrorCode.ROLLED_BACK, ZooKeeperErrorCode.RUNTIME_INCONSISTENCY)
"""Codes of operations that were not applied because another one of their transaction failed."""
_NOT_EMPTY_MESSAGE: Final = "the node has children"


def is_not_empty(error: ExplorerError) -> bool:
    """Return whether a node was not deleted because it has children; the error tree has no class for that."""
    return error.message == _NOT_EMPTY_MESSAGE


def translate(error: BaseException) -> ExplorerError:
    """Return the error of the tree for an exception of kazoo, or for any other one of a request."""
    match error:
        case ExplorerError():
            return error
        case NotSent():
            return NotReachable("connection lost", sent=False, hint="try again")
        case ProtocolError():
            return NotReachable(reason(error), hint="is it ZooKeeper's client port?")
    code = getattr(error, "code", None)
    if isinstance(code, int):
        return error_for_code(code)
    return NotReachable(f"connection failed: {reason(error)}", hint="try again")


def reason(error: BaseException) -> str:
    """Return why a connection failed, in one line."""
    match error:
        case ProtocolError():
            return "the answer is not ZooKeeper's"
        case TimeoutError() | KazooTimeoutError():
            return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return sanitize(error.strerror)
    return sanitize(str(error)) or type(error).__name__


def error_for_code(code: int) -> ExplorerError:
    """Return the error that a code means."""
    match code:
        case (
            ZooKeeperErrorCode.CONNECTION_LOSS
            | ZooKeeperErrorCode.OPERATION_TIMEOUT
            | ZooKeeperErrorCode.SESSION_MOVED
            | ZooKeeperErrorCode.REQUEST_TIMEOUT
        ):
            return NotReachable("connection lost", hint="try again")
        case ZooKeeperErrorCode.SESSION_EXPIRED:
            return NotReachable("session expired", hint="try again")
        case ZooKeeperErrorCode.THROTTLED:
            return NotReachable("the server is overloaded", hint="try again later")
        case ZooKeeperErrorCode.NOT_READ_ONLY:
            return NotReachable("the server has no quorum", hint="check the other servers")
        case ZooKeeperErrorCode.UNIMPLEMENTED:
            return CallNotSupported(
                "the server does not support this request",
                hint="a newer one may; a TTL needs zookeeper.extendedTypesEnabled=true",
            )
        case ZooKeeperErrorCode.NO_NODE:
            return key_not_found()
        case ZooKeeperErrorCode.NO_AUTH:
            return Forbidden(
                "permission denied by the node's access control list",
                hint="see the node's acl; log in as another user (--user), or ask its owner",
            )
        case ZooKeeperErrorCode.INVALID_ACL:
            return CallNotSupported(
                "the server refuses the access control list", hint="it does not know a scheme or an identity in it"
            )
        case ZooKeeperErrorCode.BAD_VERSION:
            return key_modified()
        case ZooKeeperErrorCode.NO_CHILDREN_FOR_EPHEMERALS:
            return InvalidKey("an ephemeral node cannot have children", hint="choose another key")
        case ZooKeeperErrorCode.NODE_EXISTS:
            return key_exists()
        case ZooKeeperErrorCode.NOT_EMPTY:
            return ExplorerError(_NOT_EMPTY_MESSAGE, hint="delete the nodes below it first")
        case ZooKeeperErrorCode.AUTH_FAILED | ZooKeeperErrorCode.SASL_REQUIRED:
            return authentication_failed()
        case ZooKeeperErrorCode.QUOTA_EXCEEDED:
            return TooLarge("the quota of the subtree is exceeded", hint="see listquota")
        case ZooKeeperErrorCode.BAD_ARGUMENTS:
            return InvalidKey("the server refuses this path or this operation on it")
        case _:
            return ExplorerError(f"the server failed with code {code}", hint="see the server's log")


def authentication_failed() -> Unauthenticated:
    """Return the error for a user that the servers reject."""
    return Unauthenticated("authentication failed", hint="check the user and password")
