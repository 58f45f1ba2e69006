"""Nothing stays behind: connections that are cut, and stores that come and go, leave no thread, socket or task."""

import asyncio
import ctypes
import gc
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest

import explorer
from explorer.drivers.etcd import EtcdStore
from explorer.drivers.watching import Watch
from explorer.model.address import Access, parse
from explorer.model.errors import ExplorerError
from explorer.model.events import Put, Resync, Started
from tests.faults.figures import PATIENCE, figure
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually, wait_until

pytestmark = pytest.mark.faults

give_back = partial(ctypes.CDLL(None).malloc_trim, 0)
"""Gives the free pages that the C library keeps back to the system; a bare gRPC channel leaves as many of them."""
POOLED = {"event_engine", "grpc_global_tim", "lifeguard"}
"""The threads of gRPC's pools, by the first letters of their names; a busy machine makes them more for a while."""
MOST_POOLED = 16
"""How many of them there may be, whatever was cut how often."""
MOST_GROWTH = 5 * 2**20
WARM_UP = 50
RECONNECTS = figure(500, 5000)
OPENINGS = figure(100, 1000)


@dataclass(frozen=True, slots=True)
class Holding:
    """What this process holds on to."""

    threads: int
    sockets: int
    files: int
    memory: int

    @classmethod
    def now(cls) -> "Holding":
        gc.collect()
        give_back()
        process = psutil.Process()
        sockets = len(process.net_connections())
        return cls(threads(), sockets, process.num_fds(), process.memory_info().rss)

    def grew_to(self, other: "Holding") -> list[str]:
        """Tell what there is more of in the other; memory may grow by a little."""
        names = [name for name in ("threads", "sockets", "files") if getattr(other, name) > getattr(self, name)]
        found = [f"{name}: {getattr(self, name)} -> {getattr(other, name)}" for name in names]
        if other.memory - self.memory > MOST_GROWTH:
            found.append(f"memory: {self.memory / 2**20:.1f} -> {other.memory / 2**20:.1f} MiB")
        return found


def threads() -> int:
    """Count the threads of this process: of gRPC's pools only those beyond what a pool may have."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has ended since
            names.append((task / "comm").read_text().strip())
    pooled = sum(name in POOLED for name in names)
    return len(names) - min(pooled, MOST_POOLED)


async def come_back(before: Holding) -> None:
    """Wait until all is as before; gRPC's own threads put sockets away, a moment later."""
    with suppress(TimeoutError):  # `report` tells what there is too much of
        await eventually(lambda: not before.grew_to(Holding.now()), "all is as before", PATIENCE)


def accepts_more(proxy: FaultProxy, before: int) -> bool:
    return proxy.accepted > before


def report(what: str, before: Holding) -> None:
    after = Holding.now()
    grown = (after.memory - before.memory) / 2**20
    sys.stdout.write(f"{what}: {after.threads} threads, {after.sockets} sockets, memory {grown:+.1f} MiB\n")
    assert not before.grew_to(after)


@pytest.fixture(scope="module")
def server() -> Iterator[EtcdServer]:
    with EtcdServer("3.5") as server:
        yield server


async def own_tasks() -> set[str]:
    """The tasks beside the one that asks."""
    return {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}


async def settle(proxy: FaultProxy, store: EtcdStore, events: Watch, mark: str) -> None:
    """Wait until the watch tells what happens now, and one connection carries it and that of the lock."""
    await store.put("key", mark.encode())
    async with asyncio.timeout(PATIENCE):
        while not (isinstance(event := await anext(events), Put) and event.entry.value == mark.encode()):
            assert not isinstance(event, Resync)
    await eventually(lambda: proxy.connections == 1, "one connection is open", PATIENCE)
    await eventually(lambda: streams() == 2, "two streams are open", PATIENCE)


def streams() -> int:
    """Count the streams that are waited on."""
    return [task.get_name() for task in asyncio.all_tasks()].count("next answer of a stream")


def tasks_now() -> Counter[str]:
    """Count the tasks of the loop by what they run."""
    return Counter(getattr(task.get_coro(), "__qualname__", "?") for task in asyncio.all_tasks())


