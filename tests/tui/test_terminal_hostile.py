"""Hostile text in a real terminal: nothing of it steers the terminal, every byte that is sent is looked at."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from explorer import open as open_store
from tests.scale import figure
from tests.tui.hostile_text import KINDS, STORED, foreign, stored
from tests.tui.store_helpers import filled
from tests.tui.terminal import NARROW, WIDE, Terminal


@asynccontextmanager
async def strange_locks(url: str) -> AsyncGenerator[None, None]:
    """Locks of strange names, held and waited for under strange names."""
    async with open_store(url) as holding, open_store(url) as other, asyncio.TaskGroup() as group:
        waiting = []
        for name, text in KINDS.items():
            key = f"locks/{name}{text}".replace("\0", "")
            await holding.lock(key, value=stored(text), ttl=60).acquire()
            waiting.append(group.create_task(other.lock(key, value=stored(text), ttl=60).acquire()))
        yield
        for task in waiting:
            task.cancel()


def lose_a_race(terminal: Terminal, place: str, value: bytes) -> None:
    """Edit what is selected, paste what is hostile, and meet somebody else's change."""
    terminal.press("e")
    terminal.shows("from rev")
    terminal.press("x")
    terminal.shows("modified; ctrl+s")
    terminal.paste("\x1b[2J\x1b]0;a title\x07\u202e\x9b31m\udc9b")
    terminal.press("ctrl+s")
    terminal.shows("Save strange/zz")
    asyncio.run(filled(place, {"strange/zz": value * 2}))
    terminal.shows("Another client has changed this key meanwhile")
    terminal.press("ctrl+s")
    terminal.shows("Base:", "Theirs:", "Mine:")
    terminal.press("ctrl+p")
    terminal.shows("Search for commands")
    terminal.press("escape")
    terminal.hides("Search for commands")
    terminal.press("t")
    terminal.shows("kept the stored value")


@pytest.mark.parametrize("size", figure(short=[WIDE], long=[NARROW, WIDE]), ids="{0[0]}x{0[1]}".format)
def test_terminal_receives_no_hostile_sequence(place: str, tmp_path: Path, size: tuple[int, int]) -> None:
    values = {f"strange/{number:02}{text}": stored(text) for number, text in enumerate(STORED)}
    values |= {f"strange/z-{name}": stored(text) for name, text in KINDS.items()}
    values["strange/zz"] = escaped = b"\x1b]0;a title\x07\x1b[2J" + "\u202egpj.exe [/markup]".encode()
    asyncio.run(filled(place, values))
    with Terminal("--write", place, home=tmp_path, size=size) as terminal:
        terminal.shows("LIVE", "strange/")
        terminal.press("l")
        terminal.shows("╴  00")  # what is pressed before the folder is read moves to no row of it
        for number in range(len(STORED)):
            terminal.press("down")
            if number % 8 == 0:
                terminal.shows(f"strange/{number:02}")
        terminal.press("G")
        terminal.shows("strange/zz", "shown escaped")
        terminal.press("2", "]")
        terminal.shows("[metadata]")
        terminal.press("]")
        terminal.shows("[history]")
        terminal.press("[", "[", "y")
        terminal.shows("Key and value")
        terminal.press("down", "enter")
        terminal.shows("copied: value")
        terminal.press("t")
        terminal.shows("Read this value as")
        terminal.press("escape")
        terminal.hides("Read this value as")
        lose_a_race(terminal, place, escaped)
        terminal.press("1", "/")
        terminal.paste("0\x1b[31m\u202e")
        terminal.shows("0 of")
        terminal.press("escape")
        terminal.hides("0 of")
        terminal.press("4", "3", "1", "home", "d")
        terminal.shows("Everything below strange")
        terminal.press("escape")
        assert terminal.quit("ctrl+q") == 0
        assert foreign(terminal.sent, size) == []


async def test_terminal_receives_no_hostile_lock_or_error(place: str, tmp_path: Path) -> None:
    async with strange_locks(place):
        with Terminal(place, home=tmp_path, size=WIDE) as terminal:
            await asyncio.to_thread(terminal.shows, "4 held, 4 waiting")
            terminal.press("3", *["down"] * 8, ":")
            terminal.paste("nowhere\x1b[2J\u202e\x07")
            await asyncio.to_thread(terminal.shows, "nowhere\N{SYMBOL FOR ESCAPE}[2J")
            terminal.press("enter")
            await asyncio.to_thread(terminal.shows, "no such key")
            assert await asyncio.to_thread(terminal.quit) == 0
            assert foreign(terminal.sent, WIDE) == []


@pytest.mark.parametrize("words", [["etcd://no\x1b[31mhost\x07:1/"], ["etcd://127.0.0.1:1/\x1b]0;x\x07"]], ids=repr)
def test_address_with_escapes_is_sanitized(words: list[str], tmp_path: Path) -> None:
    with Terminal(*words, home=tmp_path) as terminal:
        terminal.until(lambda text: "DISCONNECTED" in text or terminal.process.poll() is not None, "it says why")
        if terminal.process.poll() is None:
            terminal.quit()
        assert foreign(terminal.sent, NARROW) == []
