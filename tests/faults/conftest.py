"""Servers for the fault lanes: those of the one backend that a test is parametrized with, and those named by a test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.faults.backends import Backend, BackendCluster, BackendServer
from tests.faults.lossy_link import LossyLink
from tests.servers.fixtures import (
    etcd2_cluster,
    own_etcd2,
    own_zookeeper,
    prefix,
    session_server,
    shared_consul,
    shared_etcd2,
    shared_zookeeper,
    show_output,
    zookeeper_cluster,
)
from tests.servers.proxy import FaultProxy

__all__ = [
    "etcd2_cluster",
    "own_etcd2",
    "own_zookeeper",
    "prefix",
    "shared_consul",
    "shared_etcd2",
    "shared_zookeeper",
    "zookeeper_cluster",
]


@pytest.fixture
def path(prefix: str) -> str:
    """A path that no other test writes below."""
    return prefix.strip("/")


@pytest.fixture
def shared_server(request: pytest.FixtureRequest, backend: Backend) -> BackendServer:
    """The session's server of the backend, for tests that keep below their own `path`."""
    return session_server(request, backend.server_class, backend.shared_server, backend.make_server)


@pytest.fixture
def own_server(backend: Backend) -> Iterator[BackendServer]:
    """A server of the backend that the test may kill or pause; its output is shown if the test fails."""
    with backend.make_server() as server:
        yield server
        show_output(server)


@pytest.fixture
def voting_cluster(backend: Backend) -> Iterator[BackendCluster]:
    """Three servers of the backend that vote, for the test to hurt."""
    with backend.make_cluster() as cluster:
        yield cluster
        for member in cluster.members:
            show_output(member)


@pytest.fixture
async def link(backend: Backend, shared_server: BackendServer, path: str) -> AsyncIterator[LossyLink]:
    """A store behind a proxy, and another beside it."""
    async with (
        FaultProxy(shared_server.port) as proxy,
        backend.open(proxy.address, path) as store,
        backend.open(shared_server.address, path) as direct,
    ):
        yield LossyLink(backend, path, proxy, store, direct)
        proxy.heal()
