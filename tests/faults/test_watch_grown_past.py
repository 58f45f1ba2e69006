"""Data that went back, and grew past the watcher's position before the loss was noticed: a watch says so all the same.

The watcher says nothing of what it knows, so only the driver can notice.
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
class Ground:
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
        """Write as soon as the server takes it."""
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

    async def keep(self) -> None:
        """Copy the data as it is now."""
        await asyncio.to_thread(self.server.stop)
        await asyncio.to_thread(shutil.copytree, self.data, self.copy)
        await asyncio.to_thread(self.server.start)

    async def lose(self, *, back: bool) -> None:
        """Cut the watchers off, and begin with the copied data, or with none."""
        self.proxy.reset()
        await asyncio.to_thread(self.server.kill)
        if back:
            await asyncio.to_thread(shutil.rmtree, self.data)
            await asyncio.to_thread(shutil.copytree, self.copy, self.data)
        await asyncio.to_thread(self.server.start)

    async def grow(self) -> None:
        """Write past every position of before, elsewhere."""
        await self.write(**{f"grown-{number}": "" for number in range(60)})


@pytest.fixture(params=SERVERS)
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    server = SERVERS[request.param]()
    async with server, FaultProxy(server.client_port if isinstance(server, EtcdServer) else server.port) as proxy:
        yield Ground(request.param, server, proxy, tmp_path / "copy")


async def take(events: AsyncIterator[Event], wanted: dict[str, bytes | None]) -> list[Event]:
    """Read events until they have told of keys what is wanted, and give them."""
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
                if wanted.items() <= shown.items():
                    return seen
    raise AssertionError(f"not told of what is wanted: {seen}")


CASES: Final[dict[str, tuple[dict[str, str], dict[str, str], dict[str, bytes | None]]]] = {
    "older": ({"a": "new"}, {}, {"a": b"old"}),
    "gone": ({"n": "new", "a": "new"}, {"a": "later"}, {"a": b"later", "n": None, "b": b"old"}),
}
"""What is written after the copy, what is written after the loss, and what the watch has to tell."""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("amount", ["few", "many"])
async def test_store_that_grew_past_its_watch_is_a_resync(
    ground: Ground,
    case: str,
    amount: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The values of before are told, of keys that the watch had told of and of others."""
    if amount == "many":
        monkeypatch.setattr(changed_keys, "MAX_PART_KEYS", 2)
        monkeypatch.setattr(tree_watch, "MAX_PART_KEYS", 2)
    before, after, wanted = CASES[case]
    await ground.write(a="old", b="old", c="old")
    await ground.keep()
    await ground.write(b="newer" if case == "gone" else "old")
    async with ground.watched() as store, store.watch_tree("") as tree, store.watch("a") as key:
        for events in (tree, key):
            assert isinstance(await anext(events), Started)
        await ground.write(**before)
        for events in (tree, key):
            await take(events, {"a": b"new"})
        await ground.lose(back=True)
        await ground.write(**after)
        await ground.grow()
        ground.proxy.heal()
        if ground.kind == "zk":  # which keeps no names: of a deletion it tells who says what it knows
            wanted = {name: value for name, value in wanted.items() if value is not None}
        told = await take(tree, wanted)
        assert any(isinstance(event, Resync) for event in told)
        assert not any(isinstance(event, Restored) for event in told)
        await take(key, {"a": wanted["a"]})


async def test_what_was_deleted_and_is_there_again_is_a_resync(ground: Ground) -> None:
    """The key was deleted after the copy: neither its creation nor its deletion is in the history of now."""
    await ground.write(a="old", b="old")
    await ground.keep()
    async with ground.watched() as store, store.watch_tree("") as tree, store.watch("a") as key:
        for events in (tree, key):
            assert isinstance(await anext(events), Started)
        async with ground.direct() as other:
            await other.delete("a")
        for events in (tree, key):
            await take(events, {"a": None})
        await ground.lose(back=True)
        await ground.grow()
        ground.proxy.heal()
        for events in (tree, key):
            assert any(isinstance(event, Resync) for event in await take(events, {"a": b"old"}))


@pytest.mark.parametrize("ground", ["consul", "etcd2"], indirect=True)
async def test_restart_with_the_same_data_is_no_resync(ground: Ground) -> None:
    """Although what was written last is deleted or written again meanwhile; with ZooKeeper each loss is one."""
    await ground.write(a="old", b="old", c="old")
    async with ground.watched() as store, store.watch_tree("") as tree, store.watch("a") as key:
        for events in (tree, key):
            assert isinstance(await anext(events), Started)
        await ground.write(a="new", b="new")
        for events in (tree, key):
            await take(events, {"a": b"new"})
        await ground.lose(back=False)
        async with ground.direct() as other:
            await other.delete("b")
        await ground.write(a="newest", d="new")
        await ground.grow()
        ground.proxy.heal()
        told = [*await take(tree, {"a": b"newest", "b": None, "d": b"new"}), *await take(key, {"a": b"newest"})]
        assert not any(isinstance(event, Resync) for event in told)
