"""The programs the tests run against: on PATH if a fit one is there, otherwise in the checkout's `.servers` folder.

Standard library only: `provide.py` needs it before anything is installed.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SERVERS = Path(__file__).resolve().parents[2] / ".servers"

_LOADER = "usr/lib/*-linux-gnu*/ld-linux*.so.*"
"""The dynamic linker of a libc that was unpacked beside a program; it starts the program with that libc."""
# Debian's ZooKeeper names its jars by absolute path in its manifest, so the class path is spelled out here.
# Jetty and Jackson are for its AdminServer.
_ZOOKEEPER_JARS = (
    *("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-simple", "metrics-core", "snappy-java", "commons-cli"),
    *("commons-io", "netty-buffer", "netty-codec", "netty-common", "netty-handler", "netty-resolver"),
    *("netty-transport", "netty-transport-native-epoll", "netty-transport-native-unix-common", "servlet-api"),
    *("jetty9-http", "jetty9-io", "jetty9-security", "jetty9-server", "jetty9-servlet", "jetty9-util"),
    *("jetty9-util-ajax", "jackson-annotations", "jackson-core", "jackson-databind"),
)


@dataclass(frozen=True, slots=True)
class Program:
    """One program: `command` is looked for on PATH, `path` (a pattern) in its `home` below `.servers`.

    `asks` makes it print its version, and `fits` is the expression that a fit version matches, in its first group.
    """

    name: str
    command: str
    home: str
    path: str
    asks: tuple[str, ...]
    fits: str


ETCD = {
    "3.4": Program("etcd 3.4", "etcd", "bookworm/etcd", "usr/bin/etcd", ("--version",), r"etcd Version: (3\.4\.\S+)"),
    "3.5": Program("etcd 3.5", "etcd", "trixie/etcd", "usr/bin/etcd", ("--version",), r"etcd Version: (3\.5\.\S+)"),
}
ETCDCTL = {
    version: Program(
        f"etcdctl {version}",
        "etcdctl",
        etcd.home,
        "usr/bin/etcdctl",
        ("version",),
        rf"etcdctl version: ({re.escape(version)}\.\S+)",
    )
    for version, etcd in ETCD.items()
}
CONSUL = Program("consul", "consul", "bullseye/consul", "usr/bin/consul", ("version",), r"Consul v(\S+)")
REDIS = Program("redis", "redis-server", "bookworm/redis", "usr/bin/redis-server", ("--version",), r"v=([67]\S+)")
REDIS_CLI = Program(
    "redis-cli", "redis-cli", "bookworm/redis", "usr/bin/redis-cli", ("--version",), r"redis-cli ([67]\S+)"
)
VALKEY = Program(
    "valkey", "valkey-server", "trixie/valkey", "usr/bin/valkey-server", ("--version",), r"Valkey server v=(\S+)"
)
JAVA = Program(
    "java",
    "java",
    "bookworm/java",
    "usr/lib/jvm/java-17-*/bin/java",
    ("-version",),
    r'version "((?:1[1-9]|[2-9]\d)\b[^"]*)"',
)
ZOOKEEPER = Program(
    "zookeeper",
    "zkServer.sh",
    "bookworm/zookeeper",
    "usr/share/java/zookeeper.jar",
    ("org.apache.zookeeper.version.VersionInfoMain",),
    r"version (3\.\d+\.\d+)",
)
GO = Program(
    "go", "go", "bookworm/go", "usr/lib/go-1.19/bin/go", ("version",), r"go version go(1\.(?:1[7-9]|[2-9]\d)\S*)"
)
TMUX = Program("tmux", "tmux", "bookworm/tmux", "usr/bin/tmux", ("-V",), r"tmux (3\.\S+)")
ZSH = Program("zsh", "zsh", "bookworm/zsh", "bin/zsh", ("--version",), r"zsh (5\.\d+)")
FISH = Program("fish", "fish", "bookworm/fish", "usr/bin/fish", ("--version",), r"version ([34]\.\S+)")
# Not programs: the source of the Go library whose files our BoltDB driver reads, used as the judge, and the libraries
# by which others take locks in ZooKeeper and etcd's v2 API, with a Java compiler that needs no more than a runtime.
BBOLT_SOURCE = SERVERS / "bookworm/bbolt/usr/share/gocode"
GO_ZOOKEEPER_SOURCE = SERVERS / "bookworm/go-zookeeper/usr/share/gocode"
LIBKV_SOURCE = SERVERS / "bookworm/libkv/usr/share/gocode"
CURATOR_SOURCE = SERVERS / "bookworm/curator/usr/share/java"


def command(program: Program) -> tuple[str, ...] | None:
    """Return the beginning of the command line that runs `program`, or None where there is no fit one."""
    on_path = shutil.which(program.command)
    if on_path is not None and version(program, line := _line(program, Path(on_path))) is not None:
        return line
    return unpacked(program, SERVERS / program.home)


def unpacked(program: Program, home: Path) -> tuple[str, ...] | None:
    """Return the command line of the program that was unpacked into `home`, or None."""
    found = next(home.glob(program.path), None)
    if found is None:
        return None
    loader = next(home.glob(_LOADER), None)
    return (*((str(loader),) if loader else ()), *_line(program, found))


def version(program: Program, line: tuple[str, ...]) -> str | None:
    """Ask the program behind a command line for its version: None if it does not run or is not a fit one."""
    found = re.search(program.fits, answer(program, line))
    return found[1] if found else None


def answer(program: Program, line: tuple[str, ...]) -> str:
    """Return all that the program says when asked for its version, or why it could not be started."""
    try:
        done = subprocess.run(
            [*line, *program.asks],
            env=environment(line),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout.decode(errors="replace")


def environment(line: tuple[str, ...]) -> dict[str, str]:
    """Return the environment for a command line: unpacked programs find the libraries unpacked beside them.

    The variables that the stores' own tools read are left out: a test must not depend on who runs it.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ETCD", "CONSUL_", "REDIS"))}
    program = Path(line[0])
    if program.is_relative_to(SERVERS):
        suite, recipe, *_ = program.relative_to(SERVERS).parts
        libraries = map(str, (SERVERS / suite / recipe / "usr/lib").glob("*-linux-gnu*"))
        inherited["LD_LIBRARY_PATH"] = os.pathsep.join([*libraries, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
    return inherited


def _line(program: Program, path: Path) -> tuple[str, ...]:
    if program is not ZOOKEEPER:
        return (str(path),)
    if path.suffix == ".jar":
        jars = [path.with_name(f"{jar}.jar") for jar in _ZOOKEEPER_JARS]
    else:  # zkServer.sh of the Apache distribution: bin/ beside lib/
        jars = sorted(path.resolve().parents[1].glob("lib/*.jar"))
    java = command(JAVA)
    return (*(java or ("java",)), "-Xmx128m", "-cp", os.pathsep.join(map(str, jars)))
