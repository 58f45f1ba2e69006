"""A real etcd for the terminals, and a corner of it for each test."""

import uuid

import pytest

from tests.servers.etcd import EtcdServer
from tests.servers.fixtures import shared_etcd

__all__ = ["shared_etcd"]


@pytest.fixture
def etcd_version() -> str:
    """One version will do: what differs is the driver's, and tested there."""
    return "3.5"


@pytest.fixture
def place(shared_etcd: EtcdServer, prefix: str) -> str:
    """The URL of a corner of the server that no other test looks into."""
    return f"etcd://{shared_etcd.address}{prefix}"


@pytest.fixture
def prefix() -> str:
    """A prefix that no other test writes below; a short one, as it is drawn."""
    return f"/{uuid.uuid4().hex[:8]}/"
