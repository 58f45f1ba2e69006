"""The real command in a real terminal on a real etcd: every byte that it sends, and what it does in bad times."""

import asyncio
import random
import re
import shlex
import signal
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from explorer.model.keys import encode
from explorer.tui.screens.copying import command_for
from tests.cli.calls import COMMAND, environment, folders
from tests.faults.figures import figure, seed
from tests.servers.etcd import EtcdServer, Grant
from tests.servers.proxy import FaultProxy
from tests.tui.contents import fill, filled, read
from tests.tui.strangers import foreign
from tests.tui.terminal import NARROW, PATIENCE, WIDE, Terminal

BROKEN = (sys.executable, "-m", "tests.tui.broken")
CANARY = "canary-in-the-coal-mine"


# A store that stops answering


def sent_since(terminal: Terminal, begun: int) -> str:
    """Give what was sent beyond so many bytes; what is cut at either end may be a part of a character."""
    return terminal.sent[begun:].decode(errors="ignore")


def stale_in_time(terminal: Terminal, begun: int) -> None:
    """See that it is stale on the screen at most five seconds, by the session's clock, after the last proof.

    What counts is the first age that was drawn since the fault, before which so many bytes had been sent.
    """
    ages: list[str] = []

    def stale(text: str) -> bool:
        ages[:] = re.findall(r"STALE (\d+\.\d)s", sent_since(terminal, begun))
        return "STALE" in text and bool(ages)

    terminal.until(stale, "it is stale")
    assert float(ages[0]) <= 5.0


def test_a_stopped_server_is_seen_as_stale_in_time(tmp_path: Path) -> None:
    with EtcdServer() as server, Terminal(f"etcd://{server.address}/", home=tmp_path) as terminal:
        server.ctl("put", "app", "before")
        terminal.shows("LIVE", "before")
        for number in range(figure(1, 5)):
            begun = len(terminal.sent)
            server.pause()
            stale_in_time(terminal, begun)
            server.resume()
            terminal.shows("● LIVE")
            server.ctl("put", "app", f"after {number}")
            terminal.shows("● LIVE", f"after {number}")


async def test_nothing_is_live_before_what_happened_meanwhile_is_shown(tmp_path: Path) -> None:
    async with EtcdServer() as server, FaultProxy(server.client_port) as proxy:
        await asyncio.to_thread(server.ctl, "put", "app", "before")
        with Terminal(f"etcd://{proxy.address}/", home=tmp_path) as terminal:
            await asyncio.to_thread(terminal.shows, "LIVE", "before")
            for number in range(figure(1, 5)):
                begun = len(terminal.sent)
                proxy.hang()
                await asyncio.to_thread(stale_in_time, terminal, begun)
                await asyncio.to_thread(server.ctl, "put", "app", f"after {number}")
                begun = len(terminal.sent)
                proxy.heal()
                await asyncio.to_thread(terminal.shows, "● LIVE", f"after {number}")
                sent = sent_since(terminal, begun)
                frame = sent[sent.index("● LIVE") : sent.index(f"after {number}")]
                lines = [int(line) for line in re.findall(r"\x1b\[(\d+);\d+H", frame)]
                assert lines == sorted(lines), "one frame showed it live, and only a later one what is there now"


# Drafts


def drafts(home: Path) -> list[Path]:
    return [file for file in (home / "state").rglob("*.json") if file.is_file()]


def kept(home: Path) -> str:
    """Give the text of the only draft there is, without what it began with."""
    found = [re.search(rb'\\"text\\": \\"((?:\d+ )*)begin', file.read_bytes()) for file in drafts(home)]
    return found[0][1].decode() if len(found) == 1 and found[0] else ""


def _is_kept(home: Path, typed: str, _: str) -> bool:
    return kept(home) == typed


def test_what_was_typed_outlives_kill_9(place: str, tmp_path: Path) -> None:
    fill(place, app="begin\n")
    typed = ""
    for number in range(10, 10 + figure(3, 10)):
        with Terminal("--write", place, home=tmp_path) as terminal:
            terminal.shows("LIVE", "begin")
            terminal.press("e")
            if typed:
                terminal.shows("1 draft of this key")
                terminal.press("enter")
            terminal.shows("from rev", f"{typed[:20]}")
            before = typed
            for word in range(4):
                terminal.type(f"{number}{word} ")
                typed = "".join(f"{number}{one} " for one in range(word + 1)) + before
                terminal.shows(typed[:20].rstrip())
            if number % 2:
                terminal.kill()  # in the midst of it: at most the last second is missing, and what was kept is whole
                left = kept(tmp_path)
                assert left.endswith(before)
                typed = left
            else:
                terminal.until(partial(_is_kept, tmp_path, typed), "it is kept")
                terminal.kill()
        for file in drafts(tmp_path):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert read(place, "app") == b"begin\n"
    with Terminal("--write", place, home=tmp_path) as terminal:
        terminal.shows("LIVE", "begin")
        terminal.press("e")
        terminal.shows("1 draft of this key")
        terminal.press("enter")
        terminal.shows(typed[:20].rstrip())
        terminal.press("ctrl+s")
        terminal.shows("Save app?")
        terminal.press("ctrl+s")
        terminal.shows("saved app")
        assert terminal.quit() == 0
    assert read(place, "app") == f"{typed}begin\n".encode()
    assert drafts(tmp_path) == []


