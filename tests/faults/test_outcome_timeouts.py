"""Time limit for the resolution of a write whose reply was lost."""

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
TIMEOUT: Final = 1.5
"""The timeout of a request in seconds, shorter than the default time for resolving an outcome."""
DEFAULT_RESOLVE_TIME: Final = 10.0
"""Seconds for resolving an outcome where no timeout is set."""
MARGIN: Final = 2.0
"""Seconds for the last read, and for a busy machine."""


@dataclass(slots=True)
class DelayedOutcome:
    """A proxy, a store behind it with a timeout, and a store beside it."""

    proxy: FaultProxy
    store: Store
    direct: Store
    put_marker: bytes
    """Bytes that only the request that writes has."""


@pytest.fixture(params=SERVERS)
async def link(request: pytest.FixtureRequest) -> AsyncIterator[DelayedOutcome]:
    async with (
        SERVERS[request.param]() as server,
        FaultProxy(server.port) as proxy,
        explorer.open(f"{request.param}://{server.address}/doubt/") as direct,
        explorer.open(f"{request.param}://{proxy.address}/doubt/?timeout={TIMEOUT}") as store,
    ):
        await direct.put("key", b"before")
        yield DelayedOutcome(proxy, store, direct, b64encode(b"after") if request.param == "consul" else b"after")
        proxy.heal()


async def test_unknown_write_ends_within_twice_its_timeout(link: DelayedOutcome) -> None:
    """It is OutcomeUnknown after the timeout of the request and as much again for resolving."""
    entry = await link.store.get("key")
    link.proxy.drop_replies_to(link.put_marker)
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        await link.store.atomic_put("key", b"after", entry)
    assert time.monotonic() - began < 2 * TIMEOUT + MARGIN < TIMEOUT + DEFAULT_RESOLVE_TIME


async def test_unknown_write_is_resolved_within_its_timeout(link: DelayedOutcome) -> None:
    """The reply is lost, and the store answers again before the time is over."""
    proxy, store = link.proxy, link.store
    entry = await store.get("key")
    proxy.drop_replies_to(link.put_marker)
    writing = asyncio.create_task(store.atomic_put("key", b"after", entry))

    async def is_written() -> bool:
        return (await link.direct.get("key")).value == b"after"

    await eventually(is_written, "the request is carried out", TIMEOUT)
    proxy.reset_connections()
    proxy.heal()
    assert (await writing).value == b"after"
    assert (await store.get("key")).value == b"after"
