"""Tasks, threads, sockets and memory after many connections and reconnections; `test_leaks` has etcd's."""

import pytest

from tests.faults.backends import CONSUL, ETCD2, REDIS, ZOOKEEPER, Backend, BackendServer
from tests.faults.replica import replicated, write_once
from tests.faults.resource_leaks import Resources, assert_no_leak
from tests.scale import PATIENCE, figure
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [
    pytest.mark.faults,
    pytest.mark.servers,
    pytest.mark.parametrize("backend", [CONSUL, ETCD2, REDIS, ZOOKEEPER], ids=str),
]

WARM_UP = 10
CONNECTIONS = figure(short=50, long=200)
RECONNECTIONS = figure(short=30, long=100)
MAX_SETTLING = 20
"""Further reconnections until no more is held than before; what leaks is never less again."""


async def test_connections_leave_nothing_behind(backend: Backend, shared_server: BackendServer, path: str) -> None:
    async def connect_once() -> None:
        async with backend.open(shared_server.address, path) as store, store.watch_tree("") as events:
            await anext(events)
            await store.put("key", b"value")
            async with store.lock("lock", ttl=10), store.watch("key") as single:
                await anext(single)

    for _ in range(WARM_UP):
        await connect_once()
    before = Resources.now()
    for _ in range(CONNECTIONS):
        await connect_once()
    await assert_no_leak(f"{CONNECTIONS} connections", before)


async def test_reconnections_leave_nothing_behind(backend: Backend, shared_server: BackendServer, path: str) -> None:
    async with (
        FaultProxy(shared_server.port) as proxy,
        backend.open(proxy.address, path) as store,
        replicated(store) as replica,
    ):

        async def reconnect(number: int) -> None:
            accepted = proxy.accepted
            proxy.reset_connections()
            await eventually(lambda: proxy.accepted > accepted, "it is connected again", PATIENCE)
            await write_once(store, "key", b"%d" % number)
            await replica.converged(store)

        for number in range(WARM_UP):
            await reconnect(number)
        before = Resources.now()
        for number in range(RECONNECTIONS):
            await reconnect(number)
        for number in range(MAX_SETTLING):  # a pool has a connection more after two calls at the same time
            if not before.growth(Resources.now()):
                break
            await reconnect(number)
        await assert_no_leak(f"{RECONNECTIONS} reconnections", before)
