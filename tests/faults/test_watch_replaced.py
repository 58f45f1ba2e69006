"""Watches of etcd whose store is replaced by an older state or by another store: a Resync follows."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

import explorer
from explorer.drivers.common.tasks import Tasks
from explorer.drivers.common.watch import Watch
from explorer.drivers.etcd.connection import EtcdConnection
from explorer.drivers.etcd.endpoint import Method, Request, RequestSender, Response
from explorer.drivers.etcd.keyspace import EtcdKeyspace
from explorer.drivers.etcd.reader import EtcdReader, Windows
from explorer.drivers.etcd.settings import load
from explorer.drivers.etcd.watch import EtcdWatch
from explorer.model.address import Access, parse
from explorer.model.errors import NotReachable
from explorer.model.events import Deleted, Lost, Put, Restored, Resync, Started
from tests.faults.etcd_stub import EtcdStub, put
from tests.faults.recorder import Watcher, open_store, record
from tests.faults.watch_run import WatchRun, watch_run
from tests.faults.workload import ROOT
from tests.scale import PATIENCE
from tests.servers.etcd import EtcdServer
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.servers]


@pytest.mark.parametrize("grown", [False, True], ids=["behind", "grown past the watcher"])
@pytest.mark.parametrize("restarted", [False, True], ids=["in its first term", "in a later term"])
async def test_restored_snapshot_is_a_resync(tmp_path: Path, *, grown: bool, restarted: bool) -> None:
    """History went on differently from the snapshot on: the watch is a Resync and reads everything again.

    The cluster's identity stays the same. The revision may have grown past what the watcher had seen before it comes
    back, and the raft term, which starts again, tells only where there had been elections before.
    """
    snapshot = tmp_path / "snapshot"
    async with (
        EtcdServer("3.5") as server,
        FaultProxy(server.client_port) as proxy,
        watch_run("restore", tmp_path, watched=[proxy.address], direct=[server.address]) as running,
    ):
        if restarted:
            async with running.fault("kill"):
                server.kill()
                await asyncio.to_thread(server.start)
        await running.recover()
        await asyncio.to_thread(server.save_snapshot, snapshot)
        await running.recover()
        await replace(running, proxy, server, snapshot=snapshot, grown=grown)
        assert running.watcher.count(Resync) == 1


@pytest.mark.parametrize("grown", [False, True], ids=["behind", "grown past the watcher"])
async def test_another_cluster_on_the_same_port_is_a_resync(tmp_path: Path, *, grown: bool) -> None:
    async with (
        EtcdServer("3.5") as server,
        EtcdServer("3.5") as another,
        FaultProxy(server.client_port) as proxy,
        watch_run("another cluster", tmp_path, watched=[proxy.address], direct=[server.address]) as running,
    ):
        await replace(running, proxy, server, another=another, grown=grown)
        assert running.watcher.count(Resync) == 1


async def replace(
    running: WatchRun,
    proxy: FaultProxy,
    server: EtcdServer,
    *,
    snapshot: Path | None = None,
    another: EtcdServer | None = None,
    grown: bool,
) -> None:
    """End a store, keep its history, and start another one on the same port."""
    async with running.fault_without_recovery("replaced"):
        proxy.reset()
        await running.workload.pause()
        await running.workload.end_leases()
        running.earlier.append(await record(server.address, await running.write_end()))
        if snapshot is not None:
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.restore_snapshot, snapshot)
            await asyncio.to_thread(server.start)
        elif another is not None:
            proxy.server_port = another.client_port
            running.move_to(another.address)
        running.workload.resume()
        if grown:
            past = running.earlier[-1].last + 50
            await eventually(lambda: running.revision_passes(past), "the new life is older", PATIENCE)
        else:
            await running.workload.pause()
        proxy.heal()
        await eventually(lambda: running.watcher.count(Resync) > 0, "the replacement is reported", PATIENCE)
        running.workload.resume()
    await running.recover()


async def fill(server: EtcdServer, value: bytes, *, keys: int, revisions: int) -> None:
    """Write so many keys below ROOT in so many transactions."""
    async with EtcdStub(server.address) as client:
        for number in range(revisions):
            mine = range(number, keys, revisions)
            await client.commit([put(f"{ROOT}{key:05}", value) for key in mine] or [put("beside", b"")])


async def test_equal_revisions_of_two_stores_are_a_resync() -> None:
    """Two stores filled by the same script have the same keys at the same revisions, with other values."""
    async with (
        EtcdServer("3.5") as one,
        EtcdServer("3.5") as other,
        FaultProxy(one.client_port) as proxy,
        open_store(proxy.address) as store,
    ):
        await fill(one, b"one", keys=10, revisions=5)
        await fill(other, b"other", keys=9, revisions=5)
        async with Watcher(store) as watcher:
            proxy.reset()
            proxy.server_port = other.client_port
            await eventually(lambda: watcher.is_lost, "the watch is lost", PATIENCE)
            proxy.heal()
            there = {f"{key:05}": b"other" for key in range(9)}
            await eventually(lambda: watcher.values == there, "all is as it is", PATIENCE)


async def test_key_absent_from_the_other_store_is_deleted() -> None:
    async with (
        EtcdServer("3.5") as one,
        EtcdServer("3.5") as other,
        FaultProxy(one.client_port) as proxy,
        open_store(proxy.address) as store,
    ):
        await store.put("single", b"value")
        async with store.watch("single") as events:
            assert isinstance(await anext(events), Started)
            proxy.reset()
            proxy.server_port = other.client_port
            assert isinstance(await anext(events), Lost)
            proxy.heal()
            assert isinstance(await anext(events), Resync)
            match await anext(events):
                case Deleted("single", inferred=True):
                    pass
                case event:
                    pytest.fail(f"unexpected {event}")


async def test_interrupted_relist_starts_again() -> None:
    """The identity of the other store is known by then; that it was not read completely must be known too."""
    async with (
        EtcdServer("3.5") as one,
        EtcdServer("3.5") as other,
        FaultProxy(one.client_port) as proxy,
        open_store(proxy.address) as store,
    ):
        await fill(one, b"one", keys=10, revisions=5)
        await fill(other, b"o" * 100, keys=6000, revisions=100)
        async with Watcher(store) as watcher:
            proxy.reset()
            proxy.server_port = other.client_port
            await eventually(lambda: watcher.is_lost, "the watch is lost", PATIENCE)
            proxy.heal()
            proxy.cut_after(400_000)  # in the second of three pages
            await eventually(lambda: watcher.count(Resync) > 0 and watcher.is_lost, "it is cut again", PATIENCE)
            assert len(watcher.values) < 6000
            proxy.heal()
            await eventually(lambda: len(watcher.values) == 6000, "everything was read", PATIENCE)
            assert watcher.count(Resync) == 2
            assert watcher.count(Restored) == 0


class Interposed(EtcdConnection):
    """A real connection to real stores, with a hook between a response and the next stream."""

    interpose: Callable[[], None] | None = None

    async def open_stream(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        first_within: float | None = None,
        progress_request: Request | None = None,
        sender: RequestSender[Request] | None = None,
    ) -> AsyncGenerator[Response, None]:
        if self.interpose is not None:
            interpose, self.interpose = self.interpose, None
            interpose()
        stream = super().open_stream(
            method, request, first_within=first_within, progress_request=progress_request, sender=sender
        )
        async with aclosing(stream) as answers:
            async for answer in answers:
                yield answer


async def test_store_replaced_between_check_and_watch() -> None:
    async with EtcdServer("3.5") as one, EtcdServer("3.5") as other, FaultProxy(one.client_port) as proxy:
        await fill(one, b"one", keys=10, revisions=50)
        await fill(other, b"other", keys=3, revisions=5)

        def swap() -> None:
            proxy.server_port = other.client_port
            proxy.reset_connections()

        cluster = Interposed(load(parse(f"etcd://{proxy.address}/"), Access(timeout=2.0)))
        layout = EtcdKeyspace(ROOT.encode(), "/")
        watch = EtcdWatch(cluster, ROOT.encode(), b"work0", keyspace=layout, since=None)
        async with asyncio.timeout(PATIENCE), Watch(Tasks(), watch.run, name="under test") as events:
            assert isinstance(await anext(events), Started)
            cluster.interpose = swap
            proxy.reset_connections()
            kinds = [type(await anext(events)) for _ in range(5)]
        await cluster.close()
        assert kinds == [Lost, Resync, Put, Put, Put]


async def test_pages_of_two_stores_are_not_mixed() -> None:
    async with EtcdServer("3.5") as one, EtcdServer("3.5") as other, FaultProxy(one.client_port) as proxy:
        for server in (one, other):
            await fill(server, b"value", keys=100, revisions=5)
        cluster = EtcdConnection(load(parse(f"etcd://{proxy.address}/"), Access(timeout=2.0)))
        reader = EtcdReader(cluster, Windows(ROOT.encode(), b"work0", len(ROOT)))
        assert len(await reader.page(10)) == 10
        proxy.server_port = other.client_port
        proxy.reset_connections()
        with pytest.raises(NotReachable, match="another cluster"):
            await reader.page(10)
        await cluster.close()


@pytest.mark.parametrize("store", ["etcd", "etcd2"])
async def test_key_watch_without_events_reads_again(store: str, tmp_path: Path) -> None:
    """The data is restored and its revision is beyond that of the watch, which knows only its first entry."""
    server = EtcdServer("3.5") if store == "etcd" else EtcdServer("3.4", v2=True)
    async with server, FaultProxy(server.client_port) as proxy:
        url = f"{store}://{server.address}/replaced/"
        async with explorer.open(url) as writer:
            await writer.put("key", b"old")
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(shutil.copytree, server.data, tmp_path / "data")
        await asyncio.to_thread(server.start)
        async with explorer.open(url) as writer:
            await writer.put("key", b"new")
        async with explorer.open(f"{store}://{proxy.address}/replaced/") as watching, watching.watch("key") as events:
            assert isinstance(await anext(events), Started)
            proxy.reset()
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(shutil.rmtree, server.data)
            await asyncio.to_thread(shutil.copytree, tmp_path / "data", server.data)
            await asyncio.to_thread(server.start)
            async with explorer.open(url) as writer:
                for _ in range(5):
                    await writer.put("other", b"")
            proxy.heal()
            async with asyncio.timeout(PATIENCE):
                seen = [await anext(events) for _ in range(3)]
            assert [type(event) for event in seen] == [Lost, Resync, Put]
            assert isinstance(seen[-1], Put)
            assert seen[-1].entry.value == b"old"
