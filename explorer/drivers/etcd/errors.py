"""Translation of gRPC statuses into the error tree.

etcd reports an error as a gRPC code and a text (`etcdserver: ...`); one code stands for several errors
(rpctypes/error.go lists all).
"""

import re
from dataclasses import dataclass
from typing import Final

import grpc

from explorer.drivers.common.tls import find_tls_fault
from explorer.drivers.etcd.responses import not_etcd
from explorer.model.errors import (
    CallNotSupported,
    Compacted,
    ExplorerError,
    Forbidden,
    InvalidKey,
    NoSpace,
    NotReachable,
    Timeout,
    TlsFailed,
    TooLarge,
    Unauthenticated,
)
from explorer.model.sanitize import sanitize

_TOKEN_TEXTS: Final = ("invalid auth token", "revision of auth store is old", "auth token")
_DNS_TEXTS: Final = ("DNS resolution failed", "errors resolving")
_NO_LEADER_TEXT: Final = "etcdserver: no leader"
_NOT_SENT_TEXTS: Final = ("failed to connect", *_DNS_TEXTS, _NO_LEADER_TEXT)
"""Nothing was sent, or a member without a leader refused the request unread."""
_ETCD_PREFIXES: Final = ("etcdserver", "etcdclient", "auth: ", "grpc: ")
_UNIMPLEMENTED_PREFIXES: Final = ("unknown method", "Method not found", "etcdserver")
"""Texts of an etcd that is too old for a call."""
_APPLICATION_CODES: Final = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
)
"""Codes that only the server itself sends, not gRPC or a proxy's transport."""
_HTTP_STATUS: Final = re.compile(r"http2 header with status: (\d+)")
_HTTP_1_TEXT: Final = "http1.x server"
_NO_DETAILS: Final = "the store gave no reason"
_FUTURE_REVISION: Final = "required revision is a future revision"


@dataclass(frozen=True, slots=True)
class StatusError:
    """The error for a failed call, with what the connection has to know of it."""

    error: ExplorerError
    not_sent: bool = False
    """True if the request was not sent, or refused unread: nothing can have happened."""
    is_connected: bool = False
    """True if a member refused the request unread: there is a connection."""
    is_token_refused: bool = False
    """True if the token was refused; a new one may be accepted."""


def translate(code: grpc.StatusCode, details: str | None) -> StatusError:
    """Return the error for the status of a failed call."""
    details = sanitize(details or "")
    text = details.removeprefix("etcdserver: ")
    not_sent = code is grpc.StatusCode.UNAVAILABLE and any(part in details for part in _NOT_SENT_TEXTS)
    is_token_refused = any(part in text for part in _TOKEN_TEXTS)
    foreign = _foreign(code, details)
    if foreign is not None:
        return StatusError(not_etcd(foreign))
    error = _error(code, text or _NO_DETAILS)
    return StatusError(
        error, not_sent=not_sent, is_connected=_NO_LEADER_TEXT in details, is_token_refused=is_token_refused
    )


def _foreign(code: grpc.StatusCode, details: str) -> str | None:
    """Return why a status cannot be etcd's, or None: etcd's own texts all begin with its name."""
    status = _HTTP_STATUS.search(details)
    if status is not None:
        return f"HTTP status {status[1]}"
    if _HTTP_1_TEXT in details:
        return "the server speaks HTTP/1 only"
    if code is grpc.StatusCode.UNIMPLEMENTED and not details.startswith(_UNIMPLEMENTED_PREFIXES):
        return details or _NO_DETAILS
    if code in _APPLICATION_CODES and not details.startswith(_ETCD_PREFIXES):
        return f"{details or _NO_DETAILS} ({code.name.lower()})"
    return None


def _error(code: grpc.StatusCode, text: str) -> ExplorerError:
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            return _unavailable(text)
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return Timeout("no answer in time", hint="the store may be down, stopped or cut off")
        case grpc.StatusCode.UNAUTHENTICATED:
            return Unauthenticated(text, hint="check user and password")
        case grpc.StatusCode.PERMISSION_DENIED:
            return Forbidden("permission denied", hint="the user needs a role that covers this key or prefix")
        case grpc.StatusCode.OUT_OF_RANGE if "compacted" in text:
            return Compacted("the revision has been compacted", hint="read again, at a later revision")
        case grpc.StatusCode.OUT_OF_RANGE if _FUTURE_REVISION in text:
            return NotReachable("the member that answered lags behind", hint="try again")
        case grpc.StatusCode.RESOURCE_EXHAUSTED if "space" in text:
            return NoSpace(
                "the store's database quota is exceeded: it refuses writes",
                hint="compact, defragment and disarm the NOSPACE alarm",
            )
        case grpc.StatusCode.RESOURCE_EXHAUSTED if "larger than" in text:
            return TooLarge("the request is too large", hint="see --max-request-bytes of the server")
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return NotReachable(f"the store is overloaded: {text}", hint="try again later")
        case grpc.StatusCode.INVALID_ARGUMENT:
            return _invalid(text)
        case grpc.StatusCode.UNIMPLEMENTED:
            return CallNotSupported("the server does not support this call", hint="is it etcd 3.4 or newer?")
        case grpc.StatusCode.CANCELLED:
            return NotReachable("the connection was cancelled", hint="try again")
        case grpc.StatusCode.INTERNAL:  # a connection cut within a frame; etcd's client retries, too
            return NotReachable("the connection was interrupted", hint="try again")
        case grpc.StatusCode.UNKNOWN | grpc.StatusCode.DATA_LOSS:  # a write may have taken effect
            return NotReachable(f"the store failed: {text}", hint="see its log, then try again")
        case _:
            return ExplorerError(f"{text} ({code.name.lower()})")


def _unavailable(text: str) -> NotReachable:
    if (fault := find_tls_fault(text)) is not None:
        return TlsFailed(fault.message, hint=fault.hint)
    if "no leader" in text:
        return NotReachable("the member that answered has no leader", hint="the cluster has lost its quorum")
    if any(part in text for part in _DNS_TEXTS):
        return NotReachable("unknown host name", hint="check its spelling")
    if "Handshake read failed" in text:  # a server that is shutting down looks the same, so it may be retried
        return NotReachable(
            "the connection was closed during the TLS handshake",
            hint="if the server does not speak TLS, use etcd:// instead of etcd+tls://",
        )
    if "Socket closed" in text or "recvmsg" in text or "onnection reset" in text:
        return NotReachable("the connection was closed", hint="if the server speaks TLS, use etcd+tls://")
    if "failed to connect" in text or "connection refused" in text.lower():
        return NotReachable("cannot connect", hint="is the server running, and is this its client port?")
    return NotReachable(text, hint="try again")


def _invalid(text: str) -> ExplorerError:
    if "authentication failed" in text:
        return Unauthenticated("wrong user or password", hint="check user and password")
    if "user name is empty" in text or any(part in text for part in _TOKEN_TEXTS):
        return Unauthenticated(
            "authentication required", hint="name a user and the password (--user, --password-file, ETCDCTL_USER)"
        )
    if "too large" in text:
        return TooLarge("the value is too large for the store", hint="see --max-request-bytes of the server")
    if "too many operations" in text:
        return TooLarge("the transaction has too many operations", hint="see --max-txn-ops of the server")
    if "key is not provided" in text:
        return InvalidKey("etcd has no empty key", hint="name a key")
    return ExplorerError(text)
