"""Running the command: in this process, which is cheap, or as a process of its own, which is the real thing."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

COMMAND = (sys.executable, "-m", "explorer")
CHECKOUT = Path(__file__).parents[2]


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


def environment(**variables: str) -> dict[str, str]:
    """Give what a run should find set: nothing of the person's own stores and settings."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ETCDCTL_", "XDG_", "KEYSCOPE_"))}
    return {**own, "PYTHONPATH": str(CHECKOUT), **variables}


def run_process(*words: str, given: bytes = b"", **variables: str) -> Result:
    """Run the command as a process of its own."""
    done = subprocess.run(
        [*COMMAND, *words], input=given, capture_output=True, check=False, timeout=60, env=environment(**variables)
    )
    return Result(done.returncode, done.stdout, done.stderr.decode())


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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def line(self) -> str:
        """Wait for the next line of output."""
        assert self.process.stdout
        return self.process.stdout.readline().decode().rstrip("\n")

    def note(self) -> str:
        """Wait for the next line on standard error."""
        assert self.process.stderr
        return self.process.stderr.readline().decode().rstrip("\n")

    def end(self, within: float = 30) -> Result:
        """Wait until it ends by itself; what has not been read of its output comes with it."""
        output, error = self.process.communicate(timeout=within)
        return Result(self.process.returncode, output, error.decode())
