"""Time limit for the resolution of a write whose reply was lost."""

import asyncio
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import pytest

from explorer.drivers.base import Store
from explorer.model.errors import OutcomeUnknown
from tests.faults.backends import CONSUL, ETCD, ETCD2, ZOOKEEPER, Backend, BackendServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [
    pytest.mark.faults,
    pytest.mark.servers,
    pytest.mark.parametrize("backend", [CONSUL, ETCD, ETCD2, ZOOKEEPER], ids=str),
]

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


@pytest.fixture
async def delayed(backend: Backend, shared_server: BackendServer, path: str) -> AsyncIterator[DelayedOutcome]:
    async with (
        FaultProxy(shared_server.port) as proxy,
        backend.open(shared_server.address, path) as direct,
        backend.open(proxy.address, path, timeout=TIMEOUT) as store,
    ):
        await direct.put("key", b"before")
        yield DelayedOutcome(proxy, store, direct, b64encode(b"after") if backend is CONSUL else b"after")
        proxy.heal()


async def test_unknown_write_ends_within_twice_its_timeout(delayed: DelayedOutcome) -> None:
    """It is OutcomeUnknown after the timeout of the request and as much again for resolving."""
    entry = await delayed.store.get("key")
    delayed.proxy.drop_replies_to(delayed.put_marker)
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        await delayed.store.atomic_put("key", b"after", entry)
    assert time.monotonic() - began < 2 * TIMEOUT + MARGIN < TIMEOUT + DEFAULT_RESOLVE_TIME


async def test_unknown_write_is_resolved_within_its_timeout(delayed: DelayedOutcome) -> None:
    """The reply is lost, and the store answers again before the time is over."""
    proxy, store = delayed.proxy, delayed.store
    entry = await store.get("key")
    proxy.drop_replies_to(delayed.put_marker)
    writing = asyncio.create_task(store.atomic_put("key", b"after", entry))

    async def is_written() -> bool:
        return (await delayed.direct.get("key")).value == b"after"

    await eventually(is_written, "the request is carried out", TIMEOUT)
    proxy.reset_connections()
    proxy.heal()
    assert (await writing).value == b"after"
    assert (await store.get("key")).value == b"after"
