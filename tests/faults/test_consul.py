"""Consul hurt: killed, stopped, cut off, without a leader, its answers lost. What was told must be true afterwards."""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import pytest

from explorer.drivers.consul import ConsulStore
from explorer.drivers.consul.answers import KVPair
from explorer.drivers.consul.cas import ConsulCasWrite
from explorer.drivers.consul.connection import ConsulConnection
from explorer.model.address import Access, parse
from explorer.model.entries import Entry
from explorer.model.errors import (
    Conflict,
    KeyExists,
    KeyModified,
    KeyNotFound,
    NotReachable,
    OutcomeUnknown,
)
from explorer.model.events import Lost, Put, Restored, Resync
from tests.faults.replica import Replica, converged, folding, lost
from tests.faults.resource_leaks import Holding, nothing_is_left
from tests.scale import PATIENCE
from tests.servers.consul import ConsulCluster, ConsulServer
from tests.servers.fixtures import consul_cluster, own_consul, shared_consul
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually

__all__ = ["consul_cluster", "own_consul", "shared_consul"]

pytestmark = pytest.mark.faults


def make(address: str, path: str = "", timeout: float = 2.0) -> ConsulStore:
    return ConsulStore(parse(f"consul://{address}/{path}?timeout={timeout:g}"), Access())


@pytest.fixture
def path() -> str:
    return f"faults-{uuid.uuid4().hex[:8]}/"


# Saves whose answer was lost


@asynccontextmanager
async def unheard(server: ConsulServer, path: str) -> AsyncGenerator[tuple[ConsulStore, ConsulStore, FaultProxy], None]:
    """Open a store behind a proxy, and one beside it."""
    async with (
        FaultProxy(server.port) as proxy,
        make(proxy.address, path) as store,
        make(server.address, path) as beside,
    ):
        yield store, beside, proxy


async def value_of(store: ConsulStore, key: str) -> bytes | None:
    with suppress(KeyNotFound):
        return (await store.get(key)).value
    return None


async def test_a_save_whose_answer_was_lost_is_saved(shared_consul: ConsulServer, path: str) -> None:
    async with unheard(shared_consul, path) as (store, beside, proxy):
        seen = await store.put("key", b"before")
        saving = losing(store, proxy, seen)
        await happened(beside, proxy, "key", b"after")
        assert not saving.done()
        proxy.heal()
        saved = await saving
        assert saved == await beside.get("key")
        assert saved.value == b"after"


