"""Watches of stores that are killed, stopped, cut off and robbed of their leader: a replica equals the store again."""

import asyncio
import random
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import pytest

from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.errors import NotReachable
from explorer.model.events import Lost, Restored, Resync
from tests.faults.backends import CONSUL, ETCD2, REDIS, ZOOKEEPER, Backend, BackendCluster, BackendServer
from tests.faults.replica import Replica, replicated, write_some
from tests.faults.timeouts import complete_within
from tests.scale import figure, seed
from tests.servers.proxy import FaultProxy

pytestmark = [pytest.mark.faults, pytest.mark.servers]

TIMEOUT: Final = 2.0
"""Seconds for a request of the store that is watched; those of the writer may take longer."""

every_backend = pytest.mark.parametrize("backend", [CONSUL, ETCD2, REDIS, ZOOKEEPER], ids=str)


@dataclass(frozen=True, slots=True)
class WatchRun:
    """A replica kept by a watch of `store`, and `writer`, which writes beside it."""

    backend: Backend
    replica: Replica
    store: Store
    writer: Store
    choice: random.Random

    async def write(self, count: int) -> None:
        await write_some(self.writer, self.choice, count)

    async def converged(self) -> None:
        await self.replica.converged(self.writer)

    def assert_continued(self) -> None:
        """Assert that the watch went on after its losses, by a Resync where the store has no other way."""
        if self.backend.resyncs:
            assert self.replica.count(Resync) > 0
        else:
            assert self.replica.count(Restored) > 0
            assert self.replica.count(Resync) == 0, "the store keeps its history"


@asynccontextmanager
async def watch_run(
    backend: Backend, watched: str, direct: str, path: str = "faults"
) -> AsyncGenerator[WatchRun, None]:
    """Watch at one address while a writer writes at another, and compare at the end."""
    chosen = seed()
    sys.stdout.write(f"watch {backend}: seed {chosen}\n")
    async with backend.open(watched, path, timeout=TIMEOUT) as store, backend.open(direct, path) as writer:
        run = WatchRun(backend, Replica(), store, writer, random.Random(chosen))
        await run.write(30)
        async with replicated(store) as replica:
            run = WatchRun(backend, replica, store, writer, run.choice)
            yield run
            await run.write(10)
            await run.converged()


@every_backend
async def test_watch_continues_after_kill_and_restart(backend: Backend, own_server: BackendServer) -> None:
    async with watch_run(backend, own_server.address, own_server.address) as run:
        for _ in range(figure(short=3, long=20)):
            losses = run.replica.count(Lost)
            await asyncio.to_thread(own_server.kill)
            await run.replica.wait_lost(losses)
            await asyncio.to_thread(own_server.start)
            await run.write(10)
            await run.converged()
        run.assert_continued()


@every_backend
async def test_watch_continues_after_the_server_was_stopped(backend: Backend, own_server: BackendServer) -> None:
    """A stopped server answers no ping; the contract allows a ping 2 s."""
    async with watch_run(backend, own_server.address, own_server.address) as run:
        for _ in range(figure(short=2, long=10)):
            losses = run.replica.count(Lost)
            await asyncio.to_thread(own_server.pause)
            with pytest.raises(NotReachable):
                await complete_within(run.store.ping(), 4.0)
            if backend.notices_silence:
                await run.replica.wait_lost(losses)
            await asyncio.to_thread(own_server.resume)
            await run.write(10)
            await run.converged()
        assert backend.resyncs or run.replica.count(Resync) == 0


@every_backend
@pytest.mark.parametrize("fault", ["reset", "hang", "drop_replies"])
async def test_watch_continues_after_the_network_was_gone(
    backend: Backend, shared_server: BackendServer, path: str, fault: str
) -> None:
    async with (
        FaultProxy(shared_server.port) as proxy,
        watch_run(backend, proxy.address, shared_server.address, path) as run,
    ):
        for _ in range(figure(short=3, long=20)):
            losses = run.replica.count(Lost)
            getattr(proxy, fault)()
            await run.write(20)
            if fault == "reset" or backend.notices_silence:
                await run.replica.wait_lost(losses)
            proxy.heal()
            await run.converged()
        if fault == "reset" or backend.notices_silence:
            run.assert_continued()
        else:
            assert run.replica.count(Resync) == 0


@pytest.mark.parametrize("backend", [CONSUL, ETCD2, ZOOKEEPER], ids=str)
async def test_watch_and_lock_survive_the_loss_of_the_leader(backend: Backend, voting_cluster: BackendCluster) -> None:
    addresses = voting_cluster.addresses
    async with (
        watch_run(backend, addresses, addresses) as run,
        run.writer.lock("job", ttl=60) as lock,
    ):
        for number in range(figure(short=2, long=10)):
            leader = await asyncio.to_thread(voting_cluster.leader)
            await asyncio.to_thread(leader.kill)
            await asyncio.to_thread(voting_cluster.leader)
            await run.write(20)
            await run.converged()
            assert lock.held
            if Capability.FENCING in run.writer.capabilities:
                assert (await lock.put("by the holder", b"%d" % number)).key == "by the holder"
            assert (await run.writer.status()).complaints
            await asyncio.to_thread(leader.start)
        assert backend.resyncs or run.replica.count(Resync) == 0
