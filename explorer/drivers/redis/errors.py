"""Translation of redis-py's exceptions and the server's error replies into the tree of errors."""

import re
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, TypeVar

from redis import exceptions

from explorer.drivers.common.errors import unknown_host
from explorer.drivers.common.tls import tls_error
from explorer.model.errors import (
    CallNotSupported,
    ExplorerError,
    Forbidden,
    InvalidAddress,
    NoSpace,
    NotReachable,
    Timeout,
    TooLarge,
    Unauthenticated,
)
from explorer.model.sanitize import sanitize

_LOST_BEFORE: Final = ("Connection lost",)
"""Arguments of the exception by which asyncio refuses to write to a connection that was lost before."""
_HOST: Final = re.compile(r"connecting to (\S+):\d+")
"""Host in the texts of redis-py."""
Cause = TypeVar("Cause", bound=BaseException)

_MAX_TEXT: Final = 200
_RIGHTS_HINT: Final = "see ACL WHOAMI and ACL GETUSER"
_UNAVAILABLE: Final = {
    "LOADING": "the server is loading its data",
    "MASTERDOWN": "the server is a replica without its primary",
    "CLUSTERDOWN": "the cluster is down: not all slots are served",
    "TRYAGAIN": "the slot of the key is being moved",
    "READONLY": "the server is a read-only replica",
    "BUSY": "the server is busy running a script",
    "UNBLOCKED": "the server became a replica",
    "NOREPLICAS": "the primary has too few replicas that keep up",
    "MOVED": "the slot of the key was moved",
    "ASK": "the slot of the key is being moved",
}
"""Codes of replies of a server that cannot work at this moment; the request had no effect."""


class WrongTypeError(ExplorerError):
    """The key holds another type of value than the command is for."""


class UnknownOptionError(ExplorerError):
    """The server does not know an option of the command: it is too old."""


class CommandForbiddenError(Forbidden):
    """The user may not run the command, or the server does not have it."""

    def is_about(self, command: str) -> bool:
        """Return whether it is this command, and not one that it would run or a key."""
        return f"'{command}'" in self.message.lower()


@contextmanager
def translated(where: str = "", *, sent: bool) -> Generator[None, None, None]:
    """Translate what redis-py raises in the block.

    Args:
        where: Beginning of a message about one of several endpoints.
        sent: Whether a request may have been sent.
    """
    try:
        yield
    except (exceptions.RedisError, OSError, TimeoutError, EOFError, ValueError) as error:
        raise translate(error, where, sent=sent) from error


def translate(error: BaseException, where: str = "", *, sent: bool) -> ExplorerError:
    """Return the error for an exception of redis-py."""
    text = sanitize(str(error))[:_MAX_TEXT]
    tls = _find_cause(error, ssl.SSLError)
    if tls is not None:
        return tls_error(tls)
    if "SSL handshake is taking longer" in text:
        return NotReachable(
            f"{where}no answer to the TLS handshake: the server hangs or does not speak TLS on this port",
            sent=False,
            hint="use the URL without +tls",
        )
    match error:
        case exceptions.AuthenticationError():
            return Unauthenticated(f"{where}authentication failed: {text}", hint="user and password of an ACL user")
        case exceptions.BusyLoadingError():
            return NotReachable(f"{where}{_UNAVAILABLE['LOADING']}", sent=False, connected=True)
        case exceptions.MaxConnectionsError():
            return NotReachable(f"{where}too many connections", sent=False)
        case exceptions.ResponseError() | exceptions.AuthorizationError():
            return reply_error(error, where)
        case exceptions.TimeoutError() | TimeoutError():
            return Timeout(f"{where}no answer in time", sent=sent)
        case exceptions.ConnectionError() if "max number of clients" in text:
            return NotReachable(f"{where}the server has too many clients", sent=False, hint="see its maxclients")
        case exceptions.ConnectionError() if "Invalid Database" in text or "DB index" in text:
            return _no_database(where)
        case exceptions.InvalidResponse() | ValueError() | UnicodeError():
            return NotReachable(f"{where}the answer is not Redis's", sent=sent, hint="is it a Redis port?")
        case _:
            return _connection_error(error, where, sent=sent)


