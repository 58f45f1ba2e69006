"""The real command in a real terminal: a pty is its screen and its keyboard, and every byte that it sends is kept.

A terminal emulator shows what the bytes look like (pyte); `pieces` splits them into sequences and text.
"""

import codecs
import errno
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

import pyte

from explorer.cli.stack_dump import FILE_NAME
from tests.cli.run_command import COMMAND, environment, folders
from tests.servers.waiting import wait_until

PATIENCE: Final = 40.0
"""Seconds after which waiting for the screen is given up."""
STACKS_TIMEOUT: Final = 5.0
"""Seconds in which an app that no longer answers writes its stacks."""
NARROW, WIDE = (80, 24), (160, 50)
_SEQUENCE: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b[\]PX^_](?:[^\x07\x1b])*(?:\x07|\x1b\\)"  # OSC, DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]"  # the rest
)


def _kernel_state(thread: Path) -> str:
    """Return the name of a thread, its state and what it waits for in the kernel."""
    try:
        name, state, channel = ((thread / what).read_text().strip() for what in ("comm", "stat", "wchan"))
    except OSError as error:
        return f"thread {thread.name}: {error}"
    return f"thread {thread.name} {name}: {state.rpartition(') ')[2][:1]} in {channel}"


def pieces(sent: str) -> Iterator[tuple[bool, str]]:
    """Split what was sent into escape sequences (True) and the text between them."""
    at = 0
    for found in _SEQUENCE.finditer(sent):
        if found.start() > at:
            yield False, sent[at : found.start()]
        yield True, found[0]
        at = found.end()
    if at < len(sent):
        yield False, sent[at:]


def assert_no_internal_errors(folder: Path) -> None:
    """Fail if the app reported an unexpected exception, with which it goes on."""
    found = "\n".join(file.read_text() for file in sorted(folder.glob("*.txt")))
    assert not found, f"internal errors:\n{found}"


