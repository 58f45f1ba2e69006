"""Connection to an etcd cluster: its endpoints, the auth token, and one function each for calls and streams.

It uses grpc.aio directly; docs/limits.md has the reasons.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from typing import Final, cast

import grpc
from grpc.aio import AioRpcError, Metadata

from explorer.drivers.common.request_log import log_request
from explorer.drivers.common.retry import connect_with_retry, retry
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.endpoint import (
    AUTHENTICATE,
    RANGE,
    Endpoint,
    Method,
    Request,
    RequestSender,
    Response,
    ResponseStream,
    make_endpoints,
)
from explorer.drivers.etcd.errors import StatusError, translate
from explorer.drivers.etcd.responses import ForeignResponseError, check_header, check_response, not_etcd
from explorer.drivers.etcd.settings import EtcdSettings
from explorer.model.address import Host
from explorer.model.errors import ExplorerError, NotReachable, Unauthenticated
from explorer.model.sanitize import sanitize

_LOG: Final = logging.getLogger(__package__)
GRPC_ERRORS: Final = (
    ForeignResponseError,
    grpc.RpcError,
    grpc.aio.BaseError,
    asyncio.InvalidStateError,
    EOFError,
    OSError,
    ValueError,
)
"""Exceptions of gRPC other than a status: of a call after closing, or with a value that it cannot send."""
_CLOSE_DELAY: Final = 0.02
"""Seconds that gRPC needs to complete cancelled streams at closing."""
_MIN_ENDPOINT_TIMEOUT: Final = 1.0
"""Seconds that each of several endpoints has at least."""
_REQUIRE_LEADER: Final = ("hasleader", "true")
"""Makes a member without a leader end a watch instead of keeping it silent for ever (etcd PR 9872)."""


class EtcdConnection:
    """The endpoints of a cluster and a valid token for them. A call that fails moves on to the next endpoint."""

    def __init__(self, settings: EtcdSettings) -> None:
        self.settings = settings
        self.redacted = settings.redacted
        self.timeout = settings.access.timeout
        self.revision = 0
        """The newest revision in any response."""
        self._endpoints = make_endpoints(settings)
        self._current = 0
        self._connected_endpoint: Endpoint | None = None
        """The endpoint of the last response, for the log."""
        self._token: str | None = None
        self._token_lock = asyncio.Lock()
        self._calls = Tasks()
        self._has_streamed = False
        self._pending_reads: dict[asyncio.Timeout, Endpoint] = {}
        """Reads on streams, each with its endpoint; they end when the connection moves on from it."""

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The hosts of the endpoints, in the order they were given."""
        return tuple(endpoint.host for endpoint in self._endpoints)

    async def close(self) -> None:
        """Close every connection."""
        for endpoint in self._endpoints:
            await endpoint.channel.close()
        await self._calls.join()
        if self._has_streamed:
            # gRPC has one completion queue for all event loops. A cancelled stream completes a moment later; after
            # this loop was closed, it would take completions of another loop with it.
            await asyncio.sleep(_CLOSE_DELAY)

    async def handshake(self, request: messages.RangeRequest) -> None:
        """Make the first contact: get a token if there is a user, and a response that needs the cluster's leader."""

        async def attempt(left: float) -> None:
            if self.settings.access.user is not None and self._token is None:
                await self._refresh_token(None)
            await self.call_once(RANGE, request, left)

        await connect_with_retry(attempt, len(self._endpoints), within=self.timeout)

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        within: float | None = None,
    ) -> Response:
        """Send a read and return the response; send it again when the response was lost.

        Args:
            method: The call of etcd's API.
            request: Its request.
            within: Seconds for all attempts; the settings' timeout by default.

        Raises:
            NotReachable: No attempt had a response.
        """
        seconds = self.timeout if within is None else within
        return await retry(lambda left: self.call_once(method, request, left), within=seconds)

    async def call_once(
        self, method: Method[Request, Response], request: Request, within: float, *, at: Host | None = None
    ) -> Response:
        """Send a request once and return the response.

        Args:
            method: The call of etcd's API.
            request: Its request.
            within: Seconds for the response.
            at: The only endpoint to send it to.

        Raises:
            NotReachable: The response was lost, or there was no connection: then the error says that nothing was sent.
        """
        endpoint = self._endpoint(at)
        timeout = within if at else min(within, self._endpoint_timeout(within))
        for is_retry in (False, True):
            token, began = self._token, time.monotonic()
            try:
                call = endpoint.unary_unary(method)(request, timeout=timeout, metadata=self._metadata())
                try:
                    response = await self._calls.shielded(call, name="response to a call")
                except asyncio.CancelledError:
                    call.cancel()  # and gRPC completes it, see `close`
                    raise
                check_response(request, response)
            except AioRpcError as failure:
                status = translate(failure.code(), failure.details())
                log_request(_LOG, method.name, endpoint.host, began, failure.code().name)
                if status.is_token_refused and not is_retry and self.settings.access.user is not None:
                    await self._refresh_token(token)
                    continue
                raise self._fail_over(endpoint, status) from failure
            except GRPC_ERRORS as failure:
                log_request(_LOG, method.name, endpoint.host, began, type(failure).__name__)
                raise self._fail_over(endpoint, self._status_of(failure)) from failure
            log_request(_LOG, method.name, endpoint.host, began, "OK")
            self._note_response(endpoint, response, is_current=at is None)
            return response
        message = "unreachable: the second round returns or raises"
        raise AssertionError(message)

    def _note_response(self, endpoint: Endpoint, response: object, *, is_current: bool) -> None:
        """Log which endpoint answers, and remember the newest revision."""
        if is_current and self._connected_endpoint is not endpoint:
            self._connected_endpoint = endpoint
            _LOG.info("%s: connected to %s", self.redacted, endpoint.host)
        header = getattr(response, "header", None)
        if header is not None and header.revision > self.revision:
            self.revision = header.revision

    def _endpoint(self, at: Host | None) -> Endpoint:
        if at is None:
            return self._endpoints[self._current]
        return next(endpoint for endpoint in self._endpoints if endpoint.host == at)

    def _endpoint_timeout(self, within: float) -> float:
        """Return the seconds that one endpoint has, so that a silent one leaves time for the others."""
        return within if len(self._endpoints) == 1 else max(within / len(self._endpoints), _MIN_ENDPOINT_TIMEOUT)

    def _fail_over(self, endpoint: Endpoint, status: StatusError) -> ExplorerError:
        """Move on to the next endpoint if this one may be the cause, and return the error."""
        error = status.error
        if isinstance(error, NotReachable) and self._endpoints[self._current] is endpoint:
            self._leave(endpoint, error)
        if status.not_sent and type(error) is NotReachable:
            error.sent, error.connected = False, status.is_connected
        return error

    def _status_of(self, failure: Exception) -> StatusError:
        """Return the error for a response that is not etcd's, or an exception of gRPC itself."""
        if isinstance(failure, ForeignResponseError):
            _LOG.warning("%s: the answer is not etcd's", self.redacted)
            return StatusError(not_etcd(str(failure)))
        reason = f"the connection failed ({type(failure).__name__})"
        return StatusError(NotReachable(reason, hint="try again"))

    def _leave(self, endpoint: Endpoint, error: NotReachable) -> None:
        """Move on to the next endpoint, and end the streams of this one: it may never send anything again."""
        if self._connected_endpoint is endpoint:
            self._connected_endpoint = None
            _LOG.info("%s: connection to %s lost: %s", self.redacted, endpoint.host, sanitize(error.message))
        if len(self._endpoints) == 1:
            return
        self._current = (self._current + 1) % len(self._endpoints)
        endpoint.failovers += 1
        for limit in [limit for limit, other in self._pending_reads.items() if other is endpoint]:
            del self._pending_reads[limit]
            limit.reschedule(asyncio.get_running_loop().time())

    def _metadata(self) -> Metadata:
        return Metadata(_REQUIRE_LEADER, ("token", self._token)) if self._token else Metadata(_REQUIRE_LEADER)

    def _authenticate_request(self) -> messages.AuthenticateRequest:
        access = self.settings.access
        return messages.AuthenticateRequest(
            name=access.user or "", password=access.password.reveal() if access.password else ""
        )

    async def _refresh_token(self, refused: str | None) -> None:
        """Get a new token, once for all calls whose common token was refused."""
        async with self._token_lock:
            if self._token != refused:
                return
            endpoint, began = self._endpoints[self._current], time.monotonic()
            timeout = max(self.timeout / len(self._endpoints), _MIN_ENDPOINT_TIMEOUT)
            try:
                # The request has no local name: a traceback may show locals, and the request holds the password.
                response: messages.AuthenticateResponse = await endpoint.unary_unary(AUTHENTICATE)(
                    self._authenticate_request(), timeout=timeout
                )
                check_response(messages.AuthenticateRequest(), response)
            except AioRpcError as failure:
                log_request(_LOG, AUTHENTICATE.name, endpoint.host, began, failure.code().name)
                if "authentication is not enabled" in (failure.details() or ""):
                    self._token = None
                    return
                status = translate(failure.code(), failure.details())
                if status.is_token_refused:
                    raise Unauthenticated("wrong user or password", hint="check user and password") from failure
                raise self._fail_over(endpoint, status) from failure
            except GRPC_ERRORS as failure:
                raise self._fail_over(endpoint, self._status_of(failure)) from failure
            log_request(_LOG, AUTHENTICATE.name, endpoint.host, began, "OK")
            self._token = response.token or None

    async def open_stream(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        first_within: float | None = None,
        progress_request: Request | None = None,
        sender: RequestSender[Request] | None = None,
    ) -> AsyncGenerator[Response, None]:
        """Open a stream, send a request and yield the responses until the stream ends.

        Args:
            method: A call that returns a stream.
            request: The first request.
            first_within: Seconds until the first response, the settings' timeout by default; after that the
                connection's keepalive detects a loss.
            progress_request: Repeated while no response comes.
            sender: Opened, to send further requests.
        """
        self._has_streamed = True
        for is_retry in (False, True):
            endpoint = self._endpoints[self._current]
            failovers, token, began = endpoint.failovers, self._token, time.monotonic()
            stream: ResponseStream | None = None
            try:
                async with asyncio.timeout(self.timeout if first_within is None else first_within):
                    stream = await (
                        endpoint.stream_stream(method, request, self._metadata(), progress_request, sender)
                        if method.streams_requests
                        else endpoint.unary_stream(method, request, self._metadata())
                    )
                    response = await self._calls.shielded(stream.read(), name="first response of a stream")
                while response is not grpc.aio.EOF:
                    check_header(response)
                    yield cast("Response", response)
                    response = await self._read(stream, endpoint, failovers)
                code = await stream.code()
                if code is grpc.StatusCode.OK:
                    return
                # A stream without any response reports its status at its end only.
                status = translate(code, await stream.details())
            except TimeoutError:
                hint = "the store may be down, stopped or cut off"
                status = StatusError(NotReachable("the store does not answer", hint=hint))
            except AioRpcError as failure:
                status = translate(failure.code(), failure.details())
            except GRPC_ERRORS as failure:
                status = self._status_of(failure)
            finally:
                if stream is not None:
                    stream.cancel()
                    await self._calls.shielded(stream.code(), name="end of a stream")
            log_request(_LOG, "stream", endpoint.host, began, type(status.error).__name__)
            if not status.is_token_refused or is_retry or self.settings.access.user is None:
                raise self._fail_over(endpoint, status)
            await self._refresh_token(token)

    async def _read(self, stream: ResponseStream, endpoint: Endpoint, failovers: int) -> object:
        """Return the next response of a stream.

        Raises:
            TimeoutError: The connection moved on from the stream's endpoint to another.
        """
        if endpoint.failovers != failovers:
            raise TimeoutError
        async with asyncio.timeout(None) as limit:
            self._pending_reads[limit] = endpoint
            try:
                return await self._calls.shielded(stream.read(), name="next response of a stream")
            finally:
                self._pending_reads.pop(limit, None)
