"""ZooKeeper killed, stopped, cut off and robbed of its leader: what is told of the tree and of saves stays true."""

import asyncio
import random
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from explorer.drivers.base import Store
from explorer.drivers.watching import Watch
from explorer.drivers.zookeeper import ZooKeeperStore
from explorer.drivers.zookeeper.messages import Request
from explorer.model.address import Access, parse
from explorer.model.entries import Entry, Revision
from explorer.model.errors import Conflict, ExplorerError, KeyNotFound, NotReachable, OutcomeUnknown
from explorer.model.events import Deleted, Event, Lost, Put, Resync
from tests.faults.figures import PATIENCE, figure, seed
from tests.faults.saves import Told
from tests.servers.proxy import FaultProxy
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperCluster, ZooKeeperServer

pytestmark = pytest.mark.faults

Answer = TypeVar("Answer")

EDITORS = 4
ROUNDS = figure(short=3, long=40)
DELETE, SET_DATA, CREATE2 = 2, 5, 15
WINDOW = 25
"""Attempts that each fault meets, at least."""


def open_store(address: str, *, timeout: float = 2.0, session: float = 4.0) -> ZooKeeperStore:
    return ZooKeeperStore(parse(f"zk://{address}/lane?timeout={timeout}&session={session}"), Access())


@dataclass(slots=True)
class Folder:
    """A watcher that folds events into a table, as a view does."""

    table: dict[str, Revision] = field(default_factory=dict)
    log: list[Event] = field(default_factory=list)

    async def follow(self, watch: Watch) -> None:
        async for event in watch:
            self.log.append(event)
            match event:
                case Put(entry=entry):
                    self.table[entry.key] = entry.revision
                case Deleted(key=key):
                    self.table.pop(key, None)
                case _:
                    continue

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(event, kind) for event in self.log)


async def fresh(store: Store) -> dict[str, Revision]:
    return {entry.key: entry.revision async for entry in store.walk("", values=False)}


@asynccontextmanager
async def folding(store: Store) -> AsyncGenerator[Folder, None]:
    folder = Folder()
    async with store.watch_tree("", known=folder.table) as watch:
        folder.table.update(await fresh(store))
        task = asyncio.create_task(folder.follow(watch))
        try:
            yield folder
        finally:
            task.cancel()
            await asyncio.wait([task])


async def converged(folder: Folder, store: Store) -> None:
    """Wait until the table is what a fresh read says."""

    async def equal() -> bool:
        try:
            return folder.table == await fresh(store)
        except NotReachable:
            return False

    await eventually(equal, "the folded table is the store's", PATIENCE)


async def write(store: Store, choice: random.Random, count: int) -> None:
    """Create, change and delete some nodes, patiently."""
    done = 0
    while done < count:
        key = f"{choice.randrange(5)}/{choice.randrange(8)}"
        try:
            if choice.random() < 0.3:
                await store.delete(key)
            else:
                await store.put(key, str(done).encode())
        except KeyNotFound:
            continue
        except (NotReachable, OutcomeUnknown):
            continue
        done += 1


@asynccontextmanager
async def lane(
    watched: str, direct: str
) -> AsyncGenerator[tuple[Folder, ZooKeeperStore, ZooKeeperStore, random.Random], None]:
    """A watcher behind what a test puts in between, and a writer beside it."""
    chosen = seed()
    sys.stdout.write(f"seed {chosen}\n")
    choice = random.Random(chosen)
    async with open_store(watched) as store, open_store(direct) as writer:
        await write(writer, choice, 30)
        async with folding(store) as folder:
            yield folder, store, writer, choice
            await write(writer, choice, 10)
            await converged(folder, writer)


async def lost(folder: Folder, times: int) -> None:
    await eventually(lambda: folder.count(Lost) > times, "the loss is told", PATIENCE)


async def test_kill_9_and_a_restart(own_zookeeper: ZooKeeperServer) -> None:
    async with lane(own_zookeeper.address, own_zookeeper.address) as (folder, _, writer, choice):
        for number in range(figure(short=3, long=20)):
            own_zookeeper.kill()
            await lost(folder, number)
            await asyncio.to_thread(own_zookeeper.start)
            await write(writer, choice, 10)
            await converged(folder, writer)


