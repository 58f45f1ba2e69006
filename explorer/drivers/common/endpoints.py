"""Endpoints of a store with an HTTP API: failover from one to the next, time limits, and checks of what answers."""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

import aiohttp

from explorer.drivers.common import http_errors
from explorer.drivers.common.http import HttpSession, Request, Response, read_lines
from explorer.drivers.common.request_log import log_request
from explorer.drivers.common.retry import retry
from explorer.model.address import Host
from explorer.model.errors import NotReachable
from explorer.model.sanitize import sanitize

Parsed = TypeVar("Parsed")
Head = TypeVar("Head")
Line = TypeVar("Line")

_LOG: Final = logging.getLogger(__package__)
_OK = 200

RaiseForAnswer = Callable[[Response], None]
"""Raises the error that the status of a response means, if it is one."""


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
        self._current = 0
        self._blocking: dict[asyncio.Timeout, Host] = {}
        """Blocking queries by the timeouts that end them, with their endpoints."""
        self._streams: dict[aiohttp.ClientResponse, Host] = {}
        """Open streams with their endpoints."""
        self._last_answering: Host | None = None
        """The endpoint that answered last, for the log."""
        self._http = HttpSession(tls=tls, server_name=server_name, headers=headers, base=base, unix_socket=unix_socket)

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()

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
            async with aclosing(read_lines(content)) as lines:
                async for line in lines:
                    with self._own_answer(host):
                        parsed = parse_line(line)
                    yield parsed

        try:
            with self._http.translated_errors(host, self._prefix(host)):
                within = self._share(self.timeout)
                async with asyncio.timeout(within) as limit, self._http.opened(request, within, host) as opened:
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
        with self._http.translated_errors(host, self._prefix(host)):
            async with asyncio.timeout(within) as limit:
                if blocking:
                    self._blocking[limit] = host
                try:
                    async with self._http.opened(request, within, host) as response:
                        return Response(response.status, response.headers, await response.read())
                finally:
                    self._blocking.pop(limit, None)

    def _prefix(self, host: Host) -> str:
        """Return the beginning of a message about an endpoint; empty if there is only one."""
        return f"{host}: " if len(self.hosts) > 1 else ""


def _unparsed(response: Response) -> Response:
    return response
