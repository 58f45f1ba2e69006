"""Watches of etcd's v2 API: directories, history, and other stores at the same address."""

import pytest

from explorer.drivers.etcd2 import Etcd2Store, event_stream
from explorer.drivers.etcd2.keyspace import Etcd2Node
from explorer.drivers.etcd2.reader import NodeWalk
from explorer.model.address import Access, parse
from explorer.model.errors import NotReachable
from explorer.model.events import Deleted, Put, Resync, Started
from tests.contract.fixtures import keys_and_values, take_changes, take_events
from tests.drivers.etcd2_fixtures import path, plain, store
from tests.servers.etcd import EtcdServer
from tests.servers.etcd2 import PlainV2
from tests.servers.proxy import FaultProxy

__all__ = ["path", "plain", "store"]

_HISTORY_SIZE = 1000
"""Changes that the store keeps."""


def store_at(address: str, path: str) -> Etcd2Store:
    return Etcd2Store(parse(f"etcd2://{address}/{path}"), Access())


async def write_elsewhere(server: EtcdServer, path: str, times: int) -> None:
    """Write to other keys."""
    async with store_at(server.address, path) as beside:
        for number in range(times):
            await beside.put("key", f"{number}".encode())


# Directories


async def test_tree_watch_yields_implicit_directories(store: Etcd2Store) -> None:
    """Directories that a write creates are events of their own."""
    async with store.watch_tree("") as events:
        await store.put("a/b/c", b"value")
        await store.put("a/b/d", b"value")
        found = await take_changes(events, 4)
        assert [event.key for event in found] == ["a", "a/b", "a/b/c", "a/b/d"]
        directory = found[1]
        assert isinstance(directory, Put)
        assert directory.entry == await store.get("a/b")


async def test_tree_watch_yields_each_key_of_a_deleted_directory(store: Etcd2Store, plain: PlainV2, path: str) -> None:
    """A directory that is deleted as a whole is reported key by key."""
    for key in ("top/a", "top/b/c", "topmost/d"):
        await store.put(key, b"value")
    async with store.watch_tree("") as events, store.watch("top/b/c") as single, store.watch("topmost/d") as beside:
        await store.put("top/b/new", b"value")
        plain.delete(f"/{path}/top", "recursive=true")
        gone = (await take_changes(events, 6))[1:]
        assert sorted(keys_and_values(gone)) == [
            (key, None) for key in ("top", "top/a", "top/b", "top/b/c", "top/b/new")
        ]
        assert gone[-1].key == "top", "keys below come first"
        assert keys_and_values(await take_changes(single, 1)) == [("top/b/c", None)]
        await store.put("topmost/d", b"other")
        assert keys_and_values(await take_changes(beside, 1)) == [("topmost/d", b"other")]


async def test_tree_watch_of_a_deleted_directory(store: Etcd2Store, plain: PlainV2, path: str) -> None:
    """The deletion of the watched directory itself deletes all keys below it."""
    await store.put("outer/top/a", b"value")
    async with store.watch_tree("outer/top") as events:
        plain.delete(f"/{path}/outer", "recursive=true")
        assert keys_and_values(await take_changes(events, 1)) == [("outer/top/a", None)]
        await store.put("outer/top/a", b"again")
        assert keys_and_values(await take_changes(events, 1)) == [("outer/top/a", b"again")]


async def test_tree_watch_yields_keys_of_an_expired_directory(store: Etcd2Store) -> None:
    """A directory that expires is reported with its keys."""
    async with store.watch_tree("") as events:
        await store.put("short", b"", is_dir=True, ttl=3)
        await store.put("short/key", b"value")
        assert [(type(event), event.key) for event in await take_changes(events, 4)] == [
            (Put, "short"),
            (Put, "short/key"),
            (Deleted, "short/key"),
            (Deleted, "short"),
        ]


async def test_key_watch_yields_the_key_as_a_directory(store: Etcd2Store) -> None:
    """A watched key that becomes a directory is reported."""
    async with store.watch("top") as events:
        started = (await take_events(events, 1))[0]
        assert isinstance(started, Started)
        assert started.entry is None
        await store.put("top/below", b"value")
        (event,) = await take_changes(events, 1)
        assert isinstance(event, Put)
        assert event.entry == await store.get("top")
        await store.put("top/below", b"other")
        await store.delete_tree("top")
        await store.delete("top")
        assert keys_and_values(await take_changes(events, 1)) == [("top", None)]


async def test_tree_watch_yields_a_directory_for_a_value(store: Etcd2Store, plain: PlainV2, path: str) -> None:
    """A directory that replaces a value is reported."""
    await store.put("key", b"value")
    async with store.watch_tree("") as events:
        plain.put(f"/{path}/key", "dir=true")
        (event,) = await take_changes(events, 1)
        assert isinstance(event, Put)
        assert event.entry.value is None
        assert event.previous is not None
        assert event.previous.value == b"value"


async def test_resumed_tree_watch_of_a_deleted_directory(store: Etcd2Store, plain: PlainV2, path: str) -> None:
    """A directory that was deleted before the watch began is reported with the known keys in it."""
    await store.put("top/a", b"value")
    last = await store.put("top/b", b"value")
    known = {entry.key: entry.revision for entry in (await store.list("")).items}
    plain.delete(f"/{path}/top", "recursive=true")
    async with store.watch_tree("", since=last.revision, known=known) as events:
        assert keys_and_values(await take_changes(events, 3)) == [("top/b", None), ("top/a", None), ("top", None)]
    async with store.watch_tree("", since=last.revision) as events:
        assert isinstance((await take_events(events, 2))[1], Resync), "its keys are unknown"


