"""A tree on real stores that change while it is read, opened, closed, filtered and read again."""

import asyncio
import random
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest

import explorer
from explorer.drivers.base import Store
from explorer.drivers.memory import Database, ManualClock, MemoryStore
from explorer.model.address import parse
from explorer.model.capabilities import Capability
from explorer.model.entries import Child, Cursor, Page
from explorer.model.errors import ExplorerError, InvalidKey, KeyModified, KeyNotFound
from explorer.model.events import Deleted, Put
from explorer.session.connection.coalescer import EventCoalescer
from explorer.session.keytree.tree import Tree
from tests.scale import PATIENCE
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import etcd_version, shared_consul, shared_etcd, shared_etcd2, shared_zookeeper
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer
from tests.session.liveness_probe import becomes, nodes

__all__ = ["etcd_version", "shared_consul", "shared_etcd", "shared_etcd2", "shared_zookeeper"]

_NAMES = ["", "a", "a-b", "b", "c", "dé", *(f"n{number}" for number in range(6))]
_END = "the end"


class Watched:
    """A tree that hears its store, frame by frame."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.fold = EventCoalescer()
        self.heard: set[str] = set()
        unsure = not store.capabilities & (Capability.EVERY_CHANGE | Capability.EVERY_DELETION)
        self.tree = Tree(self._children, self._children_before, needs_confirmation=lambda: unsure)

    async def _children(self, prefix: str, after: Cursor | str | None, limit: int) -> Page[Child]:
        return await self.store.children(prefix, after=after, limit=min(limit, 5))

    async def _children_before(self, prefix: str, before: str | None, after: str) -> Page[Child]:
        return await self.store.children_before(prefix, before, after=after, limit=5)

    async def hear(self) -> None:
        async with self.store.watch_tree("") as events:
            async for event in events:
                if isinstance(event, Put | Deleted):
                    self.fold.add(event)
                    self.heard.add(event.key)

    async def show(self) -> None:
        while True:
            self.tree.event_applier.apply(self.fold.drain())
            self.tree.sweep(self.tree.clock())
            await asyncio.sleep(0.01)

    async def use(self, chance: random.Random, writing: list[asyncio.Task[None]]) -> None:
        """Do what a person does, while there is writing."""
        while not all(task.done() for task in writing):
            shown = nodes(self.tree)
            act = chance.randrange(12)
            if act == 0:
                await self.tree.resync()
            elif act == 1:
                self.tree.filter.set(chance.choice([None, "a", "!n*"]))
            elif act == 2:
                with suppress(ExplorerError):
                    await self.tree.reveal("/".join(chance.choice(_NAMES) for _ in range(chance.randint(1, 2))))
            elif act == 3:
                lines = [line.row for line in self.tree.rows.window(0, len(self.tree.rows)) if line.row.is_more_row]
                for line in lines[-1:]:
                    chance.choice([self.tree.load_previous, self.tree.load_more])(line)
            elif shown:
                node = chance.choice(shown)
                chance.choice([self.tree.expand, self.tree.expand, self.tree.collapse, self.tree.load_more])(node)
                self.tree.load_more(self.tree.rows.root)
            await asyncio.sleep(0.005)


async def _write(store: Store, chance: random.Random, count: int, names: Sequence[str]) -> None:
    for _ in range(count):
        key = "/".join(chance.choice(names) for _ in range(chance.randint(1, 3)))
        act = chance.random()
        if act < 0.55:
            with suppress(InvalidKey):  # a name in it is a key, or it is a directory, where nothing is both
                await store.put(key or "a", b"value")
        elif act < 0.95:
            with suppress(ExplorerError):  # it is not there, or has children where those are in the way
                await store.delete(key or "a")
        else:
            with suppress(KeyNotFound, KeyModified):
                await store.delete_tree(chance.choice(names) or "a")


async def _agrees(opened: Callable[[], Store], seed: int, count: int, names: Sequence[str] = _NAMES) -> None:
    chance = random.Random(seed)
    async with opened() as store, opened() as other, asyncio.timeout(120):
        watched = Watched(store)
        with suppress(asyncio.CancelledError):
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(job()) for job in (watched.hear, watched.show, watched.tree.run)]
                writing = [
                    group.create_task(_write(other, random.Random(seed + writer), count, names)) for writer in range(4)
                ]
                await watched.use(chance, writing)
                await other.put(_END, b"")
                await eventually(lambda: _END in watched.heard and not len(watched.fold), "all is heard", PATIENCE)
                watched.tree.filter.set(None)
                await becomes(watched.tree, other)
                assert all(node.has_value or node.has_children or node.tombstone for node in nodes(watched.tree))
                for task in tasks:
                    task.cancel()


@pytest.mark.parametrize("seed", range(3))
async def test_tree_equals_a_memory_store(seed: int) -> None:
    keyspace = Database(ManualClock())
    await _agrees(lambda: MemoryStore(parse("memory:"), database=keyspace), seed, 300)


@pytest.mark.parametrize("seed", range(2))
async def test_tree_equals_etcd(shared_etcd: EtcdServer, seed: int) -> None:
    url = f"etcd://{shared_etcd.address}/{uuid.uuid4().hex}/"
    await _agrees(lambda: explorer.open(url), seed, 150)


@pytest.mark.parametrize("seed", range(2))
async def test_tree_equals_consul(shared_consul: ConsulServer, seed: int) -> None:
    url = f"consul://{shared_consul.address}/{uuid.uuid4().hex}/"
    await _agrees(lambda: explorer.open(url), seed, 100)


@pytest.mark.parametrize("seed", range(2))
async def test_tree_equals_zookeeper(shared_zookeeper: ZooKeeperServer, seed: int) -> None:
    url = f"zk://{shared_zookeeper.address}/{uuid.uuid4().hex}/"
    await _agrees(lambda: explorer.open(url), seed, 150, names=[name for name in _NAMES if name])


@pytest.mark.parametrize("seed", range(2))
async def test_tree_equals_etcd2(shared_etcd2: EtcdServer, seed: int) -> None:
    url = f"etcd2://{shared_etcd2.address}/{uuid.uuid4().hex}/"
    await _agrees(lambda: explorer.open(url), seed, 150, names=[name for name in _NAMES if name])