async def test_a_server_that_is_stopped_is_told_as_lost_and_its_proof_fails_in_time(
    own_zookeeper: ZooKeeperServer,
) -> None:
    async with lane(own_zookeeper.address, own_zookeeper.address) as (folder, store, writer, choice):
        for number in range(figure(short=1, long=10)):
            await asyncio.to_thread(own_zookeeper.pause)
            with pytest.raises(NotReachable):
                async with asyncio.timeout(4.0):  # the contract's own figure for a proof is 2 s
                    await store.prove()
            await lost(folder, number)
            own_zookeeper.resume()
            await write(writer, choice, 10)
            await converged(folder, writer)


@pytest.mark.parametrize("fault", ["reset", "hang"])
async def test_a_watcher_that_is_cut_off_misses_nothing_in_the_end(own_zookeeper: ZooKeeperServer, fault: str) -> None:
    async with (
        FaultProxy(own_zookeeper.port) as proxy,
        lane(proxy.address, own_zookeeper.address) as (folder, _, writer, choice),
    ):
        for number in range(figure(short=2, long=20)):
            getattr(proxy, fault)()
            await write(writer, choice, 20)
            await lost(folder, number)
            proxy.heal()
            await converged(folder, writer)
        assert folder.count(Resync) > 0


async def test_a_session_that_expired_is_followed_by_another(own_zookeeper: ZooKeeperServer) -> None:
    async with (
        FaultProxy(own_zookeeper.port) as proxy,
        lane(proxy.address, own_zookeeper.address) as (folder, store, writer, choice),
    ):
        session = store.connection.session
        proxy.reset()
        await lost(folder, 0)

        def expired() -> bool:
            return f"{session & (2**64 - 1):#x}" not in own_zookeeper.word("dump")

        await eventually(expired, "the server ends the session", PATIENCE)
        await write(writer, choice, 20)
        proxy.heal()
        await converged(folder, writer)
        assert store.connection.session not in (0, session)


async def test_the_loss_of_the_leader(zookeeper_cluster: ZooKeeperCluster) -> None:
    async with lane(zookeeper_cluster.addresses, zookeeper_cluster.addresses) as (folder, _, writer, choice):
        for _ in range(figure(short=1, long=10)):
            leader = await asyncio.to_thread(zookeeper_cluster.leader)
            leader.kill()
            await asyncio.to_thread(zookeeper_cluster.leader)
            await write(writer, choice, 20)
            await converged(folder, writer)
            await asyncio.to_thread(leader.start)


class Editors:
    """Editors who save over each other's changes. Each appends its mark to the value: the value is its own history."""

    def __init__(self) -> None:
        self.told: dict[bytes, Told] = {}
        self.numbers: Iterator[int] = iter(range(10**9))
        self.over = False

    async def edit(self, store: Store) -> None:
        while not self.over:
            try:
                entry = await store.get("hot")
            except ExplorerError:
                continue
            mark = str(next(self.numbers)).encode()
            self.told[mark] = await _save(store, entry, (entry.value or b"") + b" " + mark)

    def misjudged(self, value: bytes) -> list[str]:
        """Compare what was told with what the value says that happened."""
        written = value.split()
        found = [f"written twice: {mark!r}" for mark in set(written) if written.count(mark) > 1]
        for mark, told in self.told.items():
            if told is Told.SAVED and mark not in written:
                found.append(f"told to be saved, and lost: {mark!r}")
            if told in (Told.CONFLICT, Told.UNSENT) and mark in written:
                found.append(f"told not to be saved, and was: {mark!r}")
        return found


async def _save(store: Store, entry: Entry, value: bytes) -> Told:
    try:
        await store.atomic_put("hot", value, entry)
    except Conflict:
        return Told.CONFLICT
    except OutcomeUnknown:
        return Told.UNKNOWN
    except NotReachable:
        return Told.UNSENT
    return Told.SAVED


