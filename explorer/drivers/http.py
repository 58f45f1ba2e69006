"""One way to speak HTTP to a store, on aiohttp: endpoints that stand in for each other, time limits, and no surprises.

A surprise would be: a redirect that is followed (its request may write another key), a proxy or a `.netrc` that nobody
named, a cookie, or a request that is sent once more behind our back. aiohttp repeats what it takes for idempotent when
a connection breaks; a compare-and-swap that took effect would then be told as refused.
"""

import asyncio
import io
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn
from weakref import WeakSet

import aiohttp
from aiohttp.connector import AddrInfoType
from yarl import URL

from explorer.drivers import encryption
from explorer.drivers.retry import persist
from explorer.model.address import Host
from explorer.model.errors import ExplorerError, NotReachable, Timeout, TlsFailed

_SHORTEST_SHARE = 0.5
"""Seconds that an endpoint has at least to answer, however many share the time of a request."""
_CONNECTING = 0.9
"""Part of a request's time in which a connection has to be had; what fails then has certainly not been sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: the path and query are in the form they are sent in."""

    method: str
    target: str
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str]
    """Found by their names in any spelling."""
    body: bytes


_OK = 200
_ROUNDS = 3
"""Rounds of the event loop in which the transports of closed connections are put away."""
_PROBES = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 2}
"""When the system asks whether the other end of a silent connection is there still, in seconds, and how often.

A question that waits for news is silent for long, and so is one whose other end is gone.
"""

Judge = Callable[[Answer, str | None], None]
"""Raises what the status of an answer means, if that is an error; is given the key, too."""


