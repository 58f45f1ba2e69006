"""Errors of the store for failed HTTP requests, and for responses that are not the store's own."""

import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError

from explorer.drivers.common import tls
from explorer.drivers.common.errors import unknown_host, unreachable_socket
from explorer.model.errors import ExplorerError, NotReachable, Timeout, TlsFailed, TooLarge
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)
_REDIRECTS: Final = range(300, 400)
_UNAUTHORIZED: Final = 401
_CONTENT_TOO_LARGE: Final = 413
_MAX_LOCATION: Final = 100
"""Characters of an address in a message."""


class RedirectError(ValueError):
    """A response that only names another address."""


class BrokenOffError(Exception):
    """A broken connection, as an exception for which aiohttp does not repeat the request."""

    def __init__(self, error: aiohttp.ClientError) -> None:
        super().__init__(error)
        self.error = error


def translate(error: Exception, prefix: str, *, encrypted: bool, known: bool) -> ExplorerError:
    """Return the error for a request without a response.

    Args:
        error: What aiohttp raised.
        prefix: Beginning of the message, with the endpoint if there are several.
        encrypted: Whether the connection uses TLS.
        known: Whether the endpoint has ever answered.
    """
    match error:
        case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError():
            return tls.tls_error(error)
        case aiohttp.ClientOSError() if isinstance(error.__cause__, ssl.SSLError):
            return tls.tls_error(error.__cause__)
        case aiohttp.ClientOSError() if encrypted and not known and _reset(error):
            # In TLS 1.3 the server checks the client after the handshake; its alert may be lost.
            return TlsFailed(
                f"{prefix}the server closed the connection: client certificate required or refused",
                hint="pass one that the server's authority signed (--cert, --key)",
            )
        case aiohttp.ClientConnectorDNSError(host=host):
            return unknown_host(host, prefix)
        case UnicodeError():
            return unknown_host("", prefix)
        case aiohttp.ClientConnectorError(os_error=ConnectionResetError() | ConnectionAbortedError()) if encrypted:
            return NotReachable(
                f"{prefix}the connection was closed during the TLS handshake",
                sent=False,
                hint="if the server does not speak TLS, use the URL without +tls",
            )
        case aiohttp.client_exceptions.UnixClientConnectorError():
            return unreachable_socket(Path(error.path), NotReachable(f"{prefix}cannot connect", sent=False))
        case aiohttp.ClientConnectorError():
            return NotReachable(
                f"{prefix}cannot connect",
                sent=False,
                hint="is the server running, and is this its HTTP port?",
            )
        case aiohttp.ConnectionTimeoutError():
            return Timeout(
                f"{prefix}no connection in time",
                sent=False,
                hint="the store may be cut off",
            )
        case TimeoutError():
            return Timeout(
                f"{prefix}no answer in time",
                hint="the store may be down, stopped or cut off",
            )
        case aiohttp.ClientPayloadError() | ContentEncodingError():
            return NotReachable(
                f"{prefix}the answer breaks off, or cannot be decoded",
                hint="a proxy in front of the store may have cut or changed it",
            )
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return NotReachable(
                f"{prefix}the answer is not HTTP",
                hint="is this the store's HTTP port, and does it speak TLS?",
            )
        case _:
            return NotReachable(
                f"{prefix}the connection was closed",
                connected=False,
                hint="if the server speaks TLS, use the URL with +tls",
            )


def foreign(reason: Exception, prefix: str, product: str, redacted: str) -> NotReachable:
    """Return the error for a response that is not the store's own, given why."""
    _LOG.warning("%s: %sthe answer is not %s: %s", redacted, prefix, product, type(reason).__name__)
    why = str(reason)
    if isinstance(reason, UnicodeError | RecursionError):
        why = "its text is not UTF-8" if isinstance(reason, UnicodeError) else "its answer is nested too deeply"
    return NotReachable(
        f"{prefix}this is not {product}: {why}",
        sent=not isinstance(reason, RedirectError),  # with a redirect nothing was done
        connected=True,
        hint="are host and port right? a proxy in front of the store may answer in its place",
    )


def require_own(status: int, headers: Mapping[str, str], body: bytes, prefix: str, *, has_body: bool = False) -> None:
    """Refuse a response that no store sends: a redirect, a web page, or 413 for a request without a body.

    Args:
        status: Status of the response.
        headers: Headers of the response.
        body: Body of the response.
        prefix: Beginning of the message, with the endpoint if there are several.
        has_body: Whether the request had a body.

    Raises:
        ValueError: The response is one of these.
        TooLarge: It is a web page with status 413: a proxy refused the request.
    """
    if status in _REDIRECTS:
        target = sanitize(headers.get("Location", "nowhere"))[:_MAX_LOCATION]
        message = f"it redirects to {target}, which is not followed (HTTP status {status})"
        raise RedirectError(message)
    if status == _CONTENT_TOO_LARGE and not has_body:
        message = f"it calls a request without a body too large (HTTP status {status})"
        raise ValueError(message)
    page = headers.get("Content-Type", "").startswith("text/html") or body[:1] == b"<"
    if page and status == _CONTENT_TOO_LARGE:
        raise TooLarge(
            f"{prefix}a request of this size is refused (HTTP status {status})",
            hint="write less, or raise the limit of the proxy in front of the store",
        )
    if page and status != _UNAUTHORIZED:
        message = f"it answers with a web page (HTTP status {status})"
        raise ValueError(message)


def _reset(error: aiohttp.ClientOSError) -> bool:
    """Return whether the other side reset an established connection."""
    return not isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        error.__cause__ or error, ConnectionResetError | BrokenPipeError
    )
