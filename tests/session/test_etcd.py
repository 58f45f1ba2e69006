"""Sessions on real etcds: quorum, compaction, streams, leases and users. `test_stores` has what every store shares."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import chain

import pytest

from explorer.codecs.codecs import Codecs
from explorer.model.entries import Entry
from explorer.opener import opener
from explorer.session.editing.edit_states import Saved
from explorer.session.session import Session
from explorer.session.states import LivenessStatus, Ready
from tests.scale import PATIENCE
from tests.servers.etcd import EtcdCluster, EtcdServer
from tests.servers.fixtures import prefix, shared_etcd
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually
from tests.session.fixtures import editing, live, save
from tests.session.liveness_probe import comes_back, falls_stale, probed, stale_in_time

__all__ = ["prefix", "shared_etcd"]

pytestmark = [pytest.mark.faults, pytest.mark.servers]


@pytest.fixture
def etcd_version() -> str:
    """One version will do: what differs is the driver's, and tested there."""
    return "3.5"


def put(server: EtcdServer, prefix: str) -> Callable[[str], Awaitable[str]]:
    """Return a function that writes a key on a server's own port."""
    return lambda key: asyncio.to_thread(server.ctl, "put", f"{prefix}{key}", "x")


async def test_half_open_watch_is_stale_within_5_s(shared_etcd: EtcdServer, prefix: str) -> None:
    """The store answers on every other connection; the one that changes are heard on is dead and does not say so."""
    async with FaultProxy(shared_etcd.client_port) as proxy:
        first = opener(f"etcd://{proxy.address}/{prefix}")()
        stores = chain([first], iter(opener(f"etcd://{shared_etcd.address}/{prefix}"), None))
        async with probed(lambda: next(stores)) as (session, probe):
            proxy.hang()
            await stale_in_time(probe, time.monotonic())
            shared_etcd.ctl("put", f"{prefix}key", "x")
            proxy.heal()
            await live(session)
            assert session.tree.node("key") is not None


async def test_lost_quorum_is_stale_within_5_s() -> None:
    """The member that is left still answers, and knows nothing."""
    async with EtcdCluster("3.5") as cluster:
        followers = await asyncio.to_thread(cluster.followers)
        left = next(member for member in cluster.members if member not in followers)
        async with probed(f"etcd://{left.address}/") as (session, probe):
            for member in followers:
                await asyncio.to_thread(member.pause)
            await falls_stale(probe, time.monotonic())
            for member in followers:
                member.resume()
            await live(session)


async def test_one_of_three_members_lost_stays_live() -> None:
    async with EtcdCluster("3.5") as cluster, probed(f"etcd://{cluster.addresses}/") as (session, _):
        left = await _without_a_follower(cluster)
        await live(session)
        left.ctl("put", "key", "x")
        await eventually(lambda: session.tree.node("key") is not None, "the change is shown", PATIENCE)


async def _without_a_follower(cluster: EtcdCluster) -> EtcdServer:
    """Kill a member that does not lead, and give the one that does: the cluster needs no election."""
    while True:
        leader = await asyncio.to_thread(cluster.leader)
        killed = next(member for member in cluster.members if member is not leader)
        await asyncio.to_thread(killed.kill)
        if await asyncio.to_thread(leader.is_leader):
            return leader
        await asyncio.to_thread(killed.start)  # it was elected meanwhile


async def test_compacted_history_is_resynced_before_live(shared_etcd: EtcdServer, prefix: str) -> None:
    async with (
        FaultProxy(shared_etcd.client_port) as proxy,
        probed(f"etcd://{proxy.address}/{prefix}") as (session, probe),
    ):
        shared_etcd.ctl("put", f"{prefix}gone", "x")
        await eventually(lambda: session.tree.node("gone") is not None, "it is shown", PATIENCE)
        proxy.reset()
        await eventually(lambda: session.liveness.status is LivenessStatus.STALE, "it is stale", PATIENCE)
        shared_etcd.ctl("del", f"{prefix}gone")
        shared_etcd.compact()
        await comes_back(probe, put(shared_etcd, prefix), proxy.heal)
        assert session.tree.node("gone") is None


@pytest.mark.filterwarnings("ignore:a password in a URL")
async def test_user_with_partial_rights_can_work() -> None:
    async with EtcdServer("3.5") as server:
        server.ctl("put", "/mine/key", "x")
        server.enable_auth("secret")
        server.add_user("reader", "word", [])
        server.ctl("role", "grant-permission", "reader", "--prefix=true", "readwrite", "/mine/")
        make = opener(f"etcd://reader:word@{server.address}//mine/")
        async with Session(make, Codecs()) as session:
            await live(session)
            assert session.tree.node("key") is not None
            assert "word" not in session.address


async def test_save_keeps_the_lease_and_shows_its_ttl(shared_etcd: EtcdServer, prefix: str) -> None:
    async with probed(f"etcd://{shared_etcd.address}/{prefix}") as (session, _):
        lease = shared_etcd.ctl("lease", "grant", "600").split()[1]
        shared_etcd.ctl("put", f"--lease={lease}", f"{prefix}key", "x")
        edit = await editing(session, "key")
        assert isinstance(session.detail.state, Ready)
        left = session.detail.state.value.ttl_left(session.clock.now())
        assert left is not None
        assert 500 < left <= 600
        edit.set_text("y")
        await save(edit)
        assert isinstance(edit.state, Saved)
        entry: Entry = edit.state.entry
        assert entry.lease is not None
        assert int(entry.lease, 16) == int(lease, 16)
        await eventually(lambda: _shows(session, b"y"), "the change is shown", PATIENCE)
        assert isinstance(session.detail.state, Ready)
        assert session.detail.state.value.ttl_left(session.clock.now()) is not None


def _shows(session: Session, value: bytes) -> bool:
    reading = session.detail.loaded
    return reading is not None and reading.entry.value == value
