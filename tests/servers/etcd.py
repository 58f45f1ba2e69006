"""Real etcd servers, single or three together, driven by the etcdctl of the same version."""

import http.client
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.certificates import KeyPair
from tests.servers.cluster import NAMES, Cluster
from tests.servers.processes import HOST, Server, ServerFailedError, free_port
from tests.servers.programs import ETCD, ETCDCTL, environment
from tests.servers.require import require

VERSIONS = ("3.4", "3.5")


class EtcdctlError(Exception):
    """etcdctl ended with an error; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS settings of a server: its certificate (`shows`, signed by `ca_file`) and the CA of the clients it accepts.

    `clients` None lets in everybody; otherwise etcdctl shows the certificate `client`.
    """

    ca_file: Path
    shows: KeyPair
    clients: Path | None = None
    client: KeyPair | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission below a prefix (empty: every key) for a user's own role; `kind` is read, write or readwrite."""

    kind: str
    prefix: str


class EtcdServer(Server):
    """One etcd member: alone, or one of an `EtcdCluster`.

    `quota_bytes` sets the size at which the NOSPACE alarm goes off, `token_ttl` (seconds) how long a password's token
    lasts, `v2` adds the API of version 2, `arguments` whatever else. Unless `durable`, 3.5 leaves out fsync: kill -9
    loses nothing by it, a power cut would. 3.4 always syncs.
    """

    noise = ("etcdhttp/health.go",)

    def __init__(
        self,
        version: str = "3.5",
        *,
        name: str = "alone",
        tls: Tls | None = None,
        quota_bytes: int | None = None,
        token_ttl: int | None = None,
        client_port: int | None = None,
        durable: bool = False,
        v2: bool = False,
        heartbeat_ms: int = 50,
        election_ms: int = 500,
        arguments: Iterable[str] = (),
    ) -> None:
        self.version = version
        self.member = name
        self.tls = tls
        self.v2 = v2
        self.cluster: dict[str, str] = {}  # member name -> peer URL; empty: this one alone
        self._fixed_port = client_port
        self._root: str | None = None
        self._data = 0
        timing = ("--heartbeat-interval", str(heartbeat_ms), "--election-timeout", str(election_ms))
        self._options = (
            *timing,
            *(() if quota_bytes is None else ("--quota-backend-bytes", str(quota_bytes))),
            *(() if token_ttl is None else ("--auth-token-ttl", str(token_ttl))),
            *(("--unsafe-no-fsync",) if version != "3.4" and not durable else ()),
            *(("--enable-v2",) if v2 else ()),
            *arguments,
        )
        super().__init__(f"etcd-{version}-{name}")

    def choose_ports(self) -> None:
        self.client_port = self._fixed_port or free_port()
        self.peer_port, self._health_port = free_port(), free_port()
        self._data += 1  # the data directory knows its member by the peer port

    @property
    def address(self) -> str:
        return f"{HOST}:{self.client_port}"

    @property
    def port(self) -> int:
        """The port for clients, as other servers call it."""
        return self.client_port

    @property
    def url(self) -> str:
        """The client URL, http or https, as etcd's own tools take it."""
        return f"{'https' if self.tls else 'http'}://{self.address}"

    @property
    def peer_url(self) -> str:
        return f"http://{HOST}:{self.peer_port}"

    @property
    def data(self) -> Path:
        return self.folder / f"data-{self._data}"

    def line(self) -> tuple[str, ...]:
        return (
            *require(ETCD[self.version]),
            *self._membership(),
            *("--data-dir", str(self.data), "--initial-cluster-state", "new"),
            *("--listen-client-urls", self.url, "--advertise-client-urls", self.url),
            *("--listen-peer-urls", self.peer_url, "--listen-metrics-urls", f"http://{HOST}:{self._health_port}"),
            *("--logger", "zap", "--log-level", "warn", "--log-outputs", "stderr"),
            *self._tls_options(),
            *self._options,
        )

    def _membership(self) -> tuple[str, ...]:
        cluster = self.cluster or {self.member: self.peer_url}
        members = ",".join(f"{name}={url}" for name, url in cluster.items())
        token = f"keyscope-{min(cluster.values()).rpartition(':')[2]}"
        return (
            *("--name", self.member, "--initial-advertise-peer-urls", self.peer_url),
            *("--initial-cluster", members, "--initial-cluster-token", token),
        )

    def _tls_options(self) -> tuple[str, ...]:
        if self.tls is None:
            return ()
        shown = ("--cert-file", str(self.tls.shows.cert_file), "--key-file", str(self.tls.shows.key))
        if self.tls.clients is None:
            return shown
        return (*shown, "--client-cert-auth", "--trusted-ca-file", str(self.tls.clients))

    def answers(self) -> bool:
        """Ask for its health, which needs the cluster's quorum, on a plain port of its own whatever TLS says."""
        connection = http.client.HTTPConnection(HOST, self._health_port, timeout=2)
        try:
            connection.request("GET", "/health")
            health = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            connection.close()
        return bool(health.get("health") == "true")

    def ctl(self, *arguments: str, given: bytes = b"", user: str | None = None) -> str:
        """Run this version's etcdctl against this member: its output, or EtcdctlError.

        `given` is its standard input; `user` is `name:password`, root's once `enable_auth` has made one.
        """
        line = require(ETCDCTL[self.version])
        user = user or self._root
        options = (
            *("--endpoints", self.url, "--dial-timeout", "5s", "--command-timeout", "20s"),
            *(() if user is None else ("--user", user)),
            *self._ctl_tls_options(),
        )
        done = subprocess.run(
            [*line, *options, *arguments],
            env=environment(line) | {"ETCDCTL_API": "3"},
            input=given,
            capture_output=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise EtcdctlError((done.stderr or done.stdout).decode(errors="replace").strip())
        return done.stdout.decode(errors="surrogateescape")

    def _ctl_tls_options(self) -> tuple[str, ...]:
        if self.tls is None:
            return ()
        trusted = ("--cacert", str(self.tls.ca_file))
        if self.tls.client is None:
            return trusted
        return (*trusted, "--cert", str(self.tls.client.cert_file), "--key", str(self.tls.client.key))

    def ctl_json(self, *arguments: str, user: str | None = None) -> Any:  # noqa: ANN401 - whatever JSON etcdctl prints
        """Run etcdctl and read its JSON (keys and values in base64)."""
        return json.loads(self.ctl("--write-out", "json", *arguments, user=user))

    def put_keys(self, keys: Iterable[str], value: str = "v") -> None:
        """Write keys with one value, as many in a transaction as etcd takes."""
        puts = [f"put {key} {value}" for key in keys]
        for start in range(0, len(puts), 100):
            some = "\n".join(puts[start : start + 100])
            self.ctl("txn", given=f"\n{some}\n\n\n".encode())

    def keys(self, prefix: str) -> list[str]:
        """Return all keys that begin with a prefix, without it."""
        found = self.ctl("get", "--prefix", "--keys-only", prefix).splitlines()
        return [key.removeprefix(prefix) for key in found if key]

    def value(self, key: str) -> str:
        """Return the value of a key that has one."""
        return self.ctl("get", "--print-value-only", key).removesuffix("\n")

    def revision(self) -> int:
        """Return the store's revision now."""
        return int(self.status()["header"]["revision"])

    def status(self) -> dict[str, Any]:
        """Return this member's own view: header, leader, dbSize, errors."""
        status: dict[str, Any] = self.ctl_json("endpoint", "status")[0]["Status"]
        return status

    def is_leader(self) -> bool:
        try:
            status = self.status()
        except EtcdctlError:
            return False
        return bool(status.get("leader") == status["header"]["member_id"])  # there may be none for a moment

    def compact(self, revision: int | None = None) -> int:
        """Forget all history before `revision` (now, by default), physically; return it."""
        revision = self.revision() if revision is None else revision
        self.ctl("compaction", "--physical", str(revision))
        return revision

    def fill_up(self) -> None:
        """Write below `/full/` until the quota's NOSPACE alarm goes off: from then on etcd refuses every put."""
        for number in range(1000):
            try:
                self.ctl("put", f"/full/{number}", given=b"x" * 500_000)
            except EtcdctlError as error:
                if "database space exceeded" not in str(error):
                    raise
                return
        raise ServerFailedError("500 MB did not reach the quota; give the server a tiny quota_bytes")

    def make_room(self) -> None:
        """End the NOSPACE alarm as etcd's documentation has it: delete, compact, defragment, disarm."""
        self.ctl("del", "--prefix", "/full/")
        self.compact()
        self.ctl("defrag")
        self.ctl("alarm", "disarm")

    def enable_auth(self, root_password: str) -> None:
        """Switch authentication on; from here on etcdctl is root."""
        self.ctl("user", "add", f"root:{root_password}")
        self.ctl("user", "grant-role", "root", "root")
        self.ctl("auth", "enable")
        self._root = f"root:{root_password}"

    def add_user(self, name: str, password: str, grants: Iterable[Grant] = ()) -> None:
        """Add a user with a role of the same name that has these grants."""
        self.ctl("role", "add", name)
        for grant in grants:
            self.ctl("role", "grant-permission", name, "--prefix=true", grant.kind, grant.prefix)
        self.ctl("user", "add", f"{name}:{password}")
        self.ctl("user", "grant-role", name, name)

    def save_snapshot(self, to: Path) -> None:
        """Write a snapshot of the store to a file."""
        self.ctl("snapshot", "save", str(to))

    def forget(self) -> None:
        """Let the stopped member start with nothing: the same cluster by name, which has gone back to its beginning."""
        if self.running:
            raise ServerFailedError("stop the server before its data is replaced")
        self._data += 1

    def restore_snapshot(self, snapshot: Path) -> None:
        """Replace the stopped member's data by a snapshot's: the store's revision goes back when it is started."""
        if self.running:
            raise ServerFailedError("stop the server before its data is replaced")
        self._data += 1
        self.ctl("snapshot", "restore", str(snapshot), "--data-dir", str(self.data), *self._membership())


class EtcdCluster(Cluster[EtcdServer]):
    """Three etcd members that vote."""

    patience = 30.0

    def __init__(
        self, version: str = "3.5", *, v2: bool = False, heartbeat_ms: int = 50, election_ms: int = 500
    ) -> None:
        self.version = version
        super().__init__(
            EtcdServer(version, name=name, v2=v2, heartbeat_ms=heartbeat_ms, election_ms=election_ms) for name in NAMES
        )

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(member.url for member in self.members)

    def introduce(self) -> None:
        cluster = {member.member: member.peer_url for member in self.members}
        for member in self.members:
            member.cluster = cluster
