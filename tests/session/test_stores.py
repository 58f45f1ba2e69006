"""Sessions on real stores that are hurt: what is shown as live is live, and the tree is the store's.

What is the same for every store stands here; what only etcd has, such as compaction, in `test_etcd`.
"""

import asyncio
import gc
import random
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import psutil
import pytest

import explorer
from explorer.codecs.codecs import Codecs
from explorer.drivers.base import Store
from explorer.model.capabilities import Capability
from explorer.model.errors import ExplorerError
from explorer.opener import opener
from explorer.session.editing.edit_states import Conflicted, Saved
from explorer.session.session import Session
from explorer.session.states import LivenessStatus, Ready
from tests.scale import PATIENCE, figure, seed
from tests.servers.consul import ConsulCluster, ConsulServer
from tests.servers.etcd import EtcdCluster, EtcdServer
from tests.servers.fixtures import (
    own_consul,
    own_etcd,
    own_etcd2,
    own_redis,
    own_zookeeper,
    prefix,
    shared_consul,
    shared_etcd,
    shared_etcd2,
    shared_redis,
    shared_zookeeper,
)
from tests.servers.proxy import FaultProxy
from tests.servers.redis import RedisServer
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperCluster, ZooKeeperServer
from tests.session.fixtures import editing, live, save
from tests.session.liveness_probe import SHOWN_WITHIN, becomes, comes_back, falls_stale, open_all, probed

__all__ = [
    "own_consul",
    "own_etcd",
    "own_etcd2",
    "own_redis",
    "own_zookeeper",
    "prefix",
    "shared_consul",
    "shared_etcd",
    "shared_etcd2",
    "shared_redis",
    "shared_zookeeper",
]

pytestmark = [pytest.mark.faults, pytest.mark.servers]

Server = ConsulServer | EtcdServer | RedisServer | ZooKeeperServer
ROUNDS = figure(1, 10)
RESET_SHOWN_WITHIN = 1.0
"""Seconds until a reset connection is stale: sooner than any heartbeat can expire, which takes two at least."""


@pytest.fixture
def etcd_version() -> str:
    """One version: the drivers' tests cover the differences."""
    return "3.5"


