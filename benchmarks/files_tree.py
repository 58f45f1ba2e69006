"""10,000 entries in files: listed, opened and edited, beside find and cat, json and PyYAML."""

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path

import yaml
from _side_by_side import compare

from explorer import Put, Store, open

_ENTRIES = 10_000
_FOLDERS = 100
_EDITS = 20


def _timed(work: Coroutine[None, None, float]) -> float:
    return asyncio.run(work)


async def _list_all(url: str) -> float:
    """Open a store and read all entries with their values; return the seconds."""
    began = time.perf_counter()
    async with open(url) as store:
        count = sum([1 async for entry in store.walk("") if entry.value is not None])
    assert count == _ENTRIES, count  # noqa: S101 - else the comparison is none
    return time.perf_counter() - began


async def _first_children(url: str) -> float:
    began = time.perf_counter()
    async with open(url) as store:
        await store.children("", limit=50)
    return time.perf_counter() - began


async def _edit(url: str, key: str, edits: int = _EDITS) -> float:
    """Return the seconds that one save takes in an open store."""
    async with open(url) as store:
        await store.put(key, b"0")
        began = time.perf_counter()
        for number in range(edits):
            await store.put(key, f"{number + 1}".encode())
        return (time.perf_counter() - began) / edits


async def _event(store: Store, url: str) -> float:
    """Return the median of the seconds from a put to its event."""
    found = []
    async with open(url) as other, store.watch_tree("") as events:
        await anext(events)
        for number in range(_EDITS):
            began = time.perf_counter()
            await other.put("00/0000", f"{number} {began}".encode())
            while not isinstance(await anext(events), Put):
                pass
            found.append(time.perf_counter() - began)
    return sorted(found)[_EDITS // 2]


def _replace(path: Path, text: str) -> None:
    """Replace a file as safely as Keyscope does."""
    temporary = path.with_name(".temporary")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _shell(command: str) -> float:
    began = time.perf_counter()
    subprocess.run(["sh", "-c", command], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _folder(root: Path) -> None:
    url = f"file://{root}?layout=folder"
    for number in range(_ENTRIES):
        path = root / f"{number % _FOLDERS:02}" / f"{number:04}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"name": "interface-{number}", "mtu": 1500}}')
    find = f"find {root} -type f -exec cat {{}} +"
    compare(f"{_ENTRIES:,} files with their bytes", lambda: _timed(_list_all(url)), lambda: _shell(find), against=find)
    compare(
        "first children of the folder", lambda: _timed(_first_children(url)), lambda: _shell(f"ls {root}"), against="ls"
    )
    one = root / "00" / "0000"

    def replace() -> float:
        began = time.perf_counter()
        for number in range(_EDITS):
            _replace(one, f"{number}")
        return (time.perf_counter() - began) / _EDITS

    compare("one save", lambda: _timed(_edit(url, "00/0000")), replace, against="write, fsync, rename, fsync")

    async def event() -> float:
        async with open(url) as store:
            return await _event(store, url)

    print(f"put to event: {1000 * asyncio.run(event()):.1f} ms")


def _table(path: Path) -> None:
    url, is_yaml = f"file://{path}", path.suffix == ".yaml"
    data = [
        {"key": f"/agent/interface/{number:05}", "value": {"name": f"interface-{number}", "mtu": 1500}}
        for number in range(_ENTRIES)
    ]
    dump = yaml.safe_dump if is_yaml else json.dumps
    path.write_text(dump({"data": data}))

    def load() -> float:
        began = time.perf_counter()
        yaml.load(path.read_text(), Loader=yaml.CSafeLoader) if is_yaml else json.loads(path.read_text())
        return time.perf_counter() - began

    def rewrite() -> float:
        began = time.perf_counter()
        text = path.read_text()
        document = yaml.load(text, Loader=yaml.CSafeLoader) if is_yaml else json.loads(text)
        document["data"][7]["value"] = 1
        _replace(path, yaml.dump(document, Dumper=yaml.CSafeDumper) if is_yaml else json.dumps(document))
        return time.perf_counter() - began

    name = "PyYAML's C loader" if is_yaml else "json.loads"
    compare(f"FileDB {path.suffix}: all entries", lambda: _timed(_list_all(url)), load, against=name)
    key = "/agent/interface/00007"
    compare(f"FileDB {path.suffix}: one save", lambda: _timed(_edit(url, key, 2)), rewrite, against=f"{name} and dump")


def main() -> None:
    """Measure a folder and two files."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "tree").mkdir()
        _folder(root / "tree")
        _table(root / "filedb.json")
        _table(root / "filedb.yaml")


if __name__ == "__main__":
    main()