@pytest.mark.parametrize("way", ["ctrl+q", "q", signal.SIGTERM], ids=str)
def test_drafts_are_said_in_the_shell_at_the_end(place: str, tmp_path: Path, way: str | signal.Signals) -> None:
    """Whoever quits with unsaved text learns which key has a draft; who has none sees no line."""
    fill(place, app="begin")
    line = f"1 draft kept: app (keyscope {place} opens it)"
    with Terminal("--write", place, home=tmp_path) as terminal:
        terminal.shows("LIVE", "begin")
        terminal.press("e")
        terminal.shows("from rev")
        terminal.type("typed ")
        terminal.shows("typed begin")
        if way == "q":
            terminal.press("escape")
            terminal.shows("is not saved")
            terminal.press("down")
            terminal.press("enter")
            terminal.shows("1 Keys")
        if isinstance(way, signal.Signals):
            terminal.process.send_signal(way)
        else:
            terminal.press(way)
        terminal.ended()
        assert line in terminal.sent.decode()
    with Terminal(place, home=tmp_path) as terminal:
        terminal.shows("1 draft kept from before: D lists")
        terminal.quit()
        assert line in terminal.sent.decode()
    with Terminal(place, home=tmp_path / "other") as terminal:
        terminal.shows("LIVE", "begin")
        terminal.quit()
        assert b"kept" not in terminal.sent


ODD_KEYS = [
    "plain",
    "-dash",
    "with space",
    "quo'te",
    "esc-\x1b[31mred",
    "bin-\udcff\udcfe-x",
    "nul-\x00-key",
    "C:\\dir\nx",
    "§é",
]


def test_copied_commands_work_in_a_shell(etcd: EtcdServer, prefix: str, tmp_path: Path) -> None:
    """The command for each odd key prints its value, that for a folder lists it, in a real shell on a real store."""
    url = f"etcd://{etcd.address}{prefix}"
    keys = [*ODD_KEYS, *(f"folder {key}/below" for key in ODD_KEYS)]
    asyncio.run(filled(url, {key: encode(f"value of {key!r}") for key in keys}))
    lines = [command_for(url, key, folder=False) for key in ODD_KEYS]
    lines += [command_for(url, f"folder {key}/", folder=True) for key in ODD_KEYS]
    start = " ".join(map(shlex.quote, COMMAND))
    script = f'keyscope() {{ {start} "$@"; }}\n' + "\n".join(f"{line}; echo" for line in lines)
    variables = {**environment(), **folders(tmp_path)}
    done = subprocess.run(["bash", "-ec", script], capture_output=True, check=False, env=variables, text=True)
    assert done.stderr == ""
    printed = done.stdout.split("\n")
    assert [line for line in printed if line.startswith("value of")] == [f"value of {key!r}" for key in ODD_KEYS]
    assert sum("below" in line for line in printed) == len(ODD_KEYS)


# Terminals of all kinds


SIZES = [(40, 10), (20, 5), (9, 3), (300, 80)]


@pytest.mark.parametrize("size", SIZES, ids=[f"{columns}x{lines}" for columns, lines in SIZES])
def test_every_size_is_usable_or_at_least_survived(place: str, tmp_path: Path, size: tuple[int, int]) -> None:
    fill(place, **{"a": "1", "f/b": "2", "f/c": "3"})
    with Terminal("--write", place, home=tmp_path) as terminal:
        terminal.shows("LIVE", "a", "f/", "1 B")
        terminal.resize(*size)
        if size[1] >= 10:
            terminal.until(partial(_fills, size[0], "WRITING"), f"{size[0]} columns are used")
            terminal.shows("LIVE", "1 Keys", "f/")
            terminal.press("down", "d")
            terminal.shows("Everything below f: 2", "Type 'f'", "Cancel", "Delete all")
            terminal.press("escape")
            terminal.hides("Everything")
            terminal.press("up")
        terminal.press("down", "d", "escape", "up", "e", "x", "ctrl+s", "escape", "escape", "y", "escape")
        terminal.press("?", "escape", "ctrl+p", "escape", "/", "escape", ":", "escape", "2", "3", "4", "1", "+", "+")
        terminal.resize(80, 24)
        terminal.until(partial(_fills, 80, "WRITING"), "80 columns are used")
        terminal.shows("LIVE")
        terminal.press("ctrl+q")
        assert terminal.ended() == 0
        assert "Traceback" not in terminal.sent.decode()


