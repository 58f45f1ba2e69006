"""Properties of etcd's v2 API alone: directories, hidden names, text values, TTLs in whole seconds."""

import math

import pytest

from explorer.drivers.common.endpoints import Endpoints
from explorer.drivers.etcd2 import Etcd2Store
from explorer.drivers.etcd2.keyspace import Etcd2Node
from explorer.drivers.etcd2.reader import NodeWalk
from explorer.model.entries import Child
from explorer.model.errors import ExplorerError, InvalidKey, KeyModified, KeyNotFound, TooLarge
from tests.contract.fixtures import WAIT_TIMEOUT, keys_below
from tests.drivers.etcd2_fixtures import path, plain, store
from tests.servers.etcd2 import PlainV2, quoted
from tests.servers.waiting import eventually

__all__ = ["path", "plain", "store"]


# Directories


async def test_empty_directory_is_an_entry_without_value(store: Etcd2Store) -> None:
    """An empty directory is listed as an entry without a value."""
    made = await store.put("empty", b"", is_dir=True)
    assert (made.value, made.meta["directory"]) == (None, True)
    assert await store.get("empty") == made
    assert (await store.children("")).items == (Child("empty", "empty", has_value=True, has_children=True),)
    assert (await store.list("empty")).items == ()
    assert (await store.children("empty")).items == ()
    await store.delete("empty")
    assert not await store.exists("empty")


async def test_put_directory_twice_keeps_the_first(store: Etcd2Store) -> None:
    """A directory that exists is not created again."""
    made = await store.put("top", b"", is_dir=True)
    await store.put("top/key", b"value")
    assert await store.put("top", b"", is_dir=True) == made
    assert (await store.get("top/key")).value == b"value"
    timed = await store.put("top", b"", is_dir=True, ttl=60)
    assert timed.created == made.created
    assert timed.ttl is not None


async def test_put_directory_over_a_value_is_refused(store: Etcd2Store) -> None:
    """A directory does not replace a key with a value."""
    written = await store.put("key", b"value")
    with pytest.raises(ExplorerError, match="exists"):
        await store.put("key", b"", is_dir=True)
    assert await store.get("key") == written


async def test_delete_of_a_directory_with_keys_is_refused(store: Etcd2Store) -> None:
    """A directory that is not empty is not deleted as a key."""
    await store.put("top/key", b"value")
    seen = await store.get("top")
    for deletion in (store.delete("top"), store.atomic_delete("top", seen)):
        with pytest.raises(ExplorerError, match="not empty"):
            await deletion
    assert await store.exists("top/key")


async def test_atomic_delete_of_recreated_directory_is_refused(store: Etcd2Store) -> None:
    """A directory that was created again is not the one that was read."""
    seen = await store.put("top", b"", is_dir=True)
    await store.delete("top")
    await store.put("top", b"", is_dir=True)
    with pytest.raises(KeyModified):
        await store.atomic_delete("top", seen)


