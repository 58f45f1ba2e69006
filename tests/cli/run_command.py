"""Runs of the command as a process."""

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
LINE_TIMEOUT: Final = 60.0
"""Seconds to wait for a line."""
_READ_SIZE: Final = 8192
"""Bytes read at once."""
_HOME: Final = TemporaryDirectory(prefix="keyscope-home-")
"""Folder of settings, drafts and caches of runs; empty, and removed at the end."""


@dataclass(frozen=True, slots=True)
class Result:
    """Exit code and output of a run."""

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
    """Runs the command."""

    def __call__(self, *words: str, stdin: bytes = b"") -> Result: ...


def folders(home: Path) -> dict[str, str]:
    """Return the variables that put settings, drafts and caches of a run below a folder."""
    return {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "CACHE", "DATA", "STATE")}


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a run, without the person's own stores and settings."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ETCDCTL_", "XDG_", "KEYSCOPE_"))}
    return {**own, "PYTHONPATH": str(CHECKOUT), **folders(Path(_HOME.name)), **variables}


def run_process(*words: str, stdin: bytes = b"", **variables: str) -> Result:
    """Run the command as a process."""
    done = subprocess.run(
        [*COMMAND, *words], input=stdin, capture_output=True, check=False, timeout=60, env=environment(**variables)
    )
    return Result(done.returncode, done.stdout, done.stderr.decode())


class Lines:
    """Lines of a pipe, read with a deadline."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        assert pipe is not None
        self._pipe = pipe
        self.rest = b""
        """Output after the last line."""

    def next(self, deadline: float) -> str | None:
        """Return the next line, or None at the end; wait until a deadline of `time.monotonic`."""
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self._pipe], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no line in time, only {self.rest!r}"
            more = os.read(self._pipe.fileno(), _READ_SIZE)
            if not more:
                break
            self.rest += more
        line, ended, self.rest = self.rest.partition(b"\n")
        return line.decode() if line or ended else None


class Running:
    """The command as a process that runs while the context manager is open."""

    def __init__(self, *words: str, **variables: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**variables),
            start_new_session=True,  # so that its child processes end with it
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
        """Wait for the next line of output and return it."""
        return self._next(self._output, time.monotonic() + LINE_TIMEOUT)

    def note(self) -> str:
        """Wait for the next line on standard error and return it."""
        return self._next(self._error, time.monotonic() + LINE_TIMEOUT)

    def lines(self, last: Callable[[str], bool]) -> list[str]:
        """Wait for a line of output, and return it with those before it."""
        deadline = time.monotonic() + LINE_TIMEOUT
        found = [self._next(self._output, deadline)]
        while not last(found[-1]):
            assert time.monotonic() < deadline, found
            found.append(self._next(self._output, deadline))
        return found

    def _next(self, source: Lines, deadline: float) -> str:
        line = source.next(deadline)
        if line is None:
            raise AssertionError(f"it ended with {self.end()}")
        return line

    def end(self, within: float = 30) -> Result:
        """Wait until it ends by itself, and return the exit code and the output that was not read."""
        output, error = self.process.communicate(timeout=within)
        return Result(self.process.returncode, self._output.rest + output, (self._error.rest + error).decode())
