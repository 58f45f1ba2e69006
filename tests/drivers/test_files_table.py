"""Files with many keys: several files of FileDB, torn writes of other programs, and what FileDB itself would read."""

import asyncio
import fcntl
import gc
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from explorer.drivers.base import Store
from explorer.drivers.files.table.store import DocumentStore, FileDbFolderStore, FileDbStore
from explorer.drivers.registry import make
from explorer.model.errors import (
    CallNotSupported,
    InvalidKey,
    InvalidText,
    KeyModified,
    KeyNotFound,
    NotReachable,
    Timeout,
)
from explorer.model.events import Lost, Put, Restored
from tests.contract.fixtures import keys_below, take_events

_ITEM = '{"data": [{"key": "%s", "value": %s}]}'


def filedb_reads(folder: Path) -> dict[str, object]:
    """Return the values that cn-infra's FileDB reads: of all .json, .yaml and .yml files, other names skipped."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".yaml", ".yml"):
            text = path.read_text()
            document = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
            found |= {item["key"]: item["value"] for item in document["data"]}
    return found


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.json").write_text(_ITEM % ("/agent/a", '{"x": 1}'))
    (tmp_path / "deep" / "b.yaml").write_text("data:\n- key: /agent/b  # second\n  value: [1, yes]\n")
    (tmp_path / "notes.txt").write_text("data: none")
    return tmp_path


@pytest.fixture
async def store(folder: Path) -> AsyncIterator[Store]:
    async with make(f"file://{folder}?layout=filedb") as opened:
        yield opened


async def test_folder_of_filedb_is_one_store(folder: Path, store: Store) -> None:
    """Each entry names its file; a new key goes to the file of the key before it."""
    assert await keys_below(store, "") == ["/agent/a", "/agent/b"]
    entry = await store.get("/agent/b")
    assert (entry.value, entry.meta["file"]) == (b"[1, true]", "deep/b.yaml")
    await store.put("/agent/b", b"[1, false]")
    await store.put("/agent/aa", b'"new"')
    await store.put("/agent/c", b"null")
    assert (folder / "deep" / "b.yaml").read_text() == (
        "data:\n- key: /agent/b  # second\n  value: [1, false]\n- key: /agent/c\n  value: null\n"
    )
    assert filedb_reads(folder) == {"/agent/a": {"x": 1}, "/agent/aa": "new", "/agent/b": [1, False], "/agent/c": None}
    assert _names(folder) == ["a.json", "deep", "notes.txt"]


async def test_file_in_a_folder_below_is_locked_there(folder: Path) -> None:
    """As a store of that file alone locks it."""
    descriptor = os.open(folder / "deep", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        async with make(f"file://{folder}?layout=filedb&timeout=0.2") as hurried:
            await hurried.put("/agent/a", b"1")
            with pytest.raises(Timeout, match="lock"):
                await hurried.put("/agent/b", b"1")
    finally:
        os.close(descriptor)
    assert filedb_reads(folder) == {"/agent/a": 1, "/agent/b": [1, True]}


async def test_key_in_two_files_is_shown_and_not_edited(folder: Path, store: Store) -> None:
    (folder / "z.json").write_text(_ITEM % ("/agent/a", "2"))
    entry = await store.get("/agent/a")
    assert (entry.value, entry.meta["file"], entry.meta["also in"]) == (b"2", "z.json", "a.json")
    with pytest.raises(InvalidKey, match="two files"):
        await store.put("/agent/a", b"3")
    assert (await store.status()).complaints == ("/agent/a is in a.json and in z.json",)


async def test_broken_file_keeps_its_keys_and_says_so(folder: Path, store: Store) -> None:
    """The watch is lost, nothing is deleted; with the file mended it goes on."""
    file = folder / "a.json"
    whole = file.read_text()
    async with store.watch_tree("") as events:
        await take_events(events, 1)
        file.write_text(whole[:20])
        (lost,) = await take_events(events, 1)
        assert isinstance(lost, Lost)
        assert "a.json: line 1" in lost.reason
        entry = await store.get("/agent/a")
        assert entry.value == b'{"x": 1}'
        assert "line 1" in str(entry.meta["stale"])
        assert "a.json: line 1" in (await store.status()).complaints[0]
        with pytest.raises(NotReachable, match="nothing was written"):
            await store.put("/agent/a", b"3")
        file.write_text(whole.replace("1}", "2}"))
        restored, put = await take_events(events, 2)
        assert isinstance(restored, Restored)
        assert isinstance(put, Put)
        assert (put.key, put.entry.value) == ("/agent/a", b'{"x": 2}')


async def test_writer_that_truncates_never_makes_keys_vanish(tmp_path: Path) -> None:
    """FileDB's own status file is written with O_TRUNC, so that readers see half of it."""
    file = tmp_path / "s.json"
    text = json.dumps({"data": [{"key": f"/k{number}", "value": number} for number in range(200)]})
    file.write_text(text)
    stop = False

    def rewrite() -> None:
        while not stop:
            with file.open("w") as opened:
                for start in range(0, len(text), 500):
                    opened.write(text[start : start + 500])
                    opened.flush()

    async with make(f"file://{file}") as store:
        writer = asyncio.create_task(asyncio.to_thread(rewrite))
        try:
            for _ in range(30):
                assert len((await store.list("", limit=1000)).items) == 200
        finally:
            stop = True
            await writer


