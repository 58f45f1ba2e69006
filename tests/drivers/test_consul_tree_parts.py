"""Walks over a Consul tree: the same entries as page after page, in few requests."""

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator

import pytest

from explorer.drivers.consul import ConsulStore
from explorer.drivers.consul.tree_parts import Partition
from explorer.model.address import Access, parse
from explorer.model.entries import Entry
from tests.drivers.foreign_answers import AnsweringProxy
from tests.servers.consul import ConsulServer

ODD_KEYS = (
    "a",
    "a/",
    "a//b",
    "a/./b",
    "a/../b",
    "a/.",
    "//",
    "ä/ö",
    "\U0001f600/x",
    "%2F",
    "a b?c#d",
    "a-b",
    "a0",
    "z/z/z/",
)


@pytest.fixture
async def proxy(shared_consul: ConsulServer) -> AsyncIterator[AnsweringProxy]:
    async with AnsweringProxy(shared_consul.address) as proxy:
        yield proxy


async def entries_by_page(store: ConsulStore, prefix: str) -> list[Entry]:
    found: list[Entry] = []
    after = None
    while True:
        page = await store.list(prefix, after=after)
        found += page.items
        if (after := page.next) is None:
            return found


@pytest.mark.parametrize("size", [10, 30_000])
async def test_walk_equals_pages_with_few_requests(
    shared_consul: ConsulServer, proxy: AnsweringProxy, size: int
) -> None:
    """Large values make the parts smaller and the requests more; the entries stay the same."""
    root = f"walk-{uuid.uuid4().hex[:8]}"
    value = base64.b64encode(b"v" * size).decode()
    keys = [*ODD_KEYS, *(f"d{number % 7}/k{number:04}" for number in range(1200 if size < 100 else 300))]
    batch = 60 if size < 100 else 10
    for start in range(0, len(keys), batch):
        operations = [
            {"KV": {"Verb": "set", "Key": f"{root}/{key}", "Value": value}} for key in keys[start : start + batch]
        ]
        await asyncio.to_thread(shared_consul.json, "PUT", "/v1/txn", operations)
    async with ConsulStore(parse(f"consul://{proxy.address}/{root}/"), Access()) as store:
        for prefix in ("", "d3", "a", "a/", "z/z/z"):
            before = len(proxy.heads)
            walked = [entry async for entry in store.walk(prefix)]
            requests = len(proxy.heads) - before
            assert walked == await entries_by_page(store, prefix), prefix
            assert requests <= (60 if prefix == "" else 12), f"{requests} requests for {len(walked)} entries"
        assert [entry.key async for entry in store.walk("z/z/z")] == ["z/z/z/"]
        assert [entry.key async for entry in store.walk("", values=False)] == sorted(keys)


@pytest.mark.parametrize("max_keys", [1, 2, 16, 1000])
def test_partition_has_every_key_in_one_part(max_keys: int) -> None:
    """Each key is in one part of any size; a key that other keys begin with has its own part."""
    keys = sorted({f"{'ab' * (number % 3)}{number}/x" for number in range(500)} | {"a", "ab", "abab", "b/"})
    parts = Partition("", keys)
    held: list[str] = []
    while (part := parts.next(max_keys)) is not None:
        held += [key for key in keys if (key == part.prefix if part.is_single_key else key.startswith(part.prefix))]
    assert held == keys
