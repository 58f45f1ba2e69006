"""How long a write whose answer was lost is asked about: as long as the person's time limit says, and no longer."""

import asyncio
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import pytest

import explorer
from explorer.drivers.base import Store
from explorer.model.errors import OutcomeUnknown
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer

pytestmark = [pytest.mark.faults, pytest.mark.servers]

Server: TypeAlias = ConsulServer | EtcdServer | ZooKeeperServer

SERVERS: Final[dict[str, Callable[[], Server]]] = {
    "consul": ConsulServer,
    "etcd": lambda: EtcdServer("3.5"),
    "etcd2": lambda: EtcdServer("3.4", v2=True),
    "zk": ZooKeeperServer,
}
LIMIT: Final = 1.5
"""Seconds that the person allows; less than all that is left for finding out where nobody says so."""
WITHOUT_LIMIT: Final = 10.0
"""Seconds that are spent on finding out where the person set no limit."""
SPARE: Final = 2.0
"""Seconds for the last look, and for a busy machine."""


@dataclass(slots=True)
class Ground:
    """A proxy, a store behind it whose requests have a time limit, and one that nothing disturbs."""

    proxy: FaultProxy
    store: Store
    direct: Store
    words: bytes
    """What the request that writes has in it."""


@pytest.fixture(params=SERVERS)
async def doubtful(request: pytest.FixtureRequest) -> AsyncIterator[Ground]:
    async with (
        SERVERS[request.param]() as server,
        FaultProxy(server.port) as proxy,
        explorer.open(f"{request.param}://{server.address}/doubt/") as direct,
        explorer.open(f"{request.param}://{proxy.address}/doubt/?timeout={LIMIT}") as store,
    ):
        await direct.put("key", b"before")
        yield Ground(proxy, store, direct, b64encode(b"after") if request.param == "consul" else b"after")
        proxy.heal()


async def test_write_in_doubt_ends_with_its_time_limit(doubtful: Ground) -> None:
    """It is OutcomeUnknown after the time of the request and as much again for finding out."""
    entry = await doubtful.store.get("key")
    doubtful.proxy.drop_replies_to(doubtful.words)
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        await doubtful.store.atomic_put("key", b"after", entry)
    assert time.monotonic() - began < 2 * LIMIT + SPARE < LIMIT + WITHOUT_LIMIT


async def test_write_in_doubt_is_found_out_within_its_limit(doubtful: Ground) -> None:
    """The answer is lost, and the store is heard again before the time is over."""
    proxy, store = doubtful.proxy, doubtful.store
    entry = await store.get("key")
    proxy.drop_replies_to(doubtful.words)
    writing = asyncio.create_task(store.atomic_put("key", b"after", entry))

    async def is_written() -> bool:
        return (await doubtful.direct.get("key")).value == b"after"

    await eventually(is_written, "the request is carried out", LIMIT)
    proxy.reset_connections()
    proxy.heal()
    assert (await writing).value == b"after"
    assert (await store.get("key")).value == b"after"
