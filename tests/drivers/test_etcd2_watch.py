"""What etcd's v2 API tells of changes, and what it does not tell and the watch has to."""

import uuid
from collections.abc import AsyncIterator

import pytest

from explorer.drivers.etcd2 import Etcd2Store, event_stream
from explorer.drivers.etcd2.keyspace import Node
from explorer.drivers.etcd2.reader import NodeWalk
from explorer.model.address import Access, parse
from explorer.model.errors import NotReachable
from explorer.model.events import Deleted, Put, Resync, Started
from tests.contract.fixtures import changes, take, told
from tests.servers.etcd import EtcdServer
from tests.servers.etcd2 import PlainV2
from tests.servers.proxy import FaultProxy

_WINDOW = 1000
"""Changes that the store keeps."""


def make(address: str, path: str) -> Etcd2Store:
    return Etcd2Store(parse(f"etcd2://{address}/{path}"), Access())


@pytest.fixture
def path() -> str:
    return f"watch-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def plain(shared_etcd2: EtcdServer) -> PlainV2:
    return PlainV2(shared_etcd2)


@pytest.fixture
async def store(shared_etcd2: EtcdServer, path: str) -> AsyncIterator[Etcd2Store]:
    async with make(shared_etcd2.address, path) as store:
        yield store


async def flood(server: EtcdServer, path: str, times: int) -> None:
    """Change what is elsewhere."""
    async with make(server.address, path) as beside:
        for number in range(times):
            await beside.put("key", f"{number}".encode())


# Directories


async def test_directories_that_come_along_with_a_key_are_told(store: Etcd2Store) -> None:
    async with store.watch_tree("") as events:
        await store.put("a/b/c", b"value")
        await store.put("a/b/d", b"value")
        found = await changes(events, 4)
        assert [event.key for event in found] == ["a", "a/b", "a/b/c", "a/b/d"]
        directory = found[1]
        assert isinstance(directory, Put)
        assert directory.entry == await store.get("a/b")


async def test_a_directory_deleted_as_a_whole_is_told_key_by_key(store: Etcd2Store, plain: PlainV2, path: str) -> None:
    for key in ("top/a", "top/b/c", "topmost/d"):
        await store.put(key, b"value")
    async with store.watch_tree("") as events, store.watch("top/b/c") as single, store.watch("topmost/d") as beside:
        await store.put("top/b/new", b"value")
        plain.delete(f"/{path}/top", "recursive=true")
        gone = (await changes(events, 6))[1:]
        assert sorted(told(gone)) == [(key, None) for key in ("top", "top/a", "top/b", "top/b/c", "top/b/new")]
        assert gone[-1].key == "top", "what is below goes first"
        assert told(await changes(single, 1)) == [("top/b/c", None)]
        await store.put("topmost/d", b"other")
        assert told(await changes(beside, 1)) == [("topmost/d", b"other")]


async def test_the_end_of_the_watched_directory_itself_is_the_end_of_all_below(
    store: Etcd2Store, plain: PlainV2, path: str
) -> None:
    await store.put("outer/top/a", b"value")
    async with store.watch_tree("outer/top") as events:
        plain.delete(f"/{path}/outer", "recursive=true")
        assert told(await changes(events, 1)) == [("outer/top/a", None)]
        await store.put("outer/top/a", b"again")
        assert told(await changes(events, 1)) == [("outer/top/a", b"again")]


async def test_a_directory_whose_time_is_over_takes_its_keys_along(store: Etcd2Store) -> None:
    async with store.watch_tree("") as events:
        await store.put("short", b"", is_dir=True, ttl=3)
        await store.put("short/key", b"value")
        assert [(type(event), event.key) for event in await changes(events, 4)] == [
            (Put, "short"),
            (Put, "short/key"),
            (Deleted, "short/key"),
            (Deleted, "short"),
        ]


async def test_a_single_key_that_becomes_a_directory_is_told(store: Etcd2Store) -> None:
    async with store.watch("top") as events:
        started = (await take(events, 1))[0]
        assert isinstance(started, Started)
        assert started.entry is None
        await store.put("top/below", b"value")
        (event,) = await changes(events, 1)
        assert isinstance(event, Put)
        assert event.entry == await store.get("top")
        await store.put("top/below", b"other")
        await store.delete_tree("top")
        await store.delete("top")
        assert told(await changes(events, 1)) == [("top", None)]


async def test_a_directory_in_the_place_of_a_value_is_told(store: Etcd2Store, plain: PlainV2, path: str) -> None:
    await store.put("key", b"value")
    async with store.watch_tree("") as events:
        plain.put(f"/{path}/key", "dir=true")
        (event,) = await changes(events, 1)
        assert isinstance(event, Put)
        assert event.entry.value is None
        assert event.previous is not None
        assert event.previous.value == b"value"


async def test_a_directory_that_was_deleted_before_the_watch_began_is_made_up_for(
    store: Etcd2Store, plain: PlainV2, path: str
) -> None:
    await store.put("top/a", b"value")
    last = await store.put("top/b", b"value")
    known = {entry.key: entry.revision for entry in (await store.list("")).items}
    plain.delete(f"/{path}/top", "recursive=true")
    async with store.watch_tree("", since=last.revision, known=known) as events:
        assert told(await changes(events, 3)) == [("top/b", None), ("top/a", None), ("top", None)]
    async with store.watch_tree("", since=last.revision) as events:
        assert isinstance((await take(events, 2))[1], Resync), "nobody knows what was in it"