async def test_change_of_another_key_is_no_conflict(tmp_path: Path) -> None:
    """A guard is that of one value; the other program's change stays, although it takes no lock."""
    file = tmp_path / "s.json"
    file.write_text('{"data": [{"key": "a", "value": 1}, {"key": "b", "value": 1}]}')
    async with make(f"file://{file}") as store:
        seen = await store.get("a")
        file.write_text(file.read_text().replace('"b", "value": 1', '"b", "value": 2'))
        await store.atomic_put("a", b"9", seen)
        assert filedb_reads(tmp_path) == {"a": 9, "b": 2}
        with pytest.raises(KeyModified):
            await store.atomic_put("a", b"10", seen)


@pytest.mark.parametrize("value", [b"{", b"{'a': 1}", b"", b"1 2", b"NaN"])
async def test_value_that_is_no_json_is_refused(folder: Path, store: Store, value: bytes) -> None:
    before = (folder / "a.json").read_bytes()
    with pytest.raises(InvalidText, match="line 1"):
        await store.put("/agent/a", value)
    assert (folder / "a.json").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("f.json", '{"data": [{"key": "a", "value": 1}]}', FileDbStore),
        ("f.yaml", "# c\ndata:\n  - key: a\n    value: 1\n", FileDbStore),
        ("f.json", '{"data": {"key": 1}}', DocumentStore),
        ("f.yaml", "data: 1\n", DocumentStore),
        ("f.toml", "data = []\n", DocumentStore),
    ],
)
async def test_layout_is_found_by_what_is_there(tmp_path: Path, name: str, text: str, kind: type[Store]) -> None:
    (tmp_path / name).write_text(text)
    async with make(f"file://{tmp_path / name}") as store:
        assert type(store) is kind


async def test_folder_with_files_of_filedb_only_is_filedb(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(_ITEM % ("a", "1"))
    async with make(f"file://{tmp_path}") as store:
        assert type(store) is FileDbFolderStore
    (tmp_path / "other.json").write_text("{}")
    async with make(f"file://{tmp_path}") as store:
        assert await keys_below(store, "") == ["a.json", "other.json"]


async def test_prefix_follows_the_file(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text(_ITEM % ("/agent/a", "1"))
    for url in (f"file://{tmp_path}/f.json//agent/", f"file://{tmp_path}/f.json?prefix=/agent"):
        async with make(url) as store:
            assert await keys_below(store, "") == ["a"]
            await store.put("b", b"2")
            await store.delete("b")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("f.json", '{\n"a": }', "f.json: line 2, column 6"),
        ("f.yaml", "a: [1", "f.yaml: line"),
        ("f.toml", "a = ", "f.toml: line 1"),
        ("f.json", "\udcff", "UTF-8"),
        ("f.json", "1", "single value"),
    ],
)
async def test_file_that_cannot_be_parsed_is_one_clear_line(tmp_path: Path, name: str, text: str, reason: str) -> None:
    file = tmp_path / name
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(NotReachable) as caught:
        async with make(f"file://{file}"):
            pass
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_names_of_a_document_are_escaped(tmp_path: Path) -> None:
    file = tmp_path / "f.json"
    file.write_text('{"a/b": {"": 1, "..": 2}, "c~": 3}')
    async with make(f"file://{file}") as store:
        assert await keys_below(store, "") == ["a~1b", "a~1b/~", "a~1b/~..", "c~0"]
        await store.put("a~1b/~", b"9")
        assert file.read_text() == '{"a/b": {"": 9, "..": 2}, "c~": 3}'
        with pytest.raises(InvalidKey):
            await store.put("a~2", b"1")


async def test_folder_of_filedb_has_no_transactions(store: Store) -> None:
    with pytest.raises(CallNotSupported, match="several files"):
        await store.transact([])
    with pytest.raises(KeyNotFound):
        await store.get("/agent/none")


async def test_collection_of_garbage_goes_on_after_a_file_is_parsed(folder: Path) -> None:
    """It is paused meanwhile, also if the file is invalid."""
    async with make(f"file://{folder}/a.json") as store:
        assert await keys_below(store, "")
        assert gc.isenabled()
        (folder / "a.json").write_text('{"data": [')
        assert any("not valid" in line for line in (await store.status()).complaints)
        assert gc.isenabled()
