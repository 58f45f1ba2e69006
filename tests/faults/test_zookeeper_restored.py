"""ZooKeeper's data lost, or gone back to an older state: sessions and watches go on with what is there now."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from explorer.codecs.codecs import Codecs
from explorer.drivers.zookeeper import ZooKeeperStore
from explorer.model.errors import NotReachable
from explorer.model.events import Resync
from explorer.opener import opener
from explorer.session.session import Session
from explorer.session.states import LivenessStatus
from tests.faults.replica import Replica, following
from tests.faults.test_zookeeper import open_store
from tests.scale import PATIENCE
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer
from tests.session.fixtures import live

pytestmark = pytest.mark.faults

NEWER = 30
"""Writes after the copy of the data was made."""


async def contents(store: ZooKeeperStore) -> dict[str, bytes | None]:
    return {entry.key: entry.value async for entry in store.walk("")}


async def write_before(server: ZooKeeperServer, folder: Path) -> None:
    """Write a and b, copy the data, and write more: b in its second version, and keys of c/."""
    async with open_store(server.address, timeout=PATIENCE) as writer:
        await writer.put("a", b"1")
        await writer.put("b", b"1")
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(shutil.copytree, server.folder / "data", folder)
    await asyncio.to_thread(server.start)
    async with open_store(server.address, timeout=PATIENCE) as writer:
        await writer.put("b", b"2")
        for number in range(NEWER):
            await writer.put(f"c/{number}", b"")


def wipe(server: ZooKeeperServer, folder: Path) -> None:
    del folder
    shutil.rmtree(server.folder / "data")


def restore(server: ZooKeeperServer, folder: Path) -> None:
    shutil.rmtree(server.folder / "data")
    shutil.copytree(folder, server.folder / "data")


async def write_after(server: ZooKeeperServer) -> None:
    """Write what has the revision of before and another value, and go beyond every transaction of before."""
    async with open_store(server.address, timeout=PATIENCE) as writer:
        await writer.put("b", b"other")
        for _ in range(3 * NEWER):
            await writer.put("d", b"")


@pytest.mark.parametrize("change", [wipe, restore])
@pytest.mark.parametrize("is_written_meanwhile", [False, True], ids=["quiet", "written"])
async def test_older_data_is_read_again(
    own_zookeeper: ZooKeeperServer,
    tmp_path: Path,
    change: Callable[[ZooKeeperServer, Path], None],
    is_written_meanwhile: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Resync and the differences follow in every watch, calls work again, and no value of before stays.

    Written meanwhile, the servers are at a later transaction than before when the watcher comes back, and one key has
    the revision that it had before, with another value.
    """
    server, folder = own_zookeeper, tmp_path / "copy"
    await write_before(server, folder)
    async with FaultProxy(server.port) as proxy, open_store(proxy.address) as store:
        tree, key, unknown = Replica(), Replica(), Replica()
        async with (
            following(store.watch_tree("", known=tree.revisions), tree),
            following(store.watch("b"), key),
            following(store.watch_tree(""), unknown),
        ):
            await tree.read(store)
            assert tree.values["b"] == b"2"
            key.values["b"] = b"2"
            proxy.reset()
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(change, server, folder)
            await asyncio.to_thread(server.start)
            if is_written_meanwhile:
                await write_after(server)
            proxy.heal()

            async def is_reached() -> bool:
                try:
                    await store.put("e", b"new")
                except NotReachable:
                    return False
                return True

            await eventually(is_reached, "calls work again", PATIENCE)
            async with open_store(server.address) as reader:
                found = await contents(reader)
            assert found["e"] == b"new"
            await eventually(lambda: tree.values == found, "the watch has what is there now", PATIENCE)
            await eventually(lambda: key.values.get("b") == found.get("b"), "and the one of a key", PATIENCE)
            changed = {name: value for name, value in found.items() if name != "a"}
            await eventually(lambda: changed.items() <= unknown.values.items(), "and that knew nothing", PATIENCE)
            for replica in (tree, key, unknown):
                assert replica.count(Resync) > 0


@pytest.mark.parametrize("change", [wipe, restore])
async def test_session_is_live_with_older_data(
    own_zookeeper: ZooKeeperServer, tmp_path: Path, change: Callable[[ZooKeeperServer, Path], None]
) -> None:
    """Whenever it is called live the value is the store's; reload works, and the tree is what is there now."""
    server, folder = own_zookeeper, tmp_path / "copy"
    await write_before(server, folder)
    lies: list[object] = []
    restarted = False
    async with Session(opener(f"zk://{server.address}/faults?session=4"), Codecs()) as session:
        await live(session)
        session.select("b")
        await session.idle()

        def value() -> bytes | None:
            reading = session.detail.loaded
            return None if reading is None or reading.deleted else reading.entry.value

        assert value() == b"2"

        def look() -> bool:
            shown = session.tree.node("new") is not None
            if restarted and session.liveness.status is LivenessStatus.LIVE and value() == b"2":
                lies.append(session.liveness)
            return shown

        server.kill()
        change(server, folder)
        await eventually(lambda: session.liveness.status is not LivenessStatus.LIVE, "the loss is shown", PATIENCE)
        restarted = True
        await asyncio.to_thread(server.start)
        async with open_store(server.address, timeout=PATIENCE) as writer:
            await writer.put("new", b"")
        await eventually(look, "the new key is shown", PATIENCE)
        await live(session)
        assert not lies
        assert session.tree.node("b") is None or value() == b"1"
        assert session.tree.node("c") is None
        await session.connection.reload()
        await live(session)
