"""Real ZooKeeper servers, single or three together, and the four-letter words that an operator asks them."""

import socket
from collections.abc import Mapping

from tests.servers.cluster import NAMES, Cluster
from tests.servers.etcd import Tls
from tests.servers.processes import HOST, Server, free_port
from tests.servers.programs import ZOOKEEPER
from tests.servers.require import require

_MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
_JAVA = (
    "-XX:TieredStopAtLevel=1",  # started in a second, not in three
    "-XX:+UseSerialGC",
    "-Dzookeeper.log.threshold=WARN",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dznode.container.checkIntervalMs=200",
)


class ZooKeeperServer(Server):
    """One ZooKeeper server with a data folder: alone, or one of a `ZooKeeperCluster`.

    It does not wait for the disk: kill -9 loses nothing by it, a power cut would.

    Args:
        name: What its folder is called after.
        tls: What it shows on its TLS port, if it is to have one.
        settings: Further configuration, as in zoo.cfg; it counts more than ours.
        java: Further arguments for Java, such as properties.
    """

    def __init__(
        self,
        *,
        name: str = "alone",
        tls: Tls | None = None,
        settings: Mapping[str, object] | None = None,
        java: tuple[str, ...] = (),
    ) -> None:
        self.tls = tls
        self.number = 0  # which of a cluster
        self.peers: tuple[str, ...] = ()  # the cluster's lines of the configuration; empty: this one alone
        self._settings = dict(settings or {})
        self._java = java
        super().__init__(f"zookeeper-{name}")

    def choose_ports(self) -> None:
        self.port, self.tls_port, self.admin_port, self.peer_port, self.election_port = (free_port() for _ in range(5))

    @property
    def address(self) -> str:
        return f"{HOST}:{self.tls_port if self.tls else self.port}"

    @property
    def peer(self) -> str:
        """The line of the configuration that tells the others of this one."""
        return f"server.{self.number}={HOST}:{self.peer_port}:{self.election_port}"

    def line(self) -> tuple[str, ...]:
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        file = self.folder / "zoo.cfg"
        lines = [f"{name}={value}" for name, value in self._configuration().items()]
        if self.peers:
            (data / "myid").write_text(f"{self.number}\n")
        file.write_text("\n".join([*lines, *self.peers, ""]))
        return (*require(ZOOKEEPER), *_JAVA, *self._java, _MAIN, str(file))

    def _configuration(self) -> dict[str, object]:
        found: dict[str, object] = {
            "dataDir": self.folder / "data",
            "clientPort": self.port,
            "clientPortAddress": HOST,
            "tickTime": 500,
            "initLimit": 20,
            "syncLimit": 6,
            "minSessionTimeout": 1000,
            "maxSessionTimeout": 60000,
            "maxClientCnxns": 0,
            "4lw.commands.whitelist": "*",
            "admin.enableServer": "false",  # it takes a third of the start
            "admin.serverAddress": HOST,
            "admin.serverPort": self.admin_port,
            "extendedTypesEnabled": "true",
            "forceSync": "no",
            "preAllocSize": 1024,
        }
        if self.tls:
            store = self.folder / "server.pem"
            store.write_bytes(self.tls.shows.key.read_bytes() + self.tls.shows.cert_file.read_bytes())
            found |= {
                "secureClientPort": self.tls_port,
                "secureClientPortAddress": HOST,
                "serverCnxnFactory": "org.apache.zookeeper.server.NettyServerCnxnFactory",
                "ssl.keyStore.location": store,
                "ssl.keyStore.type": "PEM",
                "ssl.trustStore.location": self.tls.clients or self.tls.ca_file,
                "ssl.trustStore.type": "PEM",
                "ssl.clientAuth": "need" if self.tls.clients else "none",
            }
        return found | self._settings

    def answers(self) -> bool:
        """Say whether it serves, alone or as one of a quorum, on all its ports: the encrypted one is opened last."""
        try:
            if self.tls:
                socket.create_connection((HOST, self.tls_port), timeout=5).close()
            return "Mode: " in self.word("srvr", within=1.0)  # one asked while it starts is at times never answered
        except OSError:
            return False

    def word(self, command: str, within: float = 5.0) -> str:
        """Ask a four-letter word, on the plain port, whatever TLS says; its pieces come `within` so many seconds."""
        with socket.create_connection((HOST, self.port), timeout=within) as connection:
            connection.sendall(command.encode())
            said = b""
            while piece := connection.recv(65536):
                said += piece
        return said.decode(errors="replace")

    @property
    def requests(self) -> int:
        """Return the number of packets received, including pings of clients."""
        return int(self.word("srvr").partition("Received: ")[2].split()[0])

    def is_leader(self) -> bool:
        try:
            return "Mode: leader" in self.word("srvr")
        except OSError:  # it closes what is open when it loses its leader
            return False


class ZooKeeperCluster(Cluster[ZooKeeperServer]):
    """Three ZooKeeper servers that vote."""

    def __init__(self) -> None:
        super().__init__(ZooKeeperServer(name=name) for name in NAMES)

    def introduce(self) -> None:
        for number, member in enumerate(self.members, start=1):
            member.number = number
        for member in self.members:
            member.peers = tuple(one.peer for one in self.members)
