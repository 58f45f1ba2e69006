"""One way to speak HTTP to a store, on aiohttp: endpoints that stand in for each other, time limits, and no surprises.

A surprise would be: a redirect that is followed (its request may write another key), a proxy or a `.netrc` that nobody
named, a cookie, or a request that is sent once more behind our back. aiohttp repeats what it takes for idempotent when
a connection breaks; a compare-and-swap that took effect would then be told as refused.
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
from explorer.drivers.common.http_errors import Where
from explorer.drivers.common.request_log import log_request
from explorer.drivers.common.retry import retry
from explorer.model.address import Host
from explorer.model.errors import ExplorerError, NotReachable
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)
_CONNECTING = 0.9
"""Part of a request's time in which a connection has to be had; what fails then has certainly not been sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: the path and query are in the form they are sent in."""

    method: str
    target: str
    body: bytes | None = None

    @property
    def name(self) -> str:
        """The request for the log: in its query and body may be a secret or a value."""
        return f"{self.method} {self.target.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Found by their names in any spelling."""
    body: bytes


Read = TypeVar("Read")
Head = TypeVar("Head")
Line = TypeVar("Line")

_OK = 200
_ROUNDS = 3
"""Rounds of the event loop in which the transports of closed connections are put away."""
_PROBES = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 2}
"""When the system asks whether the other end of a silent connection is there still, in seconds, and how often.

A question that waits for news is silent for long, and so is one whose other end is gone.
"""

