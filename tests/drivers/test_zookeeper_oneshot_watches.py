"""Servers without watches that stay: there is none of before 3.6 here, so a real one is asked for what it cannot do."""

import asyncio
import uuid
from typing import ClassVar, cast
from urllib.parse import quote

import pytest

from explorer.drivers.base import Store
from explorer.drivers.zookeeper import ZooKeeperStore, messages
from explorer.drivers.zookeeper.messages import OpCode, ZooKeeperRequest
from explorer.model.address import Access, parse
from explorer.model.capabilities import Capability
from explorer.model.entries import Entry, Revision
from explorer.model.events import Lost, Resync
from tests.contract.fixtures import PATIENCE, DriverFixtures, changes, take, told
from tests.contract.watches import Watching
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer

_UNKNOWN = 199
"""The type of a request that no server knows: it says so and ends the connection, as an old one does for add_watch."""


@pytest.fixture(autouse=True)
def _older(monkeypatch: pytest.MonkeyPatch) -> None:
    def add_watch(path: str, *, recursive: bool) -> ZooKeeperRequest[None]:
        del path, recursive
        return ZooKeeperRequest(cast("OpCode", _UNKNOWN), b"", lambda _: None)

    monkeypatch.setattr(messages, "add_watch", add_watch)


class Older(ZooKeeperStore):
    """What such servers are found to be able to do."""

    capabilities = ZooKeeperStore.capabilities & ~Capability.EVERY_DELETION


async def test_what_such_a_server_cannot_do_is_no_capability_any_more(shared_zookeeper: ZooKeeperServer) -> None:
    async with ZooKeeperStore(parse(f"zk://{shared_zookeeper.address}/"), Access()) as store:
        async with store.watch_tree("") as events:
            await anext(events)
        assert store.capabilities == Older.capabilities
    assert ZooKeeperStore.capabilities != Older.capabilities


class TestZooKeeperOfOld(Watching, DriverFixtures):
    driver: ClassVar[type[Store]] = Older

    @pytest.fixture(autouse=True)
    def _server(self, shared_zookeeper: ZooKeeperServer) -> None:
        self.server = shared_zookeeper
        self.root = f"old-{uuid.uuid4().hex[:12]}"

    def connection(self, path: str = "") -> Store:
        return ZooKeeperStore(parse(f"zk://{self.server.address}/{self.root}/{quote(path)}"), Access())

    def stale(self, entry: Entry) -> Revision:
        return f"{entry.revision}6744"

    async def advance(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def test_after_a_loss_everything_is_read_and_compared(shared_zookeeper: ZooKeeperServer) -> None:
    root = f"old-{uuid.uuid4().hex[:12]}"
    async with (
        FaultProxy(shared_zookeeper.port) as proxy,
        ZooKeeperStore(parse(f"zk://{proxy.address}/{root}"), Access()) as store,
        ZooKeeperStore(parse(f"zk://{shared_zookeeper.address}/{root}"), Access()) as other,
    ):
        known: dict[str, Revision] = {key: (await other.put(key, b"1")).revision for key in ("a", "b", "c")}
        async with store.watch_tree("", known=known) as events:
            await take(events, 1)
            proxy.reset()
            assert isinstance((await take(events, 1))[0], Lost)
            await other.put("a", b"2")
            await other.delete("b")
            proxy.heal()
            assert isinstance((await take(events, 1))[0], Resync)
            assert sorted(told(await changes(events, 2)), key=str) == [("a", b"2"), ("b", None)]
            await eventually(lambda: store.connection.state.is_connected, "it is connected", PATIENCE)
            await other.put("c", b"3")
            assert told(await changes(events, 1)) == [("c", b"3")]
