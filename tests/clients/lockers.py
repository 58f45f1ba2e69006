"""Programs that take locks with libraries of other languages: Curator, go-zookeeper and libkv.

Each one waits for its lock, holds it until its input ends, releases it and exits.
"""

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.servers.programs import CURATOR_SOURCE, GO, GO_ZOOKEEPER_SOURCE, JAVA, LIBKV_SOURCE, ZOOKEEPER, environment
from tests.servers.require import require, require_source

_HERE: Final = Path(__file__).parent
_ECJ: Final = "org.eclipse.jdt.internal.compiler.batch.Main"
_CURATOR: Final = ("curator-recipes", "curator-framework", "curator-client", "guava")


@dataclass(frozen=True, slots=True)
class Locker:
    """A built program.

    Args:
        command: Its command line, to which address, path and kind are appended.
    """

    command: tuple[str, ...]

    @contextmanager
    def run(self, address: str, path: str, kind: str = "") -> Generator["LockProcess", None, None]:
        """Start it for a lock, and kill it at the end of the block if it still runs."""
        command = (*self.command, address, path, *filter(None, [kind]))
        with subprocess.Popen(
            command, env=environment(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            lock_process = LockProcess(process)
            try:
                lock_process.expect("waits")
                yield lock_process
            finally:
                process.kill()


@dataclass(frozen=True, slots=True)
class LockProcess:
    """A process that waits for a lock or holds it."""

    process: subprocess.Popen[bytes]

    def wait_held(self) -> None:
        """Wait until it holds the lock."""
        self.expect("held")

    def expect(self, word: str) -> None:
        """Wait for a line of its output."""
        assert self.process.stdout
        assert self.process.stderr
        line = self.process.stdout.readline().decode().strip()
        if line != word:
            raise AssertionError(f"{line!r} instead of {word!r}: {self.process.stderr.read().decode(errors='replace')}")

    def release(self) -> None:
        """End its input, so that it releases the lock, and wait for its exit."""
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(30.0) == 0


@contextmanager
def curator() -> Generator[Locker, None, None]:
    """Build the Curator program; its kinds are mutex, read, write and semaphore."""
    jars = require_source(CURATOR_SOURCE)
    java = require(JAVA)
    zookeeper = require(ZOOKEEPER)[-1]  # the class path
    path = os.pathsep.join([*(str(jars / f"{name}.jar") for name in _CURATOR), zookeeper])
    with TemporaryDirectory(prefix="keyscope-curator-") as folder:
        compiler = (*java, "-cp", str(jars / "ecj.jar"), _ECJ, "-source", "11", "-target", "11", "-nowarn")
        subprocess.run([*compiler, "-cp", path, "-d", folder, str(_HERE / "CuratorLock.java")], check=True)
        quiet = ("-Xmx128m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error")
        yield Locker((*java, *quiet, "-cp", os.pathsep.join([folder, path]), "CuratorLock"))


@contextmanager
def go_zookeeper() -> Generator[Locker, None, None]:
    """Build the go-zookeeper program."""
    with built_go_program("zookeeper_lock.go", GO_ZOOKEEPER_SOURCE) as program:
        yield Locker((program,))


@contextmanager
def libkv() -> Generator[Locker, None, None]:
    """Build the libkv program for etcd's v2 API; its locks have the value `by libkv` and a TTL of 20 s."""
    with built_go_program("libkv_lock.go", LIBKV_SOURCE) as program:
        yield Locker((program,))


@contextmanager
def built_go_program(program_file: str, *libraries: Path) -> Generator[str, None, None]:
    """Build a Go program with libraries that are packaged by Debian, and return its path."""
    source = os.pathsep.join(str(require_source(library)) for library in libraries)
    go = require(GO)
    with TemporaryDirectory(prefix="keyscope-go-") as folder:
        program = f"{folder}/program"
        go_environment = environment(go) | {"GO111MODULE": "off", "GOPATH": source, "GOCACHE": f"{folder}/cache"}
        if Path(go[0]).parent.name == "bin" and (root := Path(go[0]).parents[1]).joinpath("src/runtime").exists():
            go_environment["GOROOT"] = str(root)
        subprocess.run([*go, "build", "-o", program, str(_HERE / program_file)], env=go_environment, check=True)
        yield program
