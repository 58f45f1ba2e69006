"""ZooKeeper killed, stopped, cut off and robbed of its leader: what is told of the tree and of saves stays true."""

import asyncio
import random
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

import pytest

from explorer.drivers.zookeeper import ZooKeeperStore
from explorer.model.address import Access, parse
from explorer.model.errors import NotReachable
from explorer.model.events import Resync
from tests.faults.replica import Replica, converged, folding, lost, write
from tests.faults.resource_leaks import Holding, nothing_is_left
from tests.faults.timeouts import in_time
from tests.scale import PATIENCE, figure, seed
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperCluster, ZooKeeperServer

pytestmark = pytest.mark.faults

Answer = TypeVar("Answer")

EDITORS = 4
ROUNDS = figure(short=3, long=40)
DELETE, SET_DATA, CREATE2 = 2, 5, 15
WINDOW = 25
"""Attempts that each fault meets, at least."""


def open_store(address: str, path: str = "/lane/", *, timeout: float = 2.0, session: float = 4.0) -> ZooKeeperStore:
    return ZooKeeperStore(parse(f"zk://{address}{path}?timeout={timeout}&session={session}"), Access())


@asynccontextmanager
async def lane(
    watched: str, direct: str, path: str = "/lane/"
) -> AsyncGenerator[tuple[Replica, ZooKeeperStore, ZooKeeperStore, random.Random], None]:
    """A watcher behind what a test puts in between, and a writer beside it."""
    chosen = seed()
    sys.stdout.write(f"seed {chosen}\n")
    choice = random.Random(chosen)
    async with open_store(watched, path) as store, open_store(direct, path) as writer:
        await write(writer, choice, 30)
        async with folding(store) as folder:
            yield folder, store, writer, choice
            await write(writer, choice, 10)
            await converged(folder, writer)


async def test_kill_9_and_a_restart(own_zookeeper: ZooKeeperServer) -> None:
    async with lane(own_zookeeper.address, own_zookeeper.address) as (folder, _, writer, choice):
        for number in range(figure(short=3, long=20)):
            own_zookeeper.kill()
            await lost(folder, number)
            await asyncio.to_thread(own_zookeeper.start)
            await write(writer, choice, 10)
            await converged(folder, writer)


async def test_a_server_that_is_stopped_is_told_as_lost_and_its_proof_fails_in_time(
    own_zookeeper: ZooKeeperServer,
) -> None:
    async with lane(own_zookeeper.address, own_zookeeper.address) as (folder, store, writer, choice):
        for number in range(figure(short=1, long=10)):
            await asyncio.to_thread(own_zookeeper.pause)
            with pytest.raises(NotReachable):
                await in_time(store.ping(), 4.0)  # the contract's own figure for a proof is 2 s
            await lost(folder, number)
            own_zookeeper.resume()
            await write(writer, choice, 10)
            await converged(folder, writer)


@pytest.mark.parametrize("fault", ["reset", "hang"])
async def test_a_watcher_that_is_cut_off_misses_nothing_in_the_end(
    shared_zookeeper: ZooKeeperServer, prefix: str, fault: str
) -> None:
    async with (
        FaultProxy(shared_zookeeper.port) as proxy,
        lane(proxy.address, shared_zookeeper.address, prefix) as (folder, _, writer, choice),
    ):
        for number in range(figure(short=2, long=20)):
            getattr(proxy, fault)()
            await write(writer, choice, 20)
            await lost(folder, number)
            proxy.heal()
            await converged(folder, writer)
        assert folder.count(Resync) > 0


async def test_a_session_that_expired_is_followed_by_another(shared_zookeeper: ZooKeeperServer, prefix: str) -> None:
    async with (
        FaultProxy(shared_zookeeper.port) as proxy,
        lane(proxy.address, shared_zookeeper.address, prefix) as (folder, store, writer, choice),
    ):
        session = store.connection.session
        proxy.reset()
        await lost(folder, 0)

        def expired() -> bool:
            return f"{session & (2**64 - 1):#x}" not in shared_zookeeper.word("dump")

        await eventually(expired, "the server ends the session", PATIENCE)
        await write(writer, choice, 20)
        proxy.heal()
        await converged(folder, writer)
        assert store.connection.session not in (0, session)


async def test_the_loss_of_the_leader(zookeeper_cluster: ZooKeeperCluster) -> None:
    async with lane(zookeeper_cluster.addresses, zookeeper_cluster.addresses) as (folder, _, writer, choice):
        for _ in range(figure(short=1, long=10)):
            leader = await asyncio.to_thread(zookeeper_cluster.leader)
            leader.kill()
            await asyncio.to_thread(zookeeper_cluster.leader)
            await write(writer, choice, 20)
            await converged(folder, writer)
            await asyncio.to_thread(leader.start)


async def test_reconnections_leave_no_thread_socket_or_task(shared_zookeeper: ZooKeeperServer, prefix: str) -> None:
    async with (
        FaultProxy(shared_zookeeper.port) as proxy,
        open_store(proxy.address, prefix) as store,
        folding(store) as folder,
    ):

        async def reconnect(times: int, mark: bytes) -> None:
            for _ in range(times):
                contacts = store.connection.contacts
                proxy.reset_connections()
                await eventually(partial(again, contacts), "it is connected again", PATIENCE)
            await store.put("key", mark)
            await converged(folder, store)

        def again(contacts: int) -> bool:
            return store.connection.contacts > contacts

        await reconnect(3, b"before")
        before = Holding.now()
        await reconnect(figure(short=20, long=100), b"after")
        await nothing_is_left("reconnections", before)
