"""Inspecting 200 locks of three contenders each among 100,000 keys of etcd, beside the fewest requests for it."""

import asyncio
import time

import grpc
from _side_by_side import ROUNDS, compare

import explorer
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.endpoint import LEASE_GRANT, LEASE_TIME_TO_LIVE, RANGE, TXN, Method, Request, Response
from tests.servers.etcd import EtcdServer

KEYS = 100_000
LOCKS = 200
CONTENDERS = 3
OPERATIONS = 125
REQUESTS_AT_ONCE = 16


class Stub:
    """Nothing but grpc.aio."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def ask(self, method: Method[Request, Response], request: Request) -> Response:
        """Make one call."""
        call = self._channel.unary_unary(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        return await call(request)


async def fill(address: str) -> None:
    """Write the keys, many to a transaction, and the contenders, each with a lease of its own."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = Stub(channel)
        for first in range(0, KEYS, OPERATIONS):
            puts = [
                messages.RequestOp(
                    request_put=messages.PutRequest(key=f"data/{number % 100}/{number}".encode(), value=b"value")
                )
                for number in range(first, first + OPERATIONS)
            ]
            await stub.ask(TXN, messages.TxnRequest(success=puts))
        for number in range(LOCKS):
            for _ in range(CONTENDERS):
                lease = (await stub.ask(LEASE_GRANT, messages.LeaseGrantRequest(TTL=3600))).ID
                put = messages.PutRequest(key=f"locks/{number}/{lease:x}".encode(), value=b"who", lease=lease)
                await stub.ask(TXN, messages.TxnRequest(success=[messages.RequestOp(request_put=put)]))


async def ours(url: str) -> float:
    """Take the time to read who holds and who waits."""
    async with explorer.open(url) as store:
        started = time.perf_counter()
        found = await store.locks()
        if len(found) != LOCKS or len(found[0].waiters) != CONTENDERS - 1:
            message = f"{len(found)} locks"
            raise SystemExit(message)
        return time.perf_counter() - started


async def by_stub(address: str) -> float:
    """Take the time to read all keys in one answer, the contenders' values in transactions, and each lease."""
    async with grpc.aio.insecure_channel(address, [("grpc.max_receive_message_length", -1)]) as channel:
        stub = Stub(channel)
        started = time.perf_counter()
        everything = await stub.ask(RANGE, messages.RangeRequest(key=b"\0", range_end=b"\0", keys_only=True))
        found = [entry for entry in everything.kvs if entry.lease]
        for first in range(0, len(found), OPERATIONS):
            ranges = [
                messages.RequestOp(request_range=messages.RangeRequest(key=entry.key))
                for entry in found[first : first + OPERATIONS]
            ]
            await stub.ask(TXN, messages.TxnRequest(success=ranges))
        for first in range(0, len(found), REQUESTS_AT_ONCE):
            async with asyncio.TaskGroup() as group:
                for entry in found[first : first + REQUESTS_AT_ONCE]:
                    request = messages.LeaseTimeToLiveRequest(ID=entry.lease, keys=True)
                    group.create_task(stub.ask(LEASE_TIME_TO_LIVE, request))
        return time.perf_counter() - started


def main() -> None:
    """Measure on the newest version of etcd."""
    with EtcdServer("3.5") as server:
        asyncio.run(fill(server.address))
        print(f"etcd 3.5, {KEYS} keys, {LOCKS} locks of {CONTENDERS} contenders, {ROUNDS} rounds")
        compare(
            "who holds and who waits for each lock",
            lambda: asyncio.run(ours(f"etcd://{server.address}/")),
            lambda: asyncio.run(by_stub(server.address)),
            against="a bare grpc.aio stub",
        )


if __name__ == "__main__":
    main()
