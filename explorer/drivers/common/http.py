"""HTTP client for a store, on aiohttp: failover between endpoints, timeouts, and exactly one request for each call.

It follows no redirect (the request may write another key), uses no proxy, `.netrc` or cookie, and never repeats a
request by itself. aiohttp repeats idempotent ones when a connection breaks; a compare-and-swap that took effect would
then be reported as refused.
"""

import asyncio
import io
import logging
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar
from weakref import WeakSet

import aiohttp
from aiohttp.connector import AddrInfoType
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from explorer.drivers.common import http_errors
from explorer.drivers.common.request_log import log_request
from explorer.drivers.common.retry import retry
from explorer.model.address import Host
from explorer.model.errors import ExplorerError, NotReachable
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)
_CONNECT_SHARE = 0.9
"""Part of a request's time for connecting; a request that fails then has certainly not been sent."""


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


Parsed = TypeVar("Parsed")
Head = TypeVar("Head")
Line = TypeVar("Line")

_OK = 200
_CLOSE_ROUNDS = 3
"""Rounds of the event loop in which the transports of closed connections are freed."""
_KEEPALIVE_OPTIONS = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 2}
"""TCP keepalive, in seconds and probes: a blocking query is silent for long, and so is one whose server is gone."""

RaiseForAnswer = Callable[[Response], None]
"""Raises the error that the status of a response means, if it is one."""


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request without aiohttp's own repetition."""
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise http_errors.BrokenOffError(error) from error


