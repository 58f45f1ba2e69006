"""Watching etcd beside `etcdctl watch` and a bare grpc.aio stub: replays, and the latency of one event."""

import asyncio
import os
import statistics
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, TypeAlias, cast

import grpc
from _side_by_side import ROUNDS, compare

import explorer
from explorer.drivers.base import Store
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.endpoint import TXN, WATCH
from explorer.model.events import Put
from tests.servers.etcd import EtcdServer
from tests.servers.programs import ETCDCTL, environment
from tests.servers.require import require

WatchCall: TypeAlias = "grpc.aio.StreamStreamCall[messages.WatchRequest, messages.WatchResponse]"

CANCELLATION_SECONDS = 0.05
"""Time for gRPC to put the cancelled stream away before the event loop is closed."""
REVISIONS = 50_000
LATENCIES = 200
PREFIX = "bench"
BULK = "bulk"
BULK_KEYS = 40_000
KEYS_PER_TXN = 125


async def fill(url: str) -> None:
    """Write one revision after the other, many at once."""
    async with explorer.open(url) as store, asyncio.TaskGroup() as group:
        for writer in range(32):
            group.create_task(_write(store, writer))


async def _write(store: Store, writer: int) -> None:
    for number in range(REVISIONS // 32 + 1):
        await store.put(f"{PREFIX}/{writer}/{number % 100}", b"value %d" % number)


async def fill_in_bulk(address: str) -> None:
    """Write keys many to a transaction, and so to a revision, as an import does."""
    async with grpc.aio.insecure_channel(address) as channel:
        txn = channel.unary_unary(
            TXN.path, request_serializer=TXN.request.SerializeToString, response_deserializer=TXN.response.FromString
        )
        for first in range(0, BULK_KEYS, KEYS_PER_TXN):
            puts = [
                messages.RequestOp(
                    request_put=messages.PutRequest(key=f"{BULK}/{number:06}".encode(), value=b"value %d" % number)
                )
                for number in range(first, first + KEYS_PER_TXN)
            ]
            await txn(messages.TxnRequest(success=puts))


async def replay(url: str, prefix: str, changes: int = REVISIONS) -> float:
    """Take the time to read all that happened since the first revision."""
    async with explorer.open(url) as store:
        started = time.perf_counter()
        async with store.watch_tree(prefix, since=1) as events:
            seen = 0
            async for event in events:
                seen += isinstance(event, Put)
                if seen == changes:
                    break
        return time.perf_counter() - started


def replay_by_etcdctl(server: EtcdServer) -> float:
    """Take the time until etcdctl has printed as many events; each is three lines."""
    line = require(ETCDCTL[server.version])
    command = [*line, "--endpoints", server.address, "watch", "--prefix", "--rev", "2", f"{PREFIX}/"]
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=os.environ | environment(line) | {"ETCDCTL_API": "3"}
    ) as process:
        for number, _ in enumerate(cast("IO[bytes]", process.stdout), 1):
            if number == 3 * REVISIONS:
                break
        seconds = time.perf_counter() - started
        process.kill()
    return seconds


async def replay_by_stub(address: str, prefix: str, changes: int) -> float:
    """Take the time to read the same with nothing but grpc.aio."""
    started, seen = time.perf_counter(), 0
    async with bare_watch(address, prefix, since=1) as call:
        while seen < changes:
            seen += len(cast("messages.WatchResponse", await call.read()).events)
    return time.perf_counter() - started


@asynccontextmanager
async def bare_watch(address: str, prefix: str, *, since: int = 0) -> AsyncIterator[WatchCall]:
    """Watch with nothing but grpc.aio: no resuming, no check of anything."""
    async with grpc.aio.insecure_channel(address, [("grpc.max_receive_message_length", -1)]) as channel:
        call = channel.stream_stream(
            WATCH.path,
            request_serializer=WATCH.request.SerializeToString,
            response_deserializer=WATCH.response.FromString,
        )()
        create = messages.WatchCreateRequest(
            key=f"{prefix}/".encode(), range_end=f"{prefix}0".encode(), prev_kv=True, start_revision=since and since + 1
        )
        await call.write(messages.WatchRequest(create_request=create))
        await call.read()
        yield cast("WatchCall", call)
        call.cancel()
        await asyncio.sleep(CANCELLATION_SECONDS)


async def latency(url: str) -> float:
    """Give the median time from a put to its event."""
    async with explorer.open(url) as store, store.watch_tree("latency") as events:
        await anext(events)
        return await _median(store, events)


async def latency_by_stub(url: str, address: str) -> float:
    """The same with a bare watch."""
    async with explorer.open(url) as store, bare_watch(address, "latency") as call:

        async def answers() -> AsyncIterator[object]:
            while True:
                yield await call.read()

        return await _median(store, answers())


async def _median(store: Store, events: AsyncIterator[object]) -> float:
    times = []
    for number in range(LATENCIES):
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            group.create_task(_put(store, number))
            await anext(events)
            times.append(time.perf_counter() - started)
    return statistics.median(times)


async def _put(store: Store, number: int) -> None:
    await store.put(f"latency/{number}", b"value")


def main() -> None:
    """Measure on the newest version of etcd."""
    with EtcdServer("3.5") as server:
        url = f"etcd://{server.address}/"
        asyncio.run(fill(url))
        print(f"etcd 3.5, {REVISIONS} revisions, {ROUNDS} rounds")
        compare(
            "replay of all revisions",
            lambda: asyncio.run(replay(url, PREFIX)),
            lambda: replay_by_etcdctl(server),
            against="etcdctl watch",
        )
        asyncio.run(fill_in_bulk(server.address))
        compare(
            f"replay of {BULK_KEYS} keys written {KEYS_PER_TXN} to a revision",
            lambda: asyncio.run(replay(url, BULK, BULK_KEYS)),
            lambda: asyncio.run(replay_by_stub(server.address, BULK, BULK_KEYS)),
            against="a bare grpc.aio stub",
        )
        compare(
            "put to event, idle, median",
            lambda: asyncio.run(latency(url)),
            lambda: asyncio.run(latency_by_stub(url, server.address)),
            against="a bare grpc.aio stub",
        )


if __name__ == "__main__":
    main()
