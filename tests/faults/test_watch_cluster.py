"""A watch with several endpoints goes on when members of the cluster die, and says so when none can answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from explorer.model.events import Lost, Resync
from tests.faults.watch_run import Lane, lane
from tests.scale import PATIENCE, figure
from tests.servers.etcd import EtcdCluster
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.servers]


@asynccontextmanager
async def watched_cluster(name: str, folder: Path) -> AsyncGenerator[tuple[Lane, EtcdCluster], None]:
    async with EtcdCluster("3.5") as cluster:
        members = [member.address for member in cluster.members]
        async with lane(name, folder, watched=members, direct=members) as running:
            yield running, cluster
            assert running.watcher.count(Resync) == 0


async def test_the_leader_is_killed(tmp_path: Path) -> None:
    """Those who hear another member are not disturbed by it for longer than an election takes."""
    async with watched_cluster("leader kill", tmp_path) as (running, cluster):
        for _ in range(figure(short=3, long=30)):
            async with running.fault("leader killed"):
                leader = await asyncio.to_thread(cluster.leader)
                leader.kill()
                await asyncio.to_thread(cluster.leader)
                await running.recover()
                await asyncio.to_thread(leader.start)


async def test_two_of_three_members_are_stopped(tmp_path: Path) -> None:
    """The member that is left would keep its watchers waiting in silence; asked for a leader, it says it has none."""
    async with watched_cluster("quorum loss", tmp_path) as (running, cluster):
        for _ in range(figure(short=1, long=8)):
            async with running.fault("quorum lost"):
                lost = running.watcher.count(Lost)
                stopped = await asyncio.to_thread(cluster.followers)
                for member in stopped:
                    await asyncio.to_thread(member.pause)
                await eventually(lambda: running.watcher.count(Lost) > lost, "the loss is told", PATIENCE)  # noqa: B023 - awaited here
                for member in stopped:
                    member.resume()


async def test_endpoints_that_fail_in_turns(tmp_path: Path) -> None:
    """Of two endpoints always one is cut off: the watch moves to the other, and resumes there where it was."""
    async with EtcdCluster("3.5") as cluster:
        one, other, third = cluster.members
        async with (
            FaultProxy(one.client_port) as first,
            FaultProxy(other.client_port) as second,
            lane(
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
