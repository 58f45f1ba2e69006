"""Several hosts in one URL, of which one accepts connections and never answers, from the start or later."""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import pytest

import explorer
from explorer.drivers.base import Store
from explorer.model.events import Put
from tests.drivers.error_cases import ANSWER_TIMEOUT
from tests.drivers.silent_hosts import silent_host
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.servers

TIMEOUT = 2.0
"""Seconds that one call may take."""

Open: TypeAlias = Callable[[str], Store]
StoreServer: TypeAlias = ConsulServer | EtcdServer | RedisServer
SCHEMES: Final[Mapping[type[StoreServer], str]] = {ConsulServer: "consul", EtcdServer: "etcd2", RedisServer: "redis"}
GUARDS: Final[Mapping[type[StoreServer], bytes]] = {
    ConsulServer: b"check-index",
    EtcdServer: b"prevIndex",
    RedisServer: b"EVAL",
}
"""A part of each guarded write, as it is sent."""


@pytest.fixture(params=["consul", "etcd2", "redis"])
def server(request: pytest.FixtureRequest) -> StoreServer:
    found = request.getfixturevalue(f"shared_{request.param}")
    assert isinstance(found, ConsulServer | EtcdServer | RedisServer)
    return found


@pytest.fixture
def open_store(server: StoreServer) -> Open:
    """Return a function that makes a store of hosts, below this test's own path."""
    path = f"test-{uuid.uuid4().hex[:12]}"
    return lambda hosts: explorer.open(f"{SCHEMES[type(server)]}://{hosts}/{path}?timeout={TIMEOUT}")


def port_of(server: StoreServer) -> int:
    return int(server.address.rpartition(":")[2])


async def test_silent_first_host_is_passed_over_at_first_contact(server: StoreServer, open_store: Open) -> None:
    """Opening a store passes over a silent host within the time limit; later calls do not try it again."""
    contacts: list[None] = []
    async with silent_host(contacts) as silent, silent_host(contacts) as other:
        for hosts in (f"{silent},{server.address}", f"{silent},{other},{server.address}"):
            async with open_store(hosts) as store:
                tried = len(contacts)
                await store.put("a", b"1")
                assert (await store.get("a")).value == b"1"
                async with store.watch("a") as events, store.lock("b", ttl=10):
                    await anext(events)
                assert len(contacts) == tried, "nothing was asked of the silent host again"


async def test_host_that_freezes_later_is_passed_over(server: StoreServer, open_store: Open) -> None:
    """A host that freezes is left within the time limit by reads and by writes; the watch goes on at the next one."""
    async with FaultProxy(port_of(server)) as proxy, open_store(f"{proxy.address},{server.address}") as store:
        await store.put("a", b"1")
        async with store.watch_tree("") as events:
            await anext(events)
            proxy.hang()
            async with asyncio.timeout(TIMEOUT):
                assert (await store.get("a")).value == b"1"
            await store.put("a", b"2")
            async with asyncio.timeout(ANSWER_TIMEOUT):
                async for event in events:
                    if isinstance(event, Put):
                        assert event.entry.value == b"2"
                        break


async def test_write_to_a_host_that_freezes_is_resolved_at_the_next(server: StoreServer, open_store: Open) -> None:
    """A write whose answer is lost is repeated, being guarded, at the next host, and takes effect once."""
    async with FaultProxy(port_of(server)) as proxy, open_store(f"{proxy.address},{server.address}") as store:
        first = await store.put("a", b"1")
        proxy.drop_replies_to(GUARDS[type(server)])
        async with asyncio.timeout(ANSWER_TIMEOUT):
            entry = await store.atomic_put("a", b"2", first)
        assert (await store.get("a")).revision == entry.revision
