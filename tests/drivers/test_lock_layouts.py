"""Every pair of lock layouts on one key: the second lock is refused with the first one's layout."""

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
from tests.servers.redis import RedisServer
from tests.servers.waiting import eventually
from tests.servers.zookeeper import ZooKeeperServer

pytestmark = pytest.mark.servers


class LockContext(NamedTuple):
    """A store, its server, and a folder for files."""

    store: Store
    server: ConsulServer | EtcdServer | RedisServer | ZooKeeperServer
    folder: Path

    @property
    def root(self) -> str:
        return self.store.address.path.strip("/")


Holder: TypeAlias = Callable[[LockContext], AbstractAsyncContextManager[None]]


def lock_in_layout(layout: str, key: str = "job") -> Holder:
    """Return a holder of a lock in a layout that the driver supports."""

    @asynccontextmanager
    async def hold(context: LockContext) -> AsyncGenerator[None, None]:
        async with context.store.lock(key, layout=layout):
            yield

    return hold


def entry_at(key: str) -> Holder:
    """Return a holder that puts an entry of a foreign layout."""

    @asynccontextmanager
    async def hold(context: LockContext) -> AsyncGenerator[None, None]:
        await context.store.put(key, b"")
        yield

    return hold


@asynccontextmanager
async def consul_semaphore(context: LockContext) -> AsyncGenerator[None, None]:
    """Hold a semaphore by `consul lock -n`."""
    held = context.folder / "held"
    assert isinstance(context.server, ConsulServer)
    with consul_lock(context.server, f"{context.root}/job", held, "-n=2"):
        await eventually(held.exists, "the semaphore is held", WAIT_TIMEOUT)
        yield


@asynccontextmanager
async def kazoo(context: LockContext) -> AsyncGenerator[KazooClient, None]:
    client = KazooClient(context.server.address)
    await asyncio.to_thread(client.start)
    try:
        yield client
    finally:
        await asyncio.to_thread(client.stop)
        client.close()


@asynccontextmanager
async def kazoo_semaphore(context: LockContext) -> AsyncGenerator[None, None]:
    async with kazoo(context) as client:
        assert await asyncio.to_thread(client.Semaphore(f"/{context.root}/job", "theirs", max_leases=2).acquire)
        yield


@asynccontextmanager
async def curator_semaphore(context: LockContext) -> AsyncGenerator[None, None]:
    """Hold a lease node of Curator's InterProcessSemaphoreV2."""
    async with kazoo(context) as client:
        name = f"/{context.root}/job/leases/_c_{uuid.uuid4()}-lease-"
        await asyncio.to_thread(client.create, name, ephemeral=True, sequence=True, makepath=True)
        yield


ZOOKEEPER: Final = ("kazoo", "curator", "go-zookeeper")
PAIRS: Final[tuple[tuple[str, str | None, Holder, str, str], ...]] = (
    ("consul", None, consul_semaphore, "job", "semaphore"),
    ("consul", None, consul_semaphore, "job/.lock", "semaphore"),
    ("etcd", None, entry_at("job___lock"), "job", "valkeyrie"),
    ("etcd", None, entry_at("job___lock/694d7acc3d2b0f1a"), "job", "valkeyrie"),
    ("etcd2", "libkv", lock_in_layout("valkeyrie"), "job", "valkeyrie"),
    ("etcd2", "valkeyrie", lock_in_layout("libkv"), "job", "libkv"),
    ("etcd2", None, lock_in_layout("libkv"), "job", "libkv"),
    ("redis", None, lock_in_layout("redis-py"), "job", "redis-py"),
    ("redis", "redis", lock_in_layout("redis-py"), "job", "redis-py"),
    ("redis", "redis-py", lock_in_layout("redis"), "job", "redis"),
    *(
        ("zk", layout, lock_in_layout(other_layout), "job", other_layout)
        for layout in ZOOKEEPER
        for other_layout in ZOOKEEPER
        if layout != other_layout
    ),
    *(("zk", layout, kazoo_semaphore, "job", "kazoo semaphore") for layout in ZOOKEEPER),
    *(("zk", layout, curator_semaphore, "job", "Curator semaphore") for layout in ZOOKEEPER),
    *(("zk", layout, curator_semaphore, "job/leases", "Curator semaphore") for layout in ZOOKEEPER),
)
"""Store, requested layout, holder of the other lock, locked key, and the layout that the error names."""


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0]}-{pair[1]}-{pair[3]}-{pair[4]}".replace(" ", "-"))
async def test_lock_beside_one_of_another_layout_is_refused(
    request: pytest.FixtureRequest, tmp_path: Path, pair: tuple[str, str | None, Holder, str, str]
) -> None:
    """It is refused at once with the other layout's name and exit code 4, and acquired once that lock is released."""
    scheme, layout, holder, key, name = pair
    server = request.getfixturevalue("shared_" + {"zk": "zookeeper", "etcd": "etcd2"}.get(scheme, scheme))
    async with explorer.open(f"{scheme}://{server.address}/layouts-{uuid.uuid4().hex[:8]}/") as store:
        async with holder(LockContext(store, server, tmp_path)):
            lock = store.lock(key, layout=layout)
            with pytest.raises(CannotLock, match=f"layout {name} ") as caught:
                await asyncio.wait_for(lock.acquire(), WAIT_TIMEOUT)
            assert caught.value.hint
            assert exit_code(caught.value) == ExitCode.CONFLICT
            assert not lock.held
        if scheme != "etcd":  # whose entry stays
            await asyncio.wait_for(lock.acquire(), WAIT_TIMEOUT)
            await lock.release()
