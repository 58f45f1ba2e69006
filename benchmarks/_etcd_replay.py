"""Replays of etcd's history beside `etcdctl watch` and a bare grpc.aio stub, and a watch by that stub."""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Final, TypeAlias, cast

import grpc
from _side_by_side import ROUNDS, compare
from _writers import write_etcd

import explorer
from explorer.drivers.base import Store
from explorer.drivers.etcd import messages
from explorer.drivers.etcd.endpoint import WATCH
from explorer.model.events import Put
from tests.servers.etcd import EtcdServer
from tests.servers.programs import ETCDCTL, environment
from tests.servers.require import require

WatchCall: TypeAlias = "grpc.aio.StreamStreamCall[messages.WatchRequest, messages.WatchResponse]"

CANCELLATION_SECONDS: Final = 0.05
"""Time for gRPC to close the cancelled stream before the event loop is closed."""
WRITERS: Final = 32
REVISIONS: Final = 50_000
PREFIX: Final = "bench"
BULK_PREFIX: Final = "bulk"
BULK_KEYS: Final = 40_000
KEYS_PER_TRANSACTION: Final = 125


@asynccontextmanager
async def bare_watch(address: str, prefix: str, *, since: int = 0) -> AsyncIterator[WatchCall]:
    """Watch with nothing but grpc.aio, without resuming and without checks."""
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


async def watch_by_stub(address: str, prefix: str) -> AsyncGenerator[bytes, None]:
    """Yield the values that keys are changed to, behind a first one without a meaning."""
    async with bare_watch(address, prefix) as call:
        yield b""
        while True:
            for event in cast("messages.WatchResponse", await call.read()).events:
                yield event.kv.value


def compare_replays(server: EtcdServer) -> None:
    """Print how long a replay of all revisions takes, and of keys written many to a revision."""
    url, first = f"etcd://{server.address}/", server.revision()
    asyncio.run(_write_revisions(url))
    compare(
        f"replay of {REVISIONS:,} revisions",
        lambda: asyncio.run(_replay(url, PREFIX, first, REVISIONS)),
        lambda: _replay_by_etcdctl(server, first),
        against="etcdctl watch",
        rounds=ROUNDS,
    )
    first = server.revision()
    write_etcd(
        server,
        ((f"{BULK_PREFIX}/{number:06}", b"value %d" % number) for number in range(BULK_KEYS)),
        KEYS_PER_TRANSACTION,
    )
    compare(
        f"replay of {BULK_KEYS:,} keys written {KEYS_PER_TRANSACTION} to a revision",
        lambda: asyncio.run(_replay(url, BULK_PREFIX, first, BULK_KEYS)),
        lambda: asyncio.run(_replay_by_stub(server.address, BULK_PREFIX, first, BULK_KEYS)),
        against="a bare grpc.aio stub",
        rounds=ROUNDS,
    )


async def _write_revisions(url: str) -> None:
    """Write one key to a revision, with many requests at once."""
    async with explorer.open(url) as store, asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(_write(store, writer))


async def _write(store: Store, writer: int) -> None:
    for number in range(REVISIONS // WRITERS + 1):
        await store.put(f"{PREFIX}/{writer}/{number % 100}", b"value %d" % number)


async def _replay(url: str, prefix: str, since: int, changes: int) -> float:
    """Return the seconds until all changes since a revision are read."""
    async with explorer.open(url) as store:
        started = time.perf_counter()
        async with store.watch_tree(prefix, since=since) as events:
            seen = 0
            async for event in events:
                seen += isinstance(event, Put)
                if seen == changes:
                    break
        return time.perf_counter() - started


def _replay_by_etcdctl(server: EtcdServer, since: int) -> float:
    """Return the seconds until etcdctl has printed as many events; each is three lines."""
    line = require(ETCDCTL[server.version])
    command = [*line, "--endpoints", server.address, "watch", "--prefix", "--rev", f"{since + 1}", f"{PREFIX}/"]
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


async def _replay_by_stub(address: str, prefix: str, since: int, changes: int) -> float:
    """Return the seconds until the same is read with nothing but grpc.aio."""
    started, seen = time.perf_counter(), 0
    async with bare_watch(address, prefix, since=since) as call:
        while seen < changes:
            seen += len(cast("messages.WatchResponse", await call.read()).events)
    return time.perf_counter() - started
