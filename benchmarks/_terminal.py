"""A program on a terminal of its own: keys are typed into it, and the moment is taken at which its answer is there."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import tempfile
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

COLUMNS, LINES = 120, 50
PATIENCE: Final = 120.0
_KEPT: Final = 1 << 16
"""Bytes that are searched again when more have come: a screen and a half."""


class Terminal:
    """A running program and its screen's bytes; a context manager that ends it.

    Nothing emulates a terminal here: that would take longer than what is measured.
    """

    def __init__(self, command: Sequence[str], *, home: Path | None = None, keep: Sequence[int] = ()) -> None:
        """Start a program.

        Args:
            command: What to run.
            home: The folder for its settings and caches; without, one of its own that is empty.
            keep: Further open files that it inherits.
        """
        self._own = None if home else tempfile.TemporaryDirectory(prefix="keyscope-bench-")
        folder = str(home) if self._own is None else self._own.name
        self.began = time.perf_counter()
        process, self._screen = pty.fork()
        if not process:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
            for file in keep:
                os.set_inheritable(file, True)  # noqa: FBT003 - Python's own order
            os.execvpe(command[0], list(command), _environment(folder))  # noqa: S606 - no shell is wanted
        self._process = process
        self._seen = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._process, signal.SIGKILL)
        os.close(self._screen)
        os.waitpid(self._process, 0)
        if self._own is not None:
            self._own.cleanup()

    def type(self, text: str) -> float:
        """Type a text, and give the moment; what was on the screen before is no answer to it."""
        self.skip()
        now = time.perf_counter()
        os.write(self._screen, text.encode())
        return now

    def cpu_time(self) -> float:
        """Return the seconds of processor time that the program has used so far, all threads of it."""
        fields = Path(f"/proc/{self._process}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")  # utime and stime

    def skip(self) -> None:
        """Take what has come so far as seen."""
        while self._take(0.0):
            pass
        self._seen = b""

    def until(self, *patterns: bytes, within: float = PATIENCE) -> tuple[float, list[re.Match[bytes]]]:
        """Wait until all patterns are in what came since the last `type` or `skip`.

        Gives the moment at which the last of their bytes came, and the matches.
        """
        wanted = [re.compile(pattern) for pattern in patterns]
        limit = time.perf_counter() + within
        while True:
            found = [match for match in (pattern.search(self._seen) for pattern in wanted) if match is not None]
            if len(found) == len(wanted):
                return time.perf_counter(), found
            left = limit - time.perf_counter()
            if left <= 0 or not self._take(left):
                message = f"{patterns} did not come within {within:.0f} s; the last was {self._seen[-500:]!r}"
                raise SystemExit(message)

    def stay(self, seconds: float) -> None:
        """Read on for some time, as a terminal does."""
        limit = time.perf_counter() + seconds
        while (left := limit - time.perf_counter()) > 0:
            self._take(left)

    def last(self, pattern: bytes) -> bytes | None:
        """Return the first group of the last match in the output since the last `type` or `skip`."""
        found = re.findall(pattern, self._seen)
        return found[-1] if found else None

    def _take(self, within: float) -> bool:
        """Take what has come, waiting for it; tell whether anything did."""
        ready, _, _ = select.select([self._screen], [], [], within)
        if not ready:
            return False
        try:
            data = os.read(self._screen, _KEPT)
        except OSError:  # how Linux says that the other end was closed
            data = b""
        if not data:
            message = f"it ended too early: {self._seen[-2000:].decode(errors='replace')}"
            raise SystemExit(message)
        self._seen = self._seen[-_KEPT:] + data
        return True


def _environment(home: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    folders = {f"XDG_{kind}_HOME": f"{home}/{kind.lower()}" for kind in ("CONFIG", "CACHE", "DATA", "STATE")}
    return {**kept, **folders, "HOME": home, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