async def reconnect(proxy: FaultProxy) -> None:
    """Cut the connection again and again under an open watch and a held lock, while reads go on."""
    async with (
        EtcdStore(parse(f"etcd://{proxy.address}/leaks/"), Access()) as store,
        store.watch_tree("") as events,
        store.lock("job", ttl=20) as lock,
    ):
        await settle(proxy, store, events, "begun")
        before, running = Holding.now(), tasks_now()
        for number in range(WARM_UP + RECONNECTS):
            if number == WARM_UP:
                await settle(proxy, store, events, "warm")
                before, running = Holding.now(), tasks_now()
            accepted = proxy.accepted
            proxy.reset_connections()
            await store.exists("key")
            await eventually(partial(accepts_more, proxy, accepted), "it has connected again", PATIENCE)
        await settle(proxy, store, events, "after all")
        assert lock.held
        with suppress(TimeoutError):
            await eventually(lambda: not tasks_now() - running, "tasks are as before", PATIENCE)
        assert not tasks_now() - running
        await come_back(before)
        report(f"{RECONNECTS} reconnects", before)


async def test_reconnecting_leaves_nothing_behind(server: EtcdServer) -> None:
    tasks = await own_tasks()
    async with FaultProxy(server.client_port) as proxy:
        await reconnect(proxy)
        gc.collect()
        await eventually(lambda: not proxy.connections, "every connection is closed", PATIENCE)
    assert await own_tasks() <= tasks


async def test_closing_closes_the_connection_without_the_garbage_collector(server: EtcdServer) -> None:
    gc.collect()
    gc.disable()
    try:
        async with FaultProxy(server.client_port) as proxy:
            async with (
                EtcdStore(parse(f"etcd://{proxy.address}/leaks/"), Access()) as store,
                store.watch_tree("") as events,
            ):
                await anext(events)
            await eventually(lambda: not proxy.connections, "the connection is closed", 3)
    finally:
        gc.enable()


async def test_opening_and_closing_leaves_nothing_behind(server: EtcdServer) -> None:
    async def once() -> None:
        async with EtcdStore(parse(f"etcd://{server.address}/leaks/"), Access()) as store:
            async with store.watch_tree("") as events, store.lock("job", ttl=20):
                assert isinstance(await anext(events), Started)
                await store.put("key", b"value")
            assert (await store.get("key")).value == b"value"

    for _ in range(WARM_UP):
        await once()
    before, tasks = Holding.now(), await own_tasks()
    for _ in range(OPENINGS):
        await once()
    await come_back(before)
    assert await own_tasks() == tasks
    report(f"{OPENINGS} openings", before)


async def test_a_store_that_cannot_be_opened_leaves_nothing_behind(server: EtcdServer) -> None:
    async def once() -> None:
        with pytest.raises(ExplorerError):
            async with EtcdStore(parse(f"etcd+tls://{server.address}/"), Access(timeout=1)):
                pass

    for _ in range(5):
        await once()
    before, tasks = Holding.now(), await own_tasks()
    for _ in range(figure(10, 100)):
        await once()
    await come_back(before)
    assert await own_tasks() == tasks
    report("refused openings", before)


def test_the_blocking_face_leaves_nothing_but_its_one_thread(server: EtcdServer) -> None:
    def once() -> None:
        with explorer.connect(f"etcd://{server.address}/leaks/") as store:
            store.put("key", b"value")
            with store.watch_tree("") as events, store.lock("job", ttl=20.0):
                assert isinstance(next(iter(events)), Started)
            assert store.get("key").value == b"value"

    for _ in range(WARM_UP):
        once()
    before = Holding.now()
    for _ in range(OPENINGS):
        once()
    with suppress(TimeoutError):
        wait_until(lambda: not before.grew_to(Holding.now()), "all is as before", PATIENCE)
    assert [thread.name for thread in threading.enumerate()].count("explorer-io") == 1
    report(f"{OPENINGS} blocking openings", before)