class Endpoints:
    """The endpoints of a store. When one is unreachable, all later requests go to the next one."""

    def __init__(
        self,
        hosts: Sequence[Host],
        *,
        raise_for_answer: RaiseForAnswer,
        product: str = "the store's API",
        redacted: str,
        timeout: float,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        base: str = "",
        unix_socket: Path | None = None,
    ) -> None:
        """Prepare the endpoints; to be called inside an event loop.

        Args:
            hosts: Hosts with their ports.
            raise_for_answer: Raises the error that a status means; ValueError if the store does not answer like that.
            product: Name of the expected API, for messages.
            redacted: The address for the log.
            timeout: Seconds that one request may take by default.
            tls: TLS context; None for plain HTTP.
            server_name: Name that is expected in the certificate when it is not the host's.
            headers: Headers of every request.
            base: Path before that of every request.
            unix_socket: Unix socket to connect to, whatever the host is called.
        """
        self.hosts = tuple(hosts)
        self.redacted = redacted
        self.timeout = timeout
        self._raise_for_answer = raise_for_answer
        self._product = product
        self._tls = tls
        self._server_name = server_name if tls else None
        self._current = 0
        self._blocking: dict[asyncio.Timeout, Host] = {}
        """Blocking queries by the timeouts that end them, with their endpoints."""
        self._streams: dict[aiohttp.ClientResponse, Host] = {}
        """Open streams with their endpoints."""
        self._last_answering: Host | None = None
        """The endpoint that answered last, for the log."""
        self._known: set[Host] = set()
        """Endpoints that have ever answered."""
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

    async def send(
        self,
        request: Request,
        *,
        within: float | None = None,
        repeat: bool = True,
        at: Host | None = None,
    ) -> Response:
        """Send a request and return the response unparsed, see `query`."""
        return await self.query(request, _unparsed, within=within, repeat=repeat, at=at)

    async def query(
        self,
        request: Request,
        parse: Callable[[Response], Parsed],
        *,
        within: float | None = None,
        repeat: bool = True,
        blocking: bool = False,
        at: Host | None = None,
    ) -> Parsed:
        """Send a request and return the parsed response.

        Args:
            request: The request.
            parse: Parses the response; ValueError says that it is not the store's own.
            within: Seconds for all attempts together.
            repeat: Whether the request may be sent again when its response was lost; reads may.
            blocking: Whether it is a blocking query, which ends when later requests go to another endpoint.
            at: The only endpoint to send it to.

        Raises:
            NotReachable: There was no connection, so nothing was sent; or the response was lost, is not the store's,
                or says that the store cannot work.
        """
        seconds = self.timeout if within is None else within

        async def attempt(left: float) -> Parsed:
            limit = left if blocking or at else min(left, self._share(seconds))
            return await self._attempt(request, parse, limit, at, blocking=blocking)

        return await retry(attempt, within=seconds) if repeat else await attempt(seconds)

    def _share(self, seconds: float) -> float:
        """Return the part of a time limit for one endpoint; a silent one leaves the rest to the others."""
        return seconds / len(self.hosts)

    async def _attempt(
        self, request: Request, parse: Callable[[Response], Parsed], within: float, at: Host | None, *, blocking: bool
    ) -> Parsed:
        index = self._current
        host = at or self.hosts[index]
        began = time.monotonic()
        try:
            response = await self._exchange(request, within, host, blocking=blocking)
            with self._own_answer(host):
                self._require_own(response, host, has_body=bool(request.body))
                log_request(_LOG, request.name, host, began, str(response.status))
                self._raise_for_answer(response)
                parsed = parse(response)
        except NotReachable as error:
            log_request(_LOG, request.name, host, began, type(error).__name__)
            if at is None:
                self._fail_over(index, error)
            raise
        else:
            if at is None:
                self._note_answer(host)
            return parsed

    def _require_own(self, response: Response, host: Host, *, has_body: bool = False) -> None:
        http_errors.require_own(response.status, response.headers, response.body, self._prefix(host), has_body=has_body)

    @contextmanager
    def _own_answer(self, host: Host) -> Generator[None, None, None]:
        """Translate a ValueError raised in the block: the response is not the store's own."""
        try:
            yield
        except (ValueError, RecursionError) as error:
            raise http_errors.foreign(error, self._prefix(host), self._product, self.redacted) from error

    @asynccontextmanager
    async def stream(
        self, request: Request, parse_head: Callable[[Response], Head], parse_line: Callable[[bytes], Line]
    ) -> AsyncGenerator[tuple[Head, AsyncGenerator[Line, None]], None]:
        """Open a streaming response: yield its parsed head and its lines as they arrive.

        The head has to arrive in time; the lines have no time limit.

        Args:
            request: The request.
            parse_head: Parses a response without a body; ValueError says that it is not the store's own.
            parse_line: Parses a line, likewise.

        Raises:
            NotReachable: There is no response, it says that the store cannot work, or it breaks off.
        """
        index, began = self._current, time.monotonic()
        host = self.hosts[index]

        async def parsed_lines(content: aiohttp.StreamReader) -> AsyncGenerator[Line, None]:
            async with aclosing(_lines(content)) as lines:
                async for line in lines:
                    with self._own_answer(host):
                        parsed = parse_line(line)
                    yield parsed

        try:
            with self._translated_errors(host):
                within = self._share(self.timeout)
                async with asyncio.timeout(within) as limit, self._opened(request, within, host) as opened:
                    body = b"" if opened.status == _OK else await opened.read()
                    response = Response(opened.status, opened.headers, body)
                    with self._own_answer(host):
                        self._require_own(response, host)
                        self._raise_for_answer(response)
                        head = parse_head(response)
                    log_request(_LOG, request.name, host, began, "stream opened")
                    limit.reschedule(None)
                    self._streams[opened] = host
                    try:
                        async with aclosing(parsed_lines(opened.content)) as lines:
                            yield head, lines
                    finally:
                        del self._streams[opened]
        except NotReachable as error:
            self._fail_over(index, error)
            raise

    def _note_answer(self, host: Host) -> None:
        if self._last_answering != host:
            self._last_answering = host
            _LOG.info("%s: connected to %s", self.redacted, host)

    def _fail_over(self, index: int, error: NotReachable) -> None:
        """Send later requests to the next endpoint, and end the blocking queries and streams of this one."""
        failed = self.hosts[index]
        if self._last_answering == failed:
            self._last_answering = None
            _LOG.info("%s: connection to %s lost: %s", self.redacted, failed, sanitize(error.message))
        if self._current != index or len(self.hosts) == 1:
            return
        self._current = (index + 1) % len(self.hosts)
        for limit in [limit for limit, host in self._blocking.items() if host == failed]:
            del self._blocking[limit]
            limit.reschedule(asyncio.get_running_loop().time())
        for response in [response for response, host in self._streams.items() if host == failed]:
            response.close()

    async def _exchange(self, request: Request, within: float, host: Host, *, blocking: bool) -> Response:
        with self._translated_errors(host):
            async with asyncio.timeout(within) as limit:
                if blocking:
                    self._blocking[limit] = host
                try:
                    async with self._opened(request, within, host) as response:
                        return Response(response.status, response.headers, await response.read())
                finally:
                    self._blocking.pop(limit, None)

    @asynccontextmanager
    async def _opened(
        self, request: Request, within: float, host: Host
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
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
    def _translated_errors(self, host: Host) -> Generator[None, None, None]:
        """Translate the errors of aiohttp that are raised in the block."""
        if self._session.closed:
            raise NotReachable("the store was closed")
        try:
            yield
        except http_errors.BrokenOffError as broken:
            raise self._translate(broken.error, host) from broken.error
        except (aiohttp.ClientError, HttpProcessingError, OSError, UnicodeError) as error:
            raise self._translate(error, host) from error

    def _translate(self, error: Exception, host: Host) -> ExplorerError:
        return http_errors.translate(
            error, self._prefix(host), encrypted=self._tls is not None, known=host in self._known
        )

    def _prefix(self, host: Host) -> str:
        """Return the beginning of a message about an endpoint; empty if there is only one."""
        return f"{host}: " if len(self.hosts) > 1 else ""


def _unparsed(response: Response) -> Response:
    return response


async def _lines(content: aiohttp.StreamReader) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a body, however long they are."""
    rest = b""
    try:
        async for chunk in content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line
    except RuntimeError as error:  # raised by aiohttp when we closed the connection ourselves
        raise aiohttp.ClientConnectionError(str(error)) from error
