"""Listings by windows and jumps, compared with a full listing of every key."""

import asyncio
import random
import uuid

import pytest

from explorer.drivers.etcd import EtcdStore, messages
from explorer.drivers.etcd.endpoint import TXN
from explorer.model.address import Access, parse
from explorer.model.entries import Child, Cursor
from explorer.model.errors import Compacted
from tests.servers.etcd import EtcdServer

SHAPES = {
    "numbered": [f"node{number:04d}" for number in range(150)],
    "numbered with gaps": [f"n{number}" for number in (1, 2, 3, 9, 10, 11, 12, 40, 41, 99, 100, 101)],
    "numbers that outgrow their width": [str(number) for number in range(95, 130)],
    "hex": [uuid.UUID(int=number * 2**119 + 7).hex for number in range(40)],
    "words": ["alpha", "alphabet", "beta", "gamma", "gamma-ray", "gamma.ray", "gamma0", "zeta"],
    "between a child and what is below it": ["a", "a!", "a-b", "a-b-c", "a.b", "a0", "aa"],
    "no last sibling": ["\udcff", "\udcff\udcff", "\udcff0"],
}


def generate_keys(names: list[str], seed: int) -> list[str]:
    """Return keys: names with values, with keys below (few, or more than one request returns), or both."""
    chance = random.Random(seed)
    keys = []
    for name in names:
        kind = chance.choice(("value", "few", "many", "both", "deep"))
        if kind in ("value", "both"):
            keys.append(name)
        if kind in ("few", "both"):
            keys.extend(f"{name}/{number}" for number in range(chance.randrange(1, 4)))
        if kind == "many":
            keys.extend(f"{name}/k{number:02d}" for number in range(chance.randrange(5, 40)))
        if kind == "deep":
            keys.append(f"{name}//x/y")
    return sorted(set(keys), key=lambda key: key.encode("utf-8", "surrogateescape"))


def children_of(keys: list[str]) -> list[Child]:
    """Return the children of keys, in the order in which their names first appear."""
    found: dict[str, list[bool]] = {}
    for key in keys:
        name, below, _ = key.partition("/")
        found.setdefault(name, [False, False])[bool(below)] = True
    return [Child(name, f"top/{name}", *facts) for name, facts in found.items()]


@pytest.fixture
def url(shared_etcd: EtcdServer) -> str:
    return f"etcd://{shared_etcd.address}/listing-{uuid.uuid4().hex}/"


async def write(store: EtcdStore, keys: list[str]) -> None:
    for begin in range(0, len(keys), 100):
        puts = [
            messages.PutRequest(key=store.connection.settings.root + f"top/{key}".encode("utf-8", "surrogateescape"))
            for key in keys[begin : begin + 100]
        ]
        await store.connection.call(
            TXN, messages.TxnRequest(success=[messages.RequestOp(request_put=put) for put in puts])
        )


@pytest.mark.parametrize("shape", SHAPES)
async def test_children_equal_a_full_listing(url: str, shape: str) -> None:
    """Children of any page size equal those of a full listing."""
    for seed in range(3):
        keys = generate_keys(SHAPES[shape], seed)
        async with EtcdStore(parse(f"{url}{seed}/"), Access()) as store:
            await write(store, keys)
            for limit in (1000, 7, 1):
                found: list[Child] = []
                after: Cursor | None = None
                while True:
                    page = await store.children("top", after=after, limit=limit)
                    assert len(page.items) <= limit
                    found.extend(page.items)
                    after = page.next
                    if after is None:
                        break
                assert found == children_of(keys), f"{shape}, seed {seed}, pages of {limit}"


async def test_list_of_many_pages_is_complete_and_ordered(url: str) -> None:
    """A listing of many pages is complete and ordered; so is a walk."""
    keys = generate_keys([f"n{number:05d}" for number in range(600)], 1)
    async with EtcdStore(parse(url), Access()) as store:
        await write(store, keys)
        found: list[str] = []
        after: Cursor | None = None
        while True:
            page = await store.list("top", after=after, limit=64, values=False)
            found.extend(entry.key for entry in page.items)
            after = page.next
            if after is None:
                break
        assert found == [f"top/{key}" for key in keys]
        assert [entry.key async for entry in store.walk("top", values=False)] == found


async def test_list_after_compaction_raises_compacted(url: str, shared_etcd: EtcdServer) -> None:
    """A listing whose revision was compacted raises Compacted."""
    async with EtcdStore(parse(url), Access()) as store:
        await write(store, [f"{number:03d}" for number in range(50)])
        page = await store.list("top", limit=10)
        await store.put("another", b"")
        await asyncio.to_thread(shared_etcd.compact)
        with pytest.raises(Compacted):
            await store.list("top", after=page.next, limit=10)
