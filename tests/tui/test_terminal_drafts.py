"""Drafts of the real command in a real terminal: they outlive it and are said in the shell."""

import re
import signal
import stat
from functools import partial
from pathlib import Path

import pytest

from tests.scale import figure
from tests.tui.store_helpers import fill, read
from tests.tui.terminal import Terminal, drafts


def kept(home: Path) -> str:
    """Return the text of the only draft there is, without what it began with."""
    found = [re.search(rb'\\"text\\": \\"((?:\d+ )*)begin', file.read_bytes()) for file in drafts(home)]
    return found[0][1].decode() if len(found) == 1 and found[0] else ""


def _is_kept(home: Path, typed: str, _: str) -> bool:
    return kept(home) == typed


def test_draft_survives_kill_9(place: str, tmp_path: Path) -> None:
    fill(place, app="begin\n")
    typed = ""
    for number in range(10, 10 + figure(3, 10)):
        with Terminal("--write", place, home=tmp_path) as terminal:
            terminal.shows("LIVE", "begin")
            terminal.press("e")
            if typed:
                terminal.shows("1 draft of this key")
                terminal.press("up")  # the question has been seen
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
        terminal.press("up")  # the question has been seen
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
def test_drafts_are_named_in_shell_at_exit(place: str, tmp_path: Path, way: str | signal.Signals) -> None:
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
        terminal.shows("1 draft kept from earlier sessions: D lists")
        terminal.quit()
        assert line in terminal.sent.decode()
    with Terminal(place, home=tmp_path / "other") as terminal:
        terminal.shows("LIVE", "begin")
        terminal.quit()
        assert b"kept" not in terminal.sent
