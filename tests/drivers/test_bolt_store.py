"""Behaviour of the BoltDB driver beyond the contract: names, URLs and layouts."""

import asyncio
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from explorer.codecs.codecs import Codecs
from explorer.codecs.load import codecs_for
from explorer.drivers.bolt import watch
from explorer.drivers.bolt.file import create
from explorer.drivers.bolt.keyspace import parse_name, show_name
from explorer.drivers.registry import make
from explorer.model.capabilities import Capability
from explorer.model.errors import (
    CallNotSupported,
    ExplorerError,
    InvalidAddress,
    InvalidKey,
    KeyModified,
    NotReachable,
    Timeout,
    TooLarge,
)
from explorer.model.keys import encode
from tests.clients.lockers import built_go_program
from tests.contract.fixtures import WAIT_TIMEOUT, keys_below, take_changes, take_events
from tests.drivers.bolt_files import file, open_store, put_values, read_tree, update
from tests.scale import examples
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import etcd_version, own_etcd
from tests.servers.programs import BBOLT_SOURCE, LIBKV_SOURCE
from tests.servers.waiting import eventually

__all__ = ["etcd_version", "file", "own_etcd"]

_NAME = st.lists(st.sampled_from([b"/", b"~", b"a", b"0", b"1", b".", b"-", b"\xff", b"z"]), min_size=1, max_size=4)


# Names


@given(names=st.frozensets(_NAME.map(b"".join), min_size=1, max_size=12), limit=st.integers(1, 4))
@settings(max_examples=examples(40, 1000), suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_names_with_slashes_are_listed_in_their_shown_order(
    tmp_path: Path, names: frozenset[bytes], limit: int
) -> None:
    """Page by page, and after any place; each shown name leads back to its name."""
    path = tmp_path / "names.db"
    path.unlink(missing_ok=True)
    create(path)
    put_values(path, b"b", dict.fromkeys(names, b""))
    expected = sorted((show_name(name) for name in names), key=encode)
    assert [parse_name(name) for name in expected if parse_name(name) not in names] == []
    async with open_store(path) as store:
        found, after = list[str](), None
        while True:
            page = await store.children("b", after=after, limit=limit)
            found += [child.name for child in page.items]
            after = page.next
            if after is None:
                break
        assert found == expected
        for place in (*expected, "~", "/", "a/", "~00", "~2", "."):
            rest = [name for name in expected if encode(name) > encode(place)]
            assert [child.name for child in (await store.children("b", after=f"b/{place}")).items] == rest
        assert [entry.key for entry in (await store.list("b")).items] == [f"b/{name}" for name in expected]


async def test_slash_in_a_name_is_escaped_as_in_json_pointers(file: Path) -> None:
    """Both ways; other tildes are refused."""
    async with open_store(file) as store:
        await store.put("vpp~1agent/cpu~0~1", b"value")
        assert await keys_below(store, "") == ["vpp~1agent", "vpp~1agent/cpu~0~1"]
        for key in ("b/~", "b/~2", "b/a~"):
            with pytest.raises(InvalidKey, match="~0"):
                await store.put(key, b"")
    assert read_tree(file) == {(b"vpp/agent",): None, (b"vpp/agent", b"cpu~/"): b"value"}


# Keys and buckets


async def test_value_at_the_top_is_refused(file: Path) -> None:
    async with open_store(file) as store:
        with pytest.raises(InvalidKey, match="buckets only"):
            await store.put("top", b"value")
        assert (await store.put("top", b"", is_dir=True)).value is None
        with pytest.raises(InvalidKey, match="is a bucket"):
            await store.put("top", b"value")


async def test_delete_of_a_bucket_needs_it_empty(file: Path) -> None:
    async with open_store(file) as store:
        await store.put("a/b/key", b"value")
        for key in ("a", "a/b"):
            with pytest.raises(ExplorerError, match="not empty"):
                await store.delete(key)
        assert await store.delete_tree("a/b") == 1
        await store.delete("a/b")
        assert await keys_below(store, "") == ["a"]


async def test_limits_of_the_format_are_too_large(file: Path) -> None:
    async with open_store(file) as store:
        await store.put(f"a/{'k' * 32768}", b"value")
        with pytest.raises(TooLarge):
            await store.put(f"a/{'k' * 32769}", b"value")
        with pytest.raises(TooLarge):
            await store.put("a/large", memoryview(b"").tobytes() + _Large(b""))


class _Large(bytes):
    """Bytes that say that they are larger than the format allows; making them would take 2 GiB."""

    def __len__(self) -> int:
        return 1 << 31

    def __radd__(self, other: bytes) -> "_Large":
        return self


async def test_compare_and_swap_is_by_content(file: Path) -> None:
    """An entry stays the same whatever else was written; one that was changed and changed back does, too."""
    async with open_store(file) as store:
        seen = await store.put("a/key", b"value")
        await store.put("a/other", b"value")
        assert await store.get("a/key") == seen
        await store.put("a/key", b"other")
        with pytest.raises(KeyModified):
            await store.atomic_put("a/key", b"mine", seen)
        await store.put("a/key", b"value")
        await store.atomic_put("a/key", b"mine", seen)


# URLs


async def test_path_may_go_on_in_the_file(file: Path) -> None:
    """Buckets follow the file, or are given by an option; both give the same address."""
    async with open_store(file) as store:
        await store.put("a/b/key", b"value")
    for rest in ("/a/b/", "/a/b", "?prefix=a/b/", "/a?prefix=b", "/b?bucket=a"):
        async with open_store(file, rest) as store:
            assert (await store.get("key")).value == b"value"
            assert store.root_path == "a/b/"
            assert store.address.path == f"{str(file)[1:]}/a/b/"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("bolt://host/x.db", "no host"),
        ("bolt:", "no file"),
        ("bolt:///x.db?color=red", "unknown option"),
        ("bolt:///x.db?copy=perhaps", "neither true nor false"),
        ("bolt:///x.db?layout=other", "unknown layout"),
        ("bolt:///x.db?layout=libkv", "which one"),
        ("bolt:///x.db?separator=:", "slash"),
        ("bolt+tls:///x.db", "no host"),
    ],
)
def test_invalid_urls_are_refused(url: str, message: str) -> None:
    with pytest.raises(InvalidAddress, match=message):
        make(url)


