"""Every pair of lock layouts on one key: the lock that would stand beside another is refused by the other's name."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import pytest
from kazoo.client import KazooClient

import explorer
from explorer.cli.exit_codes import ExitCode, exit_code
from explorer.drivers.base import Store
from explorer.model.errors import CannotLock
from tests.contract.fixtures import WAIT_TIMEOUT
from tests.drivers.test_consul_lock import consul_lock
from tests.servers.consul import ConsulServer
from tests.servers.etcd import EtcdServer
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.servers


class Ground(NamedTuple):
    """A store, its server, and a folder for files."""

    store: Store
    server: ConsulServer | EtcdServer | ZooKeeperServer
    folder: Path

    @property
    def root(self) -> str:
        return self.store.address.path.strip("/")


Holder: TypeAlias = Callable[[Ground], AbstractAsyncContextManager[None]]


def ours(layout: str, key: str = "job") -> Holder:
    """What holds a lock in a layout that we can take."""

    @asynccontextmanager
    async def hold(ground: Ground) -> AsyncGenerator[None, None]:
        async with ground.store.lock(key, layout=layout):
            yield

    return hold


def entry(key: str) -> Holder:
    """What holds a lock by an entry."""

    @asynccontextmanager
    async def hold(ground: Ground) -> AsyncGenerator[None, None]:
        await ground.store.put(key, b"")
        yield

    return hold


@asynccontextmanager
async def consul_semaphore(ground: Ground) -> AsyncGenerator[None, None]:
    """Consul's own `consul lock -n`."""
    held = ground.folder / "held"
    assert isinstance(ground.server, ConsulServer)
    with consul_lock(ground.server, f"{ground.root}/job", held, "-n=2"):
        await eventually(held.exists, "the semaphore is held", WAIT_TIMEOUT)
        yield


@asynccontextmanager
async def kazoo(ground: Ground) -> AsyncGenerator[KazooClient, None]:
    client = KazooClient(ground.server.address)
    await asyncio.to_thread(client.start)
    try:
        yield client
    finally:
        await asyncio.to_thread(client.stop)
        client.close()


@asynccontextmanager
async def kazoo_semaphore(ground: Ground) -> AsyncGenerator[None, None]:
    async with kazoo(ground) as client:
        assert await asyncio.to_thread(client.Semaphore(f"/{ground.root}/job", "theirs", max_leases=2).acquire)
        yield


@asynccontextmanager
async def curator_semaphore(ground: Ground) -> AsyncGenerator[None, None]:
    """The nodes of an InterProcessSemaphoreV2."""
    async with kazoo(ground) as client:
        name = f"/{ground.root}/job/leases/_c_{uuid.uuid4()}-lease-"
        await asyncio.to_thread(client.create, name, ephemeral=True, sequence=True, makepath=True)
        yield


ZOOKEEPER: Final = ("kazoo", "curator", "go-zookeeper")
PAIRS: Final[tuple[tuple[str, str | None, Holder, str, str], ...]] = (
    ("consul", None, consul_semaphore, "job", "semaphore"),
    ("consul", None, consul_semaphore, "job/.lock", "semaphore"),
    ("etcd", None, entry("job___lock"), "job", "valkeyrie"),
    ("etcd", None, entry("job___lock/694d7acc3d2b0f1a"), "job", "valkeyrie"),
    ("etcd2", "libkv", ours("valkeyrie"), "job", "valkeyrie"),
    ("etcd2", "valkeyrie", ours("libkv"), "job", "libkv"),
    ("etcd2", None, ours("libkv"), "job", "libkv"),
    *(("zk", mine, ours(theirs), "job", theirs) for mine in ZOOKEEPER for theirs in ZOOKEEPER if mine != theirs),
    *(("zk", mine, kazoo_semaphore, "job", "kazoo semaphore") for mine in ZOOKEEPER),
    *(("zk", mine, curator_semaphore, "job", "Curator semaphore") for mine in ZOOKEEPER),
    *(("zk", mine, curator_semaphore, "job/leases", "Curator semaphore") for mine in ZOOKEEPER),
)
"""Store, the layout that is asked for, what holds the other lock, the key that is locked, and the name in the error."""


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]}-{pair[1]}-{pair[3]}-{pair[4]}".replace(" ", "-"))
async def test_lock_beside_one_of_another_layout_is_refused(
    request: pytest.FixtureRequest, tmp_path: Path, pair: tuple[str, str | None, Holder, str, str]
) -> None:
    """At once, by the other's name, with exit code 4 in the command; when that lock is given up it is obtained."""
    scheme, layout, holder, key, name = pair
    server = request.getfixturevalue("shared_" + {"zk": "zookeeper", "etcd": "etcd2"}.get(scheme, scheme))
    async with explorer.open(f"{scheme}://{server.address}/layouts-{uuid.uuid4().hex[:8]}/") as store:
        async with holder(Ground(store, server, tmp_path)):
            lock = store.lock(key, layout=layout)
            with pytest.raises(CannotLock, match=f"layout {name} ") as caught:
                await asyncio.wait_for(lock.acquire(), WAIT_TIMEOUT)
            assert caught.value.hint
            assert exit_code(caught.value) == ExitCode.CONFLICT
            assert not lock.held
        if scheme != "etcd":  # whose entry stays
            await asyncio.wait_for(lock.acquire(), WAIT_TIMEOUT)
            await lock.release()
