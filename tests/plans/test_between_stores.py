"""Copies and moves between real stores, each pair once: what arrives are the same bytes below the same names."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from glob import escape
from itertools import combinations, permutations
from pathlib import Path
from secrets import token_hex
from typing import Final
from urllib.parse import quote

import pytest

import explorer
from explorer.drivers.base import Store
from explorer.drivers.bolt.file import create
from explorer.model.errors import ExplorerError
from explorer.plans.application import Application, undo_plan
from explorer.plans.copy import CopyPlanner
from explorer.plans.plan import Plan
from explorer.plans.plan_folder import PlanFolder
from explorer.plans.side import PlanSide
from tests.scale import LONG
from tests.servers.consul import ConsulServer
from tests.servers.etcd import VERSIONS, EtcdServer
from tests.servers.fixtures import shared_consul, shared_etcd, shared_etcd2, shared_redis, shared_zookeeper
from tests.servers.redis import RedisServer
from tests.servers.zookeeper import ZooKeeperServer

__all__ = ["shared_consul", "shared_etcd", "shared_etcd2", "shared_redis", "shared_zookeeper"]

pytestmark = pytest.mark.servers

VALUES: Final[Mapping[str, bytes]] = {
    "app/a": b'{"port": 1}\n',
    "app/b/deep": b"x",
    "app/b.c": "ü".encode(),
    "name with space": b"line\nline",
    **{f"many/{number:03}": b"%d" % number for number in range(70)},
}
"""Values that every store can hold, more than fit into one transaction."""
SCHEMES: Final = ("etcd", "etcd2", "consul", "zk", "redis", "bolt", "file", "memory")


@pytest.fixture
def etcd_version() -> str:
    """Return the newest version; how a plan is applied does not depend on it."""
    return VERSIONS[-1]


@pytest.fixture
def addresses(
    shared_etcd: EtcdServer, shared_etcd2: EtcdServer, shared_consul: ConsulServer, shared_zookeeper: ZooKeeperServer
) -> Mapping[str, str]:
    """Return the addresses of servers whose keys are paths."""
    return {
        "etcd": shared_etcd.address,
        "etcd2": shared_etcd2.address,
        "consul": shared_consul.address,
        "zk": shared_zookeeper.address,
    }


@pytest.fixture
async def stores(
    addresses: Mapping[str, str], shared_redis: RedisServer, tmp_path: Path
) -> AsyncIterator[Mapping[str, Store]]:
    """Open an empty place in each store."""
    create(tmp_path / "plans.db")
    (tmp_path / "folder").mkdir()
    prefix = f"plans-{token_hex(4)}"
    urls = {
        **{scheme: f"{scheme}://{address}/{prefix}/" for scheme, address in addresses.items()},
        "redis": f"redis://{shared_redis.address}/0/{prefix}:",
        "bolt": f"bolt://{quote(str(tmp_path))}/plans.db/top/",
        "file": f"file://{quote(str(tmp_path))}/folder/?layout=folder",
        "memory": "memory:",
    }
    async with AsyncExitStack() as stack:
        yield {scheme: await stack.enter_async_context(explorer.open(urls[scheme])) for scheme in SCHEMES}


def below(store: Store, name: str) -> PlanSide:
    """Return what is below a name; keys are spelled with a slash in every store."""
    return PlanSide(store, name + store.separator, separator="/")


async def values(store: Store, name: str) -> dict[str, bytes | None]:
    found = [entry async for entry in below(store, name).entries()]
    return {entry.key: entry.value for entry in found}


async def apply(folder: PlanFolder, plan: Plan, *stores: Store) -> Plan:
    """Apply a plan, and return the one that takes it back."""
    folder.save(plan)
    with folder.progress(plan) as progress:
        by_url = {store.address.public_url: store for store in stores}
        async with aclosing(Application(plan, by_url, progress).run()) as changes:
            count = len([change async for change in changes])
        assert count == len(plan)
        return undo_plan(plan, progress, by_url)


async def test_copies_between_every_two_stores(stores: Mapping[str, Store], tmp_path: Path) -> None:
    """A copy there, a comparison that finds nothing, and undo, which leaves nothing but directories."""
    folder = PlanFolder(tmp_path)
    for key, value in VALUES.items():
        await stores["memory"].put(f"from/{key}", value)
    for scheme in SCHEMES[:-1]:
        source = below(stores["memory"], "from")
        await apply(folder, await CopyPlanner(source, below(stores[scheme], "from")).plan(scheme), stores[scheme])
    for one, other in permutations(SCHEMES, 2) if LONG else combinations(SCHEMES, 2):
        source, target = below(stores[one], "from"), below(stores[other], one)
        undo = await apply(folder, await CopyPlanner(source, target).plan("copy"), stores[other])
        assert await values(stores[other], one) == VALUES, (one, other)
        await apply(folder, undo, stores[other])
        assert not any((await values(stores[other], one)).values()), (one, other)


async def test_move_between_stores_and_back(stores: Mapping[str, Store], tmp_path: Path) -> None:
    """A move empties the source only of what has arrived, and its undo brings all back."""
    folder = PlanFolder(tmp_path)
    etcd, zookeeper = stores["etcd"], stores["zk"]
    for key, value in VALUES.items():
        await etcd.put(f"from/{key}", value)
    plan = await CopyPlanner(below(etcd, "from"), below(zookeeper, "to"), move=True).plan("move")
    undo = await apply(folder, plan, etcd, zookeeper)
    assert (await values(etcd, "from"), await values(zookeeper, "to")) == ({}, VALUES)
    await apply(folder, undo, etcd, zookeeper)
    assert await values(etcd, "from") == VALUES
    assert not any((await values(zookeeper, "to")).values())


@pytest.mark.parametrize("scheme", ["zk", "redis", "file"])
async def test_no_move_to_the_same_store_by_another_name(
    stores: Mapping[str, Store], tmp_path: Path, scheme: str
) -> None:
    """Moving a folder to itself would delete it: a server is recognized by any of its names, a folder by symlinks."""
    address = stores[scheme].address.public_url.replace("127.0.0.1", "localhost")
    (tmp_path / "link").symlink_to("folder")
    address = address.replace("/folder", "/link")
    assert address != stores[scheme].address.public_url
    await stores[scheme].put("kept", b"1")
    async with explorer.open(address) as same:
        source, target = PlanSide(stores[scheme]), PlanSide(same)
        with pytest.raises(ExplorerError, match="of the same store overlap"):
            await CopyPlanner(source, target, move=True).plan("move")
        with pytest.raises(ExplorerError, match="of the same store overlap"):
            await CopyPlanner(source, replace(target, prefix="below/"), move=True).plan("move")


REFUSED: Final[Mapping[str, set[str]]] = {
    "etcd": set(),
    "etcd2": {".", "a//b", "bad\udcff", "end/", "nested", "nested/child", "nested/child/deep"},
    "consul": {"bad\udcff"},
    "zk": {".", "a//b", "bad\udcff", "end/", "new\nline"},
    "redis": set(),
    "bolt": {"a//b", "end/", "nested", "nested/child", "nested/child/deep", "ti~lde"},
    "file": {".", "a//b", "end/", "long" * 64, "nested", "nested/child", "nested/child/deep"},
}
"""Keys that a store cannot hold."""


@pytest.mark.parametrize("scheme", sorted(REFUSED))
async def test_keys_that_the_target_cannot_hold(stores: Mapping[str, Store], scheme: str) -> None:
    """They are conflicts of the plan, found before anything is written; all others are written."""
    for key in set().union(*REFUSED.values()):
        await stores["memory"].put(f"odd/{key}", b"1")
    source, target = below(stores["memory"], "odd"), below(stores[scheme], "odd")
    plan = await CopyPlanner(source, target).plan("copy")
    start = len(target.prefix)
    refused = {one.key[start:].replace(target.store.separator, "/") for one in plan.conflicts}
    assert refused == REFUSED[scheme]
    plan = await CopyPlanner(source, target, ignored=[escape(key) for key in refused]).plan("copy")
    for change in plan:
        await stores[scheme].atomic_put(change.key, b"1", None)


async def test_another_consul_cluster_is_another_store(shared_consul: ConsulServer) -> None:
    """Consul calls the datacenter of every cluster dc1."""
    with ConsulServer() as other:
        url = "consul://{}/same/"
        async with (
            explorer.open(url.format(shared_consul.address)) as one,
            explorer.open(url.format(other.address)) as two,
        ):
            await one.put("a", b"1")
            await two.put("a", b"1")
            plan = await CopyPlanner(PlanSide(one), PlanSide(two), move=True).plan("move")
            assert plan.same == ("a",)
