"""Real Redis servers: one, three that are a cluster, a primary with a replica and a sentinel; and redis-cli."""

import json
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.servers.cluster import NAMES, Cluster
from tests.servers.etcd import Tls
from tests.servers.processes import HOST, Running, Server, free_port
from tests.servers.programs import REDIS, REDIS_CLI, Program, environment
from tests.servers.require import require
from tests.servers.waiting import wait_until


class RedisCliError(Exception):
    """The server replied with an error; the message is what it said."""


class RedisServer(Server):
    """One Redis server that appends each write to a file before it replies.

    Args:
        name: Its name.
        tls: TLS settings; its port then speaks nothing else.
        cluster: Whether it is made to be a member of a cluster.
        replica_of: Address of its primary.
        arguments: Further options.
        program: The server program, such as Valkey.
    """

    def __init__(
        self,
        *,
        name: str = "alone",
        tls: Tls | None = None,
        cluster: bool = False,
        replica_of: "RedisServer | None" = None,
        arguments: Iterable[str] = (),
        program: Program = REDIS,
    ) -> None:
        self.tls = tls
        self._cluster = cluster
        self._replica_of = replica_of
        self._options = tuple(arguments)
        self._program = program
        super().__init__(f"{program.name}-{name}")

    def choose_ports(self) -> None:
        self.port = free_port()
        self.bus_port = free_port()

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def socket(self) -> Path:
        """Its unix socket."""
        return self.folder / "redis.sock"

    def line(self) -> tuple[str, ...]:
        primary = self._replica_of
        return (
            *require(self._program),
            *("--bind", HOST, "--dir", str(self.folder), "--unixsocket", str(self.socket)),
            # a killed server keeps what it confirmed: "everysec" puts a write off while an earlier one is synchronized
            *("--save", "", "--appendonly", "yes", "--appendfsync", "no"),
            *(self._tls_options() if self.tls else ("--port", str(self.port))),
            *(("--cluster-enabled", "yes", "--cluster-port", str(self.bus_port)) if self._cluster else ()),
            *(("--cluster-node-timeout", "1000") if self._cluster else ()),
            *(("--replicaof", HOST, str(primary.port)) if primary else ()),
            *self._options,
        )

    def _tls_options(self) -> tuple[str, ...]:
        if self.tls is None:
            return ()
        shown, clients = self.tls.shows, self.tls.clients
        return (
            *("--port", "0", "--tls-port", str(self.port)),
            *("--tls-cert-file", str(shown.cert_file), "--tls-key-file", str(shown.key)),
            *("--tls-ca-cert-file", str(clients or self.tls.ca_file)),
            *("--tls-auth-clients", "yes" if clients else "no"),
        )

    def answers(self) -> bool:
        """Ask by the unix socket, whatever TLS says."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(100).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def is_leader(self) -> bool:
        return "role:master" in self.cli("INFO", "replication")

    def cli(self, *arguments: str | bytes, given: bytes | None = None, database: int = 0) -> str:
        """Run redis-cli against the server by its unix socket, and return its output.

        Args:
            arguments: A command.
            given: Standard input: the last argument, or commands without arguments.
            database: Number of the database.
        """
        line = require(REDIS_CLI)
        last = ("-x",) if given is not None and arguments else ()
        done = subprocess.run(
            [*line, "-s", str(self.socket), "-n", str(database), "-e", *last, *arguments],
            env=environment(line),
            input=given,
            capture_output=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise RedisCliError((done.stdout + done.stderr).decode(errors="replace").strip())
        return done.stdout.decode(errors="surrogateescape").rstrip("\n")

    def value(self, key: str) -> str:
        """Return the value of a string."""
        return self.cli("GET", key)

    def put_keys(self, keys: Iterable[str], value: str = "v") -> None:
        """Write strings with one value."""
        self.cli(given="".join(f"SET {json.dumps(key)} {value}\n" for key in keys).encode())

    def keys(self, prefix: str) -> list[str]:
        """Return all keys that begin with a prefix, without it."""
        found = self.cli("--scan", "--pattern", f"{prefix}*").splitlines()
        return [key.removeprefix(prefix) for key in found]


class RedisCluster(Cluster[RedisServer]):
    """Three primaries, each with a third of the slots."""

    patience = 30.0

    def __init__(self) -> None:
        super().__init__(RedisServer(name=name, cluster=True) for name in NAMES)

    def introduce(self) -> None:
        """Do nothing: members are introduced once they answer."""

    def start(self) -> None:
        super().start()
        first, *others = self.members
        count = len(self.members)
        for number, member in enumerate(self.members):
            start, end = 16384 * number // count, 16384 * (number + 1) // count - 1
            if "cluster_slots_assigned:0" in member.cli("CLUSTER", "INFO"):
                member.cli("CLUSTER", "ADDSLOTSRANGE", str(start), str(end))
        for member in others:
            first.cli("CLUSTER", "MEET", HOST, str(member.port), str(member.bus_port))
        wait_until(lambda: all(map(self._knows_all, self.members)), "the members know each other", self.patience)

    def _knows_all(self, member: RedisServer) -> bool:
        info = member.cli("CLUSTER", "INFO")
        return "cluster_state:ok" in info and f"cluster_known_nodes:{len(self.members)}" in info


class RedisSentinel(Server):
    """A sentinel that watches one primary by itself.

    Args:
        primary: The server that it watches.
        service: Name of the primary.
    """

    def __init__(self, primary: RedisServer, service: str = "mymaster") -> None:
        self.primary = primary
        self.service = service
        super().__init__("redis-sentinel")

    def choose_ports(self) -> None:
        self.port = free_port()

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def line(self) -> tuple[str, ...]:
        file = self.folder / "sentinel.conf"
        if not file.exists():
            file.write_text(
                f"port {self.port}\nbind {HOST}\ndir {self.folder}\nunixsocket {self.folder / 'redis.sock'}\n"
                f"sentinel monitor {self.service} {HOST} {self.primary.port} 1\n"
                f"sentinel down-after-milliseconds {self.service} 500\n"
                f"sentinel failover-timeout {self.service} 2000\n"
            )
        return (*require(REDIS), str(file), "--sentinel")

    def answers(self) -> bool:
        try:
            return b"PONG" in self._ask("PING")
        except OSError:
            return False

    def is_leader(self) -> bool:
        return True

    def primary_port(self) -> int:
        """Return the port of the primary that it names."""
        lines = self._ask(f"SENTINEL GET-MASTER-ADDR-BY-NAME {self.service}").split(b"\r\n")
        return int(lines[4]) if len(lines) > 4 else 0

    def knows_replica(self) -> bool:
        """Return whether it has found the replica, which it can promote then."""
        return b"num-slaves\r\n$1\r\n1" in self._ask(f"SENTINEL MASTER {self.service}")

    def _ask(self, command: str) -> bytes:
        with socket.create_connection((HOST, self.port), timeout=2) as connection:
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(65536)


class SentinelSetup(Running):
    """A primary, its replica, and a sentinel that promotes the replica when the primary is gone."""

    def __init__(self) -> None:
        self.primary = RedisServer(name="primary")
        self.replica = RedisServer(name="replica", replica_of=self.primary)
        self.sentinel = RedisSentinel(self.primary)

    def start(self) -> None:
        self.primary.start()
        self.replica.start()
        self.sentinel.start()
        wait_until(self.sentinel.knows_replica, "the sentinel knows the replica", 30)

    def close(self) -> None:
        for server in (self.sentinel, self.replica, self.primary):
            server.close()

    def wait_promoted(self) -> None:
        """Wait until the sentinel names the replica as the primary, and that writes."""

        def promoted() -> bool:
            if not self.sentinel.answers() or self.sentinel.primary_port() != self.replica.port:
                return False
            return self.replica.is_leader()

        wait_until(promoted, "the replica is the primary", 30)