async def test_children_reads_a_level_in_one_request(store: Etcd2Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A level with many directories is read by one request."""
    for number in range(30):
        await store.put(f"{number:03}/key", b"x")
    query = Endpoints.query
    requests: list[object] = []

    async def counted(*given: object, **named: object) -> object:
        requests.append(given[1])
        return await query(*given, **named)  # type: ignore[arg-type]  # passed on unchanged

    monkeypatch.setattr(Endpoints, "query", counted)
    assert all(child.has_children for child in (await store.children("")).items)
    assert len(requests) == 1


# Hidden names


async def test_hidden_key_is_read_and_not_listed(store: Etcd2Store) -> None:
    """A name that begins with _ is read by its key, and no listing has it."""
    await store.put("top/_hidden", b"value")
    await store.put("top/shown", b"value")
    assert (await store.get("top/_hidden")).value == b"value"
    assert await keys_below(store, "") == ["top", "top/shown"]
    assert [child.name for child in (await store.children("top")).items] == ["shown"]


async def test_delete_tree_keeps_hidden_keys_and_says_so(store: Etcd2Store) -> None:
    """A tree deletion keeps hidden keys; the error for their directory says how to delete them."""
    await store.put("top/inner/_hidden", b"value")
    await store.put("top/inner/shown", b"value")
    with pytest.raises(ExplorerError, match="1 entry deleted") as raised:
        await store.delete_tree("top")
    assert raised.value.key == "top/inner"
    assert "_" in raised.value.hint
    assert (await store.get("top/inner/_hidden")).value == b"value"


# Values


@pytest.mark.parametrize("value", [b"\xff", b"a\x80b", bytes(range(256))])
async def test_atomic_put_over_a_lossy_value_is_refused(
    store: Etcd2Store, plain: PlainV2, path: str, value: bytes
) -> None:
    """A value with bytes that are no UTF-8 is not damaged by a save."""
    plain.put(f"/{path}/key", f"value={quoted(value)}")
    seen = await store.get("key")
    assert "U+FFFD" in str(seen.meta["doubtful"])
    with pytest.raises(ExplorerError, match="no UTF-8"):
        await store.atomic_put("key", (seen.value or b"") + b" edited", seen)
    assert await store.get("key") == seen
    assert (await store.put("key", b"a whole new value")).value == b"a whole new value"


async def test_atomic_put_over_a_real_replacement_character(store: Etcd2Store) -> None:
    """A value that has a U+FFFD of its own is saved."""
    seen = await store.put("key", "\ufffd".encode())
    assert (await store.atomic_put("key", "\ufffd!".encode(), seen)).value == "\ufffd!".encode()


async def test_put_beyond_the_size_limit_is_too_large(store: Etcd2Store) -> None:
    """A value that etcd refuses for its size is TooLarge."""
    with pytest.raises(TooLarge):
        await store.put("key", b"x" * 11_000_000)
    assert not await store.exists("key")


# TTLs


async def test_atomic_put_keeps_the_ttl(store: Etcd2Store) -> None:
    """A save keeps the seconds that the key has left."""
    seen = await store.put("key", b"value", ttl=60)
    saved = await store.atomic_put("key", b"other", seen)
    assert saved.ttl is not None
    assert 50 < saved.ttl <= 60
    freed = await store.atomic_put("key", b"for ever", saved, ttl=math.inf)
    assert freed.ttl is None
    assert (await store.get("key")).ttl is None


async def test_ttl_is_rounded_up_to_seconds(store: Etcd2Store) -> None:
    """A TTL of a part of a second becomes one second."""
    assert (await store.put("key", b"value", ttl=0.2)).ttl == 1


async def test_keep_alive_ends_when_others_recreate_the_key(store: Etcd2Store, plain: PlainV2, path: str) -> None:
    """A key that another client created again is no longer kept alive."""
    await store.put("key", b"ours", ttl=2, keep_alive=True)
    plain.delete(f"/{path}/key")
    plain.put(f"/{path}/key", "value=theirs&ttl=2")

    async def is_gone() -> bool:
        return not await store.exists("key")

    await eventually(is_gone, "their key expires", WAIT_TIMEOUT)


# Trees


async def test_delete_tree_keeps_keys_written_meanwhile(
    store: Etcd2Store, plain: PlainV2, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tree deletion keeps a key that another client wrote after it was listed."""
    for key in ("top/a", "top/b/c"):
        await store.put(key, b"value")
    take, written = NodeWalk.take, list[object]()

    async def interrupted(walk: NodeWalk, limit: int) -> list[Etcd2Node]:
        page = await take(walk, limit)
        if not page and not written:
            written.append(plain.put(f"/{path}/top/b/new", "value=theirs"))
            written.append(plain.put(f"/{path}/top/a", "value=theirs"))
        return page

    monkeypatch.setattr(NodeWalk, "take", interrupted)
    assert await store.delete_tree("top") >= 4, "keys written meanwhile were read before they were deleted"
    with pytest.raises(KeyNotFound):
        await store.delete_tree("top")


async def test_put_below_a_key_with_value_is_refused(store: Etcd2Store) -> None:
    """A key below one with a value is refused, and nothing is lost."""
    written = await store.put("key", b"value")
    for attempt in (
        store.put("key/below", b""),
        store.atomic_put("key/below", b"", None),
        store.lock("key/x").acquire(0),
    ):
        with pytest.raises(InvalidKey):
            await attempt
    assert await store.get("key") == written
