"""Threads, sockets, tasks and memory after etcd connections that are cut, and stores that are opened and closed."""

import asyncio
import gc
import threading
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

import explorer
from explorer.drivers.common.watch import Watch
from explorer.drivers.etcd import EtcdStore
from explorer.model.address import Access, parse
from explorer.model.errors import ExplorerError
from explorer.model.events import Put, Resync, Started
from tests.faults.resource_leaks import Resources, assert_no_leak, report
from tests.scale import PATIENCE, figure
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import shared_etcd
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually, wait_until

__all__ = ["shared_etcd"]

pytestmark = pytest.mark.faults

WARM_UP = 50
RECONNECTS = figure(500, 5000)
OPENINGS = figure(100, 1000)


def accepts_more(proxy: FaultProxy, before: int) -> bool:
    return proxy.accepted > before


@pytest.fixture
def etcd_version() -> str:
    """One version is enough: the leaks would be the client's."""
    return "3.5"


def other_tasks() -> Counter[str]:
    """Return the number of tasks other than the current one, by name."""
    return Counter(task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task())


async def assert_no_task_left(before: Counter[str]) -> None:
    await eventually(lambda: other_tasks() <= before, f"there are no more tasks than {before}", PATIENCE)


async def wait_until_watched(proxy: FaultProxy, store: EtcdStore, events: Watch, mark: str) -> None:
    """Wait until the watch reports a new value, and one connection carries it and the lock's keep-alive."""
    await store.put("key", mark.encode())
    async with asyncio.timeout(PATIENCE):
        while not (isinstance(event := await anext(events), Put) and event.entry.value == mark.encode()):
            assert not isinstance(event, Resync)
    await eventually(lambda: proxy.connections == 1, "one connection is open", PATIENCE)
    await eventually(lambda: open_streams() == 2, "two streams are open", PATIENCE)


def open_streams() -> int:
    """Return the number of streams whose next answer is awaited."""
    return [task.get_name() for task in asyncio.all_tasks()].count("next response of a stream")


async def reconnect(proxy: FaultProxy) -> None:
    """Cut the connection again and again under an open watch and a held lock, while reads go on."""
    async with (
        EtcdStore(parse(f"etcd://{proxy.address}/leaks/"), Access()) as store,
        store.watch_tree("") as events,
        store.lock("job", ttl=20) as lock,
    ):
        await wait_until_watched(proxy, store, events, "begun")
        before = Resources.now()
        for number in range(WARM_UP + RECONNECTS):
            if number == WARM_UP:
                await wait_until_watched(proxy, store, events, "warm")
                before = Resources.now()
            accepted = proxy.accepted
            proxy.reset_connections()
            await store.exists("key")
            await eventually(partial(accepts_more, proxy, accepted), "it has connected again", PATIENCE)
        await wait_until_watched(proxy, store, events, "after all")
        assert lock.held
        await assert_no_leak(f"{RECONNECTS} reconnects", before)


async def test_reconnecting_leaves_nothing_behind(shared_etcd: EtcdServer) -> None:
    tasks = other_tasks()
    async with FaultProxy(shared_etcd.client_port) as proxy:
        await reconnect(proxy)
        gc.collect()
        await eventually(lambda: not proxy.connections, "every connection is closed", PATIENCE)
    await assert_no_task_left(tasks)


async def test_closing_needs_no_garbage_collector(shared_etcd: EtcdServer) -> None:
    gc.collect()
    gc.disable()
    try:
        async with FaultProxy(shared_etcd.client_port) as proxy:
            async with (
                EtcdStore(parse(f"etcd://{proxy.address}/leaks/"), Access()) as store,
                store.watch_tree("") as events,
            ):
                await anext(events)
            await eventually(lambda: not proxy.connections, "the connection is closed", 3)
    finally:
        gc.enable()


async def test_opening_and_closing_leaves_nothing_behind(shared_etcd: EtcdServer) -> None:
    async def once() -> None:
        async with EtcdStore(parse(f"etcd://{shared_etcd.address}/leaks/"), Access()) as store:
            async with store.watch_tree("") as events, store.lock("job", ttl=20):
                assert isinstance(await anext(events), Started)
                await store.put("key", b"value")
            assert (await store.get("key")).value == b"value"

    for _ in range(WARM_UP):
        await once()
    before, tasks = Resources.now(), other_tasks()
    for _ in range(OPENINGS):
        await once()
    await assert_no_leak(f"{OPENINGS} openings", before)
    await assert_no_task_left(tasks)


@pytest.mark.parametrize("name", ["bolt", "folder", "table.json", "table.yaml"])
async def test_opening_files_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    """Files are opened and closed as stores of a server are: with a watch, a save and a read; they have no locks."""
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    elif name != "bolt":
        path.write_text('{"data": []}')
    url = f"bolt://{path}?create" if name == "bolt" else f"file://{path}"

    async def once() -> None:
        async with explorer.open(url) as store:
            async with store.watch_tree("") as events:
                assert isinstance(await anext(events), Started)
                await store.put("bucket/key", b"1")
            assert (await store.get("bucket/key")).value == b"1"

    for _ in range(10):
        await once()
    before, tasks = Resources.now(), other_tasks()
    for _ in range(figure(20, OPENINGS)):
        await once()
    await assert_no_leak(f"openings of {name}", before)
    await assert_no_task_left(tasks)


async def test_refused_opening_leaves_nothing_behind(shared_etcd: EtcdServer) -> None:
    async def once() -> None:
        with pytest.raises(ExplorerError):
            async with EtcdStore(parse(f"etcd+tls://{shared_etcd.address}/"), Access(timeout=1)):
                pass

    for _ in range(5):
        await once()
    before, tasks = Resources.now(), other_tasks()
    for _ in range(figure(10, 100)):
        await once()
    await assert_no_leak("refused openings", before)
    await assert_no_task_left(tasks)


def test_blocking_store_leaves_only_its_one_thread(shared_etcd: EtcdServer) -> None:
    def once() -> None:
        with explorer.connect(f"etcd://{shared_etcd.address}/leaks/") as store:
            store.put("key", b"value")
            with store.watch_tree("") as events, store.lock("job", ttl=20.0):
                assert isinstance(next(iter(events)), Started)
            assert store.get("key").value == b"value"

    for _ in range(WARM_UP):
        once()
    before = Resources.now()
    for _ in range(OPENINGS):
        once()
    with suppress(TimeoutError):
        wait_until(lambda: not before.growth(Resources.now()), "all is as before", PATIENCE)
    assert [thread.name for thread in threading.enumerate()].count("explorer-io") == 1
    report(f"{OPENINGS} blocking openings", before)
