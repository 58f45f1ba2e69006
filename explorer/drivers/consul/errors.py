"""Translation of Consul's answers into the error tree.

Consul answers a failure with a status and a line of plain text; the same status can mean several errors.
"""

from typing import Final

from explorer.drivers.common.http import Response
from explorer.model.errors import (
    ExplorerError,
    Forbidden,
    InvalidKey,
    NotReachable,
    TooLarge,
    Unauthenticated,
)
from explorer.model.sanitize import sanitize

_SERVER_ERROR: Final = 500
_MAX_TEXT: Final = 200
"""Characters of an answer that a message quotes."""
_DENIALS: Final = ("Permission denied", "ACL not found", "blocked by agent configuration", "Access is restricted")
"""Texts of Consul's own refusals."""


class SessionEndedError(ExplorerError):
    """A session has ended, or never existed."""


def raise_for_answer(answer: Response) -> None:
    """Raise the error that the status of an answer means.

    "Not found" and a transaction that was not applied are no errors here: the parser of the answer handles them.

    Raises:
        ExplorerError: Consul's error.
        ValueError: The answer is not Consul's.
    """
    if answer.headers.get("X-Consul-KnownLeader") == "false":
        raise no_leader()
    if answer.status not in (400, 401, 403, 413, 429) and answer.status < _SERVER_ERROR:
        return
    text = sanitize(answer.body.decode("utf-8", "replace").strip())[:_MAX_TEXT] or "no reason given"
    raise _error(answer.status, text)


def no_leader() -> NotReachable:
    """Return the error for an agent that knows no leader."""
    return NotReachable("no leader", hint="the servers have lost their quorum")


def _error(status: int, text: str) -> ExplorerError:
    if any(denial in text for denial in _DENIALS):
        return permission_error(text)
    match status:
        case 403:
            message = f"the refusal is not Consul's: {text} (HTTP status 403)"
            raise ValueError(message)
        case 400 if "HTTP request to an HTTPS server" in text:
            return NotReachable("the agent's port expects TLS", hint="use consul+tls://")
        case 401:
            return Unauthenticated(
                f"authentication required: {text}",
                hint="check the token, or the user and password for a proxy (CONSUL_HTTP_AUTH)",
            )
        case 413:
            return TooLarge(text, hint="see kv_max_value_size and txn_max_req_len of the agents")
        case 429:
            return NotReachable(f"the agent is overloaded: {text}", hint="try again later")
        case 500 if "invalid session" in text:
            return SessionEndedError("the session has ended")
        case 500 if "No cluster leader" in text or "leader" in text.lower():
            return no_leader()
        case 500 if "No path to datacenter" in text:
            return ExplorerError("unknown datacenter", hint="check ?dc=")
        case _ if status >= _SERVER_ERROR:
            return NotReachable(f"the agent failed: {text}", hint="see the agent's log, try again")
        case _:
            return ExplorerError(f"{text} (HTTP status {status})")


def permission_error(text: str) -> ExplorerError:
    """Return the error for a refused request: the agent's configuration, an unknown token or a missing permission."""
    if "blocked by" in text or "restricted" in text:
        return Forbidden(
            f"blocked by the agent's configuration: {text}",
            hint="see http_config of the agent",
        )
    if "ACL not found" in text:
        return Unauthenticated(
            "authentication failed: unknown token",
            hint="check the token (--password-file, CONSUL_HTTP_TOKEN)",
        )
    return Forbidden(
        "permission denied",
        hint="ask for a policy that covers this key or prefix, or give a token (CONSUL_HTTP_TOKEN)",
    )


def txn_error(reasons: list[str]) -> ExplorerError | None:
    """Return the error for the reasons of a transaction that was not applied; None if only a check failed."""
    for reason in map(sanitize, reasons):
        if "Permission denied" in reason or "ACL not found" in reason:
            return permission_error(reason)
        if "Must provide key" in reason:
            return InvalidKey("Consul has no empty key", hint="give a key")
        if "invalid session" in reason:
            return SessionEndedError("the session has ended")
    return None
