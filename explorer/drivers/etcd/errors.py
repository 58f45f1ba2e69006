"""What a gRPC status means, in the words of the error tree.

etcd tells its findings as a gRPC code and a text (`etcdserver: ...`); one code stands for several of them
(rpctypes/error.go lists all).
"""

import re
from dataclasses import dataclass
from typing import Final

import grpc

from explorer.drivers.etcd.answers import not_etcd
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

_TLS_CLUES: Final = {
    "CERTIFICATE_VERIFY_FAILED: certificate has expired": (
        "the store's certificate has expired",
        "renew it on the server",
    ),
    "Hostname Verification": (
        "the store's certificate is for another name",
        "use the name that is in it, or say which name to expect (--server-name)",
    ),
    "Peer name": (
        "the store's certificate is for another name",
        "use the name that is in it, or say it (--server-name)",
    ),
    "CERTIFICATE_VERIFY_FAILED": (
        "the store's certificate is from an authority that is not trusted",
        "name the authority's file (--cacert, ETCDCTL_CACERT)",
    ),
    "WRONG_VERSION_NUMBER": ("the store does not speak TLS there", "use etcd:// instead of etcd+tls://"),
    "CERTIFICATE_REQUIRED": (
        "the store wants a client certificate",
        "name it and its key (--cert, --key, ETCDCTL_CERT, ETCDCTL_KEY)",
    ),
    "ertificate required": (
        "the store wants a client certificate",
        "name it and its key (--cert, --key, ETCDCTL_CERT, ETCDCTL_KEY)",
    ),
    "bad certificate": (
        "the store does not accept the client certificate",
        "name one that its authority signed (--cert, --key)",
    ),
    # In TLS 1.3 the server judges the client after the handshake; gRPC does not pass on the words of its alert.
    "TSI_DATA_CORRUPTED": (
        "the store does not accept the client certificate, or wants one",
        "name one that its authority signed, and its key (--cert, --key, ETCDCTL_CERT, ETCDCTL_KEY)",
    ),
    "Failed to create security handshaker": (
        "a certificate or key cannot be used",
        "is the key that of the certificate, and are all files PEM?",
    ),
    "andshake failed": ("no TLS connection", "is it a TLS endpoint? otherwise use etcd://"),
}
_TOKEN_CLUES: Final = ("invalid auth token", "revision of auth store is old", "auth token")
_NO_NAME: Final = ("DNS resolution failed", "errors resolving")
_NO_LEADER: Final = "etcdserver: no leader"
_UNSENT: Final = ("failed to connect", *_NO_NAME, _NO_LEADER)
"""Nothing was sent; or the member that knows no leader refused it before looking at it."""
_OWN: Final = ("etcdserver", "etcdclient", "auth: ", "grpc: ")
_OLDER: Final = ("unknown method", "Method not found", "etcdserver")
"""What a server says that is etcd and too old for a call."""
_VERDICTS: Final = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
)
"""Statuses that a server gives on purpose."""
_HTTP_STATUS: Final = re.compile(r"http2 header with status: (\d+)")
_HTTP_1: Final = "http1.x server"
_NO_WORDS: Final = "the store gave no reason"
_BEHIND: Final = "required revision is a future revision"


@dataclass(frozen=True, slots=True)
class StatusError:
    """A failed call, understood."""

    error: ExplorerError
    unsent: bool = False
    """The request never left, or was turned away unread: nothing can have happened."""
    answered: bool = False
    """It was turned away unread by a member: there is a connection."""
    token: bool = False
    """The token was refused; a new one may be accepted."""


def translate(code: grpc.StatusCode, details: str | None, address: str, key: str | None = None) -> StatusError:
    """Translate the status of a failed call."""
    details = sanitize(details or "")
    text = details.removeprefix("etcdserver: ")
    unsent = code is grpc.StatusCode.UNAVAILABLE and any(clue in details for clue in _UNSENT)
    refused_token = any(clue in text for clue in _TOKEN_CLUES)
    foreign = _foreign(code, details)
    if foreign is not None:
        return StatusError(not_etcd(foreign, address, key))
    error = _error(code, text or _NO_WORDS, address, key)
    return StatusError(error, unsent=unsent, answered=_NO_LEADER in details, token=refused_token)


def _foreign(code: grpc.StatusCode, details: str) -> str | None:
    """Return why a status cannot be etcd's: its own words all begin with its name."""
    status = _HTTP_STATUS.search(details)
    if status is not None:
        return f"an HTTP server gave status {status[1]}"
    if _HTTP_1 in details:
        return "a server answers that speaks HTTP/1 only"
    if code is grpc.StatusCode.UNIMPLEMENTED and not details.startswith(_OLDER):
        return details or _NO_WORDS
    if code in _VERDICTS and not details.startswith(_OWN):
        return f"{details or _NO_WORDS} ({code.name.lower()})"
    return None