async def test_no_update_is_lost_and_no_editor_is_told_a_lie(own_zookeeper: ZooKeeperServer) -> None:
    chosen = seed()
    sys.stdout.write(f"saves: seed {chosen}\n")
    choice = random.Random(chosen)
    editors = Editors()

    async def progress() -> None:
        until = len(editors.told) + WINDOW
        await eventually(lambda: len(editors.told) >= until, "the editors go on", 30.0)

    async with FaultProxy(own_zookeeper.port) as proxy, open_store(own_zookeeper.address) as direct:
        await direct.put("hot", b"")
        stores = [open_store(proxy.address, timeout=0.5) for _ in range(EDITORS)]
        for store in stores:
            await store.connect()
        tasks = [asyncio.create_task(editors.edit(store)) for store in stores]
        try:
            for _ in range(ROUNDS):
                await progress()
                proxy.drop_replies()
                await asyncio.sleep(choice.uniform(0.05, 0.8))  # the fault's own length
                proxy.heal()
                await progress()
                proxy.reset_connections()
                await progress()
                own_zookeeper.kill()
                await asyncio.to_thread(own_zookeeper.start)
            await progress()
            editors.over = True
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            for store in stores:
                await store.close()

        async def last() -> bool:
            try:
                return (await direct.get("hot")).value is not None
            except NotReachable:
                return False

        await eventually(last, "the store is there", PATIENCE)
        entry = await direct.get("hot")
        told = list(editors.told.values())
        sys.stdout.write(f"saves: {len(told)} attempts, { ({kind.name: told.count(kind) for kind in Told}) }\n")
        assert editors.misjudged(entry.value or b"") == []
        assert entry.version == len((entry.value or b"").split())
        assert told.count(Told.SAVED) >= WINDOW * ROUNDS


async def test_a_save_whose_answer_was_swallowed_is_told_as_saved(own_zookeeper: ZooKeeperServer) -> None:
    async with (
        FaultProxy(own_zookeeper.port) as proxy,
        open_store(proxy.address, timeout=1.0) as store,
    ):
        for number in range(figure(short=3, long=30)):
            created = await _through_the_loss(proxy, store, f"made/{number}", b"created", None)
            saved = await _through_the_loss(proxy, store, f"made/{number}", b"saved", created)
            assert saved.version == 1
            assert (await store.get(f"made/{number}")).value == b"saved"


async def _through_the_loss(
    proxy: FaultProxy, store: ZooKeeperStore, key: str, value: bytes, previous: Entry | None
) -> Entry:
    """Save while replies to writes are swallowed, and give what is told once they are not."""
    await store.put("made", b"")
    send = store.connection.send
    swallowed: list[int] = []

    async def losing(request: Request[Answer], *, key: str | None = None, within: float | None = None) -> Answer:
        if swallowed or request.type not in (SET_DATA, CREATE2):
            return await send(request, key=key, within=within)
        swallowed.append(request.type)
        proxy.drop_replies()
        try:
            return await send(request, key=key, within=within)
        finally:
            proxy.heal()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.connection, "send", losing)
        entry = await store.atomic_put(key, value, previous)
    assert swallowed
    return entry


async def test_a_deletion_that_never_arrived_and_is_refused_then_is_not_told_as_done(
    own_zookeeper: ZooKeeperServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lost request is a fake: where it gets lost, and that a child comes in that moment, cannot be timed."""
    async with open_store(own_zookeeper.address) as store:
        await store.put("node", b"value")
        send = store.connection.send
        lost_requests: list[int] = []

        async def losing(request: Request[Answer], *, key: str | None = None, within: float | None = None) -> Answer:
            if lost_requests or request.type != DELETE:
                return await send(request, key=key, within=within)
            lost_requests.append(request.type)
            await store.put("node/child", b"")
            raise NotReachable("the connection was lost")

        monkeypatch.setattr(store.connection, "send", losing)
        with pytest.raises(ExplorerError, match="has children"):
            await store.delete("node")
        assert await store.exists("node")


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_reconnections_leave_no_thread_socket_or_task(own_zookeeper: ZooKeeperServer) -> None:
    async with FaultProxy(own_zookeeper.port) as proxy, open_store(proxy.address) as store, folding(store) as folder:

        async def reconnect() -> None:
            contacts = store.connection.contacts
            proxy.reset_connections()
            await eventually(lambda: store.connection.contacts > contacts, "it is connected again", PATIENCE)

        async def settled(count: int) -> None:
            await eventually(lambda: folder.count(Lost) >= count, "each loss is told", PATIENCE)

        for _ in range(3):
            await reconnect()
        await store.put("key", b"value")
        await settled(1)
        threads, tasks, files = threading.active_count(), len(asyncio.all_tasks()), open_files()
        for _ in range(figure(short=20, long=100)):
            await reconnect()
        await store.put("key", b"again")
        await converged(folder, store)

        def level() -> bool:
            now = threading.active_count(), len(asyncio.all_tasks()), open_files()
            return all(one <= before for one, before in zip(now, (threads, tasks, files), strict=True))

        await eventually(level, "no more threads, tasks and files than before", PATIENCE)
