"""HTTP requests on aiohttp: exactly one is sent for each call.

It follows no redirect (the request may write another key), uses no proxy, `.netrc` or cookie, and never repeats a
request by itself. aiohttp repeats idempotent ones when a connection breaks; a compare-and-swap that took effect would
then be reported as refused.
"""

import asyncio
import io
import socket
import ssl
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakSet

import aiohttp
from aiohttp.connector import AddrInfoType
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from explorer.drivers.common import http_errors
from explorer.model.address import Host
from explorer.model.errors import ExplorerError, NotReachable

_CONNECT_SHARE = 0.9
"""Part of a request's time for connecting; a request that fails then has certainly not been sent."""
_CLOSE_ROUNDS = 3
"""Rounds of the event loop in which the transports of closed connections are freed."""
_KEEPALIVE_OPTIONS = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 2}
"""TCP keepalive, in seconds and probes: a blocking query is silent for long, and so is one whose server is gone."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request; its target, path and query, is encoded as it is sent."""

    method: str
    target: str
    body: bytes | None = None

    @property
    def name(self) -> str:
        """Method and path for the log; query and body may hold a secret or a value."""
        return f"{self.method} {self.target.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Response:
    """A response of any status."""

    status: int
    headers: Mapping[str, str]
    """Looked up case-insensitively."""
    body: bytes


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request without aiohttp's own repetition."""
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise http_errors.BrokenOffError(error) from error


class HttpSession:
    """The connections to the hosts of a store; a request is sent once, to the host that is given.

    Args:
        tls: TLS context; None for plain HTTP.
        server_name: Name that is expected in the certificate when it is not the host's.
        headers: Headers of every request.
        base: Path before that of every request.
        unix_socket: Unix socket to connect to, whatever the host is called.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None,
        server_name: str | None,
        headers: Mapping[str, str],
        base: str,
        unix_socket: Path | None,
    ) -> None:
        self._tls = tls
        self._server_name = server_name if tls else None
        self._known: set[Host] = set()
        """Hosts that have ever answered."""
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._base = base
        self._unix = unix_socket is not None
        connector = (
            aiohttp.UnixConnector(str(unix_socket), limit=0)
            if unix_socket
            else aiohttp.TCPConnector(limit=0, ssl=tls or False, use_dns_cache=False, socket_factory=self._socket)
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
            middlewares=(_once,),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
        # aiohttp shuts an encrypted connection slowly down if its request was cancelled, and forgets it.
        for left in self._sockets:
            with suppress(OSError):
                left.shutdown(socket.SHUT_RDWR)
        for _ in range(_CLOSE_ROUNDS):
            await asyncio.sleep(0)

    def _socket(self, info: AddrInfoType) -> socket.socket:
        """Return a socket that detects a half-open connection."""
        family, kind, protocol, *_ = info
        connection = socket.socket(family, kind, protocol)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE_OPTIONS.items():
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._sockets.add(connection)
        return connection

    @asynccontextmanager
    async def opened(self, request: Request, within: float, host: Host) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """Send a request to a host and yield the response, whose body is not read yet.

        Args:
            request: The request.
            within: Seconds of the request; most of them are for connecting.
            host: The host and its port.
        """
        scheme = "https" if self._tls else "http"
        async with self._session.request(
            request.method,
            URL(f"{scheme}://{'localhost' if self._unix else host}{self._base}{request.target}", encoded=True),
            data=None if request.body is None else io.BytesIO(request.body),  # not sent in one piece
            allow_redirects=False,
            server_hostname=self._server_name,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=within * _CONNECT_SHARE),
        ) as response:
            self._known.add(host)
            yield response

    @contextmanager
    def translated_errors(self, host: Host, prefix: str) -> Generator[None, None, None]:
        """Translate the errors of aiohttp that are raised in the block.

        Args:
            host: The host of the request.
            prefix: Beginning of the messages.
        """
        if self._session.closed:
            raise NotReachable("the store was closed")
        try:
            yield
        except http_errors.BrokenOffError as broken:
            raise self._translate(broken.error, host, prefix) from broken.error
        except (aiohttp.ClientError, HttpProcessingError, OSError, UnicodeError) as error:
            raise self._translate(error, host, prefix) from error

    def _translate(self, error: Exception, host: Host, prefix: str) -> ExplorerError:
        return http_errors.translate(error, prefix, encrypted=self._tls is not None, known=host in self._known)


async def read_lines(content: aiohttp.StreamReader) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a body, however long they are."""
    rest = b""
    try:
        async for chunk in content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line
    except RuntimeError as error:  # raised by aiohttp when we closed the connection ourselves
        raise aiohttp.ClientConnectionError(str(error)) from error
