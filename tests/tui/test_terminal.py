"""The real command in a real terminal on a real etcd: every byte that it sends, and what it does in bad times."""

import asyncio
import random
import re
import shlex
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from explorer.model.keys import encode
from explorer.session.copy_options import command_for
from tests.cli.run_command import COMMAND, environment, folders
from tests.scale import figure, seed
from tests.servers.etcd import EtcdServer, Grant
from tests.servers.proxy import FaultProxy
from tests.tui.hostile_text import foreign
from tests.tui.store_helpers import fill, filled
from tests.tui.terminal import NARROW, PATIENCE, WIDE, Terminal, drafts

BROKEN = (sys.executable, "-m", "tests.tui.crashing_app")
CANARY = "canary-in-the-coal-mine"


# Earlier revisions


@pytest.mark.servers
def test_terminal_shows_an_earlier_revision_and_returns(tmp_path: Path) -> None:
    """The same key is selected before, then and after; what is no revision is refused."""
    with EtcdServer() as server, Terminal(f"etcd://{server.address}/", home=tmp_path) as terminal:
        server.ctl("put", "a", "first")
        server.ctl("put", "app", "before")
        server.ctl("put", "app", "after")
        terminal.shows("LIVE", "first")
        terminal.press("j")
        terminal.shows("after")
        terminal.press("@")
        terminal.shows("the newest is 4")
        terminal.press("9\r")
        terminal.shows("revision 9 is in the future")
        terminal.press("down", "@", "3\r")
        terminal.shows("revision 3", "before")
        terminal.press("@")
        terminal.shows("empty shows the present")
        terminal.press("\r")
        terminal.shows("● LIVE", "after")


# A store that stops answering


def sent_since(terminal: Terminal, begun: int) -> str:
    """Return what was sent beyond so many bytes; what is cut at either end may be a part of a character."""
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


@pytest.mark.servers
def test_terminal_stopped_server_is_stale(tmp_path: Path) -> None:
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


@pytest.mark.servers
async def test_terminal_live_only_after_missed_changes(tmp_path: Path) -> None:
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


def test_copied_command_runs_in_shell(shared_etcd: EtcdServer, prefix: str, tmp_path: Path) -> None:
    """The command for each odd key prints its value, that for a folder lists it, in a real shell on a real store."""
    url = f"etcd://{shared_etcd.address}{prefix}"
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_app_and_restores_terminal(place: str, tmp_path: Path, number: signal.Signals) -> None:
    fill(place, app="value")
    with Terminal(place, home=tmp_path) as terminal:
        terminal.shows("LIVE")
        terminal.process.send_signal(number)
        assert terminal.ended() == 128 + number
        assert "\x1b[?1049l" in terminal.sent.decode()
        assert "Traceback" not in terminal.sent.decode()


def test_lost_terminal_ends_app(tmp_path: Path) -> None:
    with Terminal("demo:", home=tmp_path) as terminal:
        terminal.shows("LIVE")
        terminal.hang_up()
        assert terminal.process.wait(PATIENCE) == -signal.SIGHUP


# A user with rights on a few keys only


@pytest.mark.servers
def test_key_without_rights_shows_permission_denied(tmp_path: Path) -> None:
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
            terminal.shows("▌ permission denied")
            assert terminal.quit() == 0


@pytest.mark.servers
def test_completion_from_stopped_server_is_harmless(tmp_path: Path) -> None:
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
    """Return whether something stands beyond so many columns."""
    return any(len(line) > columns for line in text.splitlines())


@pytest.mark.heavy
@pytest.mark.parametrize("lane", range(figure(2, 40)))
def test_random_keys_end_nothing(tmp_path: Path, lane: int) -> None:
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
    """Return all that was sent to the terminal and all that was written to files."""
    return terminal.sent + b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())


def test_internal_error_shows_no_secret(shared_etcd: EtcdServer, place: str, tmp_path: Path) -> None:
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
    assert shared_etcd.running


@pytest.mark.servers
def test_password_is_nowhere(tmp_path: Path) -> None:
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
