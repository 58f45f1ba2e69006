"""Real Consul servers, single or three together, and the agents' HTTP API as curl would use it."""

import http.client
import json
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from typing import Any

from tests.servers.cluster import NAMES, Cluster
from tests.servers.etcd import Tls
from tests.servers.processes import HOST, Server, free_port
from tests.servers.programs import CONSUL, environment
from tests.servers.require import require


class ConsulError(Exception):
    """Consul's own tool ended with an error; the message is what it said."""


class ConsulServer(Server):
    """One Consul server with a data folder: alone, or one of a `ConsulCluster`.

    Args:
        name: Its node name.
        tls: What it shows on its HTTPS port, if it is to have one.
        acl: Whether access is controlled: nothing is allowed without a token, and `token` may everything.
        settings: Further configuration.
    """

    def __init__(
        self,
        *,
        name: str = "alone",
        tls: Tls | None = None,
        acl: bool = False,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        self.node = name
        self.tls = tls
        self.token = str(uuid.uuid4()) if acl else None
        self.peers: tuple[str, ...] = ()  # serf addresses of the whole cluster; empty: this one alone
        self.size = 1
        self._settings = dict(settings or {})
        super().__init__(f"consul-{name}")

    def choose_ports(self) -> None:
        self.port, self.rpc_port, self.lan_port, self.tls_port = (free_port() for _ in range(4))

    @property
    def address(self) -> str:
        return f"{HOST}:{self.tls_port if self.tls else self.port}"

    @property
    def lan_address(self) -> str:
        return f"{HOST}:{self.lan_port}"

    def line(self) -> tuple[str, ...]:
        file = self.folder / "server.json"
        file.write_text(json.dumps(self._configuration()))
        return (*require(CONSUL), "agent", "-config-file", str(file))

    def _configuration(self) -> dict[str, object]:
        ports = {"http": self.port, "server": self.rpc_port, "serf_lan": self.lan_port, "serf_wan": -1, "dns": -1}
        found: dict[str, object] = {
            "server": True,
            "node_name": self.node,
            "node_id": str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.folder}")),
            "data_dir": str(self.folder / "data"),
            "bind_addr": HOST,
            "client_addr": HOST,
            "ports": {**ports, "https": self.tls_port if self.tls else -1, "grpc": -1},
            "bootstrap_expect": self.size,
            "retry_join": [peer for peer in self.peers if peer != self.lan_address],
            "retry_interval": "200ms",
            "session_ttl_min": "1s",
            "log_level": "warn",
            "disable_update_check": True,
            "leave_on_terminate": False,
            "performance": {"raft_multiplier": 1},
            **self._settings,
        }
        if self.tls:
            found |= {"cert_file": str(self.tls.shows.cert_file), "key_file": str(self.tls.shows.key)}
            found |= {"ca_file": str(self.tls.clients or self.tls.ca_file)}
            found |= {"verify_incoming_https": self.tls.clients is not None}
        if self.token:
            found["acl"] = {
                "enabled": True,
                "default_policy": "deny",
                "down_policy": "deny",
                "tokens": {"master": self.token, "agent": self.token},
            }
        return found

    def answers(self) -> bool:
        """Let the leader read a key, which needs the quorum; on the plain port, whatever TLS says."""
        try:
            status, _ = self.http("GET", "/v1/kv/is-there-anybody?consistent")
            if status not in (200, 404):
                return False
            return self.http("PUT", "/v1/session/create", {"TTL": "10s"})[0] == 200  # the node is in the catalog, too
        except (OSError, http.client.HTTPException):
            return False

    def http(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Ask the agent as its operator, and give status and body."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, {"X-Consul-Token": self.token} if self.token else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def json(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - whatever JSON Consul sends
        """Ask likewise, and read the JSON."""
        status, found = self.http(method, path, body)
        if status != 200:
            raise ConsulError(f"{status}: {found.decode(errors='replace')}")
        return json.loads(found)

    def add_token(self, rules: str) -> str:
        """Make a token with one policy of these rules, and give its secret."""
        name = f"policy-{uuid.uuid4().hex[:8]}"
        self.json("PUT", "/v1/acl/policy", {"Name": name, "Rules": rules})
        made = self.json("PUT", "/v1/acl/token", {"Policies": [{"Name": name}]})
        return str(made["SecretID"])

    @property
    def requests(self) -> int:
        """Return the number of requests answered; counted only at the log level `debug`."""
        return self._output.read_text(errors="replace").count("Request finished")

    def forget(self) -> None:
        """Remove the data of the stopped server: it comes back empty, its indexes begin again."""
        shutil.rmtree(self.folder / "data", ignore_errors=True)

    def is_leader(self) -> bool:
        try:
            return bool(self.json("GET", "/v1/agent/self")["Stats"]["consul"]["leader"] == "true")
        except (OSError, http.client.HTTPException, ConsulError):
            return False

    def tool(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start Consul's own command line against this agent, in a process group of its own."""
        line = require(CONSUL)
        return subprocess.Popen(
            [*line, *arguments],
            env=environment(line) | {"CONSUL_HTTP_ADDR": f"{HOST}:{self.port}", "CONSUL_HTTP_TOKEN": self.token or ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


class ConsulCluster(Cluster[ConsulServer]):
    """Three Consul servers that vote."""

    def __init__(self) -> None:
        super().__init__(ConsulServer(name=name) for name in NAMES)

    def introduce(self) -> None:
        for member in self.members:
            member.peers = tuple(one.lan_address for one in self.members)
            member.size = len(self.members)
