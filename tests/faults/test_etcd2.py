"""etcd's v2 API hurt: killed, stopped, cut off, without a leader. What is told of the tree and of locks stays true."""

import asyncio
import random
import sys
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from explorer.drivers.etcd2 import Etcd2Store
from explorer.model.address import Access, parse
from explorer.model.clock import boottime
from explorer.model.errors import LockLost, NotReachable, OutcomeUnknown
from explorer.model.events import Lost, Restored, Resync
from tests.faults.replica import Replica, converged, folding, lost, write
from tests.faults.resource_leaks import Holding, nothing_is_left
from tests.faults.timeouts import hurried, in_time
from tests.scale import PATIENCE, figure, seed
from tests.servers.etcd import EtcdCluster, EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = pytest.mark.faults


def open_store(address: str, path: str = "lane", *, timeout: float = 2.0) -> Etcd2Store:
    return Etcd2Store(parse(f"etcd2://{address}/{path}?timeout={timeout}"), Access())


@asynccontextmanager
async def lane(
    watched: str, direct: str, path: str = "lane"
) -> AsyncGenerator[tuple[Replica, Etcd2Store, Etcd2Store, random.Random], None]:
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


# Watches


async def test_kill_9_and_a_restart(own_etcd2: EtcdServer) -> None:
    async with lane(own_etcd2.address, own_etcd2.address) as (folder, _, writer, choice):
        for number in range(figure(short=3, long=20)):
            own_etcd2.kill()
            await lost(folder, number)
            await asyncio.to_thread(own_etcd2.start)
            await write(writer, choice, 10)
            await converged(folder, writer)
        assert folder.count(Restored) > 0
        assert folder.count(Resync) == 0, "the store keeps its history over a restart"


async def test_a_server_that_is_stopped_proves_nothing_and_loses_nothing(own_etcd2: EtcdServer) -> None:
    async with lane(own_etcd2.address, own_etcd2.address) as (folder, store, writer, choice):
        for _ in range(figure(short=2, long=10)):
            await asyncio.to_thread(own_etcd2.pause)
            with pytest.raises(NotReachable):
                await in_time(store.ping(), 4.0)  # the contract's own figure for a proof is 2 s
            own_etcd2.resume()
            await write(writer, choice, 10)
            await converged(folder, writer)
        assert folder.count(Resync) == 0


@pytest.mark.parametrize("fault", ["reset", "hang", "drop_replies"])
async def test_a_watcher_that_is_cut_off_misses_nothing_in_the_end(shared_etcd2: EtcdServer, fault: str) -> None:
    async with (
        FaultProxy(shared_etcd2.client_port) as proxy,
        lane(proxy.address, shared_etcd2.address, f"lane-{uuid.uuid4().hex[:8]}") as (folder, _, writer, choice),
    ):
        for number in range(figure(short=3, long=20)):
            getattr(proxy, fault)()
            await write(writer, choice, 20)
            if fault == "reset":
                await lost(folder, number)
            proxy.heal()
            await converged(folder, writer)
        assert folder.count(Resync) == 0