def _fills(columns: int, ends: str, text: str) -> bool:
    """Tell whether the first line is the one for so many columns: what it ends with stands at the window's edge."""
    first = text.partition("\n")[0]
    return first.endswith(ends) and columns - 5 < len(first) <= columns


def test_of_sizes_in_quick_succession_the_last_one_counts(place: str, tmp_path: Path) -> None:
    with Terminal(place, home=tmp_path) as terminal:
        terminal.shows("● LIVE", "read-only")
        for columns in range(60, 60 + 3 * figure(40, 100), 3):
            terminal.resize(20, 5)
            terminal.resize(columns, 24)
            terminal.until(partial(_fills, columns, "read-only"), f"{columns} columns are used")
        assert terminal.quit() == 0


KINDS_OF_TERMINAL = {
    "without colours": {"NO_COLOR": "1"},
    "xterm": {"TERM": "xterm", "COLORTERM": ""},
    "dumb": {"TERM": "dumb", "COLORTERM": ""},
    "without a name": {"TERM": "", "COLORTERM": ""},
    "in another encoding": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"},
    "with a strange theme": {"TEXTUAL_THEME": "no such\x1b[31m theme"},
}


@pytest.mark.parametrize("kind", KINDS_OF_TERMINAL)
def test_every_kind_of_terminal_shows_all(place: str, tmp_path: Path, kind: str) -> None:
    fill(place, app="value")
    with Terminal(place, home=tmp_path, variables=KINDS_OF_TERMINAL[kind]) as terminal:
        terminal.shows("● LIVE", "1 Keys", "app", "value", "read-only")
        assert terminal.quit() == 0
        assert "Traceback" not in terminal.sent.decode()
        seen = terminal.sent if "TERM" not in KINDS_OF_TERMINAL[kind] else re.sub(rb"\x1b\[[\d;]*m", b"", terminal.sent)
        assert foreign(seen, NARROW) == []
        if kind == "without colours":
            colours = set(re.findall(r"[34]8;2;(\d+;\d+;\d+)", terminal.sent.decode()))
            assert all(len(set(colour.split(";"))) == 1 for colour in colours), "there is a colour that is no grey"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_the_terminal_is_as_it_was(place: str, tmp_path: Path, number: signal.Signals) -> None:
    fill(place, app="value")
    with Terminal(place, home=tmp_path) as terminal:
        terminal.shows("LIVE")
        terminal.process.send_signal(number)
        assert terminal.ended() == 128 + number
        assert "\x1b[?1049l" in terminal.sent.decode()
        assert "Traceback" not in terminal.sent.decode()


def test_without_its_terminal_it_ends(tmp_path: Path) -> None:
    with Terminal("demo:", home=tmp_path) as terminal:
        terminal.shows("LIVE")
        terminal.hang_up()
        assert terminal.process.wait(PATIENCE) == -signal.SIGHUP


# A user with rights on a few keys only


def test_key_is_shown_to_a_user_with_rights_on_it_only(tmp_path: Path) -> None:
    """Nothing on the way may be listed: the prompt completes nothing, says why, and the key itself is shown."""
    with EtcdServer() as server:
        server.enable_auth("root-password")
        for key in ("/pub/a", "/pub/deep/b", "/priv/c"):
            server.ctl("put", key, f"value of {key}")
        server.add_user("test", "pw", [Grant("read", "/pub/")])
        password = tmp_path / "password"
        password.write_text("pw\n")
        password.chmod(0o600)
        words = (f"etcd://{server.address}/", "--user", "test", "--password-file", str(password))
        with Terminal(*words, home=tmp_path) as terminal:
            terminal.shows("1 Keys")
            terminal.press(":")
            terminal.type("\x15/priv/")
            terminal.shows("no completion: ")
            terminal.type("\x15/pub/a\r")
            terminal.shows("value of /pub/a")
            terminal.press(":")
            terminal.type("\x15/pub/deep/b\r")
            terminal.shows("value of /pub/deep/b")
            terminal.press(":")
            terminal.type("\x15/priv/c\r")
            terminal.shows("▌ the user may not do this")
            assert terminal.quit() == 0


def test_completion_from_a_stopped_server_ends_nothing(tmp_path: Path) -> None:
    """A folder that does not answer completes nothing; the app goes on."""
    with EtcdServer() as server:
        fill(f"etcd://{server.address}/", **{"far/b/c": "stored at c"})
        with Terminal(f"etcd://{server.address}/", "--timeout", "1", home=tmp_path) as terminal:
            terminal.shows("far")
            server.pause()
            try:
                terminal.press(":")
                terminal.type("\x15far/b/")
                terminal.shows("no completion: ")
            finally:
                server.resume()
            terminal.type("c\r")
            terminal.shows("stored at c")
            assert terminal.quit() == 0


