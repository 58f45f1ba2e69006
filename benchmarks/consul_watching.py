"""Watching Consul: one event's latency and 20,000 updates, beside a loop of blocking queries with py-consul.

The loop is what its users write: the whole prefix is read again whenever there is news. It tells neither what was
deleted nor how much it skipped.
"""

import asyncio
import base64
import statistics
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from _side_by_side import compare
from consul.aio import Consul

import explorer
from explorer.drivers.base import Store
from explorer.model.events import Put
from tests.servers.consul import ConsulServer

LATENCIES = 15
PAUSE = 0.6
"""Seconds between two puts: ours looks at most four times a second while there is always news."""
KEYS, UPDATES = 2_000, 20_000
ROUNDS = 3
_MOST = 64
"""Operations that Consul takes in a transaction."""


async def by_us(url: str, prefix: str) -> AsyncGenerator[tuple[str, bytes], None]:
    """Give the changes below a prefix; first one that means nothing, once it is watched."""
    async with explorer.open(url) as store, store.watch_tree(prefix) as events:
        async for event in events:
            yield (event.key, event.entry.value or b"") if isinstance(event, Put) else ("", b"")


async def by_py_consul(server: ConsulServer, prefix: str) -> AsyncGenerator[tuple[str, bytes], None]:
    """Give the same from blocking queries."""
    client = Consul(host="127.0.0.1", port=server.port)
    try:
        index, _ = await client.kv.get(f"{prefix}/", recurse=True)
        told = int(index)
        yield "", b""
        while True:
            index, found = await client.kv.get(f"{prefix}/", recurse=True, index=index, wait="60s")
            for one in found or []:
                if one["ModifyIndex"] > told:
                    yield one["Key"], one["Value"] or b""
            told = int(index)
    finally:
        await client.close()


async def latency(store: Store, changes: AsyncGenerator[tuple[str, bytes], None]) -> float:
    """Give the median time from a put to its event."""
    times: list[float] = []
    async with aclosing(changes):
        await anext(changes)
        for number in range(LATENCIES):
            await asyncio.sleep(PAUSE)
            started = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                group.create_task(_put(store, number))
                await anext(changes)
                times.append(time.perf_counter() - started)
    return statistics.median(times)


async def _put(store: Store, number: int) -> None:
    await store.put(f"latency/{number % 10}", b"value %d" % number)


async def updates(server: ConsulServer, changes: AsyncGenerator[tuple[str, bytes], None], begin: int) -> float:
    """Give the time from the first of many updates until the last value of every key was told."""
    async with aclosing(changes):
        await anext(changes)
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(write, server, begin))
            await told(changes, begin + UPDATES)
        return time.perf_counter() - started


async def told(changes: AsyncIterator[tuple[str, bytes]], end: int) -> None:
    """Read until each key has its last value."""
    left = {b"%d" % number for number in range(end - KEYS, end)}
    async for _, value in changes:
        left.discard(value)
        if not left:
            return


def write(server: ConsulServer, begin: int) -> None:
    """Write the updates, key after key, as many in a transaction as it takes."""
    for start in range(begin, begin + UPDATES, _MOST):
        stop = min(start + _MOST, begin + UPDATES)
        operations = [_operation(f"updates/{number % KEYS:04}", b"%d" % number) for number in range(start, stop)]
        server.json("PUT", "/v1/txn", operations)


def _operation(key: str, value: bytes) -> Mapping[str, Any]:
    return {"KV": {"Verb": "set", "Key": key, "Value": base64.b64encode(value).decode()}}


def main() -> None:
    """Measure."""
    with ConsulServer() as server:
        url = f"consul://{server.address}/"
        write(server, 0)
        begun = iter(range(UPDATES, 10**9, UPDATES))
        print(f"Consul, {ROUNDS} rounds")

        def waited(changes: Callable[[], AsyncGenerator[tuple[str, bytes], None]]) -> float:
            async def measured() -> float:
                async with explorer.open(url) as store:
                    return await latency(store, changes())

            return asyncio.run(measured())

        compare(
            "put to event, idle, median",
            lambda: waited(lambda: by_us(url, "latency")),
            lambda: waited(lambda: by_py_consul(server, "latency")),
            against="a loop with py-consul",
            rounds=ROUNDS,
        )
        compare(
            f"{UPDATES:,} updates of {KEYS:,} keys until the last value of each is told",
            lambda: asyncio.run(updates(server, by_us(url, "updates"), next(begun))),
            lambda: asyncio.run(updates(server, by_py_consul(server, "updates"), next(begun))),
            against="a loop with py-consul",
            rounds=ROUNDS,
        )


if __name__ == "__main__":
    main()
