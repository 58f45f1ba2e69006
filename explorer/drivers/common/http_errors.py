"""What a failed HTTP request means, and an answer that is not the store's own, in the words of the error tree."""

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError

from explorer.drivers.common import tls
from explorer.model.errors import ExplorerError, NotReachable, Timeout, TlsFailed, TooLarge
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)
_REDIRECTS: Final = range(300, 400)
_UNAUTHORIZED: Final = 401
_CONTENT_TOO_LARGE: Final = 413
_MAX_LOCATION: Final = 100
"""Characters of an address in a message."""


class RedirectError(ValueError):
    """An answer that only names another address."""


class BrokenOffError(Exception):
    """A connection failed, told so that aiohttp does not repeat the request, as it would for what it knows as such."""

    def __init__(self, error: aiohttp.ClientError) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Where:
    """What a failure is about, for its message."""

    host: str
    """The endpoint, if there are several."""
    redacted: str
    """The address of the store."""
    key: str | None

    @property
    def prefix(self) -> str:
        """The beginning of a message."""
        return f"{self.host}: " if self.host else ""


def translate(error: Exception, where: Where, *, encrypted: bool, known: bool) -> ExplorerError:
    """Say what a request without an answer means."""
    match error:
        case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError():
            return tls.tls_error(error, where.redacted, where.key)
        case aiohttp.ClientOSError() if isinstance(error.__cause__, ssl.SSLError):
            return tls.tls_error(error.__cause__, where.redacted, where.key)
        case aiohttp.ClientOSError() if encrypted and not known and _reset(error):
            # In TLS 1.3 the server judges the client after the handshake; its words may be lost.
            return TlsFailed(
                f"{where.prefix}the store ended the connection: it wants a client certificate, or another one",
                hint="name one that its authority signed, and its key (--cert, --key)",
                address=where.redacted,
                key=where.key,
            )
        case aiohttp.ClientConnectorDNSError() | UnicodeError():
            return NotReachable(
                f"{where.prefix}the host name is not known",
                sent=False,
                hint="check its spelling",
                address=where.redacted,
                key=where.key,
            )
        case aiohttp.ClientConnectorError(os_error=ConnectionResetError() | ConnectionAbortedError()) if encrypted:
            return NotReachable(
                f"{where.prefix}the connection was closed before TLS was agreed on",
                sent=False,
                hint="if the server speaks no TLS, use the URL without +tls",
                address=where.redacted,
                key=where.key,
            )
        case aiohttp.ClientConnectorError():
            return NotReachable(
                f"{where.prefix}cannot connect",
                sent=False,
                hint="is the server running, and is this its HTTP port?",
                address=where.redacted,
                key=where.key,
            )
        case aiohttp.ConnectionTimeoutError():
            return Timeout(
                f"{where.prefix}no connection in time",
                sent=False,
                hint="the store may be cut off",
                address=where.redacted,
                key=where.key,
            )
        case TimeoutError():
            return Timeout(
                f"{where.prefix}no answer in time",
                hint="the store may be down, stopped or cut off",
                address=where.redacted,
                key=where.key,
            )
        case aiohttp.ClientPayloadError() | ContentEncodingError():
            return NotReachable(
                f"{where.prefix}the answer breaks off, or cannot be decoded",
                hint="a proxy before the store may have cut or changed it",
                address=where.redacted,
                key=where.key,
            )
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return NotReachable(
                f"{where.prefix}the answer is not HTTP",
                hint="is this the store's HTTP port, and does it speak TLS?",
                address=where.redacted,
                key=where.key,
            )
        case _:
            return NotReachable(
                f"{where.prefix}the connection was closed",
                connected=False,
                hint="if the server speaks TLS, use the URL with +tls",
                address=where.redacted,
                key=where.key,
            )


def foreign(reason: Exception, where: Where, product: str) -> NotReachable:
    """Return the error of an answer that is not the store's own, given why."""
    _LOG.warning("%s: %sthe answer is not %s: %s", where.redacted, where.prefix, product, type(reason).__name__)
    why = str(reason)
    if isinstance(reason, UnicodeError | RecursionError):
        why = "its text is not UTF-8" if isinstance(reason, UnicodeError) else "its answer is nested too deeply"
    return NotReachable(
        f"{where.prefix}this is not {product}: {why}",
        sent=not isinstance(reason, RedirectError),  # with a redirect nothing was done
        connected=True,
        hint="are host and port right? a proxy before the store may answer in its place",
        address=where.redacted,
        key=where.key,
    )


def require_own(status: int, headers: Mapping[str, str], body: bytes, where: Where, *, carried: bool = False) -> None:
    """Refuse what no store answers: a redirect or a web page, or that a request without a body is too large.

    Args:
        status: Of the answer.
        headers: Of the answer.
        body: Of the answer.
        where: What the request was about.
        carried: Whether the request had a body.

    Raises:
        ValueError: It is one.
        TooLarge: The web page says that the body of the request is; nothing was done with it.
    """
    if status in _REDIRECTS:
        target = sanitize(headers.get("Location", "nowhere"))[:_MAX_LOCATION]
        message = f"it redirects to {target}, which is not followed (HTTP status {status})"
        raise RedirectError(message)
    if status == _CONTENT_TOO_LARGE and not carried:
        message = f"it calls a request without a body too large (HTTP status {status})"
        raise ValueError(message)
    page = headers.get("Content-Type", "").startswith("text/html") or body[:1] == b"<"
    if page and status == _CONTENT_TOO_LARGE:
        raise TooLarge(
            f"{where.prefix}a request of this size is refused (HTTP status {status})",
            hint="write less, or raise the limit of the proxy before the store",
            address=where.redacted,
            key=where.key,
        )
    if page and status != _UNAUTHORIZED:
        message = f"it answers with a web page (HTTP status {status})"
        raise ValueError(message)


def _reset(error: aiohttp.ClientOSError) -> bool:
    """Tell whether a connection that stood was ended by the other side."""
    return not isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        error.__cause__ or error, ConnectionResetError | BrokenPipeError
    )