@pytest.fixture(params=["consul", "etcd", "etcd2", "redis", "zookeeper"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of store in turn."""
    kind: str = request.param
    return kind


@pytest.fixture
def late_server(kind: str) -> Server:
    """A server of each kind that the test has yet to start."""
    match kind:
        case "consul":
            return ConsulServer()
        case "redis":
            return RedisServer()
        case "zookeeper":
            return ZooKeeperServer()
        case "etcd2":
            return EtcdServer("3.4", v2=True)
        case _:
            return EtcdServer("3.5")


@pytest.fixture
def server(request: pytest.FixtureRequest, kind: str) -> Server:
    """The session's server of each kind, for tests that keep below their own `prefix` and hurt only connections."""
    server: Server = request.getfixturevalue(f"shared_{kind}")
    return server


def scheme(server: Server) -> str:
    match server:
        case ConsulServer():
            return "consul"
        case EtcdServer():
            return "etcd2" if server.v2 else "etcd"
        case RedisServer():
            return "redis"
        case ZooKeeperServer():
            return "zk"


def url(server: Server, prefix: str, address: str | None = None) -> str:
    options = "?separator=/" if isinstance(server, RedisServer) else ""
    return f"{scheme(server)}://{address or server.address}{prefix}{options}"


@asynccontextmanager
async def beside(server: Server, prefix: str) -> AsyncGenerator[Store, None]:
    """Somebody else, whom no fault of the network meets."""
    async with explorer.open(url(server, prefix)) as store:
        yield store


# What hurts, and what mends it. The network's faults leave the server to others meanwhile.

Hurt = Callable[[Server, FaultProxy], object]


@dataclass(frozen=True, slots=True)
class Fault:
    begin: Hurt
    end: Hurt
    of_the_network: bool
    shown_within: float = SHOWN_WITHIN


FAULTS = {
    "killed": Fault(lambda server, _: server.kill(), lambda server, _: server.start(), of_the_network=False),
    "stopped": Fault(lambda server, _: server.pause(), lambda server, _: server.resume(), of_the_network=False),
    "half-open": Fault(lambda _, proxy: proxy.hang(), lambda _, proxy: proxy.heal(), of_the_network=True),
    "reset": Fault(
        lambda _, proxy: proxy.reset(),
        lambda _, proxy: proxy.heal(),
        of_the_network=True,
        shown_within=RESET_SHOWN_WITHIN,
    ),
    "unanswered": Fault(lambda _, proxy: proxy.drop_replies(), lambda _, proxy: proxy.heal(), of_the_network=True),
}


async def scribble(store: Store, choice: random.Random, count: int) -> None:
    """Make, change and delete some keys, until the store has taken so many changes."""
    done = 0
    while done < count:
        key = f"{choice.randrange(4)}/{choice.randrange(6)}/{choice.randrange(3)}"
        with suppress(ExplorerError):
            if choice.random() < 0.4:
                await store.delete(key)
            else:
                await store.put(key, b"%d" % done)
            done += 1


@pytest.mark.parametrize("name", FAULTS)
async def test_live_is_true_and_loss_is_shown_within_5_s(
    request: pytest.FixtureRequest, kind: str, name: str, prefix: str
) -> None:
    chosen, fault = seed(), FAULTS[name]
    server: Server = request.getfixturevalue(f"{'shared' if fault.of_the_network else 'own'}_{kind}")
    sys.stdout.write(f"seed {chosen}\n")
    choice = random.Random(chosen)
    async with (
        beside(server, prefix) as other,
        FaultProxy(server.port) as proxy,
        probed(url(server, prefix, proxy.address)) as (session, probe),
    ):
        await scribble(other, choice, 30)
        await live(session)
        await open_all(session.tree)
        for _ in range(ROUNDS):
            await _do(fault.begin, server, proxy)
            assert await falls_stale(probe, time.monotonic()) < fault.shown_within
            assert "://" not in session.liveness.reason, "the address stands beside it"
            if fault.of_the_network:
                await scribble(other, choice, 20)
                await comes_back(probe, partial(other.put, value=b""), partial(fault.end, server, proxy))
            else:
                await _do(fault.end, server, proxy)
            await scribble(other, choice, 20)
            await live(session)
            await becomes(session.tree, other)


async def _do(hurt: Hurt, server: Server, proxy: FaultProxy) -> None:
    """Do what may block without stopping the proxy."""
    if hurt in (FAULTS["killed"].end, FAULTS["stopped"].begin):
        await asyncio.to_thread(hurt, server, proxy)
    else:
        hurt(server, proxy)


async def test_late_server_is_connected(late_server: Server, prefix: str) -> None:
    async with Session(opener(url(late_server, prefix)), Codecs()) as session:
        await session.idle()
        assert session.liveness.status is LivenessStatus.DISCONNECTED
        assert session.liveness.next_try is not None
        async with late_server:
            await live(session)


@pytest.mark.parametrize(
    ("scheme", "make"),
    [
        ("consul", ConsulCluster),
        ("etcd", EtcdCluster),
        ("etcd2", partial(EtcdCluster, "3.4", v2=True)),
        ("zk", ZooKeeperCluster),
    ],
    ids=["consul", "etcd", "etcd2", "zookeeper"],
)
async def test_stopped_server_of_several_keeps_the_watch(
    scheme: str, make: Callable[[], ConsulCluster | EtcdCluster | ZooKeeperCluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others prove that the store lives; the watch was at the one that does not: a follower, whom none misses."""
    monkeypatch.setattr("kazoo.protocol.connection.random.shuffle", lambda _: None)  # the first server comes first
    async with make() as cluster:
        done = False
        while not done:
            done = await _no_watch_is_deaf(scheme, cluster)


async def _no_watch_is_deaf(scheme: str, cluster: ConsulCluster | EtcdCluster | ZooKeeperCluster) -> bool:
    """Stop the server that a session's watch is at; False if that one was elected to lead meanwhile."""
    leader: Server = await asyncio.to_thread(cluster.leader)
    first = next(member for member in cluster.members if member is not leader)
    addresses = ",".join(member.address for member in cluster.members if member is not first)
    async with probed(f"{scheme}://{first.address},{addresses}/lane/") as (session, probe):
        await asyncio.to_thread(first.pause)
        if not await asyncio.to_thread(leader.is_leader):
            first.resume()
            return False

        def is_shown() -> bool:
            shown = session.tree.node("key") is not None
            return shown or session.liveness.status is not LivenessStatus.LIVE

        async with explorer.open(f"{scheme}://{addresses}/lane/?timeout=20") as other:
            await other.put("key", b"")
            written = time.monotonic()
            await eventually(is_shown, "it is shown, or not called live", PATIENCE)
            assert probe.since(written) <= SHOWN_WITHIN
            await eventually(lambda: session.tree.node("key") is not None, "it is shown", PATIENCE)
            await live(session)
        first.resume()
    return True


# Saves


async def test_saves_with_lost_answers_lose_nothing(server: Server, prefix: str) -> None:
    async with (
        beside(server, prefix) as other,
        FaultProxy(server.port) as proxy,
        probed(url(server, prefix, proxy.address)) as (session, _),
    ):
        await other.put("key", b"begun\n")
        await live(session)
        for number in range(figure(3, 30)):
            edit = await editing(session, "key")
            edit.set_text(f"{edit.text}line {number}\n")
            proxy.drop_replies()
            begun = time.monotonic()
            async with asyncio.TaskGroup() as group:
                group.create_task(save(edit))
                await asyncio.sleep(0.3)
                proxy.heal()
            assert time.monotonic() - begun < PATIENCE
            await eventually(lambda edit=edit: isinstance(edit.state, Saved), "it is saved", PATIENCE)  # type: ignore[misc]  # mypy does not infer a lambda with a default; it is awaited here
            await session.editor.leave()
            session.select(None)
            await live(session)
        lines = ((await other.get("key")).value or b"").decode().splitlines()
        assert lines == ["begun", *(f"line {number}" for number in range(figure(3, 30)))]


async def test_conflict_is_merged(server: Server, prefix: str) -> None:
    async with beside(server, prefix) as other, probed(url(server, prefix)) as (session, _):
        await other.put("key", b"one\ntwo\nthree\n")
        await live(session)
        edit = await editing(session, "key")
        edit.set_text("one\ntwo\nTHREE\n")
        await other.put("key", b"ONE\ntwo\nthree\n")
        await eventually(lambda: edit.theirs is not None, "their change is told", PATIENCE)
        assert isinstance(await save(edit), Conflicted)
        await edit.use_merged()
        assert isinstance(await save(edit), Saved)
        assert (await other.get("key")).value == b"ONE\ntwo\nTHREE\n"


async def test_save_on_a_recreated_key_is_a_conflict(server: Server, prefix: str) -> None:
    if Capability.DISTINCT_REVISIONS not in explorer.open(url(server, prefix)).capabilities:
        pytest.skip(f"{scheme(server)}: such a key is the one that it was")
    async with beside(server, prefix) as other, probed(url(server, prefix)) as (session, _):
        await other.put("key", b"first\n")
        await live(session)
        edit = await editing(session, "key")
        edit.set_text("mine\n")
        await other.delete("key")
        await other.put("key", b"first\n")
        assert isinstance(await save(edit), Conflicted)
        assert (await other.get("key")).value == b"first\n"


# Locks


def held(session: Session, key: str) -> bool:
    state = session.locks.state
    return isinstance(state, Ready) and any(lock.key == key and lock.holder for lock in state.value.locks)


async def test_lost_lock_is_reported_and_not_shown(server: Server, prefix: str) -> None:
    """Its holder is cut off. Consul gives a session twice its TTL."""
    ttl = 2.0
    async with (
        FaultProxy(server.port) as proxy,
        explorer.open(url(server, prefix, proxy.address)) as holder,
        probed(url(server, prefix)) as (session, _),
    ):
        lock = holder.lock("jobs/nightly", ttl=ttl)
        await lock.acquire()
        await eventually(lambda: held(session, "jobs/nightly"), "the holder is shown", PATIENCE)
        proxy.hang()
        hung = asyncio.get_running_loop().time()
        held_last = hung
        async with asyncio.timeout(ttl + 1):
            while not lock.lost.is_set():
                moment = asyncio.get_running_loop().time()
                if lock.held:
                    held_last = moment
                await asyncio.sleep(0.005)
        assert not lock.held
        assert held_last <= hung + ttl, "it was called held for longer than any renewal could have proved"
        await eventually(lambda: not held(session, "jobs/nightly"), "nobody is shown to hold it", PATIENCE)
        proxy.heal()


# What is left


async def test_sessions_leave_no_connection(server: Server, prefix: str) -> None:
    async with FaultProxy(server.port) as proxy:
        tasks = {task.get_name() for task in asyncio.all_tasks()}
        for _ in range(figure(5, 50)):
            async with Session(opener(url(server, prefix, proxy.address)), Codecs()) as session:
                await live(session)
        gc.collect()

        def connected() -> bool:
            """Look at our own end: Consul notices only when it has an answer that a client has gone."""
            found = psutil.Process().net_connections()
            return any(one.raddr[-1:] == (proxy.port,) for one in found)

        await eventually(lambda: not connected(), "every connection is closed", PATIENCE)
        left = {task.get_name() for task in asyncio.all_tasks()}
        assert {name for name in left - tasks if not name.startswith("Task-")} == set()
