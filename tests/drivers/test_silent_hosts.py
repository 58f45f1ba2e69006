"""Several hosts in one URL, of which one accepts connections and never answers, from the start or later."""

import asyncio
import uuid
from collections.abc import Callable
from typing import TypeAlias

import pytest

from explorer.drivers.base import Store
from explorer.drivers.consul import ConsulStore
from explorer.drivers.etcd2 import Etcd2Store
from explorer.model.address import Access, parse
from explorer.model.events import Put
from tests.drivers.error_cases import ANSWER_TIMEOUT
from tests.drivers.silent_hosts import silent_host
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy

pytestmark = pytest.mark.servers

TIMEOUT = 2.0
"""Seconds that one call may take."""

Open: TypeAlias = Callable[[str], Store]


@pytest.fixture(params=["consul", "etcd2"])
def server(request: pytest.FixtureRequest) -> ConsulServer | EtcdServer:
    found = request.getfixturevalue(f"shared_{request.param}")
    assert isinstance(found, ConsulServer | EtcdServer)
    return found


@pytest.fixture
def open_store(server: ConsulServer | EtcdServer) -> Open:
    """Return a function that makes a store of hosts, below this test's own path."""
    kind, scheme = (ConsulStore, "consul") if isinstance(server, ConsulServer) else (Etcd2Store, "etcd2")
    path = f"test-{uuid.uuid4().hex[:12]}"
    return lambda hosts: kind(parse(f"{scheme}://{hosts}/{path}?timeout={TIMEOUT}"), Access())


def port_of(server: ConsulServer | EtcdServer) -> int:
    return int(server.address.rpartition(":")[2])


async def test_silent_first_host_is_passed_over_at_first_contact(
    server: ConsulServer | EtcdServer, open_store: Open
) -> None:
    """Opening a store passes over a silent host within the time limit; later calls do not try it again."""
    async with silent_host() as silent, silent_host() as other:
        clock = asyncio.get_running_loop().time
        for hosts in (f"{silent},{server.address}", f"{silent},{other},{server.address}"):
            began = clock()
            async with open_store(hosts) as store:
                opened = clock()
                assert opened - began < TIMEOUT
                await store.put("a", b"1")
                assert (await store.get("a")).value == b"1"
                async with store.watch("a") as events, store.lock("b", ttl=10):
                    await anext(events)
                assert clock() - opened < TIMEOUT / 3, "nothing was asked of the silent host again"


async def test_host_that_freezes_later_is_passed_over(server: ConsulServer | EtcdServer, open_store: Open) -> None:
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


async def test_write_to_a_host_that_freezes_is_resolved_at_the_next(
    server: ConsulServer | EtcdServer, open_store: Open
) -> None:
    """A write whose answer is lost is repeated, being guarded, at the next host, and takes effect once."""
    async with FaultProxy(port_of(server)) as proxy, open_store(f"{proxy.address},{server.address}") as store:
        first = await store.put("a", b"1")
        proxy.drop_replies_to(b"prevIndex" if isinstance(server, EtcdServer) else b"check-index")
        async with asyncio.timeout(ANSWER_TIMEOUT):
            entry = await store.atomic_put("a", b"2", first)
        assert (await store.get("a")).revision == entry.revision
