"""What only etcd's v2 API has: directories, hidden names, values that are no text, and TTLs in whole seconds."""

import math

import pytest

from explorer.drivers.common.http import Endpoints
from explorer.drivers.etcd2 import Etcd2Store
from explorer.drivers.etcd2.keyspace import Node
from explorer.drivers.etcd2.reader import NodeWalk
from explorer.model.entries import Child
from explorer.model.errors import ExplorerError, InvalidKey, KeyModified, KeyNotFound, TooLarge
from tests.contract.fixtures import PATIENCE, keys_below
from tests.drivers.etcd2_fixtures import path, plain, store
from tests.servers.etcd2 import PlainV2, quoted
from tests.servers.waiting import eventually

__all__ = ["path", "plain", "store"]


# Directories


async def test_an_empty_directory_is_shown_as_what_it_is(store: Etcd2Store) -> None:
    made = await store.put("empty", b"", is_dir=True)
    assert (made.value, made.meta["directory"]) == (None, True)
    assert await store.get("empty") == made
    assert (await store.children("")).items == (Child("empty", "empty", has_value=True, has_children=True),)
    assert (await store.list("empty")).items == ()
    assert (await store.children("empty")).items == ()
    await store.delete("empty")
    assert not await store.exists("empty")


async def test_making_a_directory_twice_makes_it_once(store: Etcd2Store) -> None:
    made = await store.put("top", b"", is_dir=True)
    await store.put("top/key", b"value")
    assert await store.put("top", b"", is_dir=True) == made
    assert (await store.get("top/key")).value == b"value"
    timed = await store.put("top", b"", is_dir=True, ttl=60)
    assert timed.created == made.created
    assert timed.ttl is not None


async def test_no_directory_takes_the_place_of_a_value(store: Etcd2Store) -> None:
    written = await store.put("key", b"value")
    with pytest.raises(ExplorerError, match="exists"):
        await store.put("key", b"", is_dir=True)
    assert await store.get("key") == written


async def test_a_directory_that_is_not_empty_is_not_deleted_as_a_key(store: Etcd2Store) -> None:
    await store.put("top/key", b"value")
    seen = await store.get("top")
    for deletion in (store.delete("top"), store.atomic_delete("top", seen)):
        with pytest.raises(ExplorerError, match="not empty"):
            await deletion
    assert await store.exists("top/key")


async def test_a_directory_made_again_is_another(store: Etcd2Store) -> None:
    seen = await store.put("top", b"", is_dir=True)
    await store.delete("top")
    await store.put("top", b"", is_dir=True)
    with pytest.raises(KeyModified):
        await store.atomic_delete("top", seen)


async def test_directories_of_a_level_cost_no_request_each(store: Etcd2Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A level is one answer, however many directories are in it."""
    for number in range(30):
        await store.put(f"{number:03}/key", b"x")
    query = Endpoints.query
    asked: list[object] = []

    async def counted(*given: object, **named: object) -> object:
        asked.append(given[1])
        return await query(*given, **named)  # type: ignore[arg-type]  # handed on as it comes

    monkeypatch.setattr(Endpoints, "query", counted)
    assert all(child.has_children for child in (await store.children("")).items)
    assert len(asked) == 1


# Hidden names


async def test_hidden_names_are_reached_by_their_key_and_listed_by_nobody(store: Etcd2Store) -> None:
    await store.put("top/_hidden", b"value")
    await store.put("top/shown", b"value")
    assert (await store.get("top/_hidden")).value == b"value"
    assert await keys_below(store, "") == ["top", "top/shown"]
    assert [child.name for child in (await store.children("top")).items] == ["shown"]


async def test_deleting_a_tree_spares_hidden_names_and_says_so(store: Etcd2Store) -> None:
    await store.put("top/inner/_hidden", b"value")
    await store.put("top/inner/shown", b"value")
    with pytest.raises(ExplorerError, match="1 entry deleted") as raised:
        await store.delete_tree("top")
    assert raised.value.key == "top/inner"
    assert "_" in raised.value.hint
    assert (await store.get("top/inner/_hidden")).value == b"value"


# Values


@pytest.mark.parametrize("value", [b"\xff", b"a\x80b", bytes(range(256))])
async def test_a_value_that_is_no_text_is_never_damaged_by_a_save(
    store: Etcd2Store, plain: PlainV2, path: str, value: bytes
) -> None:
    plain.put(f"/{path}/key", f"value={quoted(value)}")
    seen = await store.get("key")
    assert "U+FFFD" in str(seen.meta["doubtful"])
    with pytest.raises(ExplorerError, match="no UTF-8"):
        await store.atomic_put("key", (seen.value or b"") + b" edited", seen)
    assert await store.get("key") == seen
    assert (await store.put("key", b"a whole new value")).value == b"a whole new value"


async def test_a_value_that_only_looks_damaged_is_saved(store: Etcd2Store) -> None:
    seen = await store.put("key", "\ufffd".encode())
    assert (await store.atomic_put("key", "\ufffd!".encode(), seen)).value == "\ufffd!".encode()


async def test_a_value_that_etcd_does_not_take_is_too_large(store: Etcd2Store) -> None:
    with pytest.raises(TooLarge):
        await store.put("key", b"x" * 11_000_000)
    assert not await store.exists("key")


# Times to live


async def test_a_save_keeps_the_time_left(store: Etcd2Store) -> None:
    seen = await store.put("key", b"value", ttl=60)
    saved = await store.atomic_put("key", b"other", seen)
    assert saved.ttl is not None
    assert 50 < saved.ttl <= 60
    freed = await store.atomic_put("key", b"for ever", saved, ttl=math.inf)
    assert freed.ttl is None
    assert (await store.get("key")).ttl is None


async def test_part_of_a_second_is_a_whole_one(store: Etcd2Store) -> None:
    assert (await store.put("key", b"value", ttl=0.2)).ttl == 1


async def test_what_is_kept_alive_is_left_to_others_once_they_made_it_anew(
    store: Etcd2Store, plain: PlainV2, path: str
) -> None:
    await store.put("key", b"ours", ttl=2, keep_alive=True)
    plain.delete(f"/{path}/key")
    plain.put(f"/{path}/key", "value=theirs&ttl=2")

    async def gone() -> bool:
        return not await store.exists("key")

    await eventually(gone, "theirs ends in its time", PATIENCE)


# Trees


async def test_a_tree_is_not_deleted_with_what_another_wrote_meanwhile(
    store: Etcd2Store, plain: PlainV2, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("top/a", "top/b/c"):
        await store.put(key, b"value")
    take, written = NodeWalk.take, list[object]()

    async def interrupted(walk: NodeWalk, limit: int) -> list[Node]:
        page = await take(walk, limit)
        if not page and not written:
            written.append(plain.put(f"/{path}/top/b/new", "value=theirs"))
            written.append(plain.put(f"/{path}/top/a", "value=theirs"))
        return page

    monkeypatch.setattr(NodeWalk, "take", interrupted)
    assert await store.delete_tree("top") >= 4, "what was written meanwhile was looked at again before it went"
    with pytest.raises(KeyNotFound):
        await store.delete_tree("top")


async def test_keys_below_a_key_are_refused_before_anything_is_lost(store: Etcd2Store) -> None:
    written = await store.put("key", b"value")
    for attempt in (
        store.put("key/below", b""),
        store.atomic_put("key/below", b"", None),
        store.lock("key/x").acquire(0),
    ):
        with pytest.raises(InvalidKey):
            await attempt
    assert await store.get("key") == written
