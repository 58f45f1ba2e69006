"""Data restored to an older state that grew past the watch's position before the loss was noticed: still a Resync.

The watcher passes no `known` table, so only the driver can notice.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import pytest

import explorer
from explorer.drivers.base import Store
from explorer.drivers.consul import changed_keys, tree_watch
from explorer.model.errors import NotReachable
from explorer.model.events import Deleted, Event, Lost, Put, Restored, Resync, Started
from tests.scale import PATIENCE
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer

pytestmark = [pytest.mark.faults, pytest.mark.servers]

Server: TypeAlias = ConsulServer | EtcdServer | ZooKeeperServer

SERVERS: Final[dict[str, Callable[[], Server]]] = {
    "consul": ConsulServer,
    "etcd2": lambda: EtcdServer("3.4", v2=True),
    "zk": ZooKeeperServer,
}


@dataclass(slots=True)
class RestorableServer:
    """A server behind a proxy, and a folder for a copy of its data."""

    kind: str
    server: Server
    proxy: FaultProxy
    copy: Path

    @property
    def data(self) -> Path:
        return self.server.data if isinstance(self.server, EtcdServer) else self.server.folder / "data"

    def direct(self) -> Store:
        return explorer.open(f"{self.kind}://{self.server.address}/past/")

    def watched(self) -> Store:
        return explorer.open(f"{self.kind}://{self.proxy.address}/past/?timeout=2")

    async def write(self, **values: str) -> None:
        """Write as soon as the server takes a write."""
        async with AsyncExitStack() as stack:
            store = self.direct()

            async def opened() -> bool:
                try:
                    await store.connect()
                except NotReachable:
                    return False
                return True

            await eventually(opened, "the server answers", PATIENCE)
            stack.push_async_callback(store.close)
            for key, value in values.items():
                await store.put(key, value.encode())

    async def copy_data(self) -> None:
        """Copy the data as it is now."""
        await asyncio.to_thread(self.server.stop)
        await asyncio.to_thread(shutil.copytree, self.data, self.copy)
        await asyncio.to_thread(self.server.start)

    async def lose(self, *, back: bool) -> None:
        """Disconnect the watchers, and start with the copied data, or with none."""
        self.proxy.reset()
        await asyncio.to_thread(self.server.kill)
        if back:
            await asyncio.to_thread(shutil.rmtree, self.data)
            await asyncio.to_thread(shutil.copytree, self.copy, self.data)
        await asyncio.to_thread(self.server.start)

    async def grow(self) -> None:
        """Write beyond every earlier position, to other keys."""
        await self.write(**{f"grown-{number}": "" for number in range(60)})


@pytest.fixture(params=SERVERS)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RestorableServer]:
    server = SERVERS[request.param]()
    async with server, FaultProxy(server.client_port if isinstance(server, EtcdServer) else server.port) as proxy:
        yield RestorableServer(request.param, server, proxy, tmp_path / "copy")


async def read_until(events: AsyncIterator[Event], expected: dict[str, bytes | None]) -> list[Event]:
    """Return the events up to those that bring keys to the expected values."""
    seen: list[Event] = []
    shown = dict[str, bytes | None]()
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            async for event in events:
                seen.append(event)
                match event:
                    case Put(entry=entry):
                        shown[entry.key] = entry.value
                    case Deleted(key=key):
                        shown[key] = None
                    case Started() | Lost() | Restored() | Resync():
                        pass
                if expected.items() <= shown.items():
                    return seen
    raise AssertionError(f"the expected events are missing: {seen}")


CASES: Final[dict[str, tuple[dict[str, str], dict[str, str], dict[str, bytes | None]]]] = {
    "older": ({"a": "new"}, {}, {"a": b"old"}),
    "gone": ({"n": "new", "a": "new"}, {"a": "later"}, {"a": b"later", "n": None, "b": b"old"}),
}
"""Writes after the copy, writes after the loss, and the expected events."""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("amount", ["few", "many"])
async def test_restored_store_past_the_watch_is_a_resync(
    server: RestorableServer,
    case: str,
    amount: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The restored values are reported, of keys that the watch had reported and of others."""
    if amount == "many":
        monkeypatch.setattr(changed_keys, "MAX_PART_KEYS", 2)
        monkeypatch.setattr(tree_watch, "MAX_PART_KEYS", 2)
    before, after, expected = CASES[case]
    await server.write(a="old", b="old", c="old")
    await server.copy_data()
    await server.write(b="newer" if case == "gone" else "old")
    async with server.watched() as store, store.watch_tree("") as tree, store.watch("a") as key:
        for events in (tree, key):
            assert isinstance(await anext(events), Started)
        await server.write(**before)
        for events in (tree, key):
            await read_until(events, {"a": b"new"})
        await server.lose(back=True)
        await server.write(**after)
        await server.grow()
        server.proxy.heal()
        if server.kind == "zk":  # keeps no names: it reports deletions only with `known`
            expected = {name: value for name, value in expected.items() if value is not None}
        seen = await read_until(tree, expected)
        assert any(isinstance(event, Resync) for event in seen)
        assert not any(isinstance(event, Restored) for event in seen)
        await read_until(key, {"a": expected["a"]})


async def test_deleted_key_that_is_restored_is_a_resync(server: RestorableServer) -> None:
    """The key was deleted after the copy: neither its creation nor its deletion is in the present history."""
    await server.write(a="old", b="old")
    await server.copy_data()
    async with server.watched() as store, store.watch_tree("") as tree, store.watch("a") as key:
        for events in (tree, key):
            assert isinstance(await anext(events), Started)
        async with server.direct() as other:
            await other.delete("a")
        for events in (tree, key):
            await read_until(events, {"a": None})
        await server.lose(back=True)
        await server.grow()
        server.proxy.heal()
        for events in (tree, key):
            assert any(isinstance(event, Resync) for event in await read_until(events, {"a": b"old"}))


@pytest.mark.parametrize("server", ["consul", "etcd2"], indirect=True)
async def test_restart_with_the_same_data_is_no_resync(server: RestorableServer) -> None:
    """The last written key is deleted or written again meanwhile; with ZooKeeper each loss is a Resync."""
    await server.write(a="old", b="old", c="old")
    async with server.watched() as store, store.watch_tree("") as tree, store.watch("a") as key:
        for events in (tree, key):
            assert isinstance(await anext(events), Started)
        await server.write(a="new", b="new")
        for events in (tree, key):
            await read_until(events, {"a": b"new"})
        await server.lose(back=False)
        async with server.direct() as other:
            await other.delete("b")
        await server.write(a="newest", d="new")
        await server.grow()
        server.proxy.heal()
        seen = [
            *await read_until(tree, {"a": b"newest", "b": None, "d": b"new"}),
            *await read_until(key, {"a": b"newest"}),
        ]
        assert not any(isinstance(event, Resync) for event in seen)