async def test_missing_and_foreign_files_are_one_clear_error(tmp_path: Path) -> None:
    missing, foreign = tmp_path / "missing.db", tmp_path / "foreign.db"
    with pytest.raises(NotReachable, match="no such file") as caught:
        await open_store(missing).connect()
    assert "create" in caught.value.hint
    foreign.write_bytes(b"SQLite format 3\0" * 1000)
    with pytest.raises(ExplorerError, match="no BoltDB file"):
        await open_store(foreign).connect()
    for path in (tmp_path, tmp_path / ("long" * 100) / "x.db"):
        with pytest.raises(NotReachable):
            await open_store(path).connect()
    async with open_store(missing, "?create=true") as store:
        await store.put("a/key", b"value")
    async with open_store(missing, "?create=true") as store:
        assert await store.exists("a/key")


# Layouts


async def test_cn_infra_layout_is_recognized(file: Path) -> None:
    """All keys are in the bucket `root` and are divided at slashes."""
    put_values(file, b"root", dict.fromkeys((b"/vnf/a", b"/vnf/a/b", b"x"), b"v"))
    async with open_store(file) as store:
        assert Capability.NESTING in store.capabilities
        assert Capability.DIRECTORIES not in store.capabilities
        assert await keys_below(store, "/vnf") == ["/vnf/a", "/vnf/a/b"]
    async with open_store(file, "//vnf/") as store:
        assert await keys_below(store, "") == ["a", "a/b"]
    async with open_store(file, "?layout=buckets") as store:
        assert await keys_below(store, "root") == ["root/x", "root/~1vnf~1a", "root/~1vnf~1a~1b"]


@pytest.mark.parametrize("layout", ["libkv", "valkeyrie"])
async def test_index_before_a_value_is_shown_apart_and_advanced(file: Path, layout: str) -> None:
    """As libkv stores it: eight bytes, little endian, by which its clients compare."""
    update(file, lambda tx: tx.root.make_bucket(b"kv").put(b"a/b", struct.pack("<Q", 41) + b"value"))
    async with open_store(file, f"?layout={layout}&bucket=kv") as store:
        seen = await store.get("a/b")
        assert (seen.value, dict(seen.meta)) == (b"value", {"index": 41})
        written = await store.atomic_put("a/b", b"new", seen)
        assert dict(written.meta) == {"index": 42}
        await store.put("a/c", b"")
    assert read_tree(file) == {
        (b"kv",): None,
        (b"kv", b"a/b"): struct.pack("<Q", 42) + b"new",
        (b"kv", b"a/c"): struct.pack("<Q", 1),
    }


