"""The other client: what somebody else has at hand for each store, its own tool or its best-known library."""

import os
import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import cycle, product
from typing import ClassVar, Final, Self, TypeAlias

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import (
    CancelledError,
    ConnectionLoss,
    KazooException,
    NodeExistsError,
    NoNodeError,
    OperationTimeoutError,
    SessionExpiredError,
)
from kazoo.handlers.threading import KazooTimeoutError

from tests.scale import figure
from tests.servers.consul import ConsulServer
from tests.servers.etcd import VERSIONS, EtcdctlError, EtcdServer
from tests.servers.programs import ETCDCTL, environment
from tests.servers.require import require
from tests.servers.zookeeper import ZooKeeperServer

PATIENCE: Final = 40.0
_SIZES: Final = [(80, 24), (160, 50)]
_STORES: Final = [*(f"etcd {version}" for version in VERSIONS), "consul", "zookeeper"]
_CASES: Final = figure(
    short=list(zip(_STORES, cycle(_SIZES), strict=False)),
    long=list(product(_STORES, _SIZES)),
)
stores_and_sizes: Final = pytest.mark.parametrize(
    ("shared_server", "size"),
    [pytest.param(store, size, id=f"{store}-{size[0]}x{size[1]}", marks=pytest.mark.long) for store, size in _CASES],
    indirect=["shared_server"],
)
"""Runs a test on every store, each at one of the sizes: what differs between these does not depend on the store."""
"""Seconds that a tool has to release its lock: one that is killed keeps it for as long as its session lasts."""

Server: TypeAlias = EtcdServer | ConsulServer | ZooKeeperServer


def url_of(server: Server, path: str) -> str:
    """Return the URL of a folder of a server's store."""
    scheme = "etcd" if isinstance(server, EtcdServer) else "consul" if isinstance(server, ConsulServer) else "zk"
    return f"{scheme}://{server.address}/{path}/"


class Other(ABC):
    """Somebody else who uses a store; a context manager. Keys are whole ones."""

    queues: ClassVar[bool] = True
    """True if who waits for a lock can be seen."""
    folders: ClassVar[bool] = False
    """True if what is above a key is a key, too."""

    @abstractmethod
    def lost(self, error: Exception) -> bool:
        """Return whether what a call failed with says no more than that the store was not reached for a moment."""

    @abstractmethod
    def put(self, key: str, value: str) -> None:
        """Write a key."""

    @abstractmethod
    def get(self, key: str) -> str | None:
        """Read a key."""

    @abstractmethod
    def locking(self, key: str) -> AbstractContextManager[None]:
        """Hold a lock, or wait for it, in the block."""

    def close(self) -> None:  # noqa: B027 - most leave nothing open
        """Go."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Etcdctl(Other):
    """etcdctl."""

    def __init__(self, server: EtcdServer) -> None:
        self._server = server

    def lost(self, error: Exception) -> bool:
        said = ("Unavailable", "DeadlineExceeded", "context deadline exceeded", "timed out", "leader changed")
        return isinstance(error, EtcdctlError) and any(words in str(error) for words in said)

    def put(self, key: str, value: str) -> None:
        self._server.ctl("put", key, given=value.encode())

    def get(self, key: str) -> str | None:
        found = self._server.ctl("get", "--print-value-only", key)
        return found.removesuffix("\n") if found else None

    @contextmanager
    def locking(self, key: str) -> Iterator[None]:
        line = require(ETCDCTL[self._server.version])
        variables = os.environ | environment(line) | {"ETCDCTL_API": "3"}
        words = [*line, "--endpoints", self._server.url, "lock", key]
        with _ended(subprocess.Popen(words, env=variables, stdout=subprocess.DEVNULL, start_new_session=True)):
            yield


class ConsulToolError(Exception):
    """The consul command ended with an error; the message is what it said."""


class ConsulTool(Other):
    """The consul command."""

    queues = False

    def __init__(self, server: ConsulServer) -> None:
        self._server = server

    def lost(self, error: Exception) -> bool:
        said = ("No cluster leader", "rpc error", "connection re", "timeout", "EOF")
        return isinstance(error, ConsulToolError) and any(words in str(error) for words in said)

    def put(self, key: str, value: str) -> None:
        code, said = self._run("kv", "put", key, value)
        if code:
            raise ConsulToolError(said)

    def get(self, key: str) -> str | None:
        code, said = self._run("kv", "get", key)
        return None if code else said.removesuffix("\n")

    @contextmanager
    def locking(self, key: str) -> Iterator[None]:
        with _ended(self._server.tool("lock", key, "sleep", "1000")):
            yield

    def _run(self, *words: str) -> tuple[int, str]:
        with self._server.tool(*words) as process:
            said, _ = process.communicate()
            return process.returncode, said.decode()


class Kazoo(Other):
    """kazoo."""

    folders = True

    def __init__(self, server: ZooKeeperServer) -> None:
        self._address = server.address
        self._client = self._connected()

    def _connected(self) -> KazooClient:
        client = KazooClient(self._address)
        client.start()
        return client

    def lost(self, error: Exception) -> bool:
        return isinstance(error, ConnectionLoss | OperationTimeoutError | SessionExpiredError | KazooTimeoutError)

    def close(self) -> None:
        _stop(self._client)

    def put(self, key: str, value: str) -> None:
        try:
            self._client.create(f"/{key}", value.encode(), makepath=True)
        except NodeExistsError:
            self._client.set(f"/{key}", value.encode())

    def get(self, key: str) -> str | None:
        with suppress(NoNodeError):
            value: bytes = self._client.get(f"/{key}")[0]
            return value.decode()
        return None

    @contextmanager
    def locking(self, key: str) -> Iterator[None]:
        client = self._connected()
        lock = client.Lock(f"/{key}", "kazoo")

        def acquire() -> None:
            with suppress(KazooException, CancelledError):  # its session ends while it waits
                lock.acquire()

        thread = threading.Thread(target=acquire, name="a lock of kazoo")
        thread.start()
        try:
            yield
        finally:
            lock.cancel()
            _stop(client)
            thread.join()


def _stop(client: KazooClient) -> None:
    client.stop()
    client.close()


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a process and its children after the block, asked first: a lock is then released."""
    with process:
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def other(server: Server) -> Other:
    """Return the other client for a server."""
    match server:
        case EtcdServer():
            return Etcdctl(server)
        case ConsulServer():
            return ConsulTool(server)
        case ZooKeeperServer():
            return Kazoo(server)
