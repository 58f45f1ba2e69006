"""The requests of etcd's v2 API, as its documentation has them ("etcd v2 API", api.md)."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote, urlencode

from explorer.drivers.common.http import Request

FORM: Final = "application/x-www-form-urlencoded"
"""The form that a write is sent in: text, so that a value that is none cannot be."""
_KEYS = "/v2/keys"


def read(path: str, *, consistent: bool = True) -> Request:
    """Ask for a node; for a directory with its names, and their values.

    A consistent read goes through the members' log as a write does, so that a majority stands behind the answer.
    """
    return Request("GET", _target(path, {"quorum": "true"} if consistent else {}))


def write(path: str, form: Mapping[str, str]) -> Request:
    """Write a node."""
    return Request("PUT", _target(path, {}), urlencode(form).encode())


def erase(path: str, conditions: Mapping[str, str]) -> Request:
    """Delete a node."""
    return Request("DELETE", _target(path, conditions))


def hear(path: str, index: int, *, below: bool, stream: bool = True) -> Request:
    """Wait for the changes of a node, and of all below it, from an index on; for the first one or for all.

    Who may read `/a/*` is let in with a slash at the end, if all below is meant.
    """
    query = {"wait": "true", "waitIndex": str(index)}
    if below:
        query["recursive"] = "true"
    if stream:
        query["stream"] = "true"
    return Request("GET", _target(f"{path}/" if below else path, query))


def path_of(request: Request) -> str | None:
    """Return the node that the answer to a request has to be about; None for what happens, at or above a node."""
    path, _, query = request.target.partition("?")
    return None if "wait=true" in query else unquote(path).removeprefix(_KEYS).rstrip("/")


def version() -> Request:
    """Ask one member for its version."""
    return Request("GET", "/version")


def itself() -> Request:
    """Ask one member what it is."""
    return Request("GET", "/v2/stats/self")


def _target(path: str, query: Mapping[str, str]) -> str:
    return _KEYS + quote(path or "/", safe="/") + (f"?{urlencode(query)}" if query else "")
