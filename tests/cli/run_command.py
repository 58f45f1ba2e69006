"""Running the command: in this process, which is cheap, or as a process of its own, which is the real thing."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final, Protocol, Self

COMMAND = (sys.executable, "-m", "explorer")
CHECKOUT = Path(__file__).parents[2]
PATIENCE: Final = 60.0
"""Seconds after which waiting for a line is given up."""
_AHEAD: Final = 8192
"""Bytes read at once."""
_HOME: Final = TemporaryDirectory(prefix="keyscope-home-")
"""Where runs keep settings, drafts and caches unless a test says something else: empty, and gone at the end."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave."""

    code: int
    output: bytes
    error: str

    @property
    def lines(self) -> list[str]:
        """The output as text, line by line."""
        return self.output.decode().splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        """The output as JSON objects, one a line."""
        return [json.loads(line) for line in self.lines]

    @property
    def record(self) -> dict[str, Any]:
        """The output as the one JSON object that it is."""
        (record,) = self.records
        return record

    def __bool__(self) -> bool:
        return self.code == 0


class Run(Protocol):
    """A run of the command with these words."""

    def __call__(self, *words: str, given: bytes = b"") -> Result: ...


def folders(home: Path) -> dict[str, str]:
    """Give the variables by which a run keeps its settings, drafts and caches below a folder."""
    return {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "CACHE", "DATA", "STATE")}


def environment(**variables: str) -> dict[str, str]:
    """Give what a run should find set: nothing of the person's own stores and settings."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ETCDCTL_", "XDG_", "KEYSCOPE_"))}
    return {**own, "PYTHONPATH": str(CHECKOUT), **folders(Path(_HOME.name)), **variables}


def run_process(*words: str, given: bytes = b"", **variables: str) -> Result:
    """Run the command as a process of its own."""
    done = subprocess.run(
        [*COMMAND, *words], input=given, capture_output=True, check=False, timeout=60, env=environment(**variables)
    )
    return Result(done.returncode, done.stdout, done.stderr.decode())


class Lines:
    """The lines that come through a pipe, with a deadline. No more is read ahead than a reader of lines would."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        assert pipe is not None
        self._pipe = pipe
        self.rest = b""
        """What has been read beyond the last line."""

    def next(self, deadline: float) -> str | None:
        """Wait until a moment (of `time.monotonic`) for the next line; None at the end of all."""
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self._pipe], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no line in time, only {self.rest!r}"
            more = os.read(self._pipe.fileno(), _AHEAD)
            if not more:
                break
            self.rest += more
        line, ended, self.rest = self.rest.partition(b"\n")
        return line.decode() if line or ended else None


class Running:
    """The command as a process of its own that goes on: a context manager, which ends it."""

    def __init__(self, *words: str, **variables: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**variables),
            start_new_session=True,  # so that what the command runs can be ended with it
        )
        self._output = Lines(self.process.stdout)
        self._error = Lines(self.process.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def line(self) -> str:
        """Wait for the next line of output."""
        return self._next(self._output, time.monotonic() + PATIENCE)

    def note(self) -> str:
        """Wait for the next line on standard error."""
        return self._next(self._error, time.monotonic() + PATIENCE)

    def lines(self, last: Callable[[str], bool]) -> list[str]:
        """Wait for the line of output that is the last of interest; give it and those before it."""
        deadline = time.monotonic() + PATIENCE
        found = [self._next(self._output, deadline)]
        while not last(found[-1]):
            assert time.monotonic() < deadline, found
            found.append(self._next(self._output, deadline))
        return found

    def _next(self, source: Lines, deadline: float) -> str:
        line = source.next(deadline)
        if line is None:
            raise AssertionError(f"it ended and had said {self.end()}")
        return line

    def end(self, within: float = 30) -> Result:
        """Wait until it ends by itself; what has not been read of its output comes with it."""
        output, error = self.process.communicate(timeout=within)
        return Result(self.process.returncode, self._output.rest + output, (self._error.rest + error).decode())
