"""Watching ZooKeeper: one event's latency and 20,000 updates, beside kazoo's watches, which are told once.

With kazoo each node is watched by itself and read again to be watched further, as kazoo's own DataWatch does. Ours is
one watch that stays, for all that is below.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from _side_by_side import compare
from kazoo.client import KazooClient
from kazoo.protocol.states import WatchedEvent

import explorer
from explorer.model.events import Put
from tests.servers.zookeeper import ZooKeeperServer

LATENCIES = 200
NODES, UPDATES = 100, 20_000
ROUNDS = 3
_AT_ONCE = 500
"""Updates that are under way at once."""


async def by_us(server: ZooKeeperServer, top: str) -> AsyncGenerator[bytes, None]:
    """Give the values that nodes below one are changed to; first one that means nothing, once they are watched."""
    async with explorer.open(f"zk://{server.address}/") as store, store.watch_tree(top) as events:
        async for event in events:
            yield event.entry.value or b"" if isinstance(event, Put) else b""


async def by_kazoo(server: ZooKeeperServer, top: str) -> AsyncGenerator[bytes, None]:
    """Give the same from a watch for each node."""
    loop, values = asyncio.get_running_loop(), asyncio.Queue[bytes]()
    client = KazooClient(server.address)
    await asyncio.to_thread(client.start)

    def happened(event: WatchedEvent) -> None:
        value, _ = client.get(event.path, watch=happened)
        loop.call_soon_threadsafe(values.put_nowait, value)

    def begin() -> None:
        for name in client.get_children(f"/{top}"):
            client.get(f"/{top}/{name}", watch=happened)

    try:
        await asyncio.to_thread(begin)
        yield b""
        while True:
            yield await values.get()
    finally:
        await asyncio.to_thread(client.stop)
        client.close()


async def latency(writer: KazooClient, changes: AsyncGenerator[bytes, None]) -> float:
    """Give the median time from a write to its event."""
    times: list[float] = []
    async with aclosing(changes):
        await anext(changes)
        for number in range(LATENCIES):
            started = time.perf_counter()
            writer.set_async(f"/updates/{number % NODES}", b"latency %d" % number)
            await anext(changes)
            times.append(time.perf_counter() - started)
    return statistics.median(times)


async def updates(writer: KazooClient, changes: AsyncGenerator[bytes, None], begin: int) -> float:
    """Give the time from the first of many updates until the last value of every node was told."""
    async with aclosing(changes):
        await anext(changes)
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(write, writer, begin))
            await told(changes, begin + UPDATES)
        return time.perf_counter() - started


async def told(changes: AsyncIterator[bytes], end: int) -> None:
    """Read until each node has its last value."""
    left = {b"%d" % number for number in range(end - NODES, end)}
    async for value in changes:
        left.discard(value)
        if not left:
            return


def write(writer: KazooClient, begin: int) -> None:
    """Write the updates, node after node, many under way at once."""
    for start in range(begin, begin + UPDATES, _AT_ONCE):
        numbers = range(start, start + _AT_ONCE)
        for answer in [writer.set_async(f"/updates/{number % NODES}", b"%d" % number) for number in numbers]:
            answer.get()


def main() -> None:
    """Measure."""
    with ZooKeeperServer() as server:
        writer = KazooClient(server.address)
        writer.start()
        for number in range(NODES):
            writer.create(f"/updates/{number}", b"", makepath=True)
        begun = iter(range(0, 10**9, UPDATES))
        print(f"ZooKeeper, {ROUNDS} rounds")
        for title, measured in (
            ("a write to its event, idle, median", lambda changes: latency(writer, changes)),
            (
                f"{UPDATES:,} updates of {NODES} nodes until the last value of each is told",
                lambda changes: updates(writer, changes, next(begun)),
            ),
        ):
            compare(
                title,
                lambda measured=measured: asyncio.run(measured(by_us(server, "updates"))),  # type: ignore[misc] # bound by its default
                lambda measured=measured: asyncio.run(measured(by_kazoo(server, "updates"))),  # type: ignore[misc] # bound by its default
                against="kazoo",
                rounds=ROUNDS,
            )
        writer.stop()
        writer.close()


if __name__ == "__main__":
    main()
