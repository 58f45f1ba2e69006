"""A plain folder: names, symlinks, special files, atomic writes, and changes by programs that take no lock."""

import errno
import fcntl
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from explorer.drivers.base import Store
from explorer.drivers.files import atomic_file
from explorer.drivers.files.folder.keyspace import FileNode
from explorer.drivers.files.folder.reader import FolderReader
from explorer.drivers.registry import make
from explorer.model.errors import (
    CallNotSupported,
    Forbidden,
    InvalidAddress,
    InvalidKey,
    KeyModified,
    KeyNotFound,
    NoSpace,
    NotReachable,
    Timeout,
    TooLarge,
)
from explorer.model.events import Deleted, Lost, Put, Restored
from tests.contract.fixtures import keys_and_values, keys_below, take_changes, take_events
from tests.servers.waiting import eventually


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
async def store(root: Path) -> AsyncIterator[Store]:
    async with make(f"file://{root}?layout=folder") as opened:
        yield opened


def _names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def _move(one: Path, other: Path) -> None:
    one.rename(other)


async def test_every_file_is_a_key(root: Path, store: Store) -> None:
    """Hidden ones and those whose names are not UTF-8, too; the bytes are the value."""
    (root / ".hidden").write_bytes(b"\xff\x00")
    (root / "empty").mkdir()
    (root / os.fsdecode(b"bin\xff")).write_bytes(b"")
    assert await keys_below(store, "") == [".hidden", "bin\udcff", "empty"]
    assert (await store.get(".hidden")).value == b"\xff\x00"
    assert (await store.get("bin\udcff")).value == b""
    assert (await store.get("empty")).value is None
    assert (await store.children("empty")).items == ()


@pytest.mark.parametrize("key", ["a\0b", "x" * 256, ".keyscope-0123456789abcdef~", "dir/.keyscope.lock"])
async def test_name_that_no_file_can_have_is_refused(root: Path, store: Store, key: str) -> None:
    with pytest.raises(InvalidKey):
        await store.put(key, b"")
    assert _names(root) == []


async def test_save_keeps_mode_and_links(root: Path, store: Store) -> None:
    """A symlink within the folder stays one: its target is written."""
    file = root / "real"
    file.write_bytes(b"old")
    file.chmod(0o640)
    (root / "link").symlink_to("real")
    assert (await store.get("link")).meta["symlink to"] == "real"
    await store.put("link", b"new")
    assert (root / "link").is_symlink()
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    await store.delete("link")
    assert _names(root) == ["real"]


