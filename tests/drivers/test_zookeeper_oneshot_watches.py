"""Servers without persistent watches: a real one that is sent an unknown request instead of addWatch."""

import uuid
from typing import ClassVar, cast

import pytest

from explorer.drivers.base import Store
from explorer.drivers.zookeeper import ZooKeeperStore, messages
from explorer.drivers.zookeeper.messages import OpCode, ZooKeeperRequest
from explorer.model.address import Access, parse
from explorer.model.capabilities import Capability
from explorer.model.entries import Revision
from explorer.model.events import Lost, Resync
from tests.contract.fixtures import WAIT_TIMEOUT, keys_and_values, take_changes, take_events
from tests.contract.watches import WatchContract
from tests.drivers.zookeeper_fixtures import ZooKeeperFixtures
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer

_UNKNOWN_OP_CODE = 199
"""A request type that no server knows; the server closes the connection, as a legacy one does after addWatch."""


@pytest.fixture(autouse=True)
def _refuse_add_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    def add_watch(path: str, *, recursive: bool) -> ZooKeeperRequest[None]:
        del path, recursive
        return ZooKeeperRequest(cast("OpCode", _UNKNOWN_OP_CODE), b"", lambda _: None)

    monkeypatch.setattr(messages, "add_watch", add_watch)


class LegacyZooKeeperStore(ZooKeeperStore):
    """A store with the capabilities that remain with a legacy server."""

    capabilities = ZooKeeperStore.capabilities & ~Capability.EVERY_DELETION


async def test_legacy_server_loses_the_capability(shared_zookeeper: ZooKeeperServer) -> None:
    """EVERY_DELETION is dropped once a server turns out to be a legacy one."""
    async with ZooKeeperStore(parse(f"zk://{shared_zookeeper.address}/"), Access()) as store:
        async with store.watch_tree("") as events:
            await anext(events)
        assert store.capabilities == LegacyZooKeeperStore.capabilities
    assert ZooKeeperStore.capabilities != LegacyZooKeeperStore.capabilities


class TestLegacyZooKeeper(WatchContract, ZooKeeperFixtures):
    driver: ClassVar[type[Store]] = LegacyZooKeeperStore


async def test_legacy_watch_resyncs_after_a_loss(shared_zookeeper: ZooKeeperServer) -> None:
    """After a loss the watch reads everything and compares it with the known revisions."""
    root = f"old-{uuid.uuid4().hex[:12]}"
    async with (
        FaultProxy(shared_zookeeper.port) as proxy,
        ZooKeeperStore(parse(f"zk://{proxy.address}/{root}"), Access()) as store,
        ZooKeeperStore(parse(f"zk://{shared_zookeeper.address}/{root}"), Access()) as other,
    ):
        known: dict[str, Revision] = {key: (await other.put(key, b"1")).revision for key in ("a", "b", "c")}
        async with store.watch_tree("", known=known) as events:
            await take_events(events, 1)
            proxy.reset()
            assert isinstance((await take_events(events, 1))[0], Lost)
            await other.put("a", b"2")
            await other.delete("b")
            proxy.heal()
            assert isinstance((await take_events(events, 1))[0], Resync)
            assert sorted(keys_and_values(await take_changes(events, 2)), key=str) == [("a", b"2"), ("b", None)]
            await eventually(lambda: store.connection.state.is_connected, "it is connected", WAIT_TIMEOUT)
            await other.put("c", b"3")
            assert keys_and_values(await take_changes(events, 1)) == [("c", b"3")]