class Terminal:
    """The command in a terminal of its own: a context manager, which ends it."""

    def __init__(
        self,
        *words: str,
        home: Path,
        size: tuple[int, int] = NARROW,
        variables: Mapping[str, str] | None = None,
        command: Sequence[str] = COMMAND,
        internal_errors: bool = False,
    ) -> None:
        """Start the command.

        Args:
            words: What follows its name.
            home: A folder for its settings and drafts.
            size: Columns and lines.
            variables: Further variables of the environment; an empty text unsets one.
            command: What is run with them.
            internal_errors: Whether there may be some; else one fails the test, although the app goes on.
        """
        self._errors = None if internal_errors else home / "state" / "keyscope" / "errors"
        self.size = size
        self._stacks = Path(folders(home)["XDG_STATE_HOME"]) / "keyscope" / FILE_NAME
        self._sent = bytearray()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._ended_by: OSError | None = None
        """Error that ended the reading: EIO when the other end was closed."""
        self._screen = pyte.Screen(*size)
        self._stream = pyte.Stream(self._screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._fed = 0
        master, slave = pty.openpty()
        self._master = master
        self._hung_up = False
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        given = {
            **environment(),
            **folders(home),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            **dict.fromkeys(("NO_COLOR", "COLUMNS", "LINES"), ""),
            "TEXTUAL_THEME": "",
            **(variables or {}),
        }
        self.process = subprocess.Popen(
            [*command, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={name: value for name, value in given.items() if value},
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 1 << 16)
            except OSError as error:
                self._ended_by, data = error, b""
            if not data:
                self._closed.set()
                return
            with self._lock:
                self._sent += data
            if self._hung_up:
                os.close(self._master)
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._reader.join(PATIENCE)
        assert not self._reader.is_alive(), "somebody holds the terminal still: it would be read beside the next one"
        if not self._hung_up:
            os.close(self._master)
        if self._errors is not None:
            assert_no_internal_errors(self._errors)

    # The screen

    @property
    def sent(self) -> bytes:
        """All that was sent so far."""
        with self._lock:
            return bytes(self._sent)

    def lines(self) -> list[str]:
        """Return what is on the screen, line by line."""
        with self._lock:
            new = bytes(self._sent[self._fed :])
            self._fed += len(new)
        if new:
            self._stream.feed(self._decoder.decode(new))
        screen = self._screen
        # pyte's own way to its text fails where a narrow letter was drawn over the first half of a wide one.
        cells = ([screen.buffer[line][column].data for column in range(screen.columns)] for line in range(screen.lines))
        return ["".join(letters).rstrip() for letters in cells]

    def text(self) -> str:
        """Return the whole screen."""
        return "\n".join(self.lines())

    def until(self, holds: Callable[[str], bool], what: str, within: float = PATIENCE) -> str:
        """Wait until something holds for the text of the screen; give that text."""
        seen = [""]

        def look() -> bool:
            ended = self.process.poll() is not None and self._closed.wait(1.0)
            seen[0] = self.text()
            if holds(seen[0]):
                return True
            assert not ended, f"ended with {self.process.returncode} before {what}:\n{seen[0]}"
            lost = self._ended_by
            assert lost is None or lost.errno == errno.EIO, f"the terminal itself was lost: {lost}"
            return False

        try:
            wait_until(look, what, within)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{seen[0]}\n{self.standstill()}") from None
        return seen[0]

    def standstill(self) -> str:
        """Return where the app stands: the stacks of its threads and tasks, and what the kernel says of its threads."""
        if self.process.poll() is not None:
            return f"it has ended with {self.process.returncode}"
        threads = "\n".join(_kernel_state(thread) for thread in Path(f"/proc/{self.process.pid}/task").iterdir())
        log = self._stacks
        before = log.stat().st_size if log.exists() else 0
        self.process.send_signal(signal.SIGUSR1)
        with suppress(TimeoutError):
            wait_until(lambda: log.read_text()[before:].endswith("end of the stacks\n\n"), "the stacks", STACKS_TIMEOUT)
        stacks = log.read_text()[before:] if log.exists() else "there is no log of stacks"
        return f"{len(self.sent):,} bytes were sent, the last of them {self.sent[-200:]!r}\n{threads}\n{stacks}"

    def shows(self, *words: str, within: float = PATIENCE) -> str:
        """Wait until all these words are on the screen; give its text."""
        return self.until(lambda text: all(word in text for word in words), f"{words} on the screen", within)

    def hides(self, words: str, within: float = PATIENCE) -> str:
        """Wait until words are no longer on the screen."""
        return self.until(lambda text: words not in text, f"{words!r} gone", within)

    def find(self, words: str) -> str:
        """Return the first line with some words in it."""
        return next(line for line in self.lines() if words in line)

    def resize(self, columns: int, lines: int) -> None:
        """Return the window another size."""
        self.size = (columns, lines)
        self.lines()
        self._screen.resize(lines, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    # The keyboard

    def press(self, *keys: str) -> None:
        """Press keys one after the other; one of several letters is the name of a key."""
        for key in keys:
            os.write(self._master, _KEYS.get(key, key).encode())

    def type(self, text: str) -> None:
        """Type a text."""
        os.write(self._master, text.encode())

    def paste(self, text: str) -> None:
        """Paste a text as terminals do (bracketed)."""
        os.write(self._master, b"\x1b[200~" + text.encode(errors="surrogateescape") + b"\x1b[201~")

    # The end

    def kill(self) -> None:
        """End it with kill -9."""
        self.process.kill()
        self.process.wait()

    def hang_up(self) -> None:
        """Take the terminal away, as soon as something has been drawn once more."""
        self._hung_up = True

    def quit(self, key: str = "q") -> int:
        """Leave, and give the exit code."""
        self.press(key)
        return self.ended()

    def ended(self, within: float = PATIENCE) -> int:
        """Wait for the end, and give the exit code."""
        code = self.process.wait(within)
        self._closed.wait(within)
        return code


_KEYS: Final = {
    "enter": "\r",
    "escape": "\x1b[27u",  # as kitty sends it: no letter after it makes an alt of it
    "tab": "\t",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "ctrl+home": "\x1b[1;5H",
    "ctrl+end": "\x1b[1;5F",
    "pagedown": "\x1b[6~",
    "ctrl+p": "\x10",
    "ctrl+q": "\x11",
    "ctrl+r": "\x12",
    "ctrl+s": "\x13",
    "ctrl+u": "\x15",
}


def drafts(home: Path) -> list[Path]:
    """Return the files of drafts below a home folder."""
    return [file for file in (home / "state").rglob("*.json") if file.is_file()]
