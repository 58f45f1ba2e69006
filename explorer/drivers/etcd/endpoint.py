"""The calls of etcd's API, and one member's client port to make them on."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar, cast

import grpc
from google.protobuf.message import Message
from grpc.aio import AioRpcError, Channel, Metadata

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.responses import deserializer
from explorer.drivers.etcd.settings import EtcdSettings
from explorer.model.address import Host

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)

CHANNEL_OPTIONS: Final = (
    # No cap: a value may be as large as the server allows; clients' usual 4 MiB makes large prefixes unreadable
    # (etcdmanager#123).
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Detect half-open connections. etcd answers pings more often than every 5 s with GOAWAY too_many_pings.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.ping_timeout_ms", 3_000),
    # gRPC's own pings, which measure the bandwidth, would delay the keepalive's behind a large response on a slow
    # line: a wide receive window from the start instead.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 4 << 20),
    ("grpc.http2.max_pings_without_data", 0),
    # Reconnect quickly after a restart: the driver backs off between requests itself.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Share no connection with another store of this process: closing one must not leave it open.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True, slots=True)
class Method(Generic[Request, Response]):
    """One call of etcd's API."""

    path: str
    request: type[Request]
    response: type[Response]
    streams_requests: bool = False
    """True if the client sends a stream of requests; matters for the calls that return a stream."""

    @property
    def name(self) -> str:
        """The name of the call without its service."""
        return self.path.rpartition("/")[2]


RANGE = Method("/etcdserverpb.KV/Range", messages.RangeRequest, messages.RangeResponse)
RANGE_STREAM = Method("/etcdserverpb.KV/RangeStream", messages.RangeRequest, messages.RangeStreamResponse)
TXN = Method("/etcdserverpb.KV/Txn", messages.TxnRequest, messages.TxnResponse)
WATCH = Method("/etcdserverpb.Watch/Watch", messages.WatchRequest, messages.WatchResponse, streams_requests=True)
LEASE_GRANT = Method("/etcdserverpb.Lease/LeaseGrant", messages.LeaseGrantRequest, messages.LeaseGrantResponse)
LEASE_REVOKE = Method("/etcdserverpb.Lease/LeaseRevoke", messages.LeaseRevokeRequest, messages.LeaseRevokeResponse)
LEASE_KEEP_ALIVE = Method(
    "/etcdserverpb.Lease/LeaseKeepAlive",
    messages.LeaseKeepAliveRequest,
    messages.LeaseKeepAliveResponse,
    streams_requests=True,
)
LEASE_TIME_TO_LIVE = Method(
    "/etcdserverpb.Lease/LeaseTimeToLive", messages.LeaseTimeToLiveRequest, messages.LeaseTimeToLiveResponse
)
AUTHENTICATE = Method("/etcdserverpb.Auth/Authenticate", messages.AuthenticateRequest, messages.AuthenticateResponse)
STATUS = Method("/etcdserverpb.Maintenance/Status", messages.StatusRequest, messages.StatusResponse)
ALARM = Method("/etcdserverpb.Maintenance/Alarm", messages.AlarmRequest, messages.AlarmResponse)
MEMBER_LIST = Method("/etcdserverpb.Cluster/MemberList", messages.MemberListRequest, messages.MemberListResponse)


MAX_TXN_OPS: Final = 128
"""Operations in one transaction; a server's default limit (--max-txn-ops)."""


class ResponseStream(Protocol):
    """The responses of an open stream, see `grpc.aio.StreamStreamCall`."""

    def read(self) -> Coroutine[object, object, object]:
        """Return the next response, or `grpc.aio.EOF`."""

    def code(self) -> Coroutine[object, object, grpc.StatusCode]:
        """Return the status that the stream ended with."""

    async def details(self) -> str:
        """Return the text that came with the status."""

    def cancel(self) -> bool:
        """End the stream."""


class RequestSender(Generic[Request]):
    """Sends further requests on an open stream."""

    def __init__(self) -> None:
        self._write: Callable[[Request], Awaitable[None]] | None = None

    def open(self, write: Callable[[Request], Awaitable[None]]) -> None:
        """Send by this stream from now on."""
        self._write = write

    async def send(self, request: Request) -> None:
        """Send a request; the end of a stream is reported to its reader instead."""
        if self._write is not None:
            with suppress(AioRpcError, asyncio.InvalidStateError):
                await self._write(request)


@dataclass(frozen=True, slots=True)
class ProgressStream(Generic[Request, Response]):
    """A stream that repeats a progress request while no response comes."""

    call: grpc.aio.StreamStreamCall[Request, Response]
    progress_request: Request
    interval: float = 0.05
    """Seconds between the requests."""

    async def read(self) -> object:
        """Return the next response, or `grpc.aio.EOF`."""
        try:
            async with asyncio.TaskGroup() as group:
                response = group.create_task(self.call.read())
                while not response.done():
                    await asyncio.wait((response,), timeout=self.interval)
                    if not response.done():
                        await self.call.write(self.progress_request)
            return response.result()
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def code(self) -> grpc.StatusCode:
        """Return the status that the stream ended with."""
        return await self.call.code()

    async def details(self) -> str:
        """Return the text that came with the status."""
        return await self.call.details()

    def cancel(self) -> bool:
        """End the stream."""
        return self.call.cancel()


@dataclass(slots=True)
class Endpoint:
    """One member's client port, connected to when first used."""

    host: Host
    channel: Channel
    failovers: int = 0
    """Number of times that the connection moved on from it to another."""
    _stubs: dict[str, grpc.aio.UnaryUnaryMultiCallable[Message, Message]] = field(default_factory=dict)

    def unary_unary(self, method: Method[Request, Response]) -> grpc.aio.UnaryUnaryMultiCallable[Request, Response]:
        """Return the stub of a method with one response."""
        stub = self._stubs.get(method.path)
        if stub is None:
            stub = self.channel.unary_unary(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=deserializer(method.response),
            )
            self._stubs[method.path] = stub
        return cast("grpc.aio.UnaryUnaryMultiCallable[Request, Response]", stub)

    async def unary_stream(
        self, method: Method[Request, Response], request: Request, metadata: Metadata
    ) -> ResponseStream:
        """Call a method with one request and a stream of responses."""
        stub = self.channel.unary_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=deserializer(method.response),
        )
        return cast("ResponseStream", stub(request, metadata=metadata))

    async def stream_stream(
        self,
        method: Method[Request, Response],
        request: Request,
        metadata: Metadata,
        progress_request: Request | None = None,
        sender: RequestSender[Request] | None = None,
    ) -> ResponseStream:
        """Call a method with a stream each way, and send the first request."""
        stub = self.channel.stream_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=deserializer(method.response),
        )
        call = stub(metadata=metadata)
        await call.write(request)
        if sender is not None:
            sender.open(call.write)
        return cast("ResponseStream", call if progress_request is None else ProgressStream(call, progress_request))


def make_endpoints(settings: EtcdSettings) -> list[Endpoint]:
    """Return an endpoint for each host; nothing is sent before the first call.

    Raises:
        TlsFailed: A certificate or key cannot be read.
    """
    credentials = settings.credentials()
    options: Sequence[tuple[str, int | str]] = settings.channel_options(CHANNEL_OPTIONS)
    return [
        Endpoint(
            host,
            grpc.aio.secure_channel(str(host), credentials, options)
            if credentials
            else grpc.aio.insecure_channel(str(host), options),
        )
        for host in settings.hosts
    ]
