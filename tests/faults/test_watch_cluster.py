"""Watches of an etcd cluster whose members are killed, stopped and cut off."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from explorer.model.events import Lost, Resync
from tests.faults.watch_run import WatchRun, watch_run
from tests.scale import PATIENCE, figure
from tests.servers.etcd import EtcdCluster
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.servers]


@asynccontextmanager
async def watched_cluster(name: str, folder: Path) -> AsyncGenerator[tuple[WatchRun, EtcdCluster], None]:
    async with EtcdCluster("3.5") as cluster:
        members = [member.address for member in cluster.members]
        async with watch_run(name, folder, watched=members, direct=members) as running:
            yield running, cluster
            assert running.watcher.count(Resync) == 0


async def test_watch_survives_the_loss_of_the_leader(tmp_path: Path) -> None:
    """Watches at other members are interrupted for no longer than an election takes."""
    async with watched_cluster("leader kill", tmp_path) as (running, cluster):
        for _ in range(figure(short=3, long=30)):
            async with running.fault("leader killed"):
                leader = await asyncio.to_thread(cluster.leader)
                leader.kill()
                await asyncio.to_thread(cluster.leader)
                await running.recover()
                await asyncio.to_thread(leader.start)


async def test_watch_survives_the_loss_of_quorum(tmp_path: Path) -> None:
    """The member that is left would keep its watches silent; with require-leader it reports that it has none."""
    async with watched_cluster("quorum loss", tmp_path) as (running, cluster):
        for _ in range(figure(short=1, long=8)):
            async with running.fault("quorum lost"):
                lost = running.watcher.count(Lost)
                stopped = await asyncio.to_thread(cluster.followers)
                for member in stopped:
                    await asyncio.to_thread(member.pause)
                await eventually(lambda: running.watcher.count(Lost) > lost, "the watch is lost", PATIENCE)  # noqa: B023 - awaited here
                for member in stopped:
                    member.resume()


async def test_watch_survives_alternating_endpoints(tmp_path: Path) -> None:
    """One of two endpoints is always cut off: the watch resumes at the other."""
    async with EtcdCluster("3.5") as cluster:
        one, other, third = cluster.members
        async with (
            FaultProxy(one.client_port) as first,
            FaultProxy(other.client_port) as second,
            watch_run(
                "endpoint swap",
                tmp_path,
                watched=[first.address, second.address],
                direct=[third.address, one.address, other.address],
            ) as running,
        ):
            for number in range(figure(short=6, long=60)):
                async with running.fault("endpoint cut off"):
                    proxy = (first, second)[number % 2]
                    proxy.reset()
                    await running.recover()
                    proxy.heal()
            assert running.watcher.count(Resync) == 0
            assert running.watcher.count(Lost) > 0