# Keys that come faster than screens do

ESCAPE = "\x1b[27u"  # as kitty sends it, so that no letter after it makes an alt of it
PRESSED = (*[ESCAPE] * 6, *"\r\r\r\r\t /:endyt[]rwf1234+?xbmGgjklh\x10\x12\x13", "\x1b[A", "\x1b[B", "\x1b[6~")


def _reaches(columns: int, text: str) -> bool:
    """Tell whether something stands beyond so many columns."""
    return any(len(line) > columns for line in text.splitlines())


@pytest.mark.parametrize("lane", range(figure(2, 40)))
def test_keys_at_random_end_nothing(tmp_path: Path, lane: int) -> None:
    chosen = seed() + lane
    chance = random.Random(chosen)
    with Terminal("--write", "demo:", home=tmp_path, size=chance.choice([NARROW, WIDE, (40, 10)])) as terminal:
        terminal.shows("LIVE", "1 Keys")
        for _ in range(figure(60, 300)):
            terminal.type("".join(chance.choices(PRESSED, k=chance.choice([1, 1, 2, 3, 5]))))
            if chance.random() < 0.5:
                terminal.lines()  # which takes a moment, so that some keys find a screen that stands
            assert terminal.process.poll() is None, f"KEYSCOPE_SEED={chosen}:\n{terminal.text()}"
        terminal.press(*[ESCAPE] * 5)
        columns, lines = terminal.size
        terminal.resize(columns + 20, lines)
        terminal.until(partial(_reaches, columns), f"the new width is used (KEYSCOPE_SEED={chosen})")
        terminal.press("ctrl+q")
        assert terminal.ended() == 0, f"KEYSCOPE_SEED={chosen}:\n{terminal.text()}"
        assert "Traceback" not in terminal.sent.decode()


def everything(terminal: Terminal, home: Path) -> bytes:
    """Give all that was sent to the terminal and all that was written to files."""
    return terminal.sent + b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())


def test_internal_error_is_shown_without_secrets(etcd: EtcdServer, place: str, tmp_path: Path) -> None:
    """An unexpected exception is shown in a line, its traceback kept in a file without messages; the app goes on."""
    fill(place, app="value")
    url = place.replace("etcd://", f"etcd://root:{CANARY}@")
    with Terminal(url, home=tmp_path, command=BROKEN, internal_errors=True) as terminal:
        terminal.shows("1 Keys", "app")
        terminal.press("?")
        terminal.shows("internal error: RuntimeError in")
        terminal.press("2")
        terminal.shows("value")
        assert terminal.quit() == 0
        assert "there were internal errors; details in" in terminal.sent.decode()
        assert CANARY.encode() not in everything(terminal, tmp_path)
        kept = b"".join(file.read_bytes() for file in tmp_path.rglob("errors/*.txt"))
        assert b"RuntimeError" in kept
        assert foreign(terminal.sent, NARROW) == []
    assert etcd.running


def test_a_password_is_nowhere(tmp_path: Path) -> None:
    with EtcdServer() as server:
        server.enable_auth(CANARY)
        server.ctl("put", "app", "value")
        password = tmp_path / "password"
        password.write_text(f"{CANARY}\n")
        password.chmod(0o600)
        settings = tmp_path / "config" / "keyscope"
        settings.mkdir(parents=True)
        (settings / "config.toml").write_text(
            f'[profiles.here]\nurl = "etcd://{server.address}/"\nuser = "root"\npassword_file = "{password}"\n'
        )
        for words in (["@here"], [f"etcd://root:{CANARY}@{server.address}/"]):
            with Terminal("--write", *words, home=tmp_path) as terminal:
                terminal.shows("LIVE", "app", "5 B")
                terminal.press("e")
                terminal.shows("from rev")
                terminal.type("typed ")
                terminal.until(lambda _: bool(drafts(tmp_path)), "a draft is kept")
                assert CANARY.encode() not in everything(terminal, tmp_path / "state")
                terminal.press("escape")
                terminal.shows("is not saved")
                terminal.press("down", "down", "enter")
                terminal.shows("the text was discarded", "1 Keys")
                terminal.press("y")
                terminal.shows("Command")
                terminal.press("down", "down", "down", "enter")
                terminal.shows("copied: command")
                server.pause()
                terminal.shows("STALE")
                server.resume()
                terminal.shows("LIVE")
                assert terminal.quit() == 0
                assert CANARY.encode() not in everything(terminal, tmp_path / "state")
