"""What Consul's answers mean, in the words of the error tree.

Consul tells a failure as a status and a line of plain text; one status stands for several of them.
"""

from explorer.drivers.common.http import Answer
from explorer.model.errors import (
    ExplorerError,
    Forbidden,
    InvalidKey,
    NotReachable,
    TooLarge,
    Unauthenticated,
)
from explorer.model.sanitize import sanitize

_FAILED = 500
_LONGEST = 200
_DENIALS = ("Permission denied", "ACL not found", "blocked by agent configuration", "Access is restricted")
"""What Consul itself says where it refuses."""


class SessionEndedError(ExplorerError):
    """A session has ended, or never was."""


def raise_for_answer(answer: Answer, key: str | None, redacted: str) -> None:
    """Raise what the status of an answer means.

    That nothing was found, or a transaction refused, is an answer: its reader knows what it means.

    Raises:
        ExplorerError: What Consul says.
        ValueError: Consul says no such thing.
    """
    if answer.headers.get("X-Consul-KnownLeader") == "false":
        raise leaderless(redacted, key)
    if answer.status not in (400, 401, 403, 413, 429) and answer.status < _FAILED:
        return
    text = sanitize(answer.body.decode("utf-8", "replace").strip())[:_LONGEST] or "it gives no reason"
    raise _error(answer.status, text, redacted, key)


def leaderless(redacted: str, key: str | None) -> NotReachable:
    """Give the error of an agent that knows no leader."""
    return NotReachable(
        "the agent that answered knows no leader", hint="the servers have lost their quorum", address=redacted, key=key
    )


def _error(status: int, text: str, redacted: str, key: str | None) -> ExplorerError:
    if any(denial in text for denial in _DENIALS):
        return denied(text, redacted, key)
    match status:
        case 403:
            message = f"it refuses with other words than Consul: {text} (HTTP status 403)"
            raise ValueError(message)
        case 400 if "HTTP request to an HTTPS server" in text:
            return NotReachable("the agent speaks TLS there", hint="use consul+tls://", address=redacted, key=key)
        case 401:
            return Unauthenticated(
                f"not let in: {text}",
                hint="check the token, or the user where a proxy asks for one (CONSUL_HTTP_AUTH)",
                address=redacted,
                key=key,
            )
        case 413:
            return TooLarge(
                text, hint="see kv_max_value_size and txn_max_req_len of the agents", address=redacted, key=key
            )
        case 429:
            return NotReachable(f"the agent is overloaded: {text}", hint="try again later", address=redacted, key=key)
        case 500 if "invalid session" in text:
            return SessionEndedError("the session has ended", address=redacted, key=key)
        case 500 if "No cluster leader" in text or "leader" in text.lower():
            return leaderless(redacted, key)
        case 500 if "No path to datacenter" in text:
            return ExplorerError("the datacenter is not known", hint="check ?dc=", address=redacted, key=key)
        case _ if status >= _FAILED:
            return NotReachable(f"the agent failed: {text}", hint="see its log, try again", address=redacted, key=key)
        case _:
            return ExplorerError(f"{text} (HTTP status {status})", address=redacted, key=key)


def denied(text: str, redacted: str, key: str | None) -> ExplorerError:
    """Tell a token that is not known from one that may not."""
    if "blocked by" in text or "restricted" in text:
        return Forbidden(
            f"the agent does not allow this: {text}", hint="see its http_config", address=redacted, key=key
        )
    if "ACL not found" in text:
        return Unauthenticated(
            "the token is not known", hint="check it (--password-file, CONSUL_HTTP_TOKEN)", address=redacted, key=key
        )
    return Forbidden(
        "the token may not do this",
        hint="ask for a policy that covers this key or prefix, or name a token (CONSUL_HTTP_TOKEN)",
        address=redacted,
        key=key,
    )


def refused(reasons: list[str], redacted: str, key: str | None) -> ExplorerError | None:
    """Give the error that a refused transaction is, or None where somebody else was only first."""
    for reason in map(sanitize, reasons):
        if "Permission denied" in reason or "ACL not found" in reason:
            return denied(reason, redacted, key)
        if "Must provide key" in reason:
            return InvalidKey("Consul has no empty key", hint="name a key", address=redacted, key=key)
        if "invalid session" in reason:
            return SessionEndedError("the session has ended", address=redacted, key=key)
    return None
