"""A real etcd for the terminals of a module, and a corner of it for each test."""

from collections.abc import Iterator

import pytest

from tests.servers.etcd import EtcdServer


@pytest.fixture(scope="module")
def etcd() -> Iterator[EtcdServer]:
    with EtcdServer() as server:
        yield server


@pytest.fixture
def place(etcd: EtcdServer, prefix: str) -> str:
    """The URL of a corner of the server that no other test looks into."""
    return f"etcd://{etcd.address}{prefix}"


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return f"/{abs(hash(request.node.name)):x}/"
