"""Programs that take locks by the libraries of other languages: Curator, go-zookeeper and libkv.

Each is started, waits for its lock, holds it until it is told to give it back, and ends.
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
    """A program that was built.

    Args:
        line: Its command line, to which address, path and kind are added.
    """

    line: tuple[str, ...]

    @contextmanager
    def run(self, address: str, path: str, kind: str = "") -> Generator["Holding", None, None]:
        """Have it wait for a lock: for the time of the block, if it is not told to give it back before."""
        line = (*self.line, address, path, *filter(None, [kind]))
        with subprocess.Popen(
            line, env=environment(line), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            holding = Holding(process)
            try:
                holding.hears("waits")
                yield holding
            finally:
                process.kill()


@dataclass(frozen=True, slots=True)
class Holding:
    """A program that waits for a lock or holds it."""

    process: subprocess.Popen[bytes]

    def obtained(self) -> None:
        """Wait until it holds its lock."""
        self.hears("held")

    def hears(self, word: str) -> None:
        """Wait until it says a word."""
        assert self.process.stdout
        assert self.process.stderr
        said = self.process.stdout.readline().decode().strip()
        if said != word:
            raise AssertionError(f"{said!r} and not {word!r}: {self.process.stderr.read().decode(errors='replace')}")

    def give_back(self) -> None:
        """Have it give the lock back, and end."""
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(30.0) == 0


@contextmanager
def curator() -> Generator[Locker, None, None]:
    """Build the one that takes locks by Curator; its kinds are mutex, read, write and semaphore."""
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
    """Build the one that takes locks by go-zookeeper."""
    with _built(GO_ZOOKEEPER_SOURCE, "zookeeper_lock.go") as locker:
        yield locker


@contextmanager
def libkv() -> Generator[Locker, None, None]:
    """Build the one that takes locks by libkv on etcd's v2 API, with the value `by libkv` and a TTL of 20 s."""
    with _built(LIBKV_SOURCE, "libkv_lock.go") as locker:
        yield locker


@contextmanager
def _built(library: Path, program_file: str) -> Generator[Locker, None, None]:
    """Build a Go program against a library of Debian's."""
    source = require_source(library)
    go = require(GO)
    with TemporaryDirectory(prefix="keyscope-go-") as folder:
        program = f"{folder}/lock"
        surroundings = environment(go) | {"GO111MODULE": "off", "GOPATH": str(source), "GOCACHE": f"{folder}/cache"}
        if Path(go[0]).parent.name == "bin" and (root := Path(go[0]).parents[1]).joinpath("src/runtime").exists():
            surroundings["GOROOT"] = str(root)
        subprocess.run([*go, "build", "-o", program, str(_HERE / program_file)], env=surroundings, check=True)
        yield Locker((program,))
