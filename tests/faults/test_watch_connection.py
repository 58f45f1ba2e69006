"""A watch over a connection that is cut, stalled and starved tells the store's own history, without a gap."""

import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from explorer.drivers.etcd import messages
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import WATCH
from explorer.drivers.etcd.settings import load
from explorer.model.address import Access, parse
from explorer.model.events import Resync
from tests.faults.recorder import open_store
from tests.faults.watch_run import Lane, lane
from tests.scale import PATIENCE, figure
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.servers]

CUTS = figure(short=6, long=60)


@asynccontextmanager
async def proxied(name: str, version: str, folder: Path) -> AsyncGenerator[tuple[Lane, FaultProxy], None]:
    async with (
        EtcdServer(version) as server,
        FaultProxy(server.client_port) as proxy,
        lane(name, folder, watched=[proxy.address], direct=[server.address]) as running,
    ):
        yield running, proxy
        assert running.watcher.count(Resync) == 0, "nothing was compacted: there is no reason for a gap"


async def wait_lost(running: Lane) -> None:
    await eventually(lambda: running.watcher.is_lost, "the loss is told", PATIENCE)


@pytest.mark.parametrize("version", ["3.4", "3.5"])
async def test_reset_connections(version: str, tmp_path: Path) -> None:
    async with proxied(f"reset {version}", version, tmp_path) as (running, proxy):
        for _ in range(CUTS):
            async with running.fault("reset"):
                proxy.reset()
                await wait_lost(running)
                proxy.heal()


@pytest.mark.parametrize("version", ["3.4", "3.5"])
async def test_replies_cut_in_their_middle(version: str, tmp_path: Path) -> None:
    async with proxied(f"cut {version}", version, tmp_path) as (running, proxy):
        for number in range(CUTS * 2):
            async with running.fault("cut"):
                proxy.cut_after(300 + 997 * number)
                await wait_lost(running)
                proxy.heal()


async def test_a_connection_that_is_cut_while_it_catches_up(tmp_path: Path) -> None:
    """During a catch-up the header's revision is ahead of the events: whoever resumes there loses some."""
    async with proxied("cut in catch-up", "3.5", tmp_path) as (running, proxy):
        for number in range(CUTS):
            async with running.broken("reset"):
                proxy.reset()
                written = running.traffic.writes
                await eventually(lambda: running.traffic.writes > written + 300, "there is much to catch up", PATIENCE)  # noqa: B023 - awaited here
                accepted = proxy.accepted
                proxy.heal()
                proxy.cut_after(8_000 + 3_000 * number)
                await eventually(lambda: proxy.accepted > accepted + 1, "it was cut again", PATIENCE)  # noqa: B023 - the same
                proxy.heal()
            await running.recover()


async def test_replies_that_never_come(tmp_path: Path) -> None:
    async with proxied("dropped replies", "3.5", tmp_path) as (running, proxy):
        for _ in range(CUTS):
            async with running.fault("dropped replies"):
                received = running.traffic.writes
                proxy.drop_replies()
                await eventually(lambda: running.traffic.writes > received + 50, "replies were dropped", PATIENCE)  # noqa: B023 - awaited here
                proxy.heal()


async def test_a_slow_network(tmp_path: Path) -> None:
    async with proxied("throttle", "3.5", tmp_path) as (running, proxy), running.fault("throttle"):
        proxy.throttle(20_000)
        written = running.traffic.writes
        await eventually(lambda: running.traffic.writes > written + 1000, "the watcher lags", PATIENCE)
        proxy.heal()


async def test_a_large_answer_on_a_slow_line() -> None:
    """The pings by which a dead connection is noticed do not end one that is busy for longer than they wait."""
    value = b"x" * 1_400_000
    async with (
        EtcdServer("3.5") as server,
        FaultProxy(server.client_port) as proxy,
        open_store(proxy.address, timeout=20) as store,
    ):
        await store.put("large", value)
        proxy.throttle(300_000)
        assert (await store.get("large")).value == value


async def test_a_half_open_connection(tmp_path: Path) -> None:
    """Nothing is closed and nothing moves: the keepalive of the connection notices, within 13 s."""
    async with proxied("hang", "3.5", tmp_path) as (running, proxy):
        for _ in range(figure(short=1, long=10)):
            async with running.fault("hang"):
                proxy.hang()
                await wait_lost(running)
                proxy.heal()


async def test_a_stream_that_is_closed_is_ended_at_once() -> None:
    """Not when the garbage is collected: until then the server would go on sending."""
    abandoned: list[object] = []
    hooks = sys.get_asyncgen_hooks()
    create = messages.WatchRequest(create_request=messages.WatchCreateRequest(key=b"key"))
    async with EtcdServer("3.5") as server:
        cluster = EtcdConnection(load(parse(f"etcd://{server.address}/"), Access()))
        sys.set_asyncgen_hooks(finalizer=abandoned.append)
        try:
            async with aclosing(cluster.open_stream(WATCH, create, first_within=5.0)) as answers:
                assert (await anext(answers)).created
        finally:
            sys.set_asyncgen_hooks(*hooks)
        await cluster.close()
    assert abandoned == []
