"""Requests of etcd's v2 API, as its documentation has them ("etcd v2 API", api.md)."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote, urlencode

from explorer.drivers.common.http import Request

FORM_CONTENT_TYPE: Final = "application/x-www-form-urlencoded"
"""Content type of a write: a form is text, so a value that is no text cannot be sent."""
_KEYS_PATH = "/v2/keys"


def read(path: str, *, consistent: bool = True) -> Request:
    """Return the request for a node; for a directory with the names and values in it.

    A consistent read goes through the members' log as a write does, so that it needs a majority.
    """
    return Request("GET", _target(path, {"quorum": "true"} if consistent else {}))


def write(path: str, form: Mapping[str, str]) -> Request:
    """Return the request that writes a node."""
    return Request("PUT", _target(path, {}), urlencode(form).encode())


def delete(path: str, conditions: Mapping[str, str]) -> Request:
    """Return the request that deletes a node."""
    return Request("DELETE", _target(path, conditions))


def wait(path: str, index: int, *, recursive: bool, stream: bool = True) -> Request:
    """Return the request that waits for changes of a node from an index on.

    A user who may read `/a/*` needs the slash at the end of a recursive request.

    Args:
        path: The node.
        index: The first index to return (`waitIndex`).
        recursive: Whether to wait for changes below the node, too.
        stream: Whether to return all changes, or only the first.
    """
    query = {"wait": "true", "waitIndex": str(index)}
    if recursive:
        query["recursive"] = "true"
    if stream:
        query["stream"] = "true"
    return Request("GET", _target(f"{path}/" if recursive else path, query))


def path_of(request: Request) -> str | None:
    """Return the node that the response has to be about; None for a wait, which may return others."""
    path, _, query = request.target.partition("?")
    return None if "wait=true" in query else unquote(path).removeprefix(_KEYS_PATH).rstrip("/")


def version() -> Request:
    """Return the request for a member's version."""
    return Request("GET", "/version")


def self_stats() -> Request:
    """Return the request for a member's name and state."""
    return Request("GET", "/v2/stats/self")


def _target(path: str, query: Mapping[str, str]) -> str:
    return _KEYS_PATH + quote(path or "/", safe="/") + (f"?{urlencode(query)}" if query else "")
