"""bbolt itself, on a file: a Go program that checks, reads and writes it."""

import subprocess
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.clients.lockers import built_go_program
from tests.servers.programs import BBOLT_SOURCE

Tree = dict[tuple[bytes, ...], bytes | None]
"""Values by path; None for a bucket."""


@dataclass(frozen=True, slots=True)
class Bbolt:
    """The built program.

    Args:
        program: Its path.
    """

    program: str

    @contextmanager
    def open(self, file: Path, *options: str) -> Generator["BboltProcess", None, None]:
        """Open a file for writing, and hold its lock until the end of the block."""
        with subprocess.Popen(
            [self.program, str(file), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin
            assert process.stdout
            opened = BboltProcess(process.stdin, process.stdout)
            assert opened.line() == "open"
            yield opened
            process.stdin.close()
            assert process.wait(30.0) == 0

    def check(self, file: Path) -> str:
        """Return what bbolt finds wrong with a file; nothing if it is sound."""
        with self.open(file) as process:
            return process.ask("check")

    def read(self, file: Path) -> Tree:
        """Return everything in a file."""
        with self.open(file) as process:
            return process.read()


@dataclass(frozen=True, slots=True)
class BboltProcess:
    """A process that has a file open."""

    stdin: IO[bytes]
    stdout: IO[bytes]

    def line(self) -> str:
        """Return the next line of its output."""
        return self.stdout.readline().decode().rstrip("\n")

    def ask(self, command: str) -> str:
        """Return the answer to a command."""
        self.stdin.write(f"{command}\n".encode())
        self.stdin.flush()
        return self.line()

    def update(self, operations: Iterable[str]) -> None:
        """Apply operations in one transaction."""
        answer = self.ask(f"update {','.join(operations)}")
        assert not answer, answer

    def read(self) -> Tree:
        """Return everything in the file."""
        found: Tree = {}
        for line in filter(None, self.ask("dump").split(",")):
            path, _, value = line.partition(" ")
            names = tuple(map(bytes.fromhex, path.split("/")))
            found[names] = None if value.startswith("bucket") else bytes.fromhex(value)
        return found


@contextmanager
def bbolt() -> Generator[Bbolt, None, None]:
    """Build the program."""
    with built_go_program("bolt.go", BBOLT_SOURCE) as program:
        yield Bbolt(program)


def path_text(path: tuple[bytes, ...]) -> str:
    """Return a path as the program reads it."""
    return "/".join(name.hex() for name in path)