def _connection_error(error: BaseException, where: str, *, sent: bool) -> NotReachable:
    """Return the error for a connection that was not made, or was lost."""
    text = sanitize(str(error))[:_MAX_TEXT]
    cause = _find_cause(error, OSError)
    if _find_cause(error, socket.gaierror) is not None:
        host = _HOST.search(text)
        return unknown_host(host[1] if host else "", where)
    reason = sanitize(cause.strerror) if cause is not None and cause.strerror else text
    if "connecting to" in text or "Connect call failed" in text:
        return NotReachable(
            f"{where}cannot connect: {reason.lower()}", sent=False, hint="is the server running, and the address right?"
        )
    if cause is not None and cause.args == _LOST_BEFORE:
        return NotReachable(f"{where}connection lost", sent=False, connected=True)
    return NotReachable(f"{where}connection lost: {reason.lower()}", sent=sent, connected=True)


def _find_cause(error: BaseException, kind: type[Cause]) -> Cause | None:
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, kind):
            return found
        found = found.__cause__ or found.__context__
    return None


def reply_error(error: exceptions.RedisError, where: str = "") -> ExplorerError:
    """Return the error for an error reply of the server."""
    text = sanitize(str(error))[:_MAX_TEXT]
    code = getattr(error, "status_code", None) or text.partition(" ")[0]
    lowered = text.lower()
    if code in _UNAVAILABLE:
        return NotReachable(f"{where}{_UNAVAILABLE[code]}", sent=False, connected=True)
    if code == "NOPERM" or "NOPERM" in text or "executing the script can't" in text:  # also of a part of a request
        return CommandForbiddenError(f"{where}permission denied: {text}", hint=_RIGHTS_HINT)
    if code in ("NOAUTH", "WRONGPASS"):
        return Unauthenticated(f"{where}authentication failed: {text}", hint="user and password of an ACL user")
    if code == "OOM":
        return NoSpace(f"{where}the server's memory limit is reached", hint="see maxmemory of the server")
    if code == "MISCONF":
        return NoSpace(f"{where}the server cannot save its data and refuses writes", hint="see its log")
    if code == "WRONGTYPE":
        return WrongTypeError(f"{where}the key holds another type of value", hint="read it again")
    if lowered.removeprefix("err ") == "syntax error":
        return UnknownOptionError(f"{where}the server refused the request: {text}", hint="is it an older server?")
    if "unknown command" in lowered or "unknown subcommand" in lowered:
        return CommandForbiddenError(
            f"{where}the server does not have this command: {text}",
            hint="it may be renamed; if this is a sentinel, use ?sentinel=NAME",
        )
    if "db index" in lowered or "select is not allowed" in lowered:
        return _no_database(where)
    if "exceeds maximum allowed size" in lowered or "invalid bulk length" in lowered:
        return TooLarge(f"{where}the value is too large for the server: {text}", hint="see proto-max-bulk-len")
    if "cluster support disabled" in lowered:
        return InvalidAddress(f"{where}the server is no member of a cluster", hint="leave out ?cluster")
    if "crossslot" in lowered or code == "CROSSSLOT":
        return CallNotSupported(
            f"{where}the keys are in different slots of the cluster", hint="use a hash tag: {{name}}"
        )
    return ExplorerError(f"{where}the server refused the request: {text}")


def forbidden_command(name: str) -> CommandForbiddenError:
    """Return the error for a command that the user may not run, as the server says it."""
    return CommandForbiddenError(
        f"permission denied: this user has no permissions to run the {name.lower()!r} command", hint=_RIGHTS_HINT
    )


def _no_database(where: str) -> InvalidAddress:
    return InvalidAddress(
        f"{where}the server has no such database", hint="see `databases` in its configuration; a cluster has 0 only"
    )


def foreign_reply(reply: object) -> NotReachable:
    """Return the error for a reply of another kind than the command has."""
    return NotReachable(f"the answer is not Redis's: {type(reply).__name__}", hint="is it a Redis port?")
