"""Watches of Consul beyond the contract: large trees, odd keys, restarts, indexes that go back."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from explorer.drivers.consul import ConsulStore
from explorer.drivers.consul.answers import KVPair
from explorer.drivers.consul.changed_keys import MAX_PART_KEYS
from explorer.drivers.consul.reader import ConsulReader
from explorer.model.address import Access, parse
from explorer.model.errors import NotReachable
from explorer.model.events import Lost, Put, Restored, Resync
from tests.contract.fixtures import keys_and_values, take_changes, take_events
from tests.servers.consul import ConsulServer


def make_store(server: ConsulServer, path: str = "") -> ConsulStore:
    return ConsulStore(parse(f"consul://{server.address}/{path}"), Access())


@pytest.fixture
async def store(shared_consul: ConsulServer) -> AsyncIterator[ConsulStore]:
    async with make_store(shared_consul, f"watch-{uuid.uuid4().hex[:8]}/") as store:
        yield store


async def put_many(server: ConsulServer, store: ConsulStore, count: int) -> None:
    """Create so many keys in bulk, without levels: `000123`."""
    root = store.address.path
    for start in range(0, count, 64):
        numbers = range(start, min(start + 64, count))
        operations = [{"KV": {"Verb": "set", "Key": f"{root}{number:06}", "Value": "eA=="}} for number in numbers]
        await asyncio.to_thread(server.json, "PUT", "/v1/txn", operations)


async def test_watch_tree_finds_each_change_in_a_large_tree(shared_consul: ConsulServer, store: ConsulStore) -> None:
    """Changes, creations and deletions are found in a tree of several parts."""
    await put_many(shared_consul, store, 3 * MAX_PART_KEYS)
    async with store.watch_tree("") as events:
        await take_events(events, 1)
        await store.put("000000", b"first")
        assert keys_and_values(await take_changes(events, 1)) == [("000000", b"first")]
        await store.put(f"{3 * MAX_PART_KEYS - 1:06}", b"last")
        assert keys_and_values(await take_changes(events, 1)) == [(f"{3 * MAX_PART_KEYS - 1:06}", b"last")]
        await store.put("new//odd", b"made")
        assert keys_and_values(await take_changes(events, 1)) == [("new//odd", b"made")]
        await store.delete("001234")
        assert keys_and_values(await take_changes(events, 1)) == [("001234", None)]
        await store.delete_tree("new")
        assert keys_and_values(await take_changes(events, 1)) == [("new//odd", None)]


async def test_watch_tree_finds_a_key_that_others_begin_with(shared_consul: ConsulServer, store: ConsulStore) -> None:
    """A key that is the start of all others is a part of its own in the search."""
    await put_many(shared_consul, store, 2 * MAX_PART_KEYS)
    await store.put("0", b"the beginning of all others")
    async with store.watch_tree("") as events:
        await take_events(events, 1)
        await store.put("0", b"changed")
        assert keys_and_values(await take_changes(events, 1)) == [("0", b"changed")]


@pytest.mark.parametrize("prefix", ["a//", "/", "b/../c", "d/./"])
async def test_watch_of_keys_that_urls_alter(store: ConsulStore, prefix: str) -> None:
    """Keys and prefixes that do not survive in a URL are watched by other requests."""
    key = f"{prefix.removesuffix('/')}/key"
    async with store.watch_tree(prefix) as tree, store.watch(key) as single:
        await store.put("beside", b"")
        await store.put(key, b"value")
        assert (
            keys_and_values(await take_changes(tree, 1))
            == keys_and_values(await take_changes(single, 1))
            == [(key, b"value")]
        )
        await store.delete(key)
        assert (
            keys_and_values(await take_changes(tree, 1))
            == keys_and_values(await take_changes(single, 1))
            == [(key, None)]
        )


async def test_watch_ignores_writes_elsewhere(store: ConsulStore) -> None:
    """A change outside of the watched key or prefix is not reported."""
    async with store.watch_tree("missing") as tree, store.watch("absent") as single:
        for number in range(5):
            await store.put("elsewhere", f"{number}".encode())
        await store.put("missing/key", b"value")
        await store.put("absent", b"value")
        assert keys_and_values(await take_changes(tree, 1)) == [("missing/key", b"value")]
        assert keys_and_values(await take_changes(single, 1)) == [("absent", b"value")]


async def test_watch_survives_a_restart_of_the_server(own_consul: ConsulServer) -> None:
    """A restart is reported as Lost and Restored, and the next change follows."""
    async with make_store(own_consul) as store, store.watch_tree("top") as tree, store.watch("top/key") as single:
        await take_events(tree, 1)
        await take_events(single, 1)
        await asyncio.to_thread(own_consul.kill)
        for events in (tree, single):
            assert isinstance((await take_events(events, 1))[0], Lost)
        await asyncio.to_thread(own_consul.start)
        await store.put("top/key", b"after")
        for events in (tree, single):
            restored, put = await take_events(events, 2)
            assert isinstance(restored, Restored)
            assert isinstance(put, Put)
            assert (put.entry.value, put.inferred) == (b"after", False)


async def test_watch_of_a_server_that_lost_its_data_resyncs(own_consul: ConsulServer) -> None:
    """The reason says that the index went back; the missing keys are reported as deleted."""
    async with make_store(own_consul) as store:
        for number in range(20):
            await store.put("top/gone", f"{number}".encode())
        await store.put("top/same", b"")
        async with store.watch_tree("top") as tree, store.watch("top/gone") as single:
            await take_events(tree, 1)
            await take_events(single, 1)
            await asyncio.to_thread(own_consul.kill)
            own_consul.forget()
            await asyncio.to_thread(own_consul.start)
            for events in (tree, single):
                lost, resync = await take_events(events, 2)
                assert isinstance(lost, Lost)
                assert isinstance(resync, Resync)
                assert "went back" in resync.reason
            gone = await take_changes(tree, 2)
            assert sorted(keys_and_values(gone)) == [("top/gone", None), ("top/same", None)]
            assert all(event.inferred for event in gone)
            assert keys_and_values(await take_changes(single, 1)) == [("top/gone", None)]


async def test_watch_tree_repeats_a_search_that_was_cut_off(
    store: ConsulStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that fails between the signal and the reading costs no change.

    The failure is a fake: no proxy can cut exactly there.
    """
    read = ConsulReader.list_pairs
    failures = [NotReachable("cut off")]

    async def cut_once(reader: ConsulReader, base: str) -> list[KVPair]:
        if failures:
            raise failures.pop()
        return await read(reader, base)

    await store.put("a", b"before")
    async with store.watch_tree("") as events:
        await take_events(events, 1)
        monkeypatch.setattr(ConsulReader, "list_pairs", cut_once)
        await store.put("a", b"after")
        assert keys_and_values(await take_changes(events, 1)) == [("a", b"after")]
        assert not failures
