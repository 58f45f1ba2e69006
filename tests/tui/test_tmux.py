"""A day's work in a real tmux, on real stores, while another client writes: looked at as text, at both sizes."""

import os
import re
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from tests.cli.run_command import COMMAND, folders
from tests.servers.fixtures import shared_server
from tests.servers.programs import TMUX, environment
from tests.servers.require import require
from tests.servers.waiting import wait_until
from tests.tui.reference_clients import Other, Server, other, stores_and_sizes, url_of
from tests.tui.terminal import assert_no_internal_errors

__all__ = ["shared_server"]

PATIENCE: Final = 40.0
PAUSE: Final = 0.1
"""Seconds between two looks at a window; each is a process."""
_WINDOWS: Final = count()
APP: Final = '{\n  "threads": 8,\n  "host": "db",\n  "pool": 4,\n  "level": "info"\n}\n'


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

    def hides(self, pattern: str) -> None:
        """Wait until a pattern is no longer found on the screen."""
        self._until(lambda text: re.search(pattern, text) is None, f"{pattern} gone")

    def finds(self, pattern: str) -> str:
        """Wait until a pattern is found on the screen, and give its group."""
        found: list[str] = []

        def holds(text: str) -> bool:
            found[:] = re.findall(pattern, text)
            return bool(found)

        self._until(holds, f"{pattern} on the screen")
        return found[0]

    def _until(self, holds: Callable[[str], bool], what: str) -> None:
        footers: dict[str, None] = {}

        def look() -> bool:
            text = self.text()
            footers[text.rstrip("\n").rpartition("\n")[2]] = None
            return holds(text)

        try:
            wait_until(look, what, PATIENCE, pause=PAUSE)
        except TimeoutError:
            seen = "\n".join(footers)  # with the notices, which come and go
            raise AssertionError(f"never: {what}\n{self.text()}\nthe last lines meanwhile:\n{seen}") from None

    def end(self) -> None:
        self._run("kill-server")


@contextmanager
def window(name: str, size: tuple[int, int], url: str, home: Path) -> Iterator[Tmux]:
    settings = [f"{variable}={shlex.quote(value)}" for variable, value in folders(home).items()]
    command = " ".join(
        ["env", "-u", "COLUMNS", "-u", "LINES", *settings, *map(shlex.quote, COMMAND), "--write", shlex.quote(url)]
    )
    # A name of its own: a server that was just told to end would take the next window along.
    tmux = Tmux(f"keyscope-test-{os.getpid()}-{name}-{next(_WINDOWS)}", size, command)
    try:
        yield tmux
    finally:
        tmux.end()
    assert_no_internal_errors(home / "state" / "keyscope" / "errors")


@contextmanager
def writing(other: Other, key: str) -> Iterator[None]:
    """Write a key again and again from another client, until the end; what that fails with is raised then."""
    over = threading.Event()
    failures: list[Exception] = []

    def write() -> None:
        number = 0
        while not (failures or over.wait(0.02)):
            number += 1
            try:
                other.put(key, f"beat {number}")
            except Exception as error:  # noqa: BLE001 - a thread has nobody to raise it to
                if not other.lost(error):
                    failures.append(error)

    thread = threading.Thread(target=write, name="other client")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        if failures:
            raise failures[0]


@pytest.fixture
def client(shared_server: Server) -> Iterator[Other]:
    """Somebody else who uses the store."""
    with other(shared_server) as client:
        yield client


def _prepare(client: Other, root: str, home: Path) -> None:
    """Store some keys, and write the rule that allows few threads only."""
    client.put(f"{root}/config/app.json", APP)
    for number in range(3):
        client.put(f"{root}/old/{number}", "x")
    rules = Path(folders(home)["XDG_CONFIG_HOME"]) / "keyscope" / "codecs.toml"
    rules.parent.mkdir(parents=True)
    constraint = "[[constraint]]\nname = 'few-threads'\nkey = '**/app.json'\npath = 'threads'\nmaximum = 10\n"
    rules.write_text(f"version = 1\n{constraint}")


@stores_and_sizes
def test_tmux_session_of_a_day(client: Other, shared_server: Server, tmp_path: Path, size: tuple[int, int]) -> None:
    root = f"work{size[0]}"
    _prepare(client, root, tmp_path)
    with writing(client, f"{root}/beats/one"), window(root, size, url_of(shared_server, root), tmp_path) as tmux:
        tmux.shows("LIVE", "config/", "old/", "beats/", "±")  # that is of the other client, below a closed folder

        tmux.press(":")
        tmux.type("config/app.json")
        tmux.press("Enter")
        tmux.shows('"threads": 8,', "valid JSON")

        tmux.press("e")
        tmux.shows("not modified")
        tmux.press("Down", "End", "C-u")
        tmux.type('  "threads": 16,')
        tmux.shows("modified; ctrl+s")
        tmux.press("C-s")
        tmux.shows('+  "threads": 16,')
        theirs = APP.replace("info", "debug")
        client.put(f"{root}/config/app.json", theirs)
        tmux.shows("Another client has changed this key meanwhile")
        tmux.press("C-s")
        tmux.shows("nothing was written", "The changes can be merged without a conflict")
        assert client.get(f"{root}/config/app.json") == theirs
        tmux.press("Down", "b")  # right behind the view's opening a letter alone may be meant as text
        tmux.hides("Base:")
        tmux.shows('"level": "debug"', '"threads": 16,')
        tmux.press("C-s")
        tmux.shows("Save config/app.json?", "✗ few-threads: threads: 16 is greater than 10")
        tmux.press("C-s")
        tmux.shows("This value breaks few-threads", "Override few-threads, and save")
        tmux.press("Down", "Enter")
        tmux.shows("saved config/app.json")
        assert client.get(f"{root}/config/app.json") == theirs.replace("8", "16")

        tmux.press("Down", "/")  # right behind an enter, a letter alone may be meant as text
        tmux.type("ol")
        tmux.shows("loaded", "old/")
        tmux.hides("▾.config/")
        tmux.press("Enter", "Escape")
        tmux.finds("▾.config/")  # before that, a G right behind the Escape would be an alt+G
        tmux.press("G")
        tmux.shows("old/")
        tmux.press("d")
        if client.folders:
            tmux.shows("What of old should be deleted?")
            tmux.press("Enter")  # all below it; the key's own value stays
        tmux.shows("Everything below old: 3 entries")
        tmux.type("old")
        tmux.press("Enter")
        tmux.shows("deleted 3")
        assert client.get(f"{root}/old/0") is None

        tmux.press("q")
        tmux.hides("LIVE")


def test_tmux_shows_locks_of_other_clients(client: Other, shared_server: Server, tmp_path: Path) -> None:
    with ExitStack() as holding:
        holding.enter_context(client.locking("tmux/jobs/nightly"))
        with window("locks", (160, 50), url_of(shared_server, "tmux"), tmp_path) as tmux:
            tmux.shows("jobs/nightly", "1 held", "fence", "●")
            fence = tmux.finds(r"●.* fence (\d+)")
            with client.locking("tmux/jobs/nightly"):
                if client.queues:
                    tmux.shows("1 waiting", "1.")
                else:
                    tmux.shows("waiters cannot be seen")
                holding.close()
                if client.queues:
                    tmux.hides("1 waiting")
                tmux.shows("jobs/nightly", "1 held")
                assert int(tmux.finds(rf"●.* fence (?!{fence}\b)(\d+)")) > int(fence)
