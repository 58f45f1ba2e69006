"""One ZooKeeper node with 100,000 children: the first of them, all of them, and all names, beside kazoo.

ZooKeeper has no pages: the names come in one answer. What a tree shows besides, whether a child has children, kazoo can
only ask of each child.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine

from _side_by_side import compare
from kazoo.client import KazooClient

import explorer
from explorer.drivers.base import Store
from tests.servers.zookeeper import ZooKeeperServer

CHILDREN = 100_000
TOP = "bench"
FIRST, PAGE = 50, 1000
ROUNDS = 3


def fill(client: KazooClient) -> None:
    """Make the nodes, many at once."""
    client.create(f"/{TOP}", b"")
    for start in range(0, CHILDREN, PAGE):
        made = client.transaction()
        for number in range(start, start + PAGE):
            made.create(f"/{TOP}/child{number:06}", b"v" * 20)
        made.commit()


def timed(act: Callable[[], object]) -> float:
    """Give the seconds that something takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


async def _first(store: Store) -> None:
    await store.children(TOP, limit=FIRST)


async def _seek(store: Store) -> None:
    page = await store.children(TOP, after=f"{TOP}/child{CHILDREN - FIRST - 1:06}", limit=FIRST)
    if len(page.items) != FIRST:
        raise SystemExit(f"{len(page.items)} children of {FIRST}")


async def _all(store: Store) -> None:
    page = await store.children(TOP, limit=PAGE)
    found = len(page.items)
    while page.next is not None:
        page = await store.children(TOP, after=page.next, limit=PAGE)
        found += len(page.items)
    if found != CHILDREN:
        raise SystemExit(f"{found} children of {CHILDREN}")


async def _walk(store: Store) -> None:
    async for _ in store.walk(TOP, values=False):
        pass


def _some(client: KazooClient, count: int) -> None:
    names = sorted(client.get_children(f"/{TOP}"))[:count]
    for start in range(0, len(names), PAGE):
        for answer in [client.exists_async(f"/{TOP}/{name}") for name in names[start : start + PAGE]]:
            answer.get()


def main() -> None:
    """Measure, on open connections."""
    with ZooKeeperServer() as server, asyncio.Runner() as runner:
        client = KazooClient(server.address)
        client.start()
        fill(client)
        store = explorer.open(f"zk://{server.address}/")
        runner.run(store.connect())

        def ours(act: Callable[[], Coroutine[object, object, None]]) -> Callable[[], float]:
            return lambda: timed(lambda: runner.run(act()))

        print(f"ZooKeeper, {CHILDREN:,} children of one node, {ROUNDS} rounds")
        compare(
            f"first {FIRST} children",
            ours(lambda: _first(store)),
            lambda: timed(lambda: _some(client, FIRST)),
            against="kazoo",
            rounds=ROUNDS,
        )
        compare(
            f"the last {FIRST} children",
            ours(lambda: _seek(store)),
            lambda: timed(lambda: _some(client, FIRST)),
            against="kazoo",
            rounds=ROUNDS,
        )
        compare(
            "all children",
            ours(lambda: _all(store)),
            lambda: timed(lambda: _some(client, CHILDREN)),
            against="kazoo",
            rounds=ROUNDS,
        )
        compare(
            "the whole listing",
            ours(lambda: _walk(store)),
            lambda: timed(lambda: _some(client, CHILDREN)),
            against="kazoo",
            rounds=ROUNDS,
        )
        runner.run(store.close())
        client.stop()
        client.close()


if __name__ == "__main__":
    main()
