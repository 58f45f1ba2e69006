"""Faults that only etcd's v2 API has a way to notice, and locks over short and long faults."""

import asyncio
import random
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from explorer.drivers.etcd2 import Etcd2Store
from explorer.model.address import Access, parse
from explorer.model.clock import boottime
from explorer.model.errors import NotReachable
from tests.faults.replica import Replica, replicated, write_some
from tests.faults.timeouts import warm_up_and_limit
from tests.scale import PATIENCE, figure, seed
from tests.servers.etcd import EtcdCluster, EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.servers]


def open_store(address: str, path: str = "faults", *, timeout: float = 2.0) -> Etcd2Store:
    return Etcd2Store(parse(f"etcd2://{address}/{path}?timeout={timeout:g}"), Access())


@asynccontextmanager
async def watch_run(
    watched: str, direct: str, path: str = "faults"
) -> AsyncGenerator[tuple[Replica, Etcd2Store, Etcd2Store, random.Random], None]:
    """Watch at one address while a writer writes at another, and compare at the end."""
    chosen = seed()
    sys.stdout.write(f"seed {chosen}\n")
    choice = random.Random(chosen)
    async with open_store(watched, path) as store, open_store(direct, path) as writer:
        await write_some(writer, choice, 30)
        async with replicated(store) as replica:
            yield replica, store, writer, choice
            await write_some(writer, choice, 10)
            await replica.converged(writer)


async def test_half_open_connection_is_lost(
    shared_etcd2: EtcdServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("explorer.drivers.etcd2.event_stream._MAX_SILENCE", 1.0)
    async with (
        FaultProxy(shared_etcd2.client_port) as proxy,
        watch_run(proxy.address, shared_etcd2.address, path) as (replica, store, writer, choice),
    ):
        proxy.hang()
        await write_some(writer, choice, 20)
        with pytest.raises(NotReachable):
            await store.ping()
        await replica.wait_lost(0)
        proxy.heal()
        await replica.converged(writer)


async def test_watch_of_a_stopped_member_continues_at_another(
    etcd2_cluster: EtcdCluster,
) -> None:
    leader = await asyncio.to_thread(etcd2_cluster.leader)
    stopped, *others = sorted(etcd2_cluster.members, key=lambda member: member is leader)
    addresses = ",".join(member.address for member in (stopped, *others))
    async with watch_run(addresses, leader.address) as (replica, store, writer, choice):
        await asyncio.to_thread(stopped.pause)
        await store.ping()
        await replica.wait_lost(0)
        await write_some(writer, choice, 10)
        await replica.converged(writer)
        stopped.resume()


async def test_lock_survives_short_faults_and_is_lost_by_a_long_one(shared_etcd2: EtcdServer, path: str) -> None:
    async with (
        FaultProxy(shared_etcd2.client_port) as proxy,
        open_store(proxy.address, path) as store,
        open_store(shared_etcd2.address, path) as beside,
    ):
        await warm_up_and_limit(store, 1.0)
        lock = store.lock("job", ttl=4)
        await lock.acquire()
        for _ in range(figure(short=3, long=20)):
            (info,) = await beside.locks()
            before = (await beside.get("job___lock")).revision
            proxy.reset_connections()

            async def is_renewed(before: object = before) -> bool:
                return (await beside.get("job___lock")).revision != before

            await eventually(is_renewed, "it is is_renewed", PATIENCE)
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


async def test_waiter_gets_the_lock_of_a_vanished_holder(shared_etcd2: EtcdServer, path: str) -> None:
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