def _error(code: grpc.StatusCode, text: str, address: str, key: str | None) -> ExplorerError:
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            return _unavailable(text, address, key)
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return Timeout(
                "no answer in time", hint="the store may be down, stopped or cut off", address=address, key=key
            )
        case grpc.StatusCode.UNAUTHENTICATED:
            return Unauthenticated(text, hint="check user and password", address=address, key=key)
        case grpc.StatusCode.PERMISSION_DENIED:
            return Forbidden(
                "the user may not do this",
                hint="ask for a role that covers this key or prefix",
                address=address,
                key=key,
            )
        case grpc.StatusCode.OUT_OF_RANGE if "compacted" in text:
            return Compacted("that revision has been compacted", hint="read it again", address=address, key=key)
        case grpc.StatusCode.OUT_OF_RANGE if _BEHIND in text:
            return NotReachable("the member that answered is behind", hint="try again", address=address, key=key)
        case grpc.StatusCode.RESOURCE_EXHAUSTED if "space" in text:
            return NoSpace(
                "the store's quota is used up: it accepts no more writes",
                hint="compact, defragment and disarm its NOSPACE alarm",
                address=address,
                key=key,
            )
        case grpc.StatusCode.RESOURCE_EXHAUSTED if "larger than" in text:
            return TooLarge(
                "the request is too large", hint="see --max-request-bytes of the server", address=address, key=key
            )
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return NotReachable(f"the store is overloaded: {text}", hint="try again later", address=address, key=key)
        case grpc.StatusCode.INVALID_ARGUMENT:
            return _invalid(text, address, key)
        case grpc.StatusCode.UNIMPLEMENTED:
            return CallNotSupported(
                "the server does not know this call", hint="is it etcd 3.4 or newer?", address=address, key=key
            )
        case grpc.StatusCode.CANCELLED:
            return NotReachable("the connection was given up", hint="try again", address=address, key=key)
        case grpc.StatusCode.INTERNAL:  # a connection cut in the middle of a frame; etcd's own client tries again, too
            return NotReachable("the connection broke", hint="try again", address=address, key=key)
        case grpc.StatusCode.UNKNOWN | grpc.StatusCode.DATA_LOSS:  # no verdict: a write may have taken effect
            return NotReachable(f"the store failed: {text}", hint="see its log, try again", address=address, key=key)
        case _:
            return ExplorerError(f"{text} ({code.name.lower()})", address=address, key=key)


def _unavailable(text: str, address: str, key: str | None) -> NotReachable:
    for clue, (message, hint) in _TLS_CLUES.items():
        if clue in text:
            return TlsFailed(message, hint=hint, address=address, key=key)
    if "no leader" in text:
        return NotReachable(
            "the member that answered has no leader", hint="the cluster has lost its quorum", address=address, key=key
        )
    if any(clue in text for clue in _NO_NAME):
        return NotReachable("the host name is not known", hint="check its spelling", address=address, key=key)
    if "Handshake read failed" in text:  # also what a server that is just being ended looks like, so worth another try
        return NotReachable(
            "the connection was closed before TLS was agreed on",
            hint="if the server speaks no TLS, use etcd:// instead of etcd+tls://",
            address=address,
            key=key,
        )
    if "Socket closed" in text or "recvmsg" in text or "onnection reset" in text:
        return NotReachable(
            "the connection was closed", hint="if the server speaks TLS, use etcd+tls://", address=address, key=key
        )
    if "failed to connect" in text or "connection refused" in text.lower():
        return NotReachable(
            "cannot connect", hint="is the server running, and is this its client port?", address=address, key=key
        )
    return NotReachable(text, hint="try again", address=address, key=key)


def _invalid(text: str, address: str, key: str | None) -> ExplorerError:
    if "authentication failed" in text:
        return Unauthenticated("wrong user or password", hint="check both", address=address, key=key)
    if "user name is empty" in text or any(clue in text for clue in _TOKEN_CLUES):
        return Unauthenticated(
            "the store wants a user and a password",
            hint="--user, --password-file or ETCDCTL_USER",
            address=address,
            key=key,
        )
    if "too large" in text:
        return TooLarge(
            "the value is too large for the store",
            hint="see --max-request-bytes of the server",
            address=address,
            key=key,
        )
    if "key is not provided" in text:
        return InvalidKey("etcd has no empty key", hint="name a key", address=address, key=key)
    return ExplorerError(text, address=address, key=key)