async def test_a_save_that_was_answered_is_told_as_saved_though_nothing_can_be_read_after_it(
    shared_consul: ConsulServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with unheard(shared_consul, path) as (store, beside, proxy):
        seen = await beside.put("key", b"before", ttl=60)
        commit = ConsulCasWrite.commit

        async def answered(save: ConsulCasWrite) -> KVPair | None:
            written = await commit(save)
            proxy.drop_replies()
            return written

        monkeypatch.setattr(ConsulCasWrite, "commit", answered)
        assert (await store.atomic_put("key", b"after", seen)).lease == seen.lease
        assert await value_of(beside, "key") == b"after"


async def test_a_save_whose_answer_was_lost_and_that_was_written_over_is_unknown(
    shared_consul: ConsulServer, path: str
) -> None:
    async with unheard(shared_consul, path) as (store, beside, proxy):
        seen = await store.put("key", b"before")
        saving = losing(store, proxy, seen)
        await happened(beside, proxy, "key", b"after")
        await beside.put("key", b"theirs")
        proxy.heal()
        with pytest.raises(OutcomeUnknown):
            await saving
        assert await value_of(beside, "key") == b"theirs"


async def test_a_save_that_never_arrived_and_whose_key_was_changed_is_not_called_saved(
    shared_consul: ConsulServer, path: str
) -> None:
    async with unheard(shared_consul, path) as (store, beside, proxy):
        seen = await store.put("key", b"before")
        before = proxy.accepted
        proxy.reset()
        saving = asyncio.create_task(store.atomic_put("key", b"after", seen))
        await eventually(lambda: proxy.accepted > before, "it was tried", PATIENCE)
        await beside.put("key", b"theirs")
        proxy.heal()
        with pytest.raises(KeyModified):
            await saving
        assert await value_of(beside, "key") == b"theirs"


async def test_a_create_whose_answer_was_lost_is_saved(shared_consul: ConsulServer, path: str) -> None:
    async with unheard(shared_consul, path) as (store, beside, proxy):
        saving = losing(store, proxy, None)
        await happened(beside, proxy, "key", b"after")
        proxy.heal()
        assert (await saving) == await beside.get("key")
        with pytest.raises(KeyExists):
            await store.atomic_put("key", b"again", None)


async def test_a_deletion_whose_answer_was_lost_is_done(shared_consul: ConsulServer, path: str) -> None:
    async with unheard(shared_consul, path) as (store, beside, proxy):
        seen = await store.put("key", b"before")
        proxy.drop_replies_to(b'"delete"')
        deleting = asyncio.create_task(store.atomic_delete("key", seen))
        await happened(beside, proxy, "key", None)
        proxy.heal()
        await deleting
        with pytest.raises(KeyNotFound):
            await store.atomic_delete("key", seen)


async def test_the_deletion_of_a_tree_whose_answer_was_lost_is_done(shared_consul: ConsulServer, path: str) -> None:
    async with unheard(shared_consul, path) as (store, beside, proxy):
        for key in ("top/a", "top/b"):
            await store.put(key, b"")
        proxy.drop_replies_to(b'"delete-tree"')
        deleting = asyncio.create_task(store.delete_tree("top"))
        await happened(beside, proxy, "top/b", None)
        proxy.heal()
        assert await deleting == 2


def losing(store: ConsulStore, proxy: FaultProxy, seen: Entry | None) -> asyncio.Task[Entry]:
    """Start to save; its answer, and none before it, is lost."""
    proxy.drop_replies_to(b'"check-')
    return asyncio.create_task(store.atomic_put("key", b"after", seen))


async def happened(beside: ConsulStore, proxy: FaultProxy, key: str, value: bytes | None) -> None:
    """Wait until a save took effect and its answer was lost."""

    async def there() -> bool:
        return await value_of(beside, key) == value and proxy.dropped > 0

    await eventually(there, "it took effect", PATIENCE)


async def test_editors_of_one_counter_lose_no_update_over_kills(own_consul: ConsulServer) -> None:
    confirmed = unknown = conflicts = 0
    ending = asyncio.Event()

    async def edit(name: int) -> None:
        nonlocal confirmed, unknown, conflicts
        async with make(own_consul.address, "editors/") as store:
            while not ending.is_set():
                try:
                    seen = await store.get("counter")
                    await store.atomic_put("counter", b"%d %d" % (int((seen.value or b"0").split()[0]) + 1, name), seen)
                    confirmed += 1
                except Conflict:
                    conflicts += 1
                except OutcomeUnknown:
                    unknown += 1
                except NotReachable:
                    await asyncio.sleep(0)

    async with make(own_consul.address, "editors/") as store:
        await store.put("counter", b"0 0")
    async with asyncio.TaskGroup() as group:
        for name in range(4):
            group.create_task(edit(name))
        for _ in range(3):
            goal = confirmed + 20
            await eventually(lambda goal=goal: confirmed > goal, "saves succeed", PATIENCE)  # type: ignore[misc]  # mypy cannot follow what is handed on
            await asyncio.to_thread(own_consul.kill)
            await asyncio.to_thread(own_consul.start)
        goal = confirmed + 20
        await eventually(lambda: confirmed > goal, "saves succeed again", PATIENCE)
        ending.set()
    async with make(own_consul.address, "editors/") as store:
        counter = int(((await store.get("counter")).value or b"").split()[0])
    assert confirmed <= counter <= confirmed + unknown
    assert conflicts > 0


# Watches


@asynccontextmanager
async def watched(address: str, path: str) -> AsyncGenerator[Replica, None]:
    async with make(address, path) as store, folding(store) as folder:
        yield folder


async def agreed(folder: Replica, store: ConsulStore) -> None:
    """Wait until the folded table is the store's, and see that each value that was told is, too."""
    await converged(folder, store)
    told = {event.entry.key: event.entry.value for event in folder.log if isinstance(event, Put)}
    there = {entry.key: entry.value async for entry in store.walk("")}
    assert {key: told[key] for key in there if key in told} == {key: there[key] for key in there if key in told}


async def scribble(store: ConsulStore, turn: int) -> None:
    """Make, change and delete some."""
    for number in range(5):
        await store.put(f"{(turn * 3 + number) % 20}/key", b"%d" % turn)
    with suppress(KeyNotFound):
        await store.delete(f"{(turn * 5) % 20}/key")


@pytest.mark.parametrize("fault", ["reset", "hang", "drop_replies"])
async def test_the_tree_equals_the_store_after_the_network_was_gone(
    shared_consul: ConsulServer, path: str, fault: str
) -> None:
    async with (
        FaultProxy(shared_consul.port) as proxy,
        make(shared_consul.address, path) as beside,
        watched(proxy.address, path) as folder,
    ):
        for turn in range(4):
            await scribble(beside, turn)
            losses = folder.count(Lost)
            getattr(proxy, fault)()
            await scribble(beside, turn + 1)
            if fault == "reset":
                await lost(folder, losses)
            proxy.heal()
            await scribble(beside, turn + 2)
            await agreed(folder, beside)
        assert folder.count(Resync) == 0
        if fault == "reset":
            assert folder.count(Restored) > 0


async def test_the_tree_equals_the_store_after_kills_and_stops(own_consul: ConsulServer) -> None:
    async with make(own_consul.address, "lane/", 10.0) as beside, watched(own_consul.address, "lane/") as folder:
        for turn in range(3):
            await scribble(beside, turn)
            losses = folder.count(Lost)
            await asyncio.to_thread(own_consul.kill)
            await lost(folder, losses)
            await asyncio.to_thread(own_consul.start)
            await scribble(beside, turn + 1)
            await asyncio.to_thread(own_consul.pause)
            with pytest.raises(NotReachable):
                await beside.ping()
            await asyncio.to_thread(own_consul.resume)
            await scribble(beside, turn + 2)
            await agreed(folder, beside)
        assert folder.count(Restored) > 0
        assert folder.count(Resync) == 0


async def test_a_leader_that_is_lost_costs_neither_a_change_nor_a_lock(consul_cluster: ConsulCluster) -> None:
    addresses = consul_cluster.addresses
    async with (
        make(addresses, "lane/", 15.0) as beside,
        watched(addresses, "lane/") as folder,
        beside.lock("job", ttl=60) as lock,
    ):
        await scribble(beside, 1)
        leader = await asyncio.to_thread(consul_cluster.leader)
        await asyncio.to_thread(leader.kill)
        await _written(beside)
        await asyncio.to_thread(consul_cluster.leader)
        await scribble(beside, 3)
        await agreed(folder, beside)
        assert lock.held
        assert (await lock.put("by the holder", b"")).key == "by the holder"
        assert (await beside.status()).complaints


async def _written(store: ConsulStore) -> None:
    """Write as soon as somebody leads again; what is unknown until then is looked at."""

    async def written() -> bool:
        try:
            await store.put("after", b"the election")
        except (NotReachable, OutcomeUnknown):
            return False
        return True

    await eventually(written, "somebody leads again", PATIENCE)


async def test_a_server_without_a_quorum_proves_nothing_and_a_lock_is_lost_within_its_ttl(
    consul_cluster: ConsulCluster,
) -> None:
    alone, *others = consul_cluster.members
    async with make(alone.address, "lane/") as store:
        lock = store.lock("job", ttl=3)
        await lock.acquire()
        for member in others:
            await asyncio.to_thread(member.pause)
        async with asyncio.timeout(PATIENCE):
            await lock.lost.wait()
        assert not lock.held
        with pytest.raises(NotReachable):
            await store.ping()
        for member in others:
            await asyncio.to_thread(member.resume)
        await lock.release()


# What is left


async def test_a_hundred_connections_leave_nothing(shared_consul: ConsulServer, path: str) -> None:
    async def once() -> None:
        async with make(shared_consul.address, path) as store, store.watch_tree("") as events:
            await anext(events)
            await store.put("key", b"value")
            async with store.lock("lock", ttl=10):
                pass

    await once()
    before = Holding.now()
    for _ in range(100):
        await once()
    await nothing_is_left("100 connections", before)


async def test_an_open_directory_costs_an_idle_server_one_question(
    shared_consul: ConsulServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    hear = ConsulConnection.blocking_query

    async def counted(connection: ConsulConnection, *arguments: object, **named: object) -> object:
        nonlocal asked
        asked += 1
        return await hear(connection, *arguments, **named)  # type: ignore[arg-type]  # mypy cannot follow what is handed on

    monkeypatch.setattr(ConsulConnection, "blocking_query", counted)
    async with make(shared_consul.address, path) as store:
        await store.put("key", b"value")
        async with store.watch_tree("") as events:
            await anext(events)
            for _ in range(50):
                await store.ping()
            assert asked == 1