@pytest.mark.servers
async def test_libkv_compares_with_what_was_saved_here(tmp_path: Path) -> None:
    """Its client reads what was saved, and a compare-and-swap with the index before is refused."""
    path = tmp_path / "libkv.db"
    with built_go_program("libkv_bolt.go", LIBKV_SOURCE, BBOLT_SOURCE) as program:

        async def libkv(*words: str) -> str:
            command = [program, str(path), "kv", *words]
            done = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
            return str(done.stdout.decode().strip())

        assert not await libkv("put", "a/b", "one")
        async with make(f"bolt://{path}?layout=libkv") as store:
            seen = await store.get("a/b")
            assert (seen.value, dict(seen.meta)) == (b"one", {"index": 1})
            await store.atomic_put("a/b", b"two", seen)
            assert await libkv("get", "a/b") == "2 two"
            assert "modified" in await libkv("swap", "a/b", "theirs", "1")
            assert not await libkv("swap", "a/b", "theirs", "2")
            assert (await store.get("a/b")).value == b"theirs"


@pytest.mark.servers
@pytest.mark.parametrize("etcd_version", ["3.5"])
async def test_file_of_a_running_etcd_is_read_as_a_copy(own_etcd: EtcdServer) -> None:
    """Revisions are shown as text, values as messages; nothing can be written."""
    own_etcd.ctl("put", "config/app", "one")
    own_etcd.ctl("put", "config/app", "two")
    own_etcd.ctl("del", "config/app")
    file = own_etcd.data / "member/snap/db"
    with pytest.raises(Timeout, match="another process") as caught:
        await open_store(file, timeout=0.2).connect()
    assert "copy" in caught.value.hint

    async def revisions() -> list[str]:
        async with open_store(file, "/key/?copy") as store:
            return [child.name for child in (await store.children("")).items]

    async def is_committed() -> bool:
        return len(await revisions()) == 3

    await eventually(is_committed, "etcd commits, as it does ten times a second", WAIT_TIMEOUT)
    names = await revisions()
    assert names == ["000000000002.0000", "000000000003.0000", "000000000004.0000-deleted"]
    async with open_store(file, "?copy") as store:
        codecs: Codecs = await asyncio.to_thread(codecs_for, store)
        entry = await store.get(f"key/{names[1]}")
        assert entry.value is not None
        document = codecs.open(entry.key, entry.value)
        assert 'key: "config/app"' in document.text
        assert 'value: "two"' in document.text
        assert [child.name for child in (await store.children("key", after=f"key/{names[0]}")).items] == names[1:]
        for call in (store.put("key/x", b""), store.delete(f"key/{names[0]}"), store.delete_tree("")):
            with pytest.raises(CallNotSupported, match="copy"):
                await call


async def test_file_of_etcd_is_read_only(file: Path) -> None:
    update(file, lambda tx: [tx.root.make_bucket(name) for name in (b"key", b"lease", b"meta")])
    async with open_store(file) as store:
        with pytest.raises(CallNotSupported, match="etcd's own"):
            await store.put("key/a", b"")
    async with open_store(file, "?layout=buckets") as store:
        await store.put("key/a", b"")


# Watches


def test_idle_file_is_looked_at_more_rarely() -> None:
    intervals = [watch.poll_interval(idle) for idle in (0.0, 0.9, 1.1, 4.0, 9.0, 60.0)]
    assert intervals == sorted(intervals)
    assert (intervals[0], intervals[-1]) == (0.01, 0.5)


async def test_own_write_is_reported_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch of a file that was idle for long does not wait for its next look."""
    monkeypatch.setattr(watch, "poll_interval", lambda _idle: 3600.0)
    async with open_store(file) as store, store.watch_tree("") as events, store.watch("b/key") as single:
        await take_events(events, 1)
        await take_events(single, 1)
        await store.put("b/key", b"value")
        assert [change.key for change in await take_changes(single, 1)] == ["b/key"]
        assert "b/key" in [change.key for change in await take_changes(events, 2)]
