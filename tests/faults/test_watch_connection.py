"""Watches of etcd over connections that are cut, stopped and slow: no change is missing."""

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
from tests.faults.watch_run import WatchRun, watch_run
from tests.scale import PATIENCE, figure
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.servers]

CUTS = figure(short=6, long=60)


@asynccontextmanager
async def proxied(name: str, version: str, folder: Path) -> AsyncGenerator[tuple[WatchRun, FaultProxy], None]:
    async with (
        EtcdServer(version) as server,
        FaultProxy(server.client_port) as proxy,
        watch_run(name, folder, watched=[proxy.address], direct=[server.address]) as running,
    ):
        yield running, proxy
        assert running.watcher.count(Resync) == 0, "nothing was compacted: there is no reason for a gap"


async def wait_lost(running: WatchRun) -> None:
    await eventually(lambda: running.watcher.is_lost, "the watch is lost", PATIENCE)


@pytest.mark.parametrize("version", ["3.4", "3.5"])
async def test_watch_survives_reset_connections(version: str, tmp_path: Path) -> None:
    async with proxied(f"reset {version}", version, tmp_path) as (running, proxy):
        for _ in range(CUTS):
            async with running.fault("reset"):
                proxy.reset()
                await wait_lost(running)
                proxy.heal()


@pytest.mark.parametrize("version", ["3.4", "3.5"])
async def test_watch_survives_replies_cut_in_the_middle(version: str, tmp_path: Path) -> None:
    async with proxied(f"cut {version}", version, tmp_path) as (running, proxy):
        for number in range(CUTS * 2):
            async with running.fault("cut"):
                proxy.cut_after(300 + 997 * number)
                await wait_lost(running)
                proxy.heal()


async def test_watch_survives_a_cut_while_catching_up(tmp_path: Path) -> None:
    """During a catch-up the header's revision is ahead of the events: a watch that resumes there loses some."""
    async with proxied("cut in catch-up", "3.5", tmp_path) as (running, proxy):
        for number in range(CUTS):
            async with running.fault_without_recovery("reset"):
                proxy.reset()
                written = running.workload.writes
                await eventually(lambda: running.workload.writes > written + 300, "there is much to catch up", PATIENCE)  # noqa: B023 - awaited here
                accepted = proxy.accepted
                proxy.heal()
                proxy.cut_after(8_000 + 3_000 * number)
                await eventually(lambda: proxy.accepted > accepted + 1, "it was cut again", PATIENCE)  # noqa: B023 - the same
                proxy.heal()
            await running.recover()


async def test_watch_survives_dropped_replies(tmp_path: Path) -> None:
    async with proxied("dropped replies", "3.5", tmp_path) as (running, proxy):
        for _ in range(CUTS):
            async with running.fault("dropped replies"):
                received = running.workload.writes
                proxy.drop_replies()
                await eventually(lambda: running.workload.writes > received + 50, "replies were dropped", PATIENCE)  # noqa: B023 - awaited here
                proxy.heal()


async def test_watch_survives_a_slow_network(tmp_path: Path) -> None:
    async with proxied("throttle", "3.5", tmp_path) as (running, proxy), running.fault("throttle"):
        proxy.throttle(20_000)
        written = running.workload.writes
        await eventually(lambda: running.workload.writes > written + 1000, "the watcher lags", PATIENCE)
        proxy.heal()


async def test_large_response_on_a_slow_line() -> None:
    """Keepalive pings do not end a connection that is busy for longer than their timeout."""
    value = b"x" * 1_400_000
    async with (
        EtcdServer("3.5") as server,
        FaultProxy(server.client_port) as proxy,
        open_store(proxy.address, timeout=20) as store,
    ):
        await store.put("large", value)
        proxy.throttle(300_000)
        assert (await store.get("large")).value == value


async def test_watch_survives_half_open_connections(tmp_path: Path) -> None:
    """Nothing is closed and no byte moves: the keepalive ends the connection within 13 s."""
    async with proxied("hang", "3.5", tmp_path) as (running, proxy):
        for _ in range(figure(short=1, long=10)):
            async with running.fault("hang"):
                proxy.hang()
                await wait_lost(running)
                proxy.heal()


async def test_closed_stream_ends_at_once() -> None:
    """Not only at garbage collection: until then the server would continue to send."""
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