Judge = Callable[[Answer, str | None], None]
"""Raises what the status of an answer means, if that is an error; is given the key, too."""


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request once."""
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise http_errors.BrokenOffError(error) from error


class Endpoints:
    """The endpoints of a store. A request that finds one unreachable moves on to the next for all that follow."""

    def __init__(
        self,
        hosts: Sequence[Host],
        *,
        judge: Judge,
        product: str = "the store's API",
        redacted: str,
        timeout: float,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        base: str = "",
        unix_socket: Path | None = None,
    ) -> None:
        """Prepare; to be called inside an event loop.

        Args:
            hosts: Each with its port.
            judge: Says what the status of an answer means; ValueError says that it is not the store's own answer.
            product: What is expected to answer, for messages.
            redacted: The address for messages.
            timeout: Seconds that one request may take unless it says otherwise.
            tls: How to encrypt; None does not.
            server_name: The name to expect in a certificate when it is not the host's.
            headers: Sent with every request.
            base: The path before that of every request.
            unix_socket: Connect to this socket, whatever the host is called.
        """
        self.hosts = tuple(hosts)
        self.redacted = redacted
        self.timeout = timeout
        self._judge = judge
        self._product = product
        self._tls = tls
        self._server_name = server_name if tls else None
        self._current = 0
        self._waiting: dict[asyncio.Timeout, Host] = {}
        """What waits for news, and at which endpoint."""
        self._heard: dict[aiohttp.ClientResponse, Host] = {}
        """The answers that go on and on, and from which endpoint."""
        self._answering: Host | None = None
        """The endpoint that answered last, for the log."""
        self._known: set[Host] = set()
        """The endpoints that have ever answered."""
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
        # Of an encrypted connection whose request was cancelled aiohttp takes a long farewell, and forgets it.
        for left in self._sockets:
            with suppress(OSError):
                left.shutdown(socket.SHUT_RDWR)
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)

    def _socket(self, info: AddrInfoType) -> socket.socket:
        """Make a socket that notices a half-open connection."""
        family, kind, protocol, *_ = info
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _PROBES.items():
            if hasattr(socket, name):
                made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._sockets.add(made)
        return made

    async def send(
        self,
        request: Request,
        *,
        key: str | None = None,
        within: float | None = None,
        repeat: bool = True,
        at: Host | None = None,
    ) -> Answer:
        """Send a request and return the answer as it is, see `ask`."""
        return await self.ask(request, _unread, key=key, within=within, repeat=repeat, at=at)

    async def ask(
        self,
        request: Request,
        read: Callable[[Answer], Read],
        *,
        key: str | None = None,
        within: float | None = None,
        repeat: bool = True,
        news: bool = False,
        at: Host | None = None,
    ) -> Read:
        """Send a request and return what the answer says.

        Args:
            request: What is asked.
            read: Reads the answer; ValueError says that it is not the store's own.
            key: What it is about, for the error.
            within: Seconds it may take altogether.
            repeat: Whether it may be sent again when its answer was lost; reads may.
            news: Whether it waits for news; it ends when its endpoint is left for another, as none would come there.
            at: Ask this endpoint and no other.

        Raises:
            NotReachable: There was no connection, so nothing was sent; or the answer was lost, is not the store's, or
                says that the store cannot do its work.
        """
        seconds = self.timeout if within is None else within

        async def attempt(left: float) -> Read:
            within = left if news or at else min(left, self._share(seconds))
            return await self._once(request, read, key, within, at, news=news)

        return await retry(attempt, within=seconds) if repeat else await attempt(seconds)

    def _share(self, seconds: float) -> float:
        """Return the part of a time that one endpoint may use up; a silent one leaves the rest to the others."""
        return seconds / len(self.hosts)

    async def _once(
        self,
        request: Request,
        read: Callable[[Answer], Read],
        key: str | None,
        within: float,
        at: Host | None,
        *,
        news: bool,
    ) -> Read:
        place = self._current
        host = at or self.hosts[place]
        began = time.monotonic()
        try:
            answer = await self._exchange(request, key, within, host, news=news)
            with self._own_answer(host, key):
                carried = bool(request.body)
                http_errors.require_own(
                    answer.status, answer.headers, answer.body, self._where(host, key), carried=carried
                )
                log_request(_LOG, request.name, host, began, str(answer.status))
                self._judge(answer, key)
                found = read(answer)
        except NotReachable as error:
            log_request(_LOG, request.name, host, began, type(error).__name__)
            if at is None:
                self._leave(place, error)
            raise
        else:
            if at is None:
                self._note_answer(host)
            return found

    @contextmanager
    def _own_answer(self, host: Host, key: str | None) -> Generator[None, None, None]:
        """Raise that the answer of a host is not the store's own when reading it raises ValueError."""
        try:
            yield
        except (ValueError, RecursionError) as error:
            raise http_errors.foreign(error, self._where(host, key), self._product) from error

    @asynccontextmanager
    async def listen(
        self,
        request: Request,
        read_head: Callable[[Answer], Head],
        read_line: Callable[[bytes], Line],
        *,
        key: str | None = None,
    ) -> AsyncGenerator[tuple[Head, AsyncGenerator[Line, None]], None]:
        """Send a request whose answer goes on and on: give what its headers say and its lines, as they come.

        The headers have to come in time; the lines may take for ever.

        Args:
            request: What is asked.
            read_head: Reads an answer without a body; ValueError says that it is not the store's own.
            read_line: Reads a line, likewise.
            key: What it is about, for the error.

        Raises:
            NotReachable: There is no answer, it says that the store cannot do its work, or it breaks off.
        """
        place, began = self._current, time.monotonic()
        host = self.hosts[place]

        async def read_lines(content: aiohttp.StreamReader) -> AsyncGenerator[Line, None]:
            async with aclosing(_lines(content)) as lines:
                async for line in lines:
                    with self._own_answer(host, key):
                        read = read_line(line)
                    yield read

        try:
            with self._understanding(host, key):
                within = self._share(self.timeout)
                async with asyncio.timeout(within) as limit, self._opened(request, within, host) as response:
                    good = response.status == _OK
                    answer = Answer(response.status, response.headers, b"" if good else await response.read())
                    with self._own_answer(host, key):
                        http_errors.require_own(answer.status, answer.headers, answer.body, self._where(host, key))
                        self._judge(answer, key)
                        head = read_head(answer)
                    log_request(_LOG, request.name, host, began, "an answer that goes on")
                    limit.reschedule(None)
                    self._heard[response] = host
                    try:
                        async with aclosing(read_lines(response.content)) as lines:
                            yield head, lines
                    finally:
                        del self._heard[response]
        except NotReachable as error:
            self._leave(place, error)
            raise

    def _note_answer(self, host: Host) -> None:
        if self._answering != host:
            self._answering = host
            _LOG.info("%s: connected to %s", self.redacted, host)

    def _leave(self, place: int, error: NotReachable) -> None:
        """Let the requests that follow go to the next endpoint, and end what waits for news at the one that is left."""
        if self._answering == self.hosts[place]:
            self._answering = None
            _LOG.info("%s: connection to %s lost: %s", self.redacted, self.hosts[place], sanitize(error.message))
        if self._current != place or len(self.hosts) == 1:
            return
        self._current = (place + 1) % len(self.hosts)
        for limit in [limit for limit, host in self._waiting.items() if host == self.hosts[place]]:
            del self._waiting[limit]
            limit.reschedule(asyncio.get_running_loop().time())
        for answer in [answer for answer, host in self._heard.items() if host == self.hosts[place]]:
            answer.close()

    async def _exchange(self, request: Request, key: str | None, within: float, host: Host, *, news: bool) -> Answer:
        with self._understanding(host, key):
            async with asyncio.timeout(within) as limit:
                if news:
                    self._waiting[limit] = host
                try:
                    async with self._opened(request, within, host) as response:
                        return Answer(response.status, response.headers, await response.read())
                finally:
                    self._waiting.pop(limit, None)

    @asynccontextmanager
    async def _opened(
        self, request: Request, within: float, host: Host
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        scheme = "https" if self._tls else "http"
        async with self._session.request(
            request.method,
            URL(f"{scheme}://{'localhost' if self._unix else host}{self._base}{request.target}", encoded=True),
            data=None if request.body is None else io.BytesIO(request.body),  # not all in one piece
            allow_redirects=False,
            server_hostname=self._server_name,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=within * _CONNECTING),
        ) as response:
            self._known.add(host)
            yield response

    @contextmanager
    def _understanding(self, host: Host, key: str | None) -> Generator[None, None, None]:
        """Raise what goes wrong as what it means."""
        if self._session.closed:
            raise NotReachable("the store was closed", address=self.redacted, key=key)
        try:
            yield
        except http_errors.BrokenOffError as broken:
            raise self._translated(broken.error, host, key) from broken.error
        except (aiohttp.ClientError, HttpProcessingError, OSError, UnicodeError) as error:
            raise self._translated(error, host, key) from error

    def _translated(self, error: Exception, host: Host, key: str | None) -> ExplorerError:
        return http_errors.translate(
            error, self._where(host, key), encrypted=self._tls is not None, known=host in self._known
        )

    def _where(self, host: Host, key: str | None) -> Where:
        return Where(str(host) if len(self.hosts) > 1 else "", self.redacted, key)


def _unread(answer: Answer) -> Answer:
    return answer


async def _lines(content: aiohttp.StreamReader) -> AsyncGenerator[bytes, None]:
    """Give the lines of a body, however long they are."""
    rest = b""
    try:
        async for chunk in content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line
    except RuntimeError as error:  # as aiohttp calls it when we closed the connection ourselves
        raise aiohttp.ClientConnectionError(str(error)) from error
