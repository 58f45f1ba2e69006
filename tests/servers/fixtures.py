"""Fixtures over the real servers; a conftest imports the ones it wants by name.

Shared servers live as long as the test session, whichever conftest asked first, and belong to no event loop; tests that
hurt a server take one of their own.
"""

import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.servers.certificates import Certificates, make_certificates
from tests.servers.consul import ConsulCluster, ConsulServer
from tests.servers.etcd import VERSIONS, EtcdCluster, EtcdServer
from tests.servers.processes import Server
from tests.servers.programs import VALKEY
from tests.servers.redis import RedisServer
from tests.servers.zookeeper import ZooKeeperCluster, ZooKeeperServer

_SHARED = pytest.StashKey[dict[str, Server]]()
Kind = TypeVar("Kind", bound=Server)
AnyCluster = TypeVar("AnyCluster", EtcdCluster, ConsulCluster, ZooKeeperCluster)


def session_server(request: pytest.FixtureRequest, kind: type[Kind], name: str, make: Callable[[], Kind]) -> Kind:
    """Return the session's server of a name, started at the first call."""
    servers = request.config.stash.setdefault(_SHARED, {})
    if name not in servers:
        server = make()
        request.config.add_cleanup(server.close)
        server.start()
        servers[name] = server
    found = servers[name]
    if not isinstance(found, kind):
        raise TypeError(f"{name} is no {kind.__name__}")
    return found


def run_server(server: Kind) -> Iterator[Kind]:
    """Run a server for a test, and print its output, which pytest shows if the test fails."""
    with server:
        yield server
        show_output(server)


def run_cluster(cluster: AnyCluster) -> Iterator[AnyCluster]:
    """Run a cluster for a test, and print the output of its members."""
    with cluster:
        yield cluster
        for member in cluster.members:
            show_output(member)


@pytest.fixture(params=VERSIONS)
def etcd_version(request: pytest.FixtureRequest) -> str:
    """Every etcd version in turn."""
    version: str = request.param
    return version


@pytest.fixture
def shared_etcd(request: pytest.FixtureRequest, etcd_version: str) -> EtcdServer:
    """The session's server of each version, for tests that keep below their own `prefix` and hurt nobody."""
    return session_server(request, EtcdServer, f"etcd {etcd_version}", lambda: EtcdServer(etcd_version))


@pytest.fixture
def shared_etcd2(request: pytest.FixtureRequest) -> EtcdServer:
    """The session's server with the API of version 2, for tests that keep below their own path and hurt nobody."""
    return session_server(request, EtcdServer, "etcd v2", lambda: EtcdServer("3.4", v2=True))


@pytest.fixture
def own_etcd2() -> Iterator[EtcdServer]:
    """A server with the API of version 2 that the test may kill or pause; what it said is shown if the test fails."""
    yield from run_server(EtcdServer("3.4", v2=True))


@pytest.fixture
def etcd2_cluster() -> Iterator[EtcdCluster]:
    """Three servers with the API of version 2 that vote, for the test to hurt."""
    yield from run_cluster(EtcdCluster("3.4", v2=True))


@pytest.fixture
def shared_consul(request: pytest.FixtureRequest) -> ConsulServer:
    """The session's Consul server, for tests that keep below their own path and hurt nobody."""
    return session_server(request, ConsulServer, "consul", ConsulServer)


@pytest.fixture
def own_consul() -> Iterator[ConsulServer]:
    """A Consul server that the test may kill, pause or fill up; what it said is shown if the test fails."""
    yield from run_server(ConsulServer())


@pytest.fixture
def consul_cluster() -> Iterator[ConsulCluster]:
    """Three Consul servers that vote, for the test to hurt."""
    yield from run_cluster(ConsulCluster())


@pytest.fixture
def shared_redis(request: pytest.FixtureRequest) -> RedisServer:
    """The session's Redis server, for tests that keep below their own path and hurt nobody."""
    return session_server(request, RedisServer, "redis", RedisServer)


@pytest.fixture
def shared_valkey(request: pytest.FixtureRequest) -> RedisServer:
    """The session's Valkey server, likewise."""
    return session_server(request, RedisServer, "valkey", lambda: RedisServer(program=VALKEY))


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis server that the test may kill, pause or configure; what it said is shown if the test fails."""
    yield from run_server(RedisServer())


@pytest.fixture
def shared_zookeeper(request: pytest.FixtureRequest) -> ZooKeeperServer:
    """The session's ZooKeeper server, for tests that keep below their own path and hurt nobody."""
    return session_server(request, ZooKeeperServer, "zookeeper", ZooKeeperServer)


@pytest.fixture(params=[*(f"etcd {version}" for version in VERSIONS), "consul", "zookeeper"])
def shared_server(request: pytest.FixtureRequest) -> EtcdServer | ConsulServer | ZooKeeperServer:
    """The session's server of each kind that takes any bytes, for tests that hurt nobody."""
    match str(request.param):
        case "consul":
            return session_server(request, ConsulServer, "consul", ConsulServer)
        case "zookeeper":
            return session_server(request, ZooKeeperServer, "zookeeper", ZooKeeperServer)
        case name:
            return session_server(request, EtcdServer, name, lambda: EtcdServer(name.removeprefix("etcd ")))


@pytest.fixture
def own_zookeeper() -> Iterator[ZooKeeperServer]:
    """A ZooKeeper server that the test may kill or pause; what it said is shown if the test fails."""
    yield from run_server(ZooKeeperServer())


@pytest.fixture
def zookeeper_cluster() -> Iterator[ZooKeeperCluster]:
    """Three ZooKeeper servers that vote, for the test to hurt."""
    yield from run_cluster(ZooKeeperCluster())


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """A prefix that no other test writes below."""
    return f"/{request.node.originalname}-{uuid.uuid4().hex[:8]}/"


@pytest.fixture
def own_etcd(etcd_version: str) -> Iterator[EtcdServer]:
    """An etcd of each version that the test may kill, pause or fill up; what it said is shown if the test fails."""
    yield from run_server(EtcdServer(etcd_version))


@pytest.fixture
def etcd_cluster(etcd_version: str) -> Iterator[EtcdCluster]:
    """Three etcds of each version that vote, for the test to hurt."""
    yield from run_cluster(EtcdCluster(etcd_version))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Right and wrong certificates, made once per session."""
    folder: Path = tmp_path_factory.mktemp("certificates")
    return make_certificates(folder)


def show_output(server: Server) -> None:
    """Print what a server wrote to its output; pytest shows it if the test fails."""
    sys.stdout.write(f"--- {server.name} said:\n{server.output}\n")
