"""One member's client port."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, cast

import grpc
from google.protobuf.message import Message
from grpc.aio import AioRpcError, Channel, Metadata

from explorer.drivers.etcd.answers import reader
from explorer.drivers.etcd.methods import Answer, Method, Question
from explorer.drivers.etcd.settings import EtcdSettings
from explorer.model.address import Host

OPTIONS: Final = (
    # No cap: a value may be as large as the server allows; clients' usual 4 MiB makes large prefixes unreadable
    # (etcdmanager#123).
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A half-open connection is noticed. etcd answers pings more often than every 5 s with GOAWAY too_many_pings.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.ping_timeout_ms", 3_000),
    # gRPC's own pings, which measure the bandwidth, would keep the keepalive's from being sent, and wait behind a
    # large answer on a slow line: a wide window for answers from the start instead.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 4 << 20),
    ("grpc.http2.max_pings_without_data", 0),
    # Back quickly after a restart: the pauses between requests are our own.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # What is closed is closed: no connection is shared with another store of this process.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)


class AnswerStream(Protocol):
    """What comes back on a stream, whichever way the question went."""

    def read(self) -> Coroutine[object, object, object]:
        """Give the next answer, or `grpc.aio.EOF`."""

    def code(self) -> Coroutine[object, object, grpc.StatusCode]:
        """Give the status that the stream ended with."""

    async def details(self) -> str:
        """Give the words that came with the status."""

    def cancel(self) -> bool:
        """End the stream."""


class Outbox(Generic[Question]):
    """Sends more on a stream that was opened with a first question."""

    def __init__(self) -> None:
        self._write: Callable[[Question], Awaitable[None]] | None = None

    def open(self, write: Callable[[Question], Awaitable[None]]) -> None:
        """Send by this stream from now on."""
        self._write = write

    async def send(self, question: Question) -> None:
        """Send; a stream that has ended says so to those who read it."""
        if self._write is not None:
            with suppress(AioRpcError, asyncio.InvalidStateError):
                await self._write(question)


@dataclass(frozen=True, slots=True)
class Nudged(Generic[Question, Answer]):
    """A stream on which the same thing is asked again and again while nothing comes."""

    call: grpc.aio.StreamStreamCall[Question, Answer]
    nudge: Question
    every: float = 0.05

    async def read(self) -> object:
        """Give the next answer, or `grpc.aio.EOF`."""
        try:
            async with asyncio.TaskGroup() as group:
                answer = group.create_task(self.call.read())
                while not answer.done():
                    await asyncio.wait((answer,), timeout=self.every)
                    if not answer.done():
                        await self.call.write(self.nudge)
            return answer.result()
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def code(self) -> grpc.StatusCode:
        """Give the status that the stream ended with."""
        return await self.call.code()

    async def details(self) -> str:
        """Give the words that came with the status."""
        return await self.call.details()

    def cancel(self) -> bool:
        """End the stream."""
        return self.call.cancel()


@dataclass(slots=True)
class Endpoint:
    """One member's client port, connected to when first used."""

    host: Host
    channel: Channel
    left: int = 0
    """How often it was left for another."""
    calls: dict[str, grpc.aio.UnaryUnaryMultiCallable[Message, Message]] = field(default_factory=dict)

    def call(self, method: Method[Question, Answer]) -> grpc.aio.UnaryUnaryMultiCallable[Question, Answer]:
        """Give the stub of a method."""
        stub = self.calls.get(method.path)
        if stub is None:
            stub = self.channel.unary_unary(
                method.path,
                request_serializer=method.question.SerializeToString,
                response_deserializer=reader(method.answer),
            )
            self.calls[method.path] = stub
        return cast("grpc.aio.UnaryUnaryMultiCallable[Question, Answer]", stub)

    async def download(self, method: Method[Question, Answer], question: Question, metadata: Metadata) -> AnswerStream:
        """Call a method that answers with a stream."""
        stub = self.channel.unary_stream(
            method.path,
            request_serializer=method.question.SerializeToString,
            response_deserializer=reader(method.answer),
        )
        return cast("AnswerStream", stub(question, metadata=metadata))

    async def dialogue(
        self,
        method: Method[Question, Answer],
        question: Question,
        metadata: Metadata,
        nudge: Question | None,
        outbox: Outbox[Question] | None = None,
    ) -> AnswerStream:
        """Call a method with a stream each way, and ask the first thing on it."""
        stub = self.channel.stream_stream(
            method.path,
            request_serializer=method.question.SerializeToString,
            response_deserializer=reader(method.answer),
        )
        call = stub(metadata=metadata)
        await call.write(question)
        if outbox is not None:
            outbox.open(call.write)
        return cast("AnswerStream", call if nudge is None else Nudged(call, nudge))


def connections(settings: EtcdSettings) -> list[Endpoint]:
    """Prepare a connection to each endpoint; none is made before the first call.

    Raises:
        TlsFailed: A certificate or key cannot be read.
    """
    credentials = settings.credentials()
    options: Sequence[tuple[str, int | str]] = settings.channel_options(OPTIONS)
    return [
        Endpoint(
            host,
            grpc.aio.secure_channel(str(host), credentials, options)
            if credentials
            else grpc.aio.insecure_channel(str(host), options),
        )
        for host in settings.hosts
    ]