class _BrokenOffError(Exception):
    """A connection failed, told so that aiohttp does not repeat the request, as it would for what it knows as such."""

    def __init__(self, error: aiohttp.ClientError) -> None:
        super().__init__(error)
        self.error = error


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Send a request once."""
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _BrokenOffError(error) from error


class Endpoints:
    """The endpoints of a store. A request that finds one unreachable moves on to the next for all that follow."""

    def __init__(
        self,
        hosts: Sequence[Host],
        *,
        judge: Judge,
        shown: str,
        timeout: float,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Prepare; to be called inside an event loop.

        Args:
            hosts: Each with its port.
            judge: Says what the status of an answer means.
            shown: The address for messages.
            timeout: Seconds that one request may take unless it says otherwise.
            tls: How to encrypt; None does not.
            server_name: The name to expect in a certificate when it is not the host's.
            headers: Sent with every request.
        """
        self.hosts = tuple(hosts)
        self.shown = shown
        self.timeout = timeout
        self._judge = judge
        self._tls = tls
        self._server_name = server_name if tls else None
        self._current = 0
        self._waiting: dict[asyncio.Timeout, Host] = {}
        """What waits for news, and at which endpoint."""
        self._heard: dict[aiohttp.ClientResponse, Host] = {}
        """The answers that go on and on, and from which endpoint."""
        self._known: set[Host] = set()
        """The endpoints that have ever answered."""
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=tls or False, use_dns_cache=False, socket_factory=self._socket),
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
        news: bool = False,
        at: Host | None = None,
    ) -> Answer:
        """Send a request and give the answer.

        Args:
            request: What is asked.
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

        async def attempt(left: float) -> Answer:
            within = left if news or at else min(left, self._share(seconds))
            return await self._once(request, key, within, at, news=news)

        return await persist(attempt, within=seconds) if repeat else await attempt(seconds)

    def _share(self, seconds: float) -> float:
        """Return the part of a time that one endpoint may use up; a silent one leaves the rest to the others."""
        return seconds if len(self.hosts) == 1 else max(seconds / len(self.hosts), _SHORTEST_SHARE)

    async def _once(self, request: Request, key: str | None, within: float, at: Host | None, *, news: bool) -> Answer:
        place = self._current
        try:
            answer = await self._exchange(request, key, within, at or self.hosts[place], news=news)
            self._judge(answer, key)
        except NotReachable:
            if at is None:
                self._leave(place)
            raise
        return answer

    @asynccontextmanager
    async def listen(
        self, request: Request, *, key: str | None = None
    ) -> AsyncGenerator[tuple[Mapping[str, str], AsyncGenerator[bytes, None]], None]:
        """Send a request whose answer goes on and on: give its headers and its lines, as they come.

        The headers have to come in time; the lines may take for ever.

        Raises:
            NotReachable: There is no answer, it says that the store cannot do its work, or it breaks off.
        """
        place = self._current
        host = self.hosts[place]
        try:
            with self._understanding(host, key):
                within = self._share(self.timeout)
                async with asyncio.timeout(within) as limit, self._opened(request, within, host) as answer:
                    if answer.status != _OK:
                        self._refuse(Answer(answer.status, answer.headers, await answer.read()), key)
                    limit.reschedule(None)
                    self._heard[answer] = host
                    try:
                        async with aclosing(_lines(answer.content)) as lines:
                            yield answer.headers, lines
                    finally:
                        del self._heard[answer]
        except NotReachable:
            self._leave(place)
            raise

    def _refuse(self, answer: Answer, key: str | None) -> NoReturn:
        """Raise what an answer means that should have been a good one."""
        self._judge(answer, key)
        raise NotReachable(f"nothing is told (HTTP status {answer.status})", address=self.shown, key=key)

    def _leave(self, place: int) -> None:
        """Let the requests that follow go to the next endpoint, and end what waits for news at the one that is left."""
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
        async with self._session.request(
            request.method,
            URL(f"{'https' if self._tls else 'http'}://{host}{request.target}", encoded=True),
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
            raise NotReachable("the store was closed", address=self.shown, key=key)
        try:
            yield
        except _BrokenOffError as broken:
            raise self._understood(broken.error, host, key) from broken.error
        except (aiohttp.ClientError, OSError) as error:
            raise self._understood(error, host, key) from error

    def _understood(self, error: Exception, host: Host, key: str | None) -> ExplorerError:
        """Say what a request without an answer means."""
        where = f"{host}: " if len(self.hosts) > 1 else ""
        match error:
            case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError():
                return encryption.explain(error, self.shown, key)
            case aiohttp.ClientOSError() if isinstance(error.__cause__, ssl.SSLError):
                return encryption.explain(error.__cause__, self.shown, key)
            case aiohttp.ClientOSError() if self._tls and host not in self._known and _reset(error):
                # In TLS 1.3 the server judges the client after the handshake; its words may be lost.
                return TlsFailed(
                    f"{where}the store ended the connection: it does not accept the client certificate, or wants one",
                    hint="name one that its authority signed, and its key (--cert, --key)",
                    address=self.shown,
                    key=key,
                )
            case aiohttp.ClientConnectorDNSError():
                return NotReachable(
                    f"{where}the host name is not known",
                    sent=False,
                    hint="check its spelling",
                    address=self.shown,
                    key=key,
                )
            case aiohttp.ClientConnectorError():
                return NotReachable(
                    f"{where}cannot connect",
                    sent=False,
                    hint="is the server running, and is this its HTTP port?",
                    address=self.shown,
                    key=key,
                )
            case aiohttp.ConnectionTimeoutError():
                return Timeout(
                    f"{where}no connection in time",
                    sent=False,
                    hint="the store may be cut off",
                    address=self.shown,
                    key=key,
                )
            case TimeoutError():
                return Timeout(
                    f"{where}no answer in time",
                    hint="the store may be down, stopped or cut off",
                    address=self.shown,
                    key=key,
                )
            case aiohttp.ClientResponseError():
                return NotReachable(
                    f"{where}the answer is not HTTP",
                    hint="is this the store's HTTP port, and does it speak TLS?",
                    address=self.shown,
                    key=key,
                )
            case _:
                return NotReachable(
                    f"{where}the connection was closed",
                    hint="if the server speaks TLS, use the URL with +tls",
                    address=self.shown,
                    key=key,
                )


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


def _reset(error: aiohttp.ClientOSError) -> bool:
    """Tell whether a connection that stood was ended by the other side."""
    return not isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        error.__cause__ or error, ConnectionResetError | BrokenPipeError
    )
