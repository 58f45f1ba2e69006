"""The real command in terminals of all sizes and kinds."""

import asyncio
import re
from functools import partial
from pathlib import Path

import pytest

from tests.scale import figure
from tests.tui.hostile_text import foreign
from tests.tui.store_helpers import fill, filled
from tests.tui.terminal import NARROW, Terminal

SIZES = [(40, 10), (20, 5), (9, 3), (300, 80)]
KINDS_OF_TERMINAL = {
    "without colours": {"NO_COLOR": "1"},
    "xterm": {"TERM": "xterm", "COLORTERM": ""},
    "dumb": {"TERM": "dumb", "COLORTERM": ""},
    "without a name": {"TERM": "", "COLORTERM": ""},
    "in another encoding": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"},
    "with a strange theme": {"TEXTUAL_THEME": "no such\x1b[31m theme"},
}


@pytest.mark.parametrize("size", SIZES, ids=[f"{columns}x{lines}" for columns, lines in SIZES])
def test_terminal_any_size_is_usable(place: str, tmp_path: Path, size: tuple[int, int]) -> None:
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
    """Return whether the first line is the one for so many columns: what it ends with stands at the window's edge."""
    first = text.partition("\n")[0]
    return first.endswith(ends) and columns - 5 < len(first) <= columns


def test_terminal_last_of_quick_sizes_counts(place: str, tmp_path: Path) -> None:
    with Terminal(place, home=tmp_path) as terminal:
        terminal.shows("● LIVE", "read-only")
        for columns in range(60, 60 + 3 * figure(40, 100), 3):
            terminal.resize(20, 5)
            terminal.resize(columns, 24)
            terminal.until(partial(_fills, columns, "read-only"), f"{columns} columns are used")
        assert terminal.quit() == 0


@pytest.mark.parametrize("kind", KINDS_OF_TERMINAL)
def test_terminal_kinds_show_all(place: str, tmp_path: Path, kind: str) -> None:
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


def test_terminal_tab_right_after_typing_completes(place: str, tmp_path: Path) -> None:
    """The completion is accepted when it comes, although tab was pressed before it was there."""
    asyncio.run(filled(place, {"config/app.json": b"{}"}))
    with Terminal(place, home=tmp_path) as terminal:
        terminal.shows("LIVE", "config/")
        terminal.press(":")
        terminal.type("config/a\t")
        terminal.shows(": config/app.json")
        terminal.press("enter")
        terminal.shows("config/app.json", "valid JSON")
        assert terminal.quit() == 0


@pytest.mark.parametrize(("typed", "shown"), [("config/a", "valid JSON"), ("nowhere", "no such key: nowhere")])
def test_terminal_enter_after_tab_waits_for_completion(place: str, tmp_path: Path, typed: str, shown: str) -> None:
    """Enter takes the completed name, or what was typed where nothing completes it."""
    asyncio.run(filled(place, {"config/app.json": b"{}"}))
    with Terminal(place, home=tmp_path) as terminal:
        terminal.shows("LIVE", "config/")
        terminal.press(":")
        terminal.type(f"{typed}\t\r")
        terminal.shows(shown)
        assert terminal.quit() == 0
