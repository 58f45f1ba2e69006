"""Watching etcd: 50,000 revisions replayed beside `etcdctl watch`, one event's latency beside a bare stub."""

import asyncio
import os
import statistics
import subprocess
import time
from collections.abc import AsyncIterator
from typing import IO, cast

import grpc
from _side_by_side import ROUNDS, compare

import explorer
from explorer.drivers.base import Store
from explorer.drivers.etcd import messages
from explorer.model.events import Put
from tests.servers.etcd import EtcdServer
from tests.servers.programs import ETCDCTL, environment
from tests.servers.requirement import require

REVISIONS = 50_000
LATENCIES = 200
PREFIX = "bench"


async def fill(url: str) -> None:
    """Write one revision after the other, many at once."""
    async with explorer.open(url) as store, asyncio.TaskGroup() as group:
        for writer in range(32):
            group.create_task(_write(store, writer))


async def _write(store: Store, writer: int) -> None:
    for number in range(REVISIONS // 32 + 1):
        await store.put(f"{PREFIX}/{writer}/{number % 100}", b"value %d" % number)


async def replay(url: str, prefix: str) -> float:
    """Take the time to read all that happened since the first revision."""
    async with explorer.open(url) as store:
        started = time.perf_counter()
        async with store.watch_tree(prefix, since=1) as events:
            seen = 0
            async for event in events:
                seen += isinstance(event, Put)
                if seen == REVISIONS:
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


async def latency(url: str) -> float:
    """Give the median time from a put to its event."""
    async with explorer.open(url) as store, store.watch_tree("latency") as events:
        await anext(events)
        return await _median(store, events)


async def latency_by_stub(url: str, address: str) -> float:
    """The same with nothing but grpc.aio: no resuming, no check of anything."""
    async with explorer.open(url) as store, grpc.aio.insecure_channel(address) as channel:
        call = channel.stream_stream(
            "/etcdserverpb.Watch/Watch",
            request_serializer=messages.WatchRequest.SerializeToString,
            response_deserializer=messages.WatchResponse.FromString,
        )()
        await call.write(
            messages.WatchRequest(
                create_request=messages.WatchCreateRequest(key=b"latency/", range_end=b"latency0", prev_kv=True)
            )
        )
        await call.read()

        async def answers() -> AsyncIterator[object]:
            while True:
                yield await call.read()

        seconds = await _median(store, answers())
        call.cancel()
        return seconds


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
        compare(
            "put to event, idle, median",
            lambda: asyncio.run(latency(url)),
            lambda: asyncio.run(latency_by_stub(url, server.address)),
            against="a bare grpc.aio stub",
        )


if __name__ == "__main__":
    main()
