"""Watching etcd's v2 API: one event's latency and 20,000 updates, beside a loop of long polls with aiohttp.

The loop is what its users write: asked again for what follows the last index, and all read when the store no longer has
that. It tells neither what was deleted meanwhile nor that anything was skipped.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import aiohttp
from _etcd2 import write
from _side_by_side import compare

import explorer
from explorer.drivers.base import Store
from explorer.model.events import Put
from tests.servers.etcd import EtcdServer

LATENCIES = 30
PAUSE = 0.05
KEYS, UPDATES = 2_000, 20_000
ROUNDS = 3
_CLEARED = 401
"""etcd's code for an index whose changes are no longer kept."""

Changes = AsyncGenerator[tuple[str, str], None]


async def by_us(url: str, prefix: str) -> Changes:
    """Give the changes below a prefix; first one that means nothing, once it is watched."""
    async with explorer.open(url) as store, store.watch_tree(prefix) as events:
        async for event in events:
            yield (event.key, (event.entry.value or b"").decode()) if isinstance(event, Put) else ("", "")


async def by_polls(server: EtcdServer, prefix: str) -> Changes:
    """Give the same from long polls."""
    url = f"http://{server.address}/v2/keys/{prefix}?recursive=true"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as client:
        async with client.get(url) as answer:
            index = int(answer.headers["X-Etcd-Index"])
        yield "", ""
        while True:
            async with client.get(f"{url}&wait=true&waitIndex={index + 1}") as answer:
                told = await answer.json()
            if told.get("errorCode") == _CLEARED:
                async with client.get(url) as answer:
                    index = int(answer.headers["X-Etcd-Index"])
                    for node in (await answer.json())["node"]["nodes"]:
                        yield node["key"], node["value"]
                continue
            index = told["node"]["modifiedIndex"]
            yield told["node"]["key"], told["node"].get("value", "")


async def latency(store: Store, changes: Changes) -> float:
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


async def updates(server: EtcdServer, changes: Changes, begin: int) -> float:
    """Give the time from the first of many updates until the last value of every key was told."""
    async with aclosing(changes):
        await anext(changes)
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(write, server, _entries(begin)))
            await told(changes, begin + UPDATES)
        return time.perf_counter() - started


def _entries(begin: int) -> list[tuple[str, str]]:
    return [(f"updates/{number % KEYS:04}", str(number)) for number in range(begin, begin + UPDATES)]


async def told(changes: AsyncIterator[tuple[str, str]], end: int) -> None:
    """Read until each key has its last value."""
    left = {str(number) for number in range(end - KEYS, end)}
    async for _, value in changes:
        left.discard(value)
        if not left:
            return


def main() -> None:
    """Measure."""
    with EtcdServer("3.4", v2=True) as server:
        url = f"etcd2://{server.address}/"
        write(server, [*_entries(0), *((f"latency/{number}", "") for number in range(10))])
        begun = iter(range(UPDATES, 10**9, UPDATES))
        print(f"etcd's v2 API, {ROUNDS} rounds")

        def waited(changes: Callable[[], Changes]) -> float:
            async def measured() -> float:
                async with explorer.open(url) as store:
                    return await latency(store, changes())

            return asyncio.run(measured())

        compare(
            "put to event, idle, median",
            lambda: waited(lambda: by_us(url, "latency")),
            lambda: waited(lambda: by_polls(server, "latency")),
            against="a loop of long polls",
            rounds=ROUNDS,
        )
        compare(
            f"{UPDATES:,} updates of {KEYS:,} keys until the last value of each is told",
            lambda: asyncio.run(updates(server, by_us(url, "updates"), next(begun))),
            lambda: asyncio.run(updates(server, by_polls(server, "updates"), next(begun))),
            against="a loop of long polls",
            rounds=ROUNDS,
        )


if __name__ == "__main__":
    main()