async def test_symlink_that_leads_outside_is_listed_and_not_followed(root: Path, store: Store, tmp_path: Path) -> None:
    """Neither a file nor what is below a folder can be read or written through it, unless asked."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"s")
    (root / "dir").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    (root / "loop").symlink_to(root)
    assert await keys_below(store, "") == ["dir", "file", "loop"]
    notes = {entry.key: entry.meta["not read"] for entry in (await store.list("")).items}
    assert all("?follow=true" in str(note) for note in notes.values())
    with pytest.raises(CallNotSupported, match="outside"):
        await store.get("file")
    with pytest.raises(KeyNotFound):
        await store.get("dir/secret")
    for key in ("file", "dir/secret", "dir/new"):
        with pytest.raises(InvalidKey):
            await store.put(key, b"x")
    assert (outside / "secret").read_bytes() == b"s"
    assert _names(outside) == ["secret"]
    async with make(f"file://{root}?layout=folder&follow=true") as following:
        assert (await following.get("dir/secret")).value == b"s"
        keys = await keys_below(following, "")
        assert {"dir/secret", "file", "loop/file"} <= set(keys)
        assert len(keys) < 20  # the loop ends


async def test_special_files_are_never_opened(root: Path, store: Store) -> None:
    """A fifo would block for ever; it is listed, and can be deleted."""
    os.mkfifo(root / "fifo")
    (entry,) = (await store.list("")).items
    assert "never opened" in str(entry.meta["not read"])
    with pytest.raises(CallNotSupported):
        await store.get("fifo")
    with pytest.raises(InvalidKey):
        await store.put("fifo", b"x")
    await store.delete("fifo")
    assert _names(root) == []


async def test_large_value_is_listed_and_not_read(root: Path) -> None:
    (root / "large").write_bytes(b"x" * 1001)
    async with make(f"file://{root}?layout=folder&max_value=1000") as limited:
        with pytest.raises(TooLarge, match="limit"):
            await limited.get("large")
        (entry,) = (await limited.list("")).items
        assert entry.value is None
        assert "limit" in str(entry.meta["not read"])


async def test_change_without_another_time_is_found(root: Path, store: Store) -> None:
    """Compare-and-swap compares the bytes, whatever the file's time says."""
    file = root / "key"
    file.write_bytes(b"one")
    seen = await store.get("key")
    before = file.stat()
    with file.open("r+b") as opened:
        opened.write(b"two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    for guarded in (store.atomic_put("key", b"mine", seen), store.atomic_delete("key", seen.revision)):
        with pytest.raises(KeyModified):
            await guarded
    assert file.read_bytes() == b"two"


@pytest.mark.parametrize("call", ["fsync", "write", "rename", "link"])
async def test_full_disk_loses_nothing(root: Path, store: Store, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old file stays, and no temporary file and no new folder is left."""
    await store.put("key", b"old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(f"os.{call}", fail)
    for key in ("key", "new/below"):
        if (call, key) in (("link", "key"), ("rename", "new/below")):
            continue
        with pytest.raises(NoSpace, match="no space left"):
            await store.put(key, b"new")
    monkeypatch.undo()
    if call not in ("link", "rename"):
        assert _names(root) == ["key"]
    assert (root / "key").read_bytes() == b"old"
    assert not [name for name in _names(root) if "keyscope" in name]


async def test_refused_system_call_is_forbidden(root: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only file system refuses the rename; the temporary file is removed."""
    (root / "key").write_bytes(b"old")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("os.rename", refuse)
    with pytest.raises(Forbidden, match="read-only"):
        await store.put("key", b"new")
    assert _names(root) == ["key"]


async def test_temporary_files_of_a_crash_are_ignored_and_removed(root: Path, store: Store) -> None:
    stale, fresh = root / ".keyscope-0123456789abcdef~", root / ".keyscope-fedcba9876543210~"
    stale.write_bytes(b"half")
    fresh.write_bytes(b"half")
    os.utime(stale, (0, 0))
    assert await keys_below(store, "") == []
    await store.put("key", b"value")
    assert _names(root) == [fresh.name, "key"]


async def test_file_that_somebody_creates_meanwhile_is_kept(
    root: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program without the lock makes the file right before the last step: a plain put goes on from that."""
    real = atomic_file._link  # noqa: SLF001 - the last step
    seen: list[bytes] = []

    def link_after_another(temporary: bytes, path: bytes) -> None:
        if not seen:
            seen.append(path)
            (root / "key").write_bytes(b"theirs")
            (root / "key").chmod(0o604)
        real(temporary, path)

    monkeypatch.setattr(atomic_file, "_link", link_after_another)
    await store.put("key", b"mine")
    assert (root / "key").read_bytes() == b"mine"
    assert stat.S_IMODE((root / "key").stat().st_mode) == 0o604


async def test_lock_of_another_process_delays_and_then_refuses_a_write(root: Path) -> None:
    """Reads go on, nothing is written, and no lock file is left in the folder."""
    (root / "key").write_bytes(b"old")
    descriptor = os.open(root, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        async with make(f"file://{root}?layout=folder&timeout=0.2") as hurried:
            with pytest.raises(Timeout, match="lock"):
                await hurried.put("key", b"new")
            assert (await hurried.get("key")).value == b"old"
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            await hurried.put("key", b"new")
    finally:
        os.close(descriptor)
    assert _names(root) == ["key"]


async def test_watch_reports_what_other_programs_write(root: Path, store: Store) -> None:
    """In place, by a rename, in new folders, and a folder that is moved away."""
    async with store.watch_tree("") as events:
        await take_events(events, 1)
        (root / "a").write_bytes(b"1")
        (event,) = await take_changes(events, 1)
        while isinstance(event, Put) and event.entry.value != b"1":  # the file is seen empty first, or not
            (event,) = await take_changes(events, 1)
        for number in range(3):  # a watch of the file itself would miss the second one
            (root / "temporary").write_bytes(f"{number}".encode())
            (root / "temporary").rename(root / "a")
            while not (isinstance(event, Put) and (event.key, event.entry.value) == ("a", f"{number}".encode())):
                (event,) = await take_changes(events, 1)
        (root / "new" / "deep").mkdir(parents=True)
        (root / "new" / "deep" / "b").write_bytes(b"")
        while event.key != "new/deep/b":
            (event,) = await take_changes(events, 1)
        (root / "new").rename(root.parent / "elsewhere")
        gone = set[str]()
        while gone != {"new", "new/deep", "new/deep/b"}:
            (event,) = await take_changes(events, 1)
            gone |= {event.key} if isinstance(event, Deleted) and event.key.startswith("new") else set()


@pytest.mark.parametrize("watch", ["watch", "watch_tree"])
async def test_write_between_look_and_read_is_reported_once(
    root: Path, store: Store, watch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change is what was read, not what was found a moment before. The write in between is forced."""
    key, find = root / "top" / "key", FolderReader.find
    key.parent.mkdir()
    looks = 0

    def write(value: bytes) -> None:
        (root.parent / "temporary").write_bytes(value)
        (root.parent / "temporary").rename(key)

    def find_and_overwrite(self: FolderReader, name: str) -> FileNode | None:
        nonlocal looks
        node = find(self, name)
        looks += name == "top/key" and node is not None
        if node is not None and name == "top/key" and key.read_bytes() == b"first":
            write(b"second")
        return node

    monkeypatch.setattr(FolderReader, "find", find_and_overwrite)
    async with store.watch("top/key") if watch == "watch" else store.watch_tree("top") as events:
        await take_events(events, 1)
        write(b"first")
        assert keys_and_values(await take_changes(events, 1)) == [("top/key", b"second")]
        await eventually(lambda: looks > 1, "a second look")
        key.unlink()
        assert keys_and_values(await take_changes(events, 1)) == [("top/key", None)]


async def test_folder_that_vanishes_is_lost_and_restored(root: Path, store: Store) -> None:
    """Its files are not reported as deleted until it is back without them."""
    away = root.parent / "away"
    (root / "kept").write_bytes(b"1")
    (root / "gone").write_bytes(b"1")
    async with store.watch_tree("") as events:
        await take_events(events, 1)
        _move(root, away)
        (lost,) = await take_events(events, 1)
        assert isinstance(lost, Lost)
        with pytest.raises(NotReachable):
            await store.ping()
        (away / "gone").unlink()
        _move(away, root)
        (restored, deleted) = await take_events(events, 2)
        assert isinstance(restored, Restored)
        assert deleted == Deleted("gone", None)
        (root / "after").write_bytes(b"1")
        event = (await take_changes(events, 1))[0]
        assert event.key == "after"


async def test_folder_that_is_replaced_is_watched_on(root: Path, store: Store) -> None:
    """Another folder takes its place, as a deployment does it: its files are compared, and later changes reported."""
    (root / "old").write_bytes(b"1")
    other = root.parent / "other"
    other.mkdir()
    (other / "new").write_bytes(b"1")
    async with store.watch_tree("") as events, store.watch("later") as single:
        await take_events(single, 1)
        _move(root, root.parent / "away")
        _move(other, root)
        assert {event.key for event in await take_changes(events, 2)} == {"old", "new"}
        (root / "later").write_bytes(b"")
        assert (await take_changes(events, 1))[0].key == "later"
        assert (await take_changes(single, 1))[0].key == "later"


async def test_polling_reports_changes(root: Path) -> None:
    async with make(f"file://{root}?layout=folder&poll=0.05") as polled, polled.watch_tree("") as events:
        (root / "key").write_bytes(b"value")
        assert (await take_changes(events, 1))[0].key == "key"
        assert "polled" in str((await polled.status()).facts["changes"])


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:", "no file"),
        ("file:///", "no file"),
        ("file://host/x", "host"),
        ("file:///tmp?layout=tree", "layout"),
        ("file:///tmp?layout=document", "one file"),
        ("file:///etc/hostname", "no .json"),
        ("file:///tmp?follow=perhaps", "perhaps"),
        ("file:///tmp?max_value=no", "bytes"),
        ("file:///tmp?foo=1", "unknown option"),
    ],
)
def test_invalid_address_is_one_clear_line(url: str, reason: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        make(url)
    assert reason in str(caught.value)
    assert caught.value.hint


async def test_relative_path_becomes_absolute(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "key").write_bytes(b"1")
    monkeypatch.chdir(root.parent)
    async with make("file:./root") as opened:
        assert opened.address.redacted == f"file://{root}"
        assert await opened.exists("key")


async def test_missing_folder_is_not_reachable(tmp_path: Path) -> None:
    with pytest.raises(NotReachable, match="no such file or folder"):
        async with make(f"file://{tmp_path}/missing"):
            pass
