"""A watch over a server that is killed, stopped and compacted tells its history, or which part it cannot tell."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from explorer.model.events import Lost, Resync
from tests.faults.watch_run import Lane, lane
from tests.scale import PATIENCE, figure
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.servers]

KILLS = figure(short=4, long=40)
COMPACTION = 0.2
"""Seconds between two compactions."""


async def wait_lost(running: Lane) -> None:
    await eventually(lambda: running.watcher.is_lost, "the loss is told", PATIENCE)


@pytest.mark.parametrize("version", ["3.4", "3.5"])
async def test_kill_9_and_a_restart(version: str, tmp_path: Path) -> None:
    async with (
        EtcdServer(version) as server,
        lane(f"kill {version}", tmp_path, watched=[server.address], direct=[server.address]) as running,
    ):
        for _ in range(KILLS):
            async with running.fault("kill"):
                server.kill()
                await wait_lost(running)
                await asyncio.to_thread(server.start)
        assert running.watcher.count(Resync) == 0


async def test_a_server_that_is_stopped_for_a_moment_loses_nobody(tmp_path: Path) -> None:
    async with (
        EtcdServer("3.5") as server,
        lane("short pause", tmp_path, watched=[server.address], direct=[server.address]) as running,
    ):
        for _ in range(figure(short=2, long=20)):
            async with running.fault("pause"):
                await asyncio.to_thread(server.pause)
                await asyncio.sleep(1.0)  # the fault's own length
                server.resume()
        assert running.watcher.count(Lost) == 0


async def test_a_server_that_is_stopped_for_longer_than_the_keepalive(tmp_path: Path) -> None:
    async with (
        EtcdServer("3.5") as server,
        lane("long pause", tmp_path, watched=[server.address], direct=[server.address]) as running,
    ):
        for _ in range(figure(short=1, long=10)):
            async with running.fault("pause"):
                await asyncio.to_thread(server.pause)
                await wait_lost(running)
                server.resume()
        assert running.watcher.count(Resync) == 0


@pytest.mark.parametrize("version", ["3.4", "3.5"])
async def test_compaction_while_cut_off(version: str, tmp_path: Path) -> None:
    """What was not heard is compacted away every 200 ms: each hole is told, and the state is right after it."""
    async with (
        EtcdServer(version) as server,
        FaultProxy(server.client_port) as proxy,
        lane(
            f"compaction {version}", tmp_path, watched=[proxy.address], direct=[server.address], recorded=True
        ) as running,
    ):
        running.compacted = True
        async with asyncio.TaskGroup() as group:
            compacting = group.create_task(compact(running, server))
            for number in range(figure(short=5, long=50)):
                async with running.fault("cut off"):
                    proxy.reset()
                    await wait_lost(running)
                    goal = running.compactions + number % 3 + 1
                    await eventually(partial(compacted, running, goal), "history is gone", PATIENCE)
                    proxy.heal()
            compacting.cancel()
        assert running.watcher.count(Resync) > 0


async def compact(running: Lane, server: EtcdServer) -> None:
    """Forget, again and again, what the recorder has taken down; the server refuses to forget the same twice."""
    forgotten = 0
    while running.recorder is not None:
        if (seen := running.recorder.seen) > forgotten:
            await asyncio.to_thread(server.ctl, "compaction", str(seen))
            running.compactions += 1
            forgotten = seen
        await asyncio.sleep(COMPACTION)


def compacted(running: Lane, goal: int) -> bool:
    return running.compactions >= goal
