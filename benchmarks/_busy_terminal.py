"""The app with a million visible rows on a terminal, and keys pressed in it, for what is measured of it."""

import json
import random
import socket
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, Self

from _busy_app import KEYS, LAST
from _side_by_side import HERE
from _terminal import Terminal

_CURSOR: Final = rb"48;2;86;180;233m(device-[0-9]+(?:-b)?)"
"""The row of the cursor: a name on the colour of the focus."""
_PAUSES: Final = (0.05, 0.15)
"""Seconds between two keys: never in step with frames."""


@dataclass(frozen=True, slots=True)
class Report:
    """Measurements of the app since the last request."""

    seconds: float
    changes: int
    processing: float
    """Seconds of processor time, the store's own work included."""
    lags: list[float]
    """Seconds that a task of the loop was late, for each time that it wanted to run."""
    rows: int
    behind: int
    """Keys whose changes wait to be applied."""
    unread: int
    """Revisions that the session has not heard of."""
    liveness: str


class BusyTerminal:
    """The app with all rows loaded; a context manager."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._chance = random.Random(2)  # noqa: S311 - the same each time
        self.cursor = b""

    def __enter__(self) -> Self:
        own, theirs = socket.socketpair()
        self._control = self._stack.enter_context(own)
        with theirs:
            command = [sys.executable, str(HERE / "_busy_app.py"), str(theirs.fileno())]
            self._screen = self._stack.enter_context(Terminal(command, keep=[theirs.fileno()]))
        self._answers = self._stack.enter_context(own.makefile())
        self._fill()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _fill(self) -> None:
        """Go to the last key as a person does, so that the tree loads a page for each thousand before it."""
        self._screen.until(rb"devices", rb"LIVE")
        self._screen.type(":")
        self._screen.stay(0.3)
        self._screen.type(LAST)
        self._screen.stay(1.0)
        began = self._screen.type("\r")
        moment, found = self._screen.until(_CURSOR)
        self.cursor = found[0][1]
        self._screen.stay(1.0)
        print(f"{self.ask().rows:,} rows by going to key {KEYS:,}: {moment - began:.1f} s, page by page", flush=True)

    def feed(self, rate: int) -> None:
        """Set the number of changes per second, and wait until it is reached."""
        self._control.sendall(b"feed %d\n" % rate)
        self._screen.stay(1.0)
        self.ask()

    def watch(self, seconds: float) -> Report:
        """Look on for some time."""
        self.ask()
        self._screen.stay(seconds)
        return self.ask()

    def ask(self) -> Report:
        """Return the measurements of the app since the last request."""
        self._control.sendall(b"ask\n")
        return Report(**json.loads(self._answers.readline()))

    def press(self, count: int) -> list[float]:
        """Move the cursor up and down, and give the seconds until another row is drawn as its own."""
        times = []
        for number in range(count):
            self._screen.skip()
            self._screen.stay(self._chance.uniform(*_PAUSES))
            self.cursor = self._screen.last(_CURSOR) or self.cursor
            pressed = self._screen.type("k" if number % 20 < 10 else "j")
            times.append(self._moved() - pressed)
        return times

    def _moved(self) -> float:
        other = rb"48;2;86;180;233m(?!%s\x1b)(device-[0-9]+(?:-b)?)\x1b" % self.cursor
        moment, found = self._screen.until(other, within=120)
        self.cursor = found[0][1]
        return moment
