"""Requests of an idle session, counted by the server."""

import asyncio
import time

import pytest

import explorer
from explorer.codecs.codecs import Codecs
from explorer.opener import opener
from explorer.session.session import Session
from tests.servers.consul import ConsulServer
from tests.servers.zookeeper import ZooKeeperServer
from tests.session.fixtures import live, shown
from tests.session.liveness_probe import open_all

pytestmark = pytest.mark.servers

SECONDS = 5.0
PERIODS = 5
"""So often it may still be confirmed what was read."""


async def idle(server: ConsulServer | ZooKeeperServer, url: str) -> float:
    """Open a session with folders open and a key selected, and give the requests per second while nothing happens."""
    async with explorer.open(url) as store:
        for number in range(20):
            await store.put(f"folder/{number % 4}/{number:02}", b"value")
    async with Session(opener(url), Codecs()) as session:
        await live(session)
        await open_all(session.tree)
        await shown(session, "folder/1/01")
        rate = 0.0
        for _ in range(PERIODS):
            before, began = server.requests, time.monotonic()
            await asyncio.sleep(SECONDS)  # the measure
            rate = (server.requests - before) / (time.monotonic() - began)
            if rate < 1.0:
                break
        return rate


async def test_consul_idle_requests_stay_below_one_per_second() -> None:
    async with ConsulServer(settings={"log_level": "debug"}) as server:
        assert 0.25 < await idle(server, f"consul://{server.address}/idle/") < 1.0


async def test_zookeeper_idle_requests_stay_below_one_per_second() -> None:
    async with ZooKeeperServer() as server:
        assert 0.25 < await idle(server, f"zk://{server.address}/idle/") < 1.0