async def test_tree_watch_leaves_out_hidden_keys(store: Etcd2Store) -> None:
    """A hidden key is in no watch from above."""
    async with store.watch_tree("") as events, store.watch("_hidden") as single:
        await store.put("_hidden", b"value")
        await store.put("shown", b"value")
        assert keys_and_values(await take_changes(events, 1)) == [("shown", b"value")]
        assert keys_and_values(await take_changes(single, 1)) == [("_hidden", b"value")]


# History


async def test_silent_watch_survives_changes_of_other_keys(
    shared_etcd2: EtcdServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch without events keeps up with more changes elsewhere than the store keeps."""
    monkeypatch.setattr(event_stream, "_MAX_SILENCE", 0.2)
    async with (
        FaultProxy(shared_etcd2.client_port) as proxy,
        store_at(proxy.address, path) as store,
        store.watch_tree("") as events,
    ):
        for _ in range(3):
            await write_elsewhere(shared_etcd2, f"{path}-beside", _HISTORY_SIZE // 2)
        proxy.reset_connections()
        await store.put("key", b"value")
        assert keys_and_values(await take_changes(events, 1)) == [("key", b"value")]


@pytest.mark.parametrize("single", [False, True])
async def test_watch_behind_the_history_resyncs(shared_etcd2: EtcdServer, path: str, *, single: bool) -> None:
    """After more changes than the store keeps, the state is read again."""
    async with FaultProxy(shared_etcd2.client_port) as proxy, store_at(proxy.address, path) as store:
        await store.put("same", b"value")
        await store.put("key", b"before")
        async with store.watch("key") if single else store.watch_tree("") as events:
            await take_events(events, 1)
            proxy.reset()
            async with store_at(shared_etcd2.address, path) as beside:
                await beside.put("key", b"after")
                if not single:
                    await beside.delete("same")
            await write_elsewhere(shared_etcd2, f"{path}-beside", _HISTORY_SIZE + 1)
            proxy.heal()
            lost, resync, put = await take_events(events, 3)
            assert isinstance(resync, Resync), lost
            assert "1000" in resync.reason
            assert isinstance(put, Put)
            assert (put.key, put.entry.value, put.inferred) == ("key", b"after", True)
            if not single:
                (gone,) = await take_changes(events, 1)
                assert isinstance(gone, Deleted)
                assert (gone.key, gone.inferred) == ("same", True)
            await store.put("key", b"now")
            assert keys_and_values(await take_changes(events, 1)) == [("key", b"now")]


async def test_resync_cut_off_by_the_connection_is_repeated(
    shared_etcd2: EtcdServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading the state again is repeated if the connection breaks, and no difference is lost.

    The broken connection is a fake: no proxy can cut exactly there.
    """
    read = NodeWalk.take
    failures = [NotReachable("cut off")]

    async def fail_once(walk: NodeWalk, count: int) -> list[Etcd2Node]:
        if failures:
            raise failures.pop()
        return await read(walk, count)

    async with FaultProxy(shared_etcd2.client_port) as proxy, store_at(proxy.address, path) as store:
        await store.put("key", b"before")
        async with store.watch_tree("") as events:
            await take_events(events, 1)
            monkeypatch.setattr(NodeWalk, "take", fail_once)
            proxy.reset()
            async with store_at(shared_etcd2.address, path) as beside:
                await beside.put("key", b"after")
            await write_elsewhere(shared_etcd2, f"{path}-beside", _HISTORY_SIZE + 1)
            proxy.heal()
            assert keys_and_values(await take_changes(events, 1)) == [("key", b"after")]
            assert not failures


async def test_resumed_watch_yields_all_past_changes(store: Etcd2Store) -> None:
    """All past changes are reported, although one response has only one of them."""
    first = await store.put("key", b"0")
    for number in range(1, 30):
        await store.put("key", f"{number}".encode())
    async with store.watch("key", since=first.revision) as events:
        assert [value for _, value in keys_and_values(await take_changes(events, 29))] == [
            f"{n}".encode() for n in range(1, 30)
        ]


# Another store


@pytest.mark.parametrize("single", [False, True])
async def test_watch_detects_another_store(
    shared_etcd2: EtcdServer, own_etcd2: EtcdServer, path: str, *, single: bool
) -> None:
    """Another store at the same address causes a Resync."""
    async with FaultProxy(shared_etcd2.client_port) as proxy, store_at(proxy.address, path) as store:
        await store.put("key", b"here")
        async with store.watch("key") if single else store.watch_tree("") as events:
            await take_events(events, 1)
            async with store_at(own_etcd2.address, path) as beside:
                for number in range(50):
                    await beside.put("other", f"{number}".encode())
            proxy.server_port = own_etcd2.client_port
            proxy.reset_connections()
            _, resync = await take_events(events, 2)
            assert isinstance(resync, Resync)
            assert "cluster" in resync.reason
            found = keys_and_values(await take_changes(events, 1 if single else 2))
            assert ("key", None) in found
            assert single or ("other", b"49") in found


async def test_watch_detects_a_store_that_went_back(own_etcd2: EtcdServer, path: str) -> None:
    """A store that lost its data causes a Resync."""
    async with store_at(own_etcd2.address, path) as store:
        for number in range(30):
            await store.put("key", f"{number}".encode())
        async with store.watch_tree("") as events:
            await take_events(events, 1)
            own_etcd2.kill()
            own_etcd2.forget()
            own_etcd2.start()
            _, resync, gone = await take_events(events, 3)
            assert isinstance(resync, Resync)
            assert "went back" in resync.reason
            assert keys_and_values([gone]) == [("key", None)]  # type: ignore[list-item]  # no other events are here
