"""Watches of an etcd server that is killed, stopped and compacted: no change is missing without a Resync."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from explorer.model.events import Lost, Resync
from tests.faults.watch_run import WatchRun, watch_run
from tests.scale import PATIENCE, figure
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.servers]

KILLS = figure(short=4, long=40)
COMPACTION = 0.2
"""Seconds between two compactions."""


async def wait_lost(running: WatchRun) -> None:
    await eventually(lambda: running.watcher.is_lost, "the watch is lost", PATIENCE)


@pytest.mark.parametrize("version", ["3.4", "3.5"])
async def test_watch_survives_kill_and_restart(version: str, tmp_path: Path) -> None:
    async with (
        EtcdServer(version) as server,
        watch_run(f"kill {version}", tmp_path, watched=[server.address], direct=[server.address]) as running,
    ):
        for _ in range(KILLS):
            async with running.fault("kill"):
                server.kill()
                await wait_lost(running)
                await asyncio.to_thread(server.start)
        assert running.watcher.count(Resync) == 0


async def test_briefly_stopped_server_loses_no_watch(tmp_path: Path) -> None:
    async with (
        EtcdServer("3.5") as server,
        watch_run("short pause", tmp_path, watched=[server.address], direct=[server.address]) as running,
    ):
        for _ in range(figure(short=2, long=20)):
            async with running.fault("pause"):
                await asyncio.to_thread(server.pause)
                await asyncio.sleep(1.0)  # the fault's own length
                server.resume()
        assert running.watcher.count(Lost) == 0


async def test_server_stopped_beyond_the_keepalive(tmp_path: Path) -> None:
    async with (
        EtcdServer("3.5") as server,
        watch_run("long pause", tmp_path, watched=[server.address], direct=[server.address]) as running,
    ):
        for _ in range(figure(short=1, long=10)):
            async with running.fault("pause"):
                await asyncio.to_thread(server.pause)
                await wait_lost(running)
                server.resume()
        assert running.watcher.count(Resync) == 0


@pytest.mark.parametrize("version", ["3.4", "3.5"])
async def test_compaction_while_disconnected(version: str, tmp_path: Path) -> None:
    """History is compacted every 200 ms meanwhile: each gap is a Resync, and the replica equals the store after it."""
    async with (
        EtcdServer(version) as server,
        FaultProxy(server.client_port) as proxy,
        watch_run(
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


async def compact(running: WatchRun, server: EtcdServer) -> None:
    """Compact the recorded history periodically; the server refuses to compact a revision twice."""
    forgotten = 0
    while running.recorder is not None:
        if (seen := running.recorder.seen) > forgotten:
            await asyncio.to_thread(server.ctl, "compaction", str(seen))
            running.compactions += 1
            forgotten = seen
        await asyncio.sleep(COMPACTION)


def compacted(running: WatchRun, goal: int) -> bool:
    return running.compactions >= goal
