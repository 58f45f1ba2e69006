"""Systems that lack what the files driver uses: watches of folders, and locks on them."""

import errno
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from explorer.drivers.files.folder_lock import LOCK_FILE
from explorer.drivers.registry import make
from explorer.model.errors import Timeout
from tests.contract.fixtures import keys_below

_WATCH = """
import asyncio, sys
from pathlib import Path
from explorer.drivers.registry import make

async def main() -> None:
    async with make(f"file://{sys.argv[1]}?layout=folder") as store, store.watch_tree("") as events:
        await anext(events)
        Path(sys.argv[1], "folder", "key").write_bytes(b"value")
        print((await anext(events)).key)
        print((await store.status()).facts["changes"])

asyncio.run(main())
"""
"""A process that watches a folder, changes a file below it, and prints what is reported and how."""


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("setting", "limit", "expected"),
    [
        ("max_inotify_instances", 0, "polled: the system cannot watch the folder: "),
        ("max_inotify_watches", 0, "polled: the system cannot watch the folder: its limit is reached"),
        ("max_inotify_watches", 1, "polled: the system cannot watch the folder: its limit is reached"),
        ("max_inotify_watches", 100, "reported by the system"),
    ],
)
def test_reached_limit_of_watches_is_polled(tmp_path: Path, setting: str, limit: int, expected: str) -> None:
    """The limit is the system's own, lowered in a user namespace for one process.

    A part of the watches is refused without an error of the library. Where no namespaces are allowed, the test is
    skipped by name.
    """
    if subprocess.run(["unshare", "-Ur", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no user namespaces: unshare -Ur")
    (tmp_path / "folder").mkdir()
    script = f'echo {limit} > /proc/sys/user/{setting} && exec "$@"'
    line = ["unshare", "-Ur", "sh", "-c", script, "sh", sys.executable, "-c", _WATCH, str(tmp_path)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    key, changes = done.stdout.splitlines()
    assert key == "folder/key"
    assert changes.startswith(expected)


@pytest.mark.parametrize("code", [errno.EBADF, errno.ENOLCK, errno.ENOTSUP])
async def test_folder_without_locks_has_a_locked_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A hidden file is locked instead, and is no key. The refusal is a fake: no such file system can be had here."""
    flock = fcntl.flock

    def refuse_folders(descriptor: int, operation: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError(code, "no locks on folders")
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", refuse_folders)
    async with make(f"file://{tmp_path}?layout=folder&timeout=0.3") as store:
        seen = await store.put("key", b"1")
        assert await keys_below(store, "") == ["key"]
        with (tmp_path / LOCK_FILE.decode()).open("rb") as other:
            flock(other, fcntl.LOCK_EX)
            with pytest.raises(Timeout):
                await store.put("key", b"2")
        assert (await store.atomic_put("key", b"2", seen)).value == b"2"