async def test_hidden_names_are_not_told(store: Etcd2Store) -> None:
    async with store.watch_tree("") as events, store.watch("_hidden") as single:
        await store.put("_hidden", b"value")
        await store.put("shown", b"value")
        assert told(await changes(events, 1)) == [("shown", b"value")]
        assert told(await changes(single, 1)) == [("_hidden", b"value")]


# History


async def test_a_watch_that_hears_nothing_keeps_up_with_the_changes_elsewhere(
    shared_etcd2: EtcdServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "_MAX_SILENCE", 0.2)
    async with (
        FaultProxy(shared_etcd2.client_port) as proxy,
        make(proxy.address, path) as store,
        store.watch_tree("") as events,
    ):
        for _ in range(3):
            await flood(shared_etcd2, f"{path}-beside", _WINDOW // 2)
        proxy.reset_connections()
        await store.put("key", b"value")
        assert told(await changes(events, 1)) == [("key", b"value")]


@pytest.mark.parametrize("single", [False, True])
async def test_more_changes_than_the_store_keeps_are_read_again(
    shared_etcd2: EtcdServer, path: str, *, single: bool
) -> None:
    async with FaultProxy(shared_etcd2.client_port) as proxy, make(proxy.address, path) as store:
        await store.put("same", b"value")
        await store.put("key", b"before")
        async with store.watch("key") if single else store.watch_tree("") as events:
            await take(events, 1)
            proxy.reset()
            async with make(shared_etcd2.address, path) as beside:
                await beside.put("key", b"after")
                if not single:
                    await beside.delete("same")
            await flood(shared_etcd2, f"{path}-beside", _WINDOW + 1)
            proxy.heal()
            lost, resync, put = await take(events, 3)
            assert isinstance(resync, Resync), lost
            assert "1000" in resync.reason
            assert isinstance(put, Put)
            assert (put.key, put.entry.value, put.inferred) == ("key", b"after", True)
            if not single:
                (gone,) = await changes(events, 1)
                assert isinstance(gone, Deleted)
                assert (gone.key, gone.inferred) == ("same", True)
            await store.put("key", b"now")
            assert told(await changes(events, 1)) == [("key", b"now")]


async def test_reading_again_cut_off_by_the_connection_is_repeated(
    shared_etcd2: EtcdServer, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that fails while all is read after a gap costs no difference.

    The failure of the reading is a fake: no proxy can cut exactly there.
    """
    read = NodeWalk.take
    failures = [NotReachable("cut off")]

    async def cut_once(walk: NodeWalk, count: int) -> list[Node]:
        if failures:
            raise failures.pop()
        return await read(walk, count)

    async with FaultProxy(shared_etcd2.client_port) as proxy, make(proxy.address, path) as store:
        await store.put("key", b"before")
        async with store.watch_tree("") as events:
            await take(events, 1)
            monkeypatch.setattr(NodeWalk, "take", cut_once)
            proxy.reset()
            async with make(shared_etcd2.address, path) as beside:
                await beside.put("key", b"after")
            await flood(shared_etcd2, f"{path}-beside", _WINDOW + 1)
            proxy.heal()
            assert told(await changes(events, 1)) == [("key", b"after")]
            assert not failures


async def test_what_was_in_the_past_is_told_although_an_answer_tells_one_change_of_it_only(store: Etcd2Store) -> None:
    first = await store.put("key", b"0")
    for number in range(1, 30):
        await store.put("key", f"{number}".encode())
    async with store.watch("key", since=first.revision) as events:
        assert [value for _, value in told(await changes(events, 29))] == [f"{n}".encode() for n in range(1, 30)]


# Another life of the store


@pytest.mark.parametrize("single", [False, True])
async def test_another_store_behind_the_same_address_is_noticed(
    shared_etcd2: EtcdServer, own_etcd2: EtcdServer, path: str, *, single: bool
) -> None:
    async with FaultProxy(shared_etcd2.client_port) as proxy, make(proxy.address, path) as store:
        await store.put("key", b"here")
        async with store.watch("key") if single else store.watch_tree("") as events:
            await take(events, 1)
            async with make(own_etcd2.address, path) as beside:
                for number in range(50):
                    await beside.put("other", f"{number}".encode())
            proxy.server_port = own_etcd2.client_port
            proxy.reset_connections()
            _, resync = await take(events, 2)
            assert isinstance(resync, Resync)
            assert "cluster" in resync.reason
            found = told(await changes(events, 1 if single else 2))
            assert ("key", None) in found
            assert single or ("other", b"49") in found


async def test_a_store_that_went_back_is_noticed(own_etcd2: EtcdServer, path: str) -> None:
    async with make(own_etcd2.address, path) as store:
        for number in range(30):
            await store.put("key", f"{number}".encode())
        async with store.watch_tree("") as events:
            await take(events, 1)
            own_etcd2.kill()
            own_etcd2.forget()
            own_etcd2.start()
            _, resync, gone = await take(events, 3)
            assert isinstance(resync, Resync)
            assert "went back" in resync.reason
            assert told([gone]) == [("key", None)]  # type: ignore[list-item]  # a single watch tells these events only
