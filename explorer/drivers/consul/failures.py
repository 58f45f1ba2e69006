"""What Consul's answers mean, in the words of the error tree.

Consul tells a failure as a status and a line of plain text; one status stands for several of them.
"""

from explorer.drivers.http import Answer
from explorer.model.errors import (
    ExplorerError,
    Forbidden,
    InvalidKey,
    NotReachable,
    TooLarge,
    Unauthenticated,
)
from explorer.model.text import inert

_OK = 200
_NOT_FOUND = 404
_CONFLICT = 409
_FAILED = 500
_LONGEST = 200


class SessionEndedError(ExplorerError):
    """A session has ended, or never was."""


def judge(answer: Answer, key: str | None, shown: str) -> None:
    """Raise what the status of an answer means.

    That nothing was found, or a transaction refused, is an answer: its reader knows what it means.
    """
    if answer.headers.get("X-Consul-KnownLeader") == "false":
        raise leaderless(shown, key)
    if answer.status in (_OK, _NOT_FOUND, _CONFLICT):
        return
    text = inert(answer.body.decode("utf-8", "replace").strip())[:_LONGEST] or "it gives no reason"
    raise _error(answer.status, text, shown, key)


def leaderless(shown: str, key: str | None) -> NotReachable:
    """Give the error of an agent that knows no leader."""
    return NotReachable(
        "the agent that answered knows no leader", hint="the servers have lost their quorum", address=shown, key=key
    )


def _error(status: int, text: str, shown: str, key: str | None) -> ExplorerError:
    if status == 403 or "Permission denied" in text or "ACL not found" in text:  # noqa: PLR2004 - HTTP's own
        return denied(text, shown, key)
    match status:
        case 301:
            return InvalidKey(
                "Consul's HTTP would take this for another key", hint="use a transaction", address=shown, key=key
            )
        case 400 if "HTTP request to an HTTPS server" in text:
            return NotReachable("the agent speaks TLS there", hint="use consul+tls://", address=shown, key=key)
        case 401:
            return Unauthenticated(text, hint="check the token", address=shown, key=key)
        case 413:
            return TooLarge(text, hint="see kv_max_value_size of the agents", address=shown, key=key)
        case 429:
            return NotReachable(f"the agent is overloaded: {text}", hint="try again later", address=shown, key=key)
        case 500 if "invalid session" in text:
            return SessionEndedError("the session has ended", address=shown, key=key)
        case 500 if "No cluster leader" in text or "leader" in text.lower():
            return leaderless(shown, key)
        case 500 if "No path to datacenter" in text:
            return ExplorerError("the datacenter is not known", hint="check ?dc=", address=shown, key=key)
        case _ if status >= _FAILED:
            return NotReachable(f"the agent failed: {text}", hint="see its log, try again", address=shown, key=key)
        case _:
            return ExplorerError(f"{text} (HTTP status {status})", address=shown, key=key)


def denied(text: str, shown: str, key: str | None) -> ExplorerError:
    """Tell a token that is not known from one that may not."""
    if "ACL not found" in text:
        return Unauthenticated(
            "the token is not known", hint="check it (--password-file, CONSUL_HTTP_TOKEN)", address=shown, key=key
        )
    return Forbidden(
        "the token may not do this",
        hint="ask for a policy that covers this key or prefix, or name a token (CONSUL_HTTP_TOKEN)",
        address=shown,
        key=key,
    )


def refused(reasons: list[str], shown: str, key: str | None) -> ExplorerError | None:
    """Give the error that a refused transaction is, or None where somebody else was only first."""
    for reason in map(inert, reasons):
        if "Permission denied" in reason or "ACL not found" in reason:
            return denied(reason, shown, key)
        if "Must provide key" in reason:
            return InvalidKey("Consul has no empty key", hint="name a key", address=shown, key=key)
        if "invalid session" in reason:
            return SessionEndedError("the session has ended", address=shown, key=key)
    return None
