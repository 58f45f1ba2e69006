"""Requests per second that an open directory costs its server while nothing happens, as counted by the server."""

import asyncio
import time
from collections.abc import Callable
from typing import Final
from urllib.request import urlopen

import _side_by_side  # noqa: F401 - finds the checkout

import explorer
from explorer.codecs.codecs import Codecs
from explorer.opener import opener
from explorer.session.session import Session
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
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
        session.tree.expand(session.tree.rows.at(0))
        session.select("folder/01")
        await session.idle()
        await asyncio.sleep(3.0)  # what was read is confirmed
        before, began = count(), time.monotonic()
        await asyncio.sleep(SECONDS)
        return (count() - before) / (time.monotonic() - began)


def counted(server: EtcdServer) -> int:
    """Return the requests to the v2 API that etcd counts in its metrics."""
    with urlopen(f"http://{server.address}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith("etcd_http_received_total{"))


def main() -> None:
    """Count."""
    with ConsulServer(settings={"log_level": "debug"}) as consul:
        rate = asyncio.run(idle(f"consul://{consul.address}/bench/", lambda: consul.requests))
        print(f"Consul: {rate:.2f} requests a second")
    with ZooKeeperServer() as zookeeper:
        rate = asyncio.run(idle(f"zk://{zookeeper.address}/bench/", lambda: zookeeper.requests))
        print(f"ZooKeeper: {rate:.2f} packets a second")
    with EtcdServer("3.4", v2=True) as etcd:
        rate = asyncio.run(idle(f"etcd2://{etcd.address}/bench/", lambda: counted(etcd)))
        print(f"etcd's v2 API: {rate:.2f} requests a second")


if __name__ == "__main__":
    main()