async def test_a_half_open_connection_is_told_as_lost(
    shared_etcd2: EtcdServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explorer.drivers.etcd2.event_stream._MAX_SILENCE", 1.0)
    async with (
        FaultProxy(shared_etcd2.client_port) as proxy,
        lane(proxy.address, shared_etcd2.address, f"lane-{uuid.uuid4().hex[:8]}") as (folder, store, writer, choice),
    ):
        proxy.hang()
        await write(writer, choice, 20)
        with pytest.raises(NotReachable):
            await store.ping()
        await lost(folder, 0)
        proxy.heal()
        await converged(folder, writer)


async def test_the_loss_of_the_leader(etcd2_cluster: EtcdCluster) -> None:
    async with lane(etcd2_cluster.addresses, etcd2_cluster.addresses) as (folder, store, writer, choice):
        for _ in range(figure(short=2, long=10)):
            leader = await asyncio.to_thread(etcd2_cluster.leader)
            leader.kill()
            await asyncio.to_thread(etcd2_cluster.leader)
            await write(writer, choice, 20)
            await converged(folder, writer)
            assert (await store.status()).complaints
            await asyncio.to_thread(leader.start)
        assert folder.count(Resync) == 0


async def test_a_watch_at_a_member_that_is_stopped_goes_on_at_another_once_that_is_noticed(
    etcd2_cluster: EtcdCluster,
) -> None:
    leader = await asyncio.to_thread(etcd2_cluster.leader)
    stopped, *others = sorted(etcd2_cluster.members, key=lambda member: member is leader)
    addresses = ",".join(member.address for member in (stopped, *others))
    async with lane(addresses, leader.address) as (folder, store, writer, choice):
        await asyncio.to_thread(stopped.pause)
        await store.ping()
        await lost(folder, 0)
        await write(writer, choice, 10)
        await converged(folder, writer)
        stopped.resume()


async def test_a_member_without_its_quorum_proves_nothing_and_a_lock_is_lost_within_its_ttl(
    etcd2_cluster: EtcdCluster,
) -> None:
    alone, *others = etcd2_cluster.members
    async with open_store(alone.address) as store:
        lock = store.lock("job", ttl=3)
        await lock.acquire()
        for member in others:
            await asyncio.to_thread(member.pause)
        async with asyncio.timeout(PATIENCE):
            await lock.lost.wait()
        assert not lock.held
        with pytest.raises(LockLost):
            await lock.put("job", b"too late")
        with pytest.raises(NotReachable):
            await store.ping()
        for member in others:
            member.resume()
        await lock.release()


# Locks


async def test_a_lock_is_held_through_short_faults_and_lost_by_a_long_one(shared_etcd2: EtcdServer) -> None:
    path = f"locks-{uuid.uuid4().hex[:8]}"
    async with (
        FaultProxy(shared_etcd2.client_port) as proxy,
        open_store(proxy.address, path) as store,
        open_store(shared_etcd2.address, path) as beside,
    ):
        await hurried(store, 1.0)
        lock = store.lock("job", ttl=4)
        await lock.acquire()
        for _ in range(figure(short=3, long=20)):
            (info,) = await beside.locks()
            before = (await beside.get("job___lock")).revision
            proxy.reset_connections()

            async def renewed(before: object = before) -> bool:
                return (await beside.get("job___lock")).revision != before

            await eventually(renewed, "it is renewed", PATIENCE)
            assert lock.held
            assert info.holder is not None
            assert info.holder.fence == lock.fence
        proxy.drop_replies()
        over = boottime() + 4
        await eventually(lambda: boottime() >= over, "the time of the lock is over", PATIENCE)
        assert not lock.held
        async with asyncio.timeout(over + 1 - boottime()):
            await lock.lost.wait()
        await beside.lock("job", ttl=60).acquire(timeout=PATIENCE)
        assert not lock.held
        proxy.heal()
        await lock.release()
        assert [info.key for info in await beside.locks()] == ["job"], "what another took is left to it"


async def test_a_waiter_obtains_the_lock_of_a_holder_that_is_gone(shared_etcd2: EtcdServer) -> None:
    path = f"locks-{uuid.uuid4().hex[:8]}"
    async with (
        FaultProxy(shared_etcd2.client_port) as proxy,
        open_store(proxy.address, path) as store,
        open_store(shared_etcd2.address, path) as beside,
    ):
        await store.lock("job", ttl=2).acquire()
        waiting = asyncio.create_task(beside.lock("job", ttl=2).acquire())
        proxy.hang()
        async with asyncio.timeout(PATIENCE):
            await waiting
        proxy.heal()


# What is left


async def test_a_hundred_connections_leave_nothing(shared_etcd2: EtcdServer) -> None:
    path = f"leaks-{uuid.uuid4().hex[:8]}"

    async def once() -> None:
        async with open_store(shared_etcd2.address, path) as store, store.watch_tree("") as events:
            await anext(events)
            await store.put("key", b"value")
            async with store.lock("lock", ttl=10), store.watch("key") as single:
                await anext(single)

    await once()
    before = Holding.now()
    for _ in range(100):
        await once()
    await nothing_is_left("100 connections", before)


async def test_a_hundred_reconnections_leave_nothing(shared_etcd2: EtcdServer) -> None:
    async with (
        FaultProxy(shared_etcd2.client_port) as proxy,
        open_store(proxy.address, f"leaks-{uuid.uuid4().hex[:8]}") as store,
        folding(store) as folder,
    ):

        async def reconnect(number: int) -> None:
            losses = folder.count(Lost)
            proxy.reset_connections()
            await lost(folder, losses)
            await patiently(store, number)
            await converged(folder, store)

        await reconnect(0)
        before = Holding.now()
        for number in range(figure(short=30, long=100)):
            await reconnect(number)
        await nothing_is_left("reconnections", before)


async def patiently(store: Etcd2Store, number: int) -> None:
    async def written() -> bool:
        try:
            await store.put("key", f"{number}".encode())
        except (NotReachable, OutcomeUnknown):
            return False
        return True

    await eventually(written, "it is written", PATIENCE)
