"""An etcd client of bare gRPC stubs, for the workload and the recorder.

It shares the message types with the driver and none of its code: no resuming, no retries, no coalescing.
"""

from collections.abc import AsyncGenerator, Iterable
from typing import Self, cast

import grpc
from grpc.aio import StreamStreamCall  # noqa: TC002 - beside the rest of its package

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.endpoint import (
    RANGE,
    TXN,
    WATCH,
    Method,
    Request,
    Response,
)
from tests.faults.history import Change
from tests.scale import PATIENCE

EVERYTHING = b"\0"


def put(key: str, value: bytes, *, lease: int = 0) -> messages.RequestOp:
    return messages.RequestOp(request_put=messages.PutRequest(key=key.encode(), value=value, lease=lease))


def delete(key: str) -> messages.RequestOp:
    return messages.RequestOp(request_delete_range=messages.DeleteRangeRequest(key=key.encode()))


class EtcdStub:
    """One connection to one member; every failure is raised."""

    def __init__(self, address: str) -> None:
        options = (
            ("grpc.max_receive_message_length", -1),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 200),
        )
        self._channel = grpc.aio.insecure_channel(address, options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()

    async def ask(self, method: Method[Request, Response], request: Request, within: float) -> Response:
        stub = self._channel.unary_unary(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        answer: Response = await stub(request, timeout=within)
        return answer

    async def commit(self, operations: Iterable[messages.RequestOp], within: float = PATIENCE) -> int:
        """Commit all operations in one transaction; return its revision."""
        answer = await self.ask(TXN, messages.TxnRequest(success=list(operations)), within)
        return answer.header.revision

    async def read(self, prefix: str, within: float = PATIENCE) -> tuple[int, dict[str, messages.KeyValue]]:
        """Read all below a prefix by one request: return the revision, and the key-values by key without the prefix."""
        end = prefix[:-1].encode() + bytes([prefix.encode()[-1] + 1])
        answer = await self.ask(RANGE, messages.RangeRequest(key=prefix.encode(), range_end=end), within)
        return answer.header.revision, {found.key.decode().removeprefix(prefix): found for found in answer.kvs}

    async def watch(self, start: int) -> AsyncGenerator[messages.WatchResponse, None]:
        """Yield the responses of a watch of every key from a revision on, until the connection ends."""
        stub = self._channel.stream_stream(
            WATCH.path,
            request_serializer=WATCH.request.SerializeToString,
            response_deserializer=WATCH.response.FromString,
        )
        create = messages.WatchCreateRequest(key=EVERYTHING, range_end=EVERYTHING, start_revision=start)
        call = cast("StreamStreamCall[messages.WatchRequest, messages.WatchResponse]", stub())
        try:
            await call.write(messages.WatchRequest(create_request=create))
            while (answer := await call.read()) is not grpc.aio.EOF:
                yield cast("messages.WatchResponse", answer)
        finally:
            call.cancel()


def change(event: messages.Event, prefix: str) -> Change:
    """Return an event as a change, its key without the prefix."""
    kv = event.kv
    value = None if event.type == messages.Event.DELETE else kv.value
    return Change(kv.mod_revision, kv.key.decode().removeprefix(prefix), value, kv.create_revision, kv.version)
