"""One real server as a child process: started on free loopback ports, killed, stopped, continued, started again.

Everything here is synchronous, so that session-wide fixtures need no event loop; from a coroutine, call it through
`asyncio.to_thread` (`async with` does).
"""

import asyncio
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from types import MappingProxyType
from typing import IO, Self

from tests.servers.programs import environment
from tests.servers.waiting import wait_until

HOST = "127.0.0.1"
_RANGES = 32
_locks: list[IO[bytes]] = []  # open for as long as this process lives: closing one would give its ports away


def _ports() -> Iterator[int]:
    """Return the ports that this process reserved, each once before any comes again.

    The port of a server that is down for a moment looks free; so no other process may choose it, nor this one soon.
    A lock on a file reserves a range against every other process that tests on this machine, in any checkout. All are
    below the range that the system takes ports of outgoing connections from.
    """
    for number in range(_RANGES):
        lock = (Path(tempfile.gettempdir()) / f"keyscope-ports-{number}.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        _locks.append(lock)
        ports = list(range(15000 + number, 32000, _RANGES))
        random.SystemRandom().shuffle(ports)
        return cycle(ports)
    raise RuntimeError(f"{_RANGES} processes hold all ranges of ports for tests")


@cache
def _port_cycle() -> Iterator[int]:
    """Reserve ports when the first is asked for."""
    return _ports()


_TAKEN = ("address already in use", "Address in use", "BindException")
_TAIL = 60  # lines of output that a failure shows


class ServerFailedError(Exception):
    """The server ended or did not answer in time; the message ends with what it had said."""


class PortTakenError(ServerFailedError):
    """Somebody else took one of the server's ports between the choice and the start."""


def free_port() -> int:
    """Return a loopback port that nobody listens on at this moment."""
    for port in islice(_port_cycle(), 200):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise ServerFailedError("no free loopback port among 200 tried")


class Running(ABC):
    """A process that runs until it is closed; a context manager for plain code and for coroutines."""

    @abstractmethod
    def start(self) -> None:
        """Start and wait until it answers."""

    @abstractmethod
    def close(self) -> None:
        """End it at once and leave nothing."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.close)


class Server(Running):
    """A server process with a folder of its own that is removed at the end.

    The ports stay the same from the first answer on, over every kill and restart, and so does the data.
    """

    noise: tuple[str, ...] = ()  # lines of output with one of these say only that we asked for the health
    variables: Mapping[str, str] = MappingProxyType({})  # environment variables that it gets besides

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix=f"keyscope-{name.replace(' ', '-')}-"))
        self._output = self.folder / "output.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._answered = False
        self.choose_ports()

    @abstractmethod
    def choose_ports(self) -> None:
        """Take new ports; called until the server has answered on them once."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Host and port for clients."""

    @abstractmethod
    def line(self) -> tuple[str, ...]:
        """Return the command line to start with."""

    @abstractmethod
    def answers(self) -> bool:
        """Say whether the server does its work now; never raises for one that does not."""

    @abstractmethod
    def is_leader(self) -> bool:
        """Say whether the server leads its cluster."""

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ServerFailedError(f"{self.name} is not running")
        return self._process.pid

    @property
    def output(self) -> str:
        """The end of what the server has said since its first start."""
        said = self._output.read_text(errors="replace").splitlines() if self._output.exists() else []
        telling = [line for line in said if not any(noise in line for noise in self.noise)]
        return "\n".join(telling[-_TAIL:])

    def start(self, within: float = 30.0) -> None:
        """Start and wait until the server answers, on the same ports and data if it did so before."""
        deadline = time.monotonic() + within
        while True:
            self.launch()
            try:
                self.wait(deadline - time.monotonic())
            except PortTakenError:
                if time.monotonic() > deadline:
                    raise
                if not self._answered:
                    self.choose_ports()
            else:
                return

    def launch(self) -> None:
        """Start the process and return at once."""
        if self.running:
            raise ServerFailedError(f"{self.name} runs already")
        line = self.line()
        with self._output.open("ab") as output:
            output.write(f"--- {' '.join(line)}\n".encode())
            output.flush()
            self._process = subprocess.Popen(
                line,
                cwd=self.folder,
                env=environment(line) | dict(self.variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def wait(self, within: float = 30.0) -> None:
        """Wait until the launched server answers; raise with its output if it ends or stays silent."""
        try:
            wait_until(lambda: not self.running or self.answers(), f"{self.name} answers", within)
        except TimeoutError as error:
            self.kill()
            raise ServerFailedError(f"{error}\n{self.output}") from error
        if not self.running:
            last = self.output.rpartition("\n--- ")[2]
            kind = PortTakenError if any(complaint in last for complaint in _TAKEN) else ServerFailedError
            raise kind(f"{self.name} ended with code {self._ended()} before it answered:\n{self.output}")
        self._answered = True

    def _ended(self) -> int | None:
        return None if self._process is None else self._process.returncode

    def stop(self) -> None:
        """End the server as an operator does: asked first, killed after ten seconds."""
        if self._process is None:
            return
        if self.running:
            self.resume()
            self._process.terminate()
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End the server with kill -9: no goodbye to anybody, data as far as it was written."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Stop the process in its tracks (SIGSTOP): connections stay open, nothing is answered.

        The signal is only sent when `kill` returns; a busy server may still answer before its last thread stops.
        """
        self._signal(signal.SIGSTOP)
        stopped = os.WSTOPPED | os.WNOHANG
        wait_until(lambda: os.waitid(os.P_PID, self.pid, stopped) is not None, f"{self.name} is stopped")

    def resume(self) -> None:
        """Let a paused process go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if not self.running or self._process is None:
            raise ServerFailedError(f"{self.name} is not running")
        self._process.send_signal(number)

    def restart(self, within: float = 30.0) -> None:
        """End the server as an operator does and start it again."""
        self.stop()
        self.start(within)

    def close(self) -> None:
        """End the server at once and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
