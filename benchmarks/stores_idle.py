"""What an open directory costs its server while nothing happens: the requests that it counts itself, per second."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import _side_by_side  # noqa: F401 - finds the checkout

import explorer
from explorer.codecs.documents import Codecs
from explorer.opening import opener
from explorer.session.session import Session
from tests.servers.consul import ConsulServer
from tests.servers.zookeeper import ZooKeeperServer

SECONDS: Final = 30.0
KEYS: Final = 50


async def idle(url: str, count: Callable[[], int]) -> float:
    """Open a session as the app does, with a folder open, and give the requests per second."""
    async with explorer.open(url) as store:
        for number in range(KEYS):
            await store.put(f"folder/{number:02}", b"value")
    async with Session(opener(url), Codecs()) as session:
        await session.idle()
        session.tree.expand(session.tree.at(0))
        session.select("folder/01")
        await session.idle()
        await asyncio.sleep(3.0)  # what was read is confirmed
        before, began = count(), time.monotonic()
        await asyncio.sleep(SECONDS)
        return (count() - before) / (time.monotonic() - began)


def main() -> None:
    """Count."""
    with ConsulServer(settings={"log_level": "debug"}) as consul:
        rate = asyncio.run(idle(f"consul://{consul.address}/bench/", lambda: consul.requests))
        print(f"Consul: {rate:.2f} requests a second")
    with ZooKeeperServer() as zookeeper:
        rate = asyncio.run(idle(f"zk://{zookeeper.address}/bench/", lambda: zookeeper.requests))
        print(f"ZooKeeper: {rate:.2f} packets a second")


if __name__ == "__main__":
    main()
