"""A day's work in a real tmux, on a real etcd, while another client writes: looked at as text, at both sizes."""

import os
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.cli.calls import COMMAND
from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import etcd_version, shared_etcd
from tests.servers.programs import ETCDCTL, TMUX, environment
from tests.servers.requirement import require
from tests.servers.waiting import wait_until
from tests.tui.terminal import own_folders

__all__ = ["etcd_version", "shared_etcd"]

PATIENCE: Final = 20.0
SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])


class Tmux:
    """One window with the command in it."""

    def __init__(self, socket: str, size: tuple[int, int], command: str) -> None:
        self._line = (*require(TMUX), "-L", socket, "-f", os.devnull)
        self._run("new-session", "-d", "-s", "keyscope", "-x", str(size[0]), "-y", str(size[1]), command)

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [*self._line, *words],
            env=os.environ | environment(self._line) | {"TERM": "xterm-256color"},
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
        return done.stdout.decode(errors="replace")

    def text(self) -> str:
        return self._run("capture-pane", "-p", "-t", "keyscope")

    def press(self, *keys: str) -> None:
        self._run("send-keys", "-t", "keyscope", *keys)

    def type(self, text: str) -> None:
        self._run("send-keys", "-t", "keyscope", "-l", text)

    def shows(self, *words: str) -> None:
        """Wait until all these words are on the screen."""
        self._until(lambda text: all(word in text for word in words), f"{words} on the screen")

    def hides(self, words: str) -> None:
        """Wait until words are gone from the screen."""
        self._until(lambda text: words not in text, f"{words!r} gone")

    def _until(self, holds: Callable[[str], bool], what: str) -> None:
        try:
            wait_until(lambda: holds(self.text()), what, PATIENCE)
        except TimeoutError:
            raise AssertionError(f"never: {what}\n{self.text()}") from None

    def end(self) -> None:
        self._run("kill-server")


@contextmanager
def window(name: str, size: tuple[int, int], url: str, home: Path) -> Iterator[Tmux]:
    settings = [f"{variable}={shlex.quote(value)}" for variable, value in own_folders(home).items()]
    command = " ".join(
        ["env", "-u", "COLUMNS", "-u", "LINES", *settings, *map(shlex.quote, COMMAND), "--write", shlex.quote(url)]
    )
    tmux = Tmux(f"keyscope-test-{os.getpid()}-{name}", size, command)
    try:
        yield tmux
    finally:
        tmux.end()


@contextmanager
def writing(server: EtcdServer, key: str) -> Iterator[None]:
    """Write a key again and again from another client, until the end."""
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            number += 1
            server.ctl("put", key, f"beat {number}")

    thread = threading.Thread(target=write, name="other client")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def stored(server: EtcdServer, key: str) -> str:
    """Give a value as etcdctl tells it, without the line feed that it puts behind it."""
    return server.ctl("get", "--print-value-only", key).removesuffix("\n")


@SIZES
def test_a_days_work(shared_etcd: EtcdServer, tmp_path: Path, size: tuple[int, int]) -> None:
    server, root = shared_etcd, f"work{size[0]}"
    app = '{\n  "threads": 8,\n  "host": "db",\n  "pool": 4,\n  "level": "info"\n}\n'
    server.ctl("put", f"{root}/config/app.json", given=app.encode())
    for number in range(3):
        server.ctl("put", f"{root}/old/{number}", "x")
    url = f"etcd://{server.address}/{root}/"
    with writing(server, f"{root}/beats/one"), window(root, size, url, tmp_path) as tmux:
        tmux.shows("LIVE", "config/", "old/", "beats/")
        tmux.shows("±")  # the other client, below a closed folder

        tmux.press(":")
        tmux.type("config/app.json")
        tmux.press("Enter")
        tmux.shows('"threads": 8,', "parses as JSON")

        tmux.press("e")
        tmux.shows("nothing changed yet")
        tmux.press("Down", "End", "C-u")
        tmux.type('  "threads": 16,')
        tmux.shows("changed; ctrl+s")
        other = app.replace("info", "debug")
        server.ctl("put", f"{root}/config/app.json", given=other.encode())
        tmux.shows("somebody else has changed this key")
        tmux.press("C-s")
        tmux.shows('+  "threads": 16,')
        tmux.press("C-s")
        tmux.shows("nothing was written", "Both changes fit together")
        assert stored(server, f"{root}/config/app.json") == other
        tmux.press("b")
        tmux.shows('"level": "debug"', '"threads": 16,')
        tmux.press("C-s")
        tmux.shows("Save config/app.json?")
        tmux.press("C-s")
        tmux.shows("saved config/app.json")
        assert stored(server, f"{root}/config/app.json") == other.replace("8", "16")

        tmux.press("/")
        tmux.type("ol")
        tmux.shows("loaded", "old/")
        tmux.press("Enter", "Escape")
        tmux.press("G")
        tmux.shows("▸ old/")
        tmux.press("d")
        tmux.shows("Everything below old: 3 entries")
        tmux.type("old")
        tmux.press("Enter")
        tmux.shows("deleted 3")
        assert stored(server, f"{root}/old/0") == ""

        tmux.press("q")
        tmux.hides("LIVE")


@contextmanager
def locking(server: EtcdServer, key: str) -> Iterator[subprocess.Popen[bytes]]:
    """Hold a lock, or wait for it, with etcdctl."""
    line = require(ETCDCTL[server.version])
    variables = os.environ | environment(line) | {"ETCDCTL_API": "3"}
    words = [*line, "--endpoints", server.url, "lock", key]
    with subprocess.Popen(words, env=variables, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def test_locks_of_etcdctl_are_seen(shared_etcd: EtcdServer, tmp_path: Path) -> None:
    server, key = shared_etcd, "tmux/jobs/nightly"
    with locking(server, key) as holder:
        assert holder.stdout
        holder.stdout.readline()  # it tells its key once it holds the lock
        with locking(server, key), window("locks", (160, 50), f"etcd://{server.address}/tmux/", tmp_path) as tmux:
            tmux.shows("jobs/nightly", "1 waiting", "fence", "left")
            holder.terminate()
            tmux.hides("1 waiting")
            tmux.shows("jobs/nightly", "●")
