"""Writes to Consul beyond the contract (odd keys, flags, sessions, sizes), and pages of a level."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from explorer.drivers.consul import ConsulStore
from explorer.drivers.consul.cas import MAX_TXN_BYTES
from explorer.model.address import Access, parse
from explorer.model.entries import Cursor
from explorer.model.errors import InvalidKey, KeyExists, KeyModified, KeyNotFound, TooLarge
from tests.contract.fixtures import keys_below
from tests.servers.consul import ConsulServer

pytestmark = pytest.mark.servers


@pytest.fixture
def root() -> str:
    return f"writing-{uuid.uuid4().hex[:8]}/"


@pytest.fixture
async def store(shared_consul: ConsulServer, root: str) -> AsyncIterator[ConsulStore]:
    async with ConsulStore(parse(f"consul://{shared_consul.address}/{root}"), Access()) as store:
        yield store


@pytest.mark.parametrize("key", ["a//b", "/a", "a/../b", "a/./b", "a/", "..", ".", "//", "ü %2F?#&=+", "a\nb"])
async def test_write_of_an_odd_key_changes_no_other_key(store: ConsulStore, key: str) -> None:
    """Keys that do not survive in a URL are written, read and deleted as they are."""
    for other in ("a/b", "a", "b"):
        await store.put(other, b"untouched")
    written = await store.put(key, b"value")
    assert await store.get(key) == written
    await store.atomic_put(key, b"again", written)
    assert await keys_below(store, "") == sorted({"a/b", "a", "b", key})
    await store.delete(key)
    for other in ("a/b", "a", "b"):
        assert (await store.get(other)).value == b"untouched"


async def test_write_keeps_foreign_flags(shared_consul: ConsulServer, store: ConsulStore, root: str) -> None:
    await asyncio.to_thread(shared_consul.json, "PUT", f"/v1/kv/{root}key?flags=42", b"value")
    seen = await store.get("key")
    assert seen.meta["flags"] == 42
    for saved in (await store.atomic_put("key", b"edited", seen), await store.put("key", b"edited")):
        assert saved.meta["flags"] == 42
    assert (await store.get("key")).meta["flags"] == 42


@pytest.mark.parametrize("size", [390_000, 400_000, MAX_TXN_BYTES])
async def test_value_of_maximal_size_is_compared_and_swapped(store: ConsulStore, size: int) -> None:
    """Values that fit into a transaction, or only outside of one, are guarded alike."""
    first = await store.atomic_put("large", b"x" * size, None)
    assert await store.get("large") == first
    with pytest.raises(KeyExists):
        await store.atomic_put("large", b"x" * size, None)
    second = await store.atomic_put("large", b"y" * size, first)
    with pytest.raises(KeyModified):
        await store.atomic_put("large", b"z" * size, first)
    assert await store.get("large") == second


async def test_value_beyond_the_limit_is_too_large(store: ConsulStore) -> None:
    """The agent decides, and its text has the limit; nothing is written."""
    for key, size in (("large", MAX_TXN_BYTES + 1), ("larger", 5_000_000), ("odd//large", 400_000)):
        with pytest.raises(TooLarge, match="max size: 524288") as raised:
            await store.put(key, b"x" * size)
        assert raised.value.hint
    with pytest.raises(TooLarge):
        await store.put("large", b"x" * 400_000, ttl=60)
    assert await keys_below(store, "") == []


async def test_configured_limits_allow_larger_values() -> None:
    """An agent that is configured for more takes larger values, with and without a transaction."""
    more = {"kv_max_value_size": 2_000_000, "txn_max_req_len": 2_000_000}
    with ConsulServer(settings={"limits": more}) as server:
        async with ConsulStore(parse(f"consul://{server.address}/"), Access()) as store:
            await store.put("large", b"x" * 1_900_000)
            await store.put("odd//large", b"x" * 1_000_000)
            async with store.lock("locked"):
                await store.put("locked", b"y" * 1_000_000)
                sizes = {entry.key: len(entry.value or b"") async for entry in store.walk("")}
            assert sizes == {"large": 1_900_000, "locked": 1_000_000, "odd//large": 1_000_000}
            with pytest.raises(TooLarge, match="max size: 2000000"):
                await store.put("large", b"x" * 2_000_001)


async def test_delete_of_a_missing_key_is_not_found(store: ConsulStore) -> None:
    """Consul itself reports success for a missing key."""
    seen = await store.put("key", b"value")
    await store.delete("key")
    for deleting in (store.delete("key"), store.atomic_delete("key", seen), store.delete_tree("key")):
        with pytest.raises(KeyNotFound):
            await deleting


async def test_put_of_the_empty_key_is_invalid(shared_consul: ConsulServer) -> None:
    async with ConsulStore(parse(f"consul://{shared_consul.address}/"), Access()) as store:
        with pytest.raises(InvalidKey):
            await store.put("", b"value")


async def test_delete_tree_of_the_whole_store_deletes_all(own_consul: ConsulServer) -> None:
    async with ConsulStore(parse(f"consul://{own_consul.address}/"), Access()) as store:
        for key in ("a", "b/c", "/d"):
            await store.put(key, b"")
        assert await store.delete_tree("") == 3
        assert (await store.children("")).items == ()


async def test_pages_of_a_level_come_from_one_read(shared_consul: ConsulServer, store: ConsulStore, root: str) -> None:
    """Later pages do not show changes; a cursor that is not cached reads again."""
    for number in range(10):
        await store.put(f"{number}", b"")
    first, listed = await store.children("", limit=4), await store.list("", limit=4)
    await asyncio.to_thread(shared_consul.json, "DELETE", f"/v1/kv/{root}5")
    await store.put("55", b"")
    names, keys = [], []
    page, part = first, listed
    while page.next is not None:
        page = await store.children("", after=page.next, limit=4)
        names += [child.name for child in page.items]
    while part.next is not None:
        part = await store.list("", after=part.next, limit=4)
        keys += [entry.key for entry in part.items]
    assert names == ["4", "5", "6", "7", "8", "9"]
    assert keys == ["4", "6", "7", "8", "9"]
    again = await store.children("", after=Cursor("4"), limit=10)
    assert [child.name for child in again.items] == ["55", "6", "7", "8", "9"]


async def test_listing_dropped_from_the_cache_continues(store: ConsulStore) -> None:
    """A page behind a cursor that is no longer cached is read again, from its key on."""
    for number in range(6):
        await store.put(f"{number}", b"")
    pages = [await store.list("", limit=2) for _ in range(20)]
    for page in (pages[0], pages[-1]):
        assert [entry.key for entry in (await store.list("", after=page.next)).items] == ["2", "3", "4", "5"]
